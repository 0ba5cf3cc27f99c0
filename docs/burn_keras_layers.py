"""The layers of burn-keras that Keras has no classes for, for models that burn-keras has written:

    import burn_keras_layers
    model = keras.models.load_model("tied.keras")

Importing the file registers them, as `burn_keras>TiedDense` and so on, in `keras` and in `tf_keras`, whichever are
installed: Keras 3 and Keras 2.12 or later.

A dense layer that has the table of an embedding for a kernel takes the table as its second input: the embedding,
called with the numbers of all its rows. So the table is one variable, of the embedding, and training changes both uses:

    scores = TiedDense(activation="softmax")([hidden, words(TableRows(rows=9)(hidden))])
"""

import importlib


def register(keras):
    """Registers the layers in a Keras; gives them by their names."""
    if hasattr(keras, "ops"):
        arange, copy, matmul, transpose = (getattr(keras.ops, op) for op in ("arange", "copy", "matmul", "transpose"))
    else:
        import tensorflow as tf

        arange, copy, matmul, transpose = tf.range, tf.identity, tf.matmul, tf.transpose

    class Base(keras.layers.Layer):
        defaults = {}

        def __init__(self, **config):
            own = {key: config.pop(key, value) for key, value in self.defaults.items()}
            super().__init__(**config)
            self.supports_masking = True
            for key, value in own.items():
                setattr(self, key, value)

        def compute_mask(self, inputs, mask=None):
            return None

        def get_config(self):
            return {**super().get_config(), **{key: getattr(self, key) for key in self.defaults}}

    class GetMask(Base):
        """The mask of a tensor, of `rank` axes, as a tensor of booleans."""

        defaults = {"rank": 2}

        def call(self, x, mask=None):
            if mask is None:
                raise ValueError(f"{self.name} takes the mask of a tensor that has none")
            return copy(mask)

    class SetMask(Base):
        """`[tensor, mask]`: the tensor with this mask; a copy, since Keras marks what comes out."""

        def call(self, inputs):
            return copy(inputs[0])

        def compute_mask(self, inputs, mask=None):
            return inputs[1]

    class TableRows(Base):
        """The numbers of all rows of a table, whatever the input."""

        defaults = {"rows": None}

        def call(self, x):
            return arange(self.rows, dtype="int32")

    class TiedDense(Base):
        """`[x, table]`: `activation(x · tableᵀ + bias)`."""

        defaults = {"activation": None, "use_bias": True}
        _maker = None

        @property
        def embedding(self):
            """The layer whose table it is; held by a function, since it is no part of this one."""
            return self._maker and self._maker()

        def __call__(self, inputs, *args, **kwargs):
            maker = getattr(inputs[1], "_keras_history", [None])[0]
            if hasattr(maker, "embeddings"):
                self._maker = lambda: maker
            return super().__call__(inputs, *args, **kwargs)

        def build(self, shapes):
            if self.use_bias:
                self.bias = self.add_weight(name="bias", shape=(shapes[1][0],), initializer="zeros")
            self.built = True

        def call(self, inputs):
            # The variable itself where it is known: Keras 3.15 on TensorFlow does not sum the gradients of a row that
            # is looked up twice before it squares them, which Adam would train otherwise.
            x, table = inputs
            x = matmul(x, transpose(self.embedding.embeddings if self.embedding else table))
            return keras.activations.get(self.activation)(x + self.bias if self.use_bias else x)

        def compute_mask(self, inputs, mask=None):
            return mask and mask[0]

    layers = (GetMask, SetMask, TableRows, TiedDense)
    return {layer.__name__: keras.utils.register_keras_serializable("burn_keras")(layer) for layer in layers}


for package in ("keras", "tf_keras"):
    try:
        register(importlib.import_module(package))
    except ImportError:
        pass

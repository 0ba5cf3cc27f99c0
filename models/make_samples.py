"""Makes the sample models in models/keras/: `python make_samples.py [NAME...]`.

Each sample exists as written by tf_keras (`_k2`) and by Keras 3 (`_k3`), with reference values in
the `.npz` beside it and, for the trained ones, a further train step in the `.step.npz`.
Packages: tests/fixtures/requirements.txt.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT.parent / "tests" / "fixtures"))

from common import BOTH, Generation, randomise, save, train_and_save

OUT = ROOT / "keras"


def shared_depths(k, swapped=False):
    """One Dense at several depths; its calls are made in another order than the graph's depth."""
    L = k.layers
    shared = L.Dense(12)
    x2 = k.input(1, 12)
    r21 = shared(L.Reshape((12,))(x2))
    x1 = k.input(1, 12)
    r1 = L.Reshape((12,))(shared(x1))
    r11 = shared(r1)
    out = L.Dense(2)(L.Concatenate()([r11, r21]))
    return k.model([x2, x1] if swapped else [x1, x2], out)


def shared_depths_swapped(k):
    return shared_depths(k, swapped=True)


def reused_dense(k):
    shared = k.layers.Dense(10)
    x = k.input(10)
    return k.model(x, shared(k.layers.Dense(10)(shared(x))))


def chain(k):
    shared = k.layers.Dense(9, activation="tanh")
    x = k.input(9)
    return k.model(x, shared(shared(shared(x))))


def nested(k):
    """Three levels; one Dense shared by two inner models, one by the outer and an inner model.

    tf.keras serialises a layer that stands in two models as one dict, so that the calls written
    last replace those written first (it cannot load such a file itself: KeyError). The shared
    layers are called on inputs of the same name here, which makes both lists of calls equal.
    """
    L = k.layers
    in_two = L.Dense(5, name="in_two")
    in_outer = L.Dense(5, activation="tanh", name="in_outer")

    x = k.input(5, name="x")
    inner = k.model(x, L.Dense(5)(L.ReLU()(L.BatchNormalization()(in_two(x)))), name="inner")
    x = k.input(5, name="x")
    mid = k.model(x, inner(L.Dense(5)(in_outer(x))), name="mid")
    x = k.input(5, name="x")
    other = k.model(x, L.Dense(4)(in_two(x)), name="other")

    p, q = k.input(5, name="p"), k.input(5, name="x")
    joined = L.Concatenate()([mid(p), other(mid(in_outer(q)))])
    return k.model([p, q], L.Dense(2)(joined))


def thin(k):
    """One Dense at three depths, with a nested model between."""
    L = k.layers
    x = k.input(6)
    inner = k.model(x, L.ReLU()(L.BatchNormalization()(L.Dense(6)(x))), name="inner")
    shared = L.Dense(6, activation="tanh")
    x = k.input(6)
    y = shared(inner(shared(x)))
    y = shared(L.Dense(6)(y))
    return k.model(x, L.Dense(3)(y))


def branches(k, padded=False):
    L = k.layers
    inputs = [k.input(32, 4), k.input(32, 4)]
    ends = []
    for i, x in enumerate(inputs):
        if padded and i == 1:
            x = L.ZeroPadding1D((1, 2))(x)
        x = L.BatchNormalization()(L.Conv1D(8, 3)(x))
        ends.append(L.Activation("relu")(x))
    y = L.GlobalAveragePooling1D()(L.Concatenate(axis=1)(ends))
    return k.model(inputs, L.Dense(3)(y))


def branches_padded(k):
    return branches(k, padded=True)


def sgd(k):
    L = k.layers
    x = k.input(5)
    return k.model(x, L.Dense(2)(L.Dense(7, activation="tanh")(x)))


def siamese(k):
    L = k.layers
    words = L.Embedding(20, 6, mask_zero=True)
    encoder = L.LSTM(7)
    x, y = k.input(9, dtype="int32"), k.input(9, dtype="int32")
    joined = L.Concatenate()([encoder(words(x)), encoder(words(y))])
    # Padding in front, in the middle and behind, a row of nothing else, and a row without any.
    ids = k.rng.integers(1, 20, (2, 5, 9)).astype("int32")
    ids[0, 0, :3] = ids[0, 1, 2:5] = ids[0, 2, 6:] = ids[0, 3] = 0
    ids[1, 0, 7:] = ids[1, 1, :1] = ids[1, 1, 4:6] = ids[1, 2, :8] = ids[1, 4] = 0
    return k.model([x, y], L.Dense(1, activation="sigmoid")(joined)), [ids[0], ids[1]]


def two_in_three_out(k):
    L = k.layers
    x, y = k.input(6), k.input(4)
    left = L.Dense(8, activation="relu")(x)
    both = L.Concatenate()([left, L.Dense(5, activation="tanh")(y)])
    # Listed neither in the order they are made nor by depth.
    c = L.Dense(4, name="c")(left)
    a = L.Dense(3, name="a", activation="softmax")(both)
    b = L.Add(name="b")([L.Dense(6)(both), x])
    return k.model([x, y], [a, b, c])


def adam(k):
    return k.keras.optimizers.Adam(0.01)


def momentum(k):
    return k.keras.optimizers.SGD(0.01, momentum=0.9)


# Builder, and the optimizer of a trained sample.
SAMPLES = [
    (shared_depths, adam),
    (shared_depths_swapped, adam),
    (reused_dense, None),
    (chain, None),
    (nested, adam),
    (thin, adam),
    (branches, adam),
    (branches_padded, adam),
    (siamese, None),
    (two_in_three_out, None),
    (sgd, momentum),
]


def main(wanted):
    for build, optimizer in SAMPLES:
        name = build.__name__
        if wanted and name not in wanted:
            continue
        for tag in BOTH:
            k = Generation(tag, name)
            built = build(k)
            model, inputs = built if isinstance(built, tuple) else (built, None)
            path = OUT / f"{name}_{tag}.h5"
            if optimizer:
                train_and_save(k, model, optimizer(k), path, inputs)
            else:
                randomise(model, k.rng)
                save(k, model, path, inputs)
            print(path.name)


if __name__ == "__main__":
    main(sys.argv[1:])

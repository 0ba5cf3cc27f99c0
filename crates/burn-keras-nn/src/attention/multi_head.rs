//! `MultiHeadAttention` and `GroupQueryAttention`.

use burn::{
    module::{Initializer, Module},
    nn::{Dropout, DropoutConfig, Linear, LinearConfig},
    tensor::{Bool, Device, Tensor, activation},
};

use super::{MaskedRows, masked_softmax};

/// Configuration of a [`MultiHeadAttention`].
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::{attention::MultiHeadAttentionConfig, mask};
///
/// # fn forward(device: &Device, x: Tensor<3>) -> Tensor<3> {
/// let attention = MultiHeadAttentionConfig::new(16, 4, 8).init(device);
/// let causal = mask::causal(x.clone(), x.clone(), 1).unsqueeze_dim(1);
/// attention.forward(x.clone(), x.clone(), x, Some(causal)).output
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MultiHeadAttentionConfig {
    /// Features of the query.
    pub d_query: usize,
    /// Features of the value. Default: those of the query.
    pub d_value: usize,
    /// Features of the key. Default: those of the query.
    pub d_key: usize,
    /// Features of the output. Default: those of the query.
    pub d_output: usize,
    /// Heads of the query.
    pub heads: usize,
    /// Heads of key and value; each serves `heads / key_value_heads` heads of the query in turn.
    /// Default: as many as the query's.
    pub key_value_heads: usize,
    /// Size of a head of query and key.
    pub key_dim: usize,
    /// Size of a head of the value. Default: `key_dim`.
    pub value_dim: usize,
    /// Whether the projections have biases. Default: true.
    pub bias: bool,
    /// Whether a projection of the query gates the heads' outputs. Default: false.
    pub gate: bool,
    /// What the weights of a query become whose mask keeps no key. Default: uniform.
    pub masked_rows: MaskedRows,
    /// Share of the weights dropped in training. Default: 0.
    pub dropout: f64,
}

impl MultiHeadAttentionConfig {
    /// `heads` heads of `key_dim` features, from and to `d_query` features; everything else as
    /// Keras's defaults.
    pub fn new(d_query: usize, heads: usize, key_dim: usize) -> Self {
        Self {
            d_query,
            d_value: d_query,
            d_key: d_query,
            d_output: d_query,
            heads,
            key_value_heads: heads,
            key_dim,
            value_dim: key_dim,
            bias: true,
            gate: false,
            masked_rows: MaskedRows::Uniform,
            dropout: 0.0,
        }
    }

    /// Sets [`d_value`](Self::d_value).
    pub fn with_d_value(mut self, d_value: usize) -> Self {
        self.d_value = d_value;
        self
    }

    /// Sets [`d_key`](Self::d_key).
    pub fn with_d_key(mut self, d_key: usize) -> Self {
        self.d_key = d_key;
        self
    }

    /// Sets [`d_output`](Self::d_output).
    pub fn with_d_output(mut self, d_output: usize) -> Self {
        self.d_output = d_output;
        self
    }

    /// Sets [`key_value_heads`](Self::key_value_heads).
    pub fn with_key_value_heads(mut self, key_value_heads: usize) -> Self {
        self.key_value_heads = key_value_heads;
        self
    }

    /// Sets [`value_dim`](Self::value_dim).
    pub fn with_value_dim(mut self, value_dim: usize) -> Self {
        self.value_dim = value_dim;
        self
    }

    /// Sets [`bias`](Self::bias).
    pub fn with_bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// Sets [`gate`](Self::gate).
    pub fn with_gate(mut self, gate: bool) -> Self {
        self.gate = gate;
        self
    }

    /// Sets [`masked_rows`](Self::masked_rows).
    pub fn with_masked_rows(mut self, masked_rows: MaskedRows) -> Self {
        self.masked_rows = masked_rows;
        self
    }

    /// Sets [`dropout`](Self::dropout).
    pub fn with_dropout(mut self, dropout: f64) -> Self {
        self.dropout = dropout;
        self
    }

    /// Makes the module. Parameters are lazy; kernels start as Glorot uniform.
    pub fn init(&self, device: &Device) -> MultiHeadAttention {
        let linear = |input: usize, output: usize| {
            LinearConfig::new(input, output)
                .with_bias(self.bias)
                .with_initializer(Initializer::XavierUniform { gain: 1.0 })
                .init(device)
        };
        let values = self.heads * self.value_dim;
        MultiHeadAttention {
            query: linear(self.d_query, self.heads * self.key_dim),
            key: linear(self.d_key, self.key_value_heads * self.key_dim),
            gate: self.gate.then(|| linear(self.d_query, values)),
            value: linear(self.d_value, self.key_value_heads * self.value_dim),
            output: linear(values, self.d_output),
            dropout: DropoutConfig::new(self.dropout).init(),
            heads: self.heads,
            key_value_heads: self.key_value_heads,
            key_dim: self.key_dim,
            value_dim: self.value_dim,
            masked_rows: self.masked_rows,
        }
    }
}

/// Keras's `MultiHeadAttention` (with fewer heads of keys and values: `GroupQueryAttention`).
///
/// Per head `softmax(query key^T / sqrt(key_dim)) value`; the heads stand side by side in the
/// features of all projections, `head * size + i`.
#[derive(Module, Debug)]
pub struct MultiHeadAttention {
    /// `d_query` to `heads * key_dim`.
    pub query: Linear,
    /// `d_key` to `key_value_heads * key_dim`.
    pub key: Linear,
    /// `d_query` to `heads * value_dim`.
    pub gate: Option<Linear>,
    /// `d_value` to `key_value_heads * value_dim`.
    pub value: Linear,
    /// `heads * value_dim` to `d_output`.
    pub output: Linear,
    /// Of the weights.
    pub dropout: Dropout,
    /// Heads of the query.
    pub heads: usize,
    /// Heads of key and value.
    pub key_value_heads: usize,
    /// Size of a head of query and key.
    pub key_dim: usize,
    /// Size of a head of the value.
    pub value_dim: usize,
    /// See [`MultiHeadAttentionConfig::masked_rows`].
    #[module(skip)]
    pub masked_rows: MaskedRows,
}

/// What [`MultiHeadAttention::forward`] returns.
#[derive(Clone, Debug)]
pub struct MultiHeadAttentionOutput {
    /// `[batch, steps, d_output]`.
    pub output: Tensor<3>,
    /// The weights of the keys for each query, before dropout:
    /// `[batch, heads, steps, other steps]`.
    pub scores: Tensor<4>,
}

impl MultiHeadAttention {
    /// Attends from every step of `query` `[batch, steps, d_query]` to the steps of `value`
    /// `[batch, other steps, d_value]` and `key` `[batch, other steps, d_key]` that `mask` keeps;
    /// it is broadcast to `[batch, heads, steps, other steps]`.
    pub fn forward(
        &self,
        query: Tensor<3>,
        value: Tensor<3>,
        key: Tensor<3>,
        mask: Option<Tensor<4, Bool>>,
    ) -> MultiHeadAttentionOutput {
        let gate = self.gate.as_ref().map(|gate| gate.forward(query.clone()));
        let query = split(self.query.forward(query), self.heads, self.key_dim);
        let key = self.repeat(split(
            self.key.forward(key),
            self.key_value_heads,
            self.key_dim,
        ));
        let value = self.repeat(split(
            self.value.forward(value),
            self.key_value_heads,
            self.value_dim,
        ));
        let scale = 1.0 / libm::sqrt(self.key_dim as f64);
        let scores = query.mul_scalar(scale).matmul(key.transpose());
        let scores = match mask {
            None => activation::softmax(scores, 3),
            Some(mask) => masked_softmax(scores, mask, self.masked_rows),
        };
        let heads = self.dropout.forward(scores.clone()).matmul(value);
        let [batch, count, steps, size] = heads.dims();
        let mut output = heads.swap_dims(1, 2).reshape([batch, steps, count * size]);
        if let Some(gate) = gate {
            output = output * activation::sigmoid(gate);
        }
        MultiHeadAttentionOutput {
            output: self.output.forward(output),
            scores,
        }
    }

    /// Each head of keys or values `[batch, heads, steps, size]` as often as it is used.
    fn repeat(&self, x: Tensor<4>) -> Tensor<4> {
        let times = self.heads / self.key_value_heads;
        if times == 1 {
            return x;
        }
        let [batch, heads, steps, size] = x.dims();
        x.unsqueeze_dim::<5>(2)
            .expand([batch, heads, times, steps, size])
            .reshape([batch, heads * times, steps, size])
    }
}

/// `[batch, steps, heads * size]` to `[batch, heads, steps, size]`.
fn split(x: Tensor<3>, heads: usize, size: usize) -> Tensor<4> {
    let [batch, steps, _] = x.dims();
    x.reshape([batch, steps, heads, size]).swap_dims(1, 2)
}

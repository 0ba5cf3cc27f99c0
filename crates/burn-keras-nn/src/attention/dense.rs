//! `Attention` and `AdditiveAttention`.

use burn::{
    module::{Initializer, Module, Param},
    nn::{Dropout, DropoutConfig},
    tensor::{Bool, Device, Tensor, activation},
};

use super::{MaskedRows, masked_softmax};

/// How an [`Attention`] compares a query with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Score {
    /// `scale * query . key`
    Dot,
    /// `concat_score_weight * sum(tanh(scale * (query + key)))`
    Concat,
    /// `sum(scale * tanh(query + key))`, with a scale for each of so many features:
    /// `AdditiveAttention`.
    Additive(usize),
}

/// Configuration of an [`Attention`].
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::attention::{AttentionConfig, Score};
///
/// # fn forward(device: &Device, query: Tensor<3>, value: Tensor<3>) -> Tensor<3> {
/// let attention = AttentionConfig::new(Score::Additive(16)).with_scale(true).init(device);
/// attention.forward(query, value.clone(), value, None).output
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AttentionConfig {
    /// How queries are compared with keys.
    pub score: Score,
    /// Whether there is a `scale`. Default: false.
    pub scale: bool,
    /// Share of the weights dropped in training. Default: 0.
    pub dropout: f64,
}

impl AttentionConfig {
    /// Attention by `score`, without a scale.
    pub fn new(score: Score) -> Self {
        Self {
            score,
            scale: false,
            dropout: 0.0,
        }
    }

    /// Sets [`scale`](Self::scale): Keras's `use_scale`.
    pub fn with_scale(mut self, scale: bool) -> Self {
        self.scale = scale;
        self
    }

    /// Sets [`dropout`](Self::dropout).
    pub fn with_dropout(mut self, dropout: f64) -> Self {
        self.dropout = dropout;
        self
    }

    /// Makes the module. Scales start as Keras's: ones, or Glorot uniform of an additive score.
    pub fn init(&self, device: &Device) -> Attention {
        let one = || Initializer::Ones.init([1], device);
        let scale = self.scale.then(|| match self.score {
            Score::Additive(features) => {
                let glorot = Initializer::XavierUniform { gain: 1.0 };
                glorot.init_with([features], Some(features), Some(features), device)
            }
            Score::Dot | Score::Concat => one(),
        });
        Attention {
            scale,
            concat_score_weight: (self.score == Score::Concat).then(one),
            dropout: DropoutConfig::new(self.dropout).init(),
            score: self.score,
        }
    }
}

/// Keras's `Attention` and `AdditiveAttention`.
#[derive(Module, Debug)]
pub struct Attention {
    /// `[1]`, of an additive score `[features]`.
    pub scale: Option<Param<Tensor<1>>>,
    /// `[1]`.
    pub concat_score_weight: Option<Param<Tensor<1>>>,
    /// Of the weights.
    pub dropout: Dropout,
    /// See [`AttentionConfig::score`].
    #[module(skip)]
    pub score: Score,
}

/// What [`Attention::forward`] returns.
#[derive(Clone, Debug)]
pub struct AttentionOutput<const D: usize> {
    /// `[..., steps, features of the value]`.
    pub output: Tensor<D>,
    /// The weights of the keys for each query, after dropout: `[..., steps, other steps]`.
    pub scores: Tensor<D>,
}

impl Attention {
    /// Attends from every step of `query` `[..., steps, features]` to the steps of `value` and
    /// `key` `[..., other steps, features]` that `mask` keeps; it is broadcast to
    /// `[..., steps, other steps]`. A query that may look nowhere looks everywhere alike.
    pub fn forward<const D: usize>(
        &self,
        query: Tensor<D>,
        value: Tensor<D>,
        key: Tensor<D>,
        mask: Option<Tensor<D, Bool>>,
    ) -> AttentionOutput<D> {
        let scores = self.scores(query, key);
        let weights = match mask {
            None => activation::softmax(scores, D - 1),
            Some(mask) => masked_softmax(scores, mask, MaskedRows::Lowered),
        };
        let scores = self.dropout.forward(weights);
        AttentionOutput {
            output: scores.clone().matmul(value),
            scores,
        }
    }

    fn scores<const D: usize>(&self, query: Tensor<D>, key: Tensor<D>) -> Tensor<D> {
        let scale = self.scale.as_ref().map(Param::val);
        if self.score == Score::Dot {
            let scores = query.matmul(key.transpose());
            return match scale {
                None => scores,
                Some(scale) => scores * scale.unsqueeze(),
            };
        }
        let [query_dims, key_dims] = [query.dims(), key.dims()];
        let (steps, others) = (query_dims[D - 2], key_dims[D - 2]);
        let groups = query_dims[..D - 2].iter().product::<usize>();
        let query = query.reshape([groups, steps, 1, query_dims[D - 1]]);
        let key = key.reshape([groups, 1, others, key_dims[D - 1]]);
        let mut sum = query + key;
        if let (Score::Concat, Some(scale)) = (self.score, &scale) {
            sum = sum * scale.clone().unsqueeze();
        }
        let mut terms = sum.tanh();
        if let (Score::Additive(_), Some(scale)) = (self.score, scale) {
            terms = terms * scale.unsqueeze();
        }
        let mut dims = query_dims;
        dims[D - 1] = others;
        let scores = terms.sum_dim(3).reshape(dims);
        match &self.concat_score_weight {
            None => scores,
            Some(weight) => scores * weight.val().unsqueeze(),
        }
    }
}

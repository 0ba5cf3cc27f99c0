//! Attention layers.

use serde_json::Value;

use super::config::Config;
use super::{KerasLayer, Mismatch, WeightSpec};
use crate::json;
use crate::shape::{Shape, Spec, normalize_axis};

/// How [`Attention`] compares a query with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Score {
    /// Their product, times the weight `scale` if there is one.
    Dot,
    /// `concat_score_weight · Σ tanh(scale (query + key))`
    Concat,
    /// `AdditiveAttention`: `Σ scale · tanh(query + key)`, with a scale per feature.
    Additive,
}

/// `Attention` and `AdditiveAttention` of inputs `[query, value]` or `[query, value, key]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    /// How queries are compared with keys.
    pub score: Score,
    /// Whether there is a weight `scale`.
    pub use_scale: bool,
    /// Whether no step looks at a later one, whatever the call says (tf.keras up to 2.9).
    pub causal: bool,
    /// Share of the scores dropped in training.
    pub dropout: f64,
}

impl KerasLayer for Attention {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        let additive = class == "AdditiveAttention";
        let score = match config.choice("score_mode", &["dot", "concat"]) {
            _ if additive => Score::Additive,
            0 => Score::Dot,
            _ => Score::Concat,
        };
        Self {
            score,
            use_scale: config.bool("use_scale", additive),
            causal: config.bool("causal", false),
            dropout: dropout(config),
        }
    }

    fn looks_at_masks(&self) -> bool {
        true
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let [query, value, key] = attended(inputs)?;
        let (mut output, mut scores) = (query.shape.0.clone(), query.shape.0.clone());
        let last = query.shape.rank() - 1;
        output[last] = value.shape.last();
        scores[last] = key.shape.dim(last - 1);
        Ok(vec![Spec::float(output), Spec::float(scores)])
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let [query, _, _] = attended(inputs)?;
        let mut weights = Vec::new();
        if self.use_scale {
            let shape = match self.score {
                Score::Additive => vec![query.shape.last()],
                Score::Dot | Score::Concat => Vec::new(),
            };
            weights.push(WeightSpec::trained("scale", shape));
        }
        if self.score == Score::Concat {
            weights.push(WeightSpec::trained("concat_score_weight", Vec::new()));
        }
        Ok(weights)
    }

    fn tensor_arguments(&self) -> &'static [&'static str] {
        &["mask"]
    }

    fn understands(&self, argument: &str, value: &Value) -> bool {
        understands(argument, value, self.dropout)
    }
}

/// The share of the scores that is dropped. Nothing would be left at 1.
fn dropout(config: &mut Config<'_>) -> f64 {
    let rate = config.number("dropout", 0.0);
    if !(0.0..1.0).contains(&rate) {
        config.unsupported("dropout", "a number from 0 and below 1");
    }
    rate
}

/// The literal arguments of all attention layers. `training` drops scores, and does nothing where
/// there is nothing to drop.
fn understands(argument: &str, value: &Value, dropout: f64) -> bool {
    let is_known = match argument {
        "use_causal_mask" | "return_attention_scores" => true,
        "training" => dropout == 0.0,
        _ => false,
    };
    is_known && json::truth(value).is_some()
}

/// Query, value and key; the value is the key too where there is none.
fn attended(inputs: &[Spec]) -> Result<[&Spec; 3], Mismatch> {
    let (query, value, key) = match inputs {
        [query, value] => (query, value, value),
        [query, value, key] => (query, value, key),
        _ => return Err(Mismatch::new("a query, a value and perhaps a key", inputs)),
    };
    let rank = query.shape.rank();
    let (steps, features) = (rank.saturating_sub(2), rank.saturating_sub(1));
    let agree = |a: &Shape, b: &Shape, axis| {
        let (a, b) = (a.dim(axis), b.dim(axis));
        a.is_none() || b.is_none() || a == b
    };
    let fits = rank >= 3
        && [value, key].iter().all(|other| other.shape.rank() == rank)
        && agree(&query.shape, &key.shape, features)
        && agree(&value.shape, &key.shape, steps)
        && (1..steps).all(|axis| {
            agree(&query.shape, &key.shape, axis) && agree(&value.shape, &key.shape, axis)
        });
    if fits {
        Ok([query, value, key])
    } else {
        Err(Mismatch::new(
            "a query (batch, steps, features), a value and perhaps a key \
             (batch, other steps, features)",
            inputs,
        ))
    }
}

/// What a row of attention scores becomes whose mask keeps nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MaskedRows {
    /// All keys count the same: masked scores are replaced by a large negative number.
    Uniform,
    /// As [`Uniform`](Self::Uniform) but for rounding: a large number is subtracted from masked
    /// scores.
    Lowered,
    /// All keys count in full: over several axes, softmax is `exp(x - logsumexp(x))`, and the
    /// logarithm of their number is lost beside a large number.
    Full,
    /// Nothing is attended to: masked scores are zeros.
    Zero,
}

/// `MultiHeadAttention`, and `GroupQueryAttention`, whose heads share keys and values.
#[derive(Clone, Debug, PartialEq)]
pub struct MultiHeadAttention {
    /// Heads of the query.
    pub heads: usize,
    /// Heads of key and value, each used by `heads / key_value_heads` of the query in turn.
    pub key_value_heads: usize,
    /// Size of a head of query and key.
    pub key_dim: usize,
    /// Size of a head of the value.
    pub value_dim: usize,
    /// Whether all projections have biases.
    pub use_bias: bool,
    /// Whether the heads' outputs are gated by a projection of the query.
    pub use_gate: bool,
    /// Sizes of the output in the place of the query's features; empty: the same.
    pub output_shape: Vec<usize>,
    /// The axes of the steps, in the order in which the scores have them; negative ones count
    /// from the last axis of the query. `None`: all between batch and features.
    pub attention_axes: Option<Vec<i64>>,
    /// How far a step sees to either side, itself included.
    pub sliding_window: Option<usize>,
    /// Share of the scores dropped in training.
    pub dropout: f64,
    /// Whether this is `MultiHeadAttention`, not `GroupQueryAttention`.
    pub is_multi_head: bool,
    /// Whether masked scores are replaced before the softmax, in tf.keras.
    pub robust_masking: bool,
    /// Whether Keras 3 computes it.
    pub keras3: bool,
}

impl KerasLayer for MultiHeadAttention {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        let keras3 = config.generation().is_keras3();
        let is_multi_head = class == "MultiHeadAttention";
        let (heads, key_value_heads, key_dim) = if is_multi_head {
            let heads = config.size("num_heads");
            (heads, heads, config.size("key_dim"))
        } else {
            let heads = config.size("num_query_heads");
            let groups = config.size("num_key_value_heads");
            (heads, groups, config.size("head_dim"))
        };
        if !heads.is_multiple_of(key_value_heads) {
            config.unsupported("num_key_value_heads", "a divisor of num_query_heads");
        }
        // tf.keras repeats the shapes that it was built for.
        for key in ["query_shape", "key_shape", "value_shape"] {
            config.value(key);
        }
        let attention_axes = config.integers("attention_axes");
        // tf.keras counts negative axes from behind the projected query, which has one more.
        let count = |axis: i64| if axis < 0 && !keras3 { axis + 1 } else { axis };
        let attention_axes = attention_axes.map(|axes| axes.into_iter().map(count).collect());
        let output_shape = config.integers("output_shape").unwrap_or_default();
        let output_shape: Option<Vec<usize>> = output_shape
            .into_iter()
            .map(|size| usize::try_from(size).ok().filter(|size| *size > 0))
            .collect();
        if output_shape.is_none() {
            config.unsupported("output_shape", "positive sizes");
        }
        Self {
            heads,
            key_value_heads,
            key_dim,
            value_dim: config.size_or("value_dim", key_dim),
            use_bias: config.bool("use_bias", true),
            use_gate: config.bool("use_gate", false),
            output_shape: output_shape.unwrap_or_default(),
            attention_axes,
            sliding_window: config
                .value("sliding_window")
                .map(|_| config.size("sliding_window")),
            dropout: dropout(config),
            is_multi_head,
            robust_masking: config.bool("softmax_robust_masking", false),
            keras3,
        }
    }

    fn looks_at_masks(&self) -> bool {
        true
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let [query, _, key] = self.attended(inputs)?;
        let axes = self.axes(query).ok_or_else(|| self.wrong_axes(inputs))?;
        let mut output = query.shape.0.clone();
        if !self.output_shape.is_empty() {
            output.pop();
            output.extend(self.output_shape.iter().copied().map(Some));
        }
        let features = query.shape.rank() - 1;
        let batch = (0..features).filter(|axis| !axes.contains(axis));
        let mut scores: Vec<Option<usize>> = batch.map(|axis| query.shape.dim(axis)).collect();
        scores.push(Some(self.heads));
        for steps in [query, key] {
            scores.extend(axes.iter().map(|axis| steps.shape.dim(*axis)));
        }
        Ok(vec![Spec::float(output), Spec::float(scores)])
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let [query, value, key] = self.attended(inputs)?;
        let features = |spec: &Spec| spec.shape.last();
        let output = match self.output_shape.as_slice() {
            [] => vec![features(query)],
            sizes => sizes.iter().copied().map(Some).collect(),
        };
        let projection = |input, heads, size| (vec![input], vec![Some(heads), Some(size)]);
        let mut projections = vec![
            (
                ["query/kernel", "query/bias"],
                projection(features(query), self.heads, self.key_dim),
            ),
            (
                ["key/kernel", "key/bias"],
                projection(features(key), self.key_value_heads, self.key_dim),
            ),
            (
                ["value/kernel", "value/bias"],
                projection(features(value), self.key_value_heads, self.value_dim),
            ),
            (
                ["attention_output/kernel", "attention_output/bias"],
                (vec![Some(self.heads), Some(self.value_dim)], output),
            ),
        ];
        if self.use_gate {
            let gate = projection(features(query), self.heads, self.value_dim);
            projections.insert(2, (["gate/kernel", "gate/bias"], gate));
        }
        let mut weights = Vec::with_capacity(2 * projections.len());
        for ([kernel, bias], (input, output)) in projections {
            let part = match kernel.split('/').next() {
                Some("query") => "query_dense",
                Some("key") => "key_dense",
                Some("value") => "value_dense",
                Some("gate") => "gate_dense",
                _ => "output_dense",
            };
            let shape = [input, output.clone()].concat();
            weights.push(WeightSpec::trained(kernel, shape).inside(part));
            if self.use_bias {
                weights.push(WeightSpec::trained(bias, output).inside(part));
            }
        }
        Ok(weights)
    }

    fn clears_masks(&self) -> bool {
        self.is_multi_head
    }

    fn input_parameters(&self) -> &'static [&'static str] {
        &["query", "value", "key"]
    }

    fn tensor_arguments(&self) -> &'static [&'static str] {
        &["query_mask", "value_mask", "key_mask", "attention_mask"]
    }

    fn understands(&self, argument: &str, value: &Value) -> bool {
        understands(argument, value, self.dropout)
    }
}

impl MultiHeadAttention {
    /// The positions of the axes of the steps; `None` if the query does not have them.
    pub fn axes(&self, query: &Spec) -> Option<Vec<usize>> {
        let rank = query.shape.rank();
        let features = rank.checked_sub(1)?;
        let Some(axes) = &self.attention_axes else {
            return Some((1..features).collect());
        };
        let axes = axes.iter().map(|axis| normalize_axis(*axis, rank));
        let axes: Vec<usize> = axes.collect::<Option<_>>()?;
        let differ = |at: usize| !axes[..at].contains(&axes[at]);
        let fits = axes.iter().all(|axis| (1..features).contains(axis));
        (fits && !axes.is_empty() && (0..axes.len()).all(differ)).then_some(axes)
    }

    /// What rows without any key become in a call for a query of these axes.
    pub fn masked_rows(&self, query: &Spec, returns_scores: bool) -> MaskedRows {
        let axes = self.axes(query).map_or(1, |axes| axes.len());
        match (self.keras3, self.robust_masking) {
            // Scores that are neither dropped nor returned nor of several axes go through
            // `dot_product_attention` (Keras 3.15), all others through the layer `Softmax`.
            (true, _) if self.dropout == 0.0 && !returns_scores && query.shape.rank() == 3 => {
                MaskedRows::Uniform
            }
            (true, _) => MaskedRows::Zero,
            (false, _) if axes > 1 => MaskedRows::Full,
            (false, true) => MaskedRows::Uniform,
            (false, false) => MaskedRows::Lowered,
        }
    }

    fn wrong_axes(&self, inputs: &[Spec]) -> Mismatch {
        Mismatch::new(
            format!(
                "a query with the axes {:?} between batch and features",
                self.attention_axes
            ),
            inputs,
        )
    }

    fn attended<'a>(&self, inputs: &'a [Spec]) -> Result<[&'a Spec; 3], Mismatch> {
        let (query, value, key) = match inputs {
            [query, value] => (query, value, value),
            [query, value, key] => (query, value, key),
            _ => return Err(Mismatch::new("a query, a value and perhaps a key", inputs)),
        };
        let rank = query.shape.rank();
        if !(self.is_multi_head && rank >= 3 || rank == 3)
            || [value, key].iter().any(|other| other.shape.rank() != rank)
        {
            return Err(Mismatch::new(
                "query, value and key of the same number of axes (batch, steps, features)",
                inputs,
            ));
        }
        let axes = self.axes(query).ok_or_else(|| self.wrong_axes(inputs))?;
        let agree = |a: &Spec, b: &Spec, axis| {
            let (a, b) = (a.shape.dim(axis), b.shape.dim(axis));
            a.is_none() || b.is_none() || a == b
        };
        let fits = (1..rank - 1).all(|axis| {
            agree(value, key, axis) && (axes.contains(&axis) || agree(query, key, axis))
        });
        if fits {
            Ok([query, value, key])
        } else {
            Err(Mismatch::new(
                "value and key of the same steps, and of the query's sizes along other axes",
                inputs,
            ))
        }
    }
}

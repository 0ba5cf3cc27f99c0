//! Fresh weights: Keras's initializers, seeded.
//!
//! The distributions are Keras's; the numbers are not, since every backend of Keras has a generator
//! of its own. The same seed gives the same numbers on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde_json::{Map, Value};

use crate::container::{Dtype, StoredTensor};
use crate::graph::{FirstInputs, Graph, LayerId, LayerKind, Weight};
use crate::json;
use crate::layer::WeightSpec;
use crate::problem::{Problem, ProblemKind};

/// Gives weights to the layers that have none.
pub(super) fn initialize(
    graph: &mut Graph,
    first_inputs: &FirstInputs,
    seed: u64,
) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    for index in 0..graph.layers.len() {
        let layer = &graph.layers[index];
        let (LayerKind::Layer(kind), Some(inputs), true) = (
            &layer.kind,
            first_inputs.get(&LayerId(index)),
            layer.weights.is_empty(),
        ) else {
            continue;
        };
        let mut weights = Vec::new();
        for (position, spec) in kind
            .layer()
            .weights(inputs)
            .unwrap_or_default()
            .iter()
            .enumerate()
        {
            // Each weight has numbers of its own, whatever else there is.
            let mut generator = ChaCha8Rng::seed_from_u64(seed);
            generator.set_stream(stream(&layer.path, position));
            match fresh(&layer.path, &layer.config, spec, &mut generator) {
                Ok(tensor) => weights.push(Weight {
                    name: spec.name,
                    trainable: spec.trainable,
                    tensor,
                    copies: Vec::new(),
                }),
                Err(problem) => problems.push(problem.at(&layer.path, &layer.class)),
            }
        }
        graph.layers[index].weights = weights;
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

/// FNV-1a of the weight's place.
fn stream(path: &str, position: usize) -> u64 {
    let bytes = path.bytes().chain(position.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A fresh weight of a layer.
fn fresh(
    path: &str,
    config: &Map<String, Value>,
    spec: &WeightSpec,
    generator: &mut ChaCha8Rng,
) -> Result<StoredTensor, Problem> {
    let shape: Option<Vec<usize>> = spec.shape.iter().copied().collect();
    let count = shape.as_ref().and_then(|shape| {
        let product = |product: usize, axis: &usize| product.checked_mul(*axis);
        shape.iter().try_fold(1_usize, product)
    });
    let (Some(shape), Some(count)) = (shape, count.filter(|count| *count <= MOST_ELEMENTS)) else {
        return Err(Problem::new(ProblemKind::Shape)
            .key(spec.name)
            .expected("inputs whose shapes tell that of the weight")
            .found(crate::shape::Shape(spec.shape.clone()).to_string()));
    };
    let key = key(spec.name);
    let given = config.get(&key).filter(|value| !value.is_null());
    let initializer = Initializer::read(given, spec.name).ok_or_else(|| {
        Problem::new(ProblemKind::UnsupportedOption)
            .key(&key)
            .expected("one of Keras's initializers")
            .found(given.map_or_else(|| "none".into(), json::brief))
    })?;
    let mut values = initializer
        .values(&shape, count, generator)
        .ok_or_else(|| {
            Problem::new(ProblemKind::UnsupportedOption)
                .key(&key)
                .expected(format!("an initializer for a weight of shape {shape:?}"))
                .found(given.map_or_else(|| "none".into(), json::brief))
        })?;
    let unit_forget_bias = config.get("unit_forget_bias").and_then(json::truth);
    if spec.name == "bias" && unit_forget_bias == Some(true) {
        // LSTM: the second quarter of its bias is that of the forget gate.
        let units = shape.last().copied().unwrap_or_default() / 4;
        for row in values.chunks_mut((units * 4).max(1)) {
            row.iter_mut()
                .skip(units)
                .take(units)
                .for_each(|bias| *bias = 1.0);
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "weights are float32")]
    let bytes = values
        .iter()
        .flat_map(|value| (*value as f32).to_le_bytes());
    let name = format!("{path}/{}", spec.name);
    StoredTensor::from_parts(name, shape, Dtype::F32, bytes.collect())
        .map_err(|error| Problem::new(ProblemKind::Container).found(error.to_string()))
}

/// No weight of a model has more: 8 GiB in float32.
const MOST_ELEMENTS: usize = 1 << 31;

/// The config key of a weight's initializer.
fn key(weight: &str) -> String {
    // Layers made of others: `query/kernel`.
    let name = weight.rsplit('/').next().unwrap_or(weight);
    let name = match name {
        "recurrent_kernel" => "recurrent",
        "depthwise_kernel" => "depthwise",
        "pointwise_kernel" => "pointwise",
        other => other,
    };
    format!("{name}_initializer")
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Initializer {
    Constant(f64),
    Uniform(f64, f64),
    Normal {
        mean: f64,
        stddev: f64,
    },
    TruncatedNormal {
        mean: f64,
        stddev: f64,
    },
    Scaling {
        scale: f64,
        fan: Fan,
        shape: Distribution,
    },
    Orthogonal(f64),
    Identity(f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fan {
    In,
    Out,
    Average,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Distribution {
    Uniform,
    Normal,
    TruncatedNormal,
}

impl Initializer {
    /// Reads a config; without one it is the weight's own default.
    fn read(given: Option<&Value>, weight: &str) -> Option<Self> {
        use Distribution::{Normal, TruncatedNormal, Uniform};
        let none = Value::Null;
        let (class, config) = match given {
            None => (Self::default_of(weight)?, &none),
            Some(Value::String(name)) => (name.as_str(), &none),
            Some(value) => (value["class_name"].as_str()?, &value["config"]),
        };
        let number = |key: &str, default: f64| json::number(&config[key]).unwrap_or(default);
        let scaling = |scale, fan, shape| Self::Scaling { scale, fan, shape };
        Some(match class.replace('_', "").to_lowercase().as_str() {
            "zeros" | "zero" => Self::Constant(0.0),
            "ones" | "one" => Self::Constant(1.0),
            "constant" => Self::Constant(number("value", 0.0)),
            "glorotuniform" => scaling(1.0, Fan::Average, Uniform),
            "glorotnormal" => scaling(1.0, Fan::Average, TruncatedNormal),
            "heuniform" => scaling(2.0, Fan::In, Uniform),
            "henormal" => scaling(2.0, Fan::In, TruncatedNormal),
            "lecununiform" => scaling(1.0, Fan::In, Uniform),
            "lecunnormal" => scaling(1.0, Fan::In, TruncatedNormal),
            "variancescaling" => scaling(
                number("scale", 1.0),
                match config["mode"].as_str().unwrap_or("fan_in") {
                    "fan_in" => Fan::In,
                    "fan_out" => Fan::Out,
                    "fan_avg" => Fan::Average,
                    _ => return None,
                },
                match config["distribution"].as_str().unwrap_or("normal") {
                    "uniform" => Uniform,
                    "normal" | "truncated_normal" => TruncatedNormal,
                    "untruncated_normal" => Normal,
                    _ => return None,
                },
            ),
            "randomuniform" | "uniform" => {
                Self::Uniform(number("minval", -0.05), number("maxval", 0.05))
            }
            "randomnormal" | "normal" => Self::Normal {
                mean: number("mean", 0.0),
                stddev: number("stddev", 0.05),
            },
            "truncatednormal" => Self::TruncatedNormal {
                mean: number("mean", 0.0),
                stddev: number("stddev", 0.05),
            },
            "orthogonal" => Self::Orthogonal(number("gain", 1.0)),
            "identity" | "identityinitializer" => Self::Identity(number("gain", 1.0)),
            _ => return None,
        })
    }

    /// Keras's default for a weight of this name.
    fn default_of(weight: &str) -> Option<&'static str> {
        Some(match weight.rsplit('/').next()? {
            "kernel" | "depthwise_kernel" | "pointwise_kernel" | "W" | "W_carry" => "GlorotUniform",
            "recurrent_kernel" => "Orthogonal",
            "embeddings" => "RandomUniform",
            "gamma" | "moving_variance" | "variance" | "moving_stddev" | "renorm_stddev" => "Ones",
            "bias" | "beta" | "moving_mean" | "mean" | "renorm_mean" | "alpha" | "b" | "count" => {
                "Zeros"
            }
            _ => return None,
        })
    }

    /// As many values as the shape has; `None` where it is not made for the shape.
    fn values(self, shape: &[usize], count: usize, generator: &mut ChaCha8Rng) -> Option<Vec<f64>> {
        let mut list = |next: &mut dyn FnMut(&mut ChaCha8Rng) -> f64| -> Vec<f64> {
            (0..count).map(|_| next(generator)).collect()
        };
        Some(match self {
            Self::Constant(value) => vec![value; count],
            Self::Uniform(least, most) => list(&mut |g| least + (most - least) * uniform(g)),
            Self::Normal { mean, stddev } => list(&mut |g| mean + stddev * normal(g)),
            Self::TruncatedNormal { mean, stddev } => {
                list(&mut |g| mean + stddev * truncated_normal(g))
            }
            Self::Scaling {
                scale,
                fan,
                shape: distribution,
            } => {
                let (fan_in, fan_out) = fans(shape);
                let fan = match fan {
                    Fan::In => fan_in,
                    Fan::Out => fan_out,
                    Fan::Average => (fan_in + fan_out) / 2.0,
                };
                let variance = scale / fan.max(1.0);
                match distribution {
                    Distribution::Uniform => {
                        let limit = libm::sqrt(3.0 * variance);
                        list(&mut |g| limit * (2.0 * uniform(g) - 1.0))
                    }
                    Distribution::Normal => {
                        let stddev = libm::sqrt(variance);
                        list(&mut |g| stddev * normal(g))
                    }
                    Distribution::TruncatedNormal => {
                        // What cutting off at two deviations takes away.
                        let stddev = libm::sqrt(variance) / 0.879_625_661_034_239_8;
                        list(&mut |g| stddev * truncated_normal(g))
                    }
                }
            }
            Self::Orthogonal(gain) => {
                let columns = *shape.last().filter(|_| shape.len() > 1)?;
                orthogonal(count / columns.max(1), columns, gain, generator)
            }
            Self::Identity(gain) => {
                let [rows, columns] = shape else {
                    return None;
                };
                let places =
                    (0..*rows).flat_map(|row| (0..*columns).map(move |column| row == column));
                places
                    .map(|diagonal| if diagonal { gain } else { 0.0 })
                    .collect()
            }
        })
    }
}

/// Keras's `compute_fans` (3.15).
fn fans(shape: &[usize]) -> (f64, f64) {
    #[expect(clippy::cast_precision_loss, reason = "sizes of weights")]
    let size = |axis: usize| axis as f64;
    match shape {
        [] => (1.0, 1.0),
        [one] => (size(*one), size(*one)),
        [window @ .., inputs, outputs] => {
            let window: f64 = window.iter().map(|axis| size(*axis)).product();
            (size(*inputs) * window, size(*outputs) * window)
        }
    }
}

/// From 0 up to, and without, 1.
fn uniform(generator: &mut ChaCha8Rng) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "53 bits")]
    let bits = (generator.next_u64() >> 11) as f64;
    bits / 9_007_199_254_740_992.0
}

/// Box and Muller's; `libm` gives the same bits everywhere.
fn normal(generator: &mut ChaCha8Rng) -> f64 {
    let radius = libm::sqrt(-2.0 * libm::log(1.0 - uniform(generator)));
    radius * libm::cos(2.0 * std::f64::consts::PI * uniform(generator))
}

/// Within two deviations.
fn truncated_normal(generator: &mut ChaCha8Rng) -> f64 {
    loop {
        let value = normal(generator);
        if value.abs() <= 2.0 {
            return value;
        }
    }
}

/// Rows or columns, whichever are fewer, of length `gain` and at right angles: Gram and Schmidt's,
/// twice for precision, on normal numbers; what QR with positive diagonal gives.
fn orthogonal(rows: usize, columns: usize, gain: f64, generator: &mut ChaCha8Rng) -> Vec<f64> {
    let (long, short) = (rows.max(columns), rows.min(columns));
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(short);
    while basis.len() < short {
        let mut vector: Vec<f64> = (0..long).map(|_| normal(generator)).collect();
        for _ in 0..2 {
            for other in &basis {
                let along = dot(&vector, other);
                let pairs = vector.iter_mut().zip(other);
                pairs.for_each(|(value, other)| *value -= along * other);
            }
        }
        let length = libm::sqrt(dot(&vector, &vector));
        if length > 1e-6 {
            vector.iter_mut().for_each(|value| *value /= length);
            basis.push(vector);
        }
    }
    let at = |row: usize, column: usize| {
        let (vector, element) = if rows < columns {
            (row, column)
        } else {
            (column, row)
        };
        basis[vector][element] * gain
    };
    let rows = 0..rows;
    rows.flat_map(|row| (0..columns).map(move |column| (row, column)))
        .map(|(row, column)| at(row, column))
        .collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn values(initializer: &Value, shape: &[usize]) -> Vec<f64> {
        let initializer = Initializer::read(Some(initializer), "kernel").unwrap();
        let mut generator = ChaCha8Rng::seed_from_u64(7);
        let count = shape.iter().product();
        initializer.values(shape, count, &mut generator).unwrap()
    }

    fn variance(values: &[f64]) -> f64 {
        dot(values, values) / values.len() as f64
    }

    /// Keras's documentation: `limit = sqrt(6 / (fan_in + fan_out))`, `stddev = sqrt(2 / fan_in)`, ….
    #[test]
    fn scales_are_those_of_keras() {
        let glorot = values(&json!("glorot_uniform"), &[300, 200]);
        let limit = (6.0_f64 / 500.0).sqrt();
        assert!(glorot.iter().all(|value| value.abs() <= limit));
        assert!((variance(&glorot) / (limit * limit / 3.0) - 1.0).abs() < 0.03);
        for (name, expected) in [
            ("HeNormal", 2.0 / 450.0),
            ("LecunNormal", 1.0 / 450.0),
            ("HeUniform", 2.0 / 450.0),
            ("GlorotNormal", 2.0 / (450.0 + 900.0)),
        ] {
            let found = variance(&values(
                &json!({"class_name": name, "config": {}}),
                &[3, 3, 50, 100],
            ));
            assert!((found / expected - 1.0).abs() < 0.03, "{name}: {found}");
        }
    }

    #[test]
    fn orthogonal_is_orthogonal_either_way() {
        for (rows, columns) in [(5, 3), (3, 5), (4, 4)] {
            let list = values(&json!("orthogonal"), &[rows, columns]);
            let short = rows.min(columns);
            for a in 0..short {
                for b in 0..short {
                    let product: f64 = (0..rows.max(columns))
                        .map(|at| match rows < columns {
                            true => list[a * columns + at] * list[b * columns + at],
                            false => list[at * columns + a] * list[at * columns + b],
                        })
                        .sum();
                    let expected = if a == b { 1.0 } else { 0.0 };
                    assert!((product - expected).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn what_keras_does_not_have_is_refused() {
        assert_eq!(Initializer::read(Some(&json!("Mystery")), "kernel"), None);
        assert_eq!(Initializer::read(None, "what_is_this"), None);
    }
}

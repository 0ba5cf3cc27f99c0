//! The values of an optimizer's state, told by a few numbers per slot.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use burn_pack::{DType, HEADER_SIZE, Header, Reader, Scalar};
use keras_ir::container::Dtype;
use keras_ir::graph::Graph;
use keras_ir::optimizer::Optimizer;
use keras_ir::{Problem, ProblemKind, ReadOptions, Report};
use serde_json::{Value, json};

use super::optimizer::Trained;
use super::weights::stored;
use super::{ITERATIONS_KEY, LEARNING_RATE_KEY, LayoutError, OPTIMIZER_CLASS_KEY, SLOTS_KEY};

/// What an optimizer's state holds, in Keras's order of variables. `Display` gives a table.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Keras's class, where it is known: a record that Burn has saved does not say.
    pub class: Option<String>,
    /// How many steps were made.
    pub iterations: Option<u64>,
    /// The learning rate at the time of saving, where it is a number.
    pub learning_rate: Option<f64>,
    /// The slots.
    pub slots: Vec<SlotValues>,
}

/// The values of a slot.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotValues {
    /// The path of the weight: Keras's, and Burn's in a record that Burn has saved.
    pub path: String,
    /// Keras's name of the slot, or Burn's field.
    pub slot: String,
    /// The shape, in Keras for a model, in Burn for a record.
    pub shape: Vec<usize>,
    /// Keras's name of the type.
    pub dtype: String,
    /// Of its values; `None` if there are none.
    pub statistics: Option<Statistics>,
}

/// What is told of values. All are NaN where a value is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// The least value.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// Their mean.
    pub mean: f64,
    /// The root of the sum of their squares.
    pub norm: f64,
}

/// Why a state cannot be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// A model that cannot be read, or holds no state that fits it.
    #[error(transparent)]
    Model(#[from] Report),
    /// A record that cannot be read, or is none of an optimizer.
    #[error("{file}: {source}")]
    Record {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: LayoutError,
    },
}

impl State {
    /// The state in a file: a Keras model or an optimizer record, as its content tells.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or has no state; options beside a record, which is shown as it is.
    pub fn open(path: impl AsRef<Path>, options: ReadOptions) -> Result<Self, StateError> {
        let path = path.as_ref();
        if is_record(path) {
            if options != ReadOptions::default() {
                let problem = Problem::new(ProblemKind::Record)
                    .expected("a Keras model, for options of how it is read, cut or changed")
                    .found("a record, which is shown as it is");
                return Err(problem.in_file(path.display().to_string()).into());
            }
            Self::of_record(path).map_err(|source| StateError::Record {
                file: path.display().to_string(),
                source,
            })
        } else {
            Ok(Self::of_graph(&keras_ir::read(path, options)?)?)
        }
    }

    /// The state of a model's optimizer.
    ///
    /// # Errors
    ///
    /// No state, or values that cannot be read.
    pub fn of_graph(graph: &Graph) -> Result<Self, Report> {
        let optimizer = match &graph.optimizer {
            Ok(Some(optimizer)) => optimizer,
            Ok(None) => {
                let nothing = Problem::new(ProblemKind::Optimizer)
                    .expected("the state of an optimizer")
                    .found("none that can be read");
                return Err(nothing.in_file(&graph.file));
            }
            Err(problems) => {
                return Err(Report {
                    file: graph.file.clone(),
                    problems: problems.clone(),
                });
            }
        };
        Self::of_optimizer(graph, optimizer)
    }

    fn of_optimizer(graph: &Graph, optimizer: &Optimizer) -> Result<Self, Report> {
        let trained = Trained::of(graph);
        let slots = trained.in_order(optimizer.options.class, &optimizer.slots);
        let slots = slots.into_iter().map(|slot| {
            let values = slot.tensor.read_f64().map_err(|error| {
                let problem = Problem::new(ProblemKind::Container).found(error.to_string());
                problem.in_file(&graph.file)
            })?;
            let layer = &graph.layer(slot.weight.layer).path;
            let name = stored(graph, slot.weight).map_or("?", |weight| weight.name);
            Ok(SlotValues {
                path: format!("{layer}/{name}"),
                slot: slot.name.as_str().to_owned(),
                shape: slot.tensor.shape().to_vec(),
                dtype: slot.tensor.dtype().name().to_owned(),
                statistics: Statistics::of(&values),
            })
        });
        Ok(Self {
            class: Some(optimizer.options.class.as_str().to_owned()),
            iterations: optimizer.iterations,
            learning_rate: optimizer.learning_rate,
            slots: slots.collect::<Result<_, Report>>()?,
        })
    }

    /// The state in an optimizer record, one that `burn-keras` or one that Burn wrote.
    ///
    /// # Errors
    ///
    /// A file that is no record, or one that holds what belongs to no parameter.
    pub fn of_record(path: &Path) -> Result<Self, LayoutError> {
        let reader = Reader::from_file_exact(path)?;
        let (metadata, scalars) = (reader.metadata().clone(), reader.scalars().clone());
        let listed: Value = metadata
            .get(SLOTS_KEY)
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let listed = listed.as_array().into_iter().flatten().enumerate();
        let listed: BTreeMap<&str, (usize, &str, &str)> = listed
            .filter_map(|(at, slot)| {
                let text = |part: usize| slot.get(part).and_then(Value::as_str);
                Some((text(0)?, (at, text(1)?, text(2)?)))
            })
            .collect();
        let mut slots = Vec::new();
        for tensor in reader.into_tensors()? {
            let (place, path, slot) = match listed.get(tensor.name.as_str()) {
                Some(known) => *known,
                None => {
                    let parts = tensor.name.split_once('.');
                    let known = parts.and_then(|(id, field)| Some((metadata.get(id)?, field)));
                    let Some((path, field)) = known else {
                        return Err(LayoutError::Stray(tensor.name));
                    };
                    (usize::MAX, path.as_str(), field)
                }
            };
            let dtype = keras_dtype(tensor.dtype);
            let dtype = dtype.ok_or_else(|| LayoutError::Stray(tensor.name.clone()))?;
            let values = dtype.to_f64(&tensor.to_bytes()?);
            let values = SlotValues {
                path: path.to_owned(),
                slot: slot.to_owned(),
                shape: tensor.shape.to_vec(),
                dtype: dtype.name().to_owned(),
                statistics: Statistics::of(&values),
            };
            slots.push((place, values));
        }
        slots.sort_by(|(a, left), (b, right)| {
            (a, &left.path, &left.slot).cmp(&(b, &right.path, &right.slot))
        });
        let iterations = match scalars.get(ITERATIONS_KEY) {
            Some(Scalar::UInt(steps)) => Some(*steps),
            Some(Scalar::Int(steps)) => u64::try_from(*steps).ok(),
            _ => None,
        };
        let learning_rate = match scalars.get(LEARNING_RATE_KEY) {
            Some(Scalar::Float(rate)) => Some(*rate),
            _ => None,
        };
        Ok(Self {
            class: metadata.get(OPTIMIZER_CLASS_KEY).cloned(),
            iterations,
            learning_rate,
            slots: slots.into_iter().map(|(_, values)| values).collect(),
        })
    }

    /// The machine-readable form.
    pub fn to_json(&self) -> Value {
        let slots = self.slots.iter().map(|slot| {
            let statistics = |of: fn(&Statistics) -> f64| slot.statistics.as_ref().map(of);
            json!({
                "path": slot.path,
                "slot": slot.slot,
                "shape": slot.shape,
                "dtype": slot.dtype,
                "min": statistics(|values| values.min),
                "max": statistics(|values| values.max),
                "mean": statistics(|values| values.mean),
                "norm": statistics(|values| values.norm),
            })
        });
        json!({
            "class": self.class,
            "iterations": self.iterations,
            "learning_rate": self.learning_rate,
            "slots": slots.collect::<Vec<_>>(),
        })
    }
}

impl Statistics {
    fn of(values: &[f64]) -> Option<Self> {
        #[expect(clippy::cast_precision_loss, reason = "a count of elements")]
        let count = values.len() as f64;
        if values.is_empty() {
            return None;
        }
        let sum: f64 = values.iter().sum();
        let squares: f64 = values.iter().map(|value| value * value).sum();
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values {
            (min, max) = (min.min(*value), max.max(*value));
        }
        let is_nan = values.iter().any(|value| value.is_nan());
        let unless_nan = |value: f64| if is_nan { f64::NAN } else { value };
        Some(Self {
            min: unless_nan(min),
            max: unless_nan(max),
            mean: sum / count,
            norm: squares.sqrt(),
        })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = self.class.as_deref().unwrap_or("(class not named)");
        let steps = self.iterations.map(|steps| match steps {
            1 => ", 1 step".to_owned(),
            steps => format!(", {steps} steps"),
        });
        let rate = self
            .learning_rate
            .map(|rate| format!(", learning rate {rate}"));
        let (steps, rate) = (steps.unwrap_or_default(), rate.unwrap_or_default());
        writeln!(f, "{class}{steps}{rate}")?;
        if self.slots.is_empty() {
            return Ok(());
        }
        let titles = [
            "weight", "slot", "shape", "dtype", "min", "max", "mean", "norm",
        ];
        let rows = self.slots.iter().map(|slot| {
            let number = |of: fn(&Statistics) -> f64| match &slot.statistics {
                Some(statistics) => format!("{:.3e}", of(statistics)),
                None => "-".to_owned(),
            };
            [
                slot.path.clone(),
                slot.slot.clone(),
                format!("{:?}", slot.shape),
                slot.dtype.clone(),
                number(|values| values.min),
                number(|values| values.max),
                number(|values| values.mean),
                number(|values| values.norm),
            ]
        });
        let rows: Vec<[String; 8]> = std::iter::once(titles.map(str::to_owned))
            .chain(rows)
            .collect();
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..titles.len()).map(width).collect();
        for row in &rows {
            let mut line = String::new();
            for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
                // Text to the left, numbers to the right.
                let cell = match at {
                    0 => format!("{cell:<width$}"),
                    1..=3 => format!("  {cell:<width$}"),
                    _ => format!("  {cell:>width$}"),
                };
                line.push_str(&cell);
            }
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

fn is_record(path: &Path) -> bool {
    let mut header = [0; HEADER_SIZE];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && Header::from_bytes(&header).is_ok()
}

fn keras_dtype(dtype: DType) -> Option<Dtype> {
    match dtype {
        DType::F64 => Some(Dtype::F64),
        DType::F32 => Some(Dtype::F32),
        DType::F16 => Some(Dtype::F16),
        DType::BF16 => Some(Dtype::Bf16),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{lower, record};

    fn fixture() -> std::path::PathBuf {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.join("../../tests/fixtures/transfer/from_k3.h5")
    }

    #[test]
    fn a_model_and_its_record_show_the_same() {
        let model = State::open(fixture(), ReadOptions::default()).unwrap();
        assert_eq!(model.class.as_deref(), Some("Adam"));
        assert_eq!(model.iterations, Some(3));
        assert_eq!(model.slots.len(), 20);
        let first = &model.slots[0];
        assert_eq!(
            (first.path.as_str(), first.slot.as_str()),
            ("conv1d/kernel", "momentum")
        );
        assert_eq!(first.shape, [20, 4, 4]);

        let graph = keras_ir::read(fixture(), ReadOptions::default()).unwrap();
        let plan = lower::lower(&graph, "net").unwrap();
        let state = graph.optimizer.as_ref().unwrap().as_ref().unwrap();
        let record = record::optimizer(&plan, &graph, state).unwrap().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("net.optimizer.bpk");
        record.write_new(&file).unwrap();
        let record = State::open(&file, ReadOptions::default()).unwrap();
        assert_eq!(record.slots[0].shape, [4, 4, 20], "as in Burn");
        assert_eq!(record.learning_rate, model.learning_rate);
        for (left, right) in record.slots.iter().zip(&model.slots) {
            assert_eq!((&left.path, &left.slot), (&right.path, &right.slot));
            let [left, right] = [left, right].map(|slot| slot.statistics.unwrap());
            assert_eq!((left.min, left.max), (right.min, right.max));
            assert!((left.norm - right.norm).abs() < 1e-12);
        }
    }

    #[test]
    fn statistics_hide_no_nan() {
        let of = Statistics::of(&[3.0, -4.0]).unwrap();
        assert_eq!((of.min, of.max, of.mean, of.norm), (-4.0, 3.0, -0.5, 5.0));
        let of = Statistics::of(&[1.0, f64::NAN]).unwrap();
        assert!(
            [of.min, of.max, of.mean, of.norm]
                .iter()
                .all(|value| value.is_nan())
        );
        assert_eq!(Statistics::of(&[]), None);
    }

    #[test]
    fn the_table_says_what_there_is() {
        let state = State {
            class: Some("SGD".into()),
            iterations: Some(1),
            learning_rate: Some(0.5),
            slots: vec![SlotValues {
                path: "dense/bias".into(),
                slot: "momentum".into(),
                shape: vec![2],
                dtype: "float32".into(),
                statistics: Statistics::of(&[0.25, -0.5]),
            }],
        };
        let expected = "\
SGD, 1 step, learning rate 0.5
weight      slot      shape  dtype          min       max       mean      norm
dense/bias  momentum  [2]    float32  -5.000e-1  2.500e-1  -1.250e-1  5.590e-1
";
        assert_eq!(state.to_string(), expected);
        assert_eq!(state.to_json()["slots"][0]["max"], 0.25);
    }

    #[test]
    fn a_record_of_weights_has_no_state() {
        let graph = keras_ir::read(fixture(), ReadOptions::default()).unwrap();
        let plan = lower::lower(&graph, "net").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("net.bpk");
        let weights = record::weights(&plan, &graph).unwrap();
        weights.write_new(&file).unwrap();
        let error = State::open(&file, ReadOptions::default()).unwrap_err();
        assert!(
            error.to_string().contains("belongs to no parameter"),
            "{error}"
        );
    }
}

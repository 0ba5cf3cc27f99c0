//! Layouts of records as text, for snapshots and comparisons.
//!
//! The layout of a plan and that of a record's bytes have one form. A record that `burn-keras`
//! wrote lists itself in the plan's order; one that Burn saved has lost order and Keras's paths,
//! and gets them back with [`Layout::like`].

use std::collections::BTreeMap;
use std::fmt;

use burn_pack::{Bytes, DType, Reader, Scalar};
use keras_ir::graph::Graph;
use keras_ir::optimizer::Optimizer;
use serde_json::Value;

use crate::plan::Plan;

use super::fields::field;
use super::optimizer::{Trained, slot_shape};
use super::{MAP_KEY, SLOTS_KEY};

/// Why bytes have no layout.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// The bytes are no burnpack container, or a damaged one.
    #[error("not a readable record: {0}")]
    Unreadable(#[from] burn_pack::Error),
    /// A tensor or scalar of an optimizer record is named after no parameter.
    #[error("{0}: belongs to no parameter")]
    Stray(String),
}

/// What a record holds, without the values: `Display` gives one line per entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The entries, in the record's order.
    pub entries: Vec<Entry>,
}

/// A tensor of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The parameter's path in Burn.
    pub path: String,
    /// The field of the optimizer's state (`momentum.moment_1`); `None` for a weight.
    pub field: Option<String>,
    /// Shape in Burn; empty for a scalar.
    pub shape: Vec<usize>,
    /// The type of the elements.
    pub dtype: String,
    /// The rank that an optimizer's state declares for the parameter.
    pub rank: Option<u64>,
    /// The parameter's id.
    pub id: Option<u64>,
    /// Keras's path, and for an optimizer's state its slot, where known.
    pub keras: Option<String>,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        if let Some(field) = &self.field {
            write!(f, " {field}")?;
        }
        write!(f, ": {} {:?}", self.dtype, self.shape)?;
        if let Some(rank) = self.rank {
            write!(f, " rank {rank}")?;
        }
        if let Some(id) = self.id {
            write!(f, " id {id:016x}")?;
        }
        match &self.keras {
            Some(keras) => write!(f, " <- {keras}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries
            .iter()
            .try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

impl Layout {
    /// The same entries in the order of `reference`, with its Keras paths; those that `reference`
    /// lacks come last, by path.
    #[must_use]
    pub fn like(mut self, reference: &Self) -> Self {
        let places: BTreeMap<_, _> = reference
            .entries
            .iter()
            .enumerate()
            .map(|(at, entry)| ((&entry.path, &entry.field), (at, &entry.keras)))
            .collect();
        for entry in &mut self.entries {
            if let Some((_, keras)) = places.get(&(&entry.path, &entry.field)) {
                entry.keras.clone_from(keras);
            }
        }
        self.entries.sort_by_cached_key(|entry| {
            let place = places.get(&(&entry.path, &entry.field));
            let place = place.map_or(usize::MAX, |(at, _)| *at);
            (place, entry.path.clone(), entry.field.clone())
        });
        self
    }
}

/// The layout of a plan's weights, in the order of the plan.
pub fn of_weights(plan: &Plan) -> Layout {
    let entries = plan.parameters.iter().map(|parameter| Entry {
        path: parameter.path.clone(),
        field: None,
        shape: parameter.shape.clone(),
        dtype: name(DType::F32),
        rank: None,
        id: Some(parameter.id(&plan.name)),
        keras: Some(parameter.keras_path.clone()),
    });
    Layout {
        entries: entries.collect(),
    }
}

/// The layout of an optimizer's state, in Keras's order of variables.
///
/// Slots that do not fit the plan are left out; [`optimizer`](super::optimizer()) reports them.
pub fn of_optimizer(plan: &Plan, graph: &Graph, optimizer: &Optimizer) -> Layout {
    let by_weight: BTreeMap<_, _> = plan.parameters.iter().map(|p| (p.weight, p)).collect();
    let mut entries: Vec<Entry> = Vec::new();
    let class = optimizer.options.class;
    for slot in Trained::of(graph).in_order(class, &optimizer.slots) {
        let parameter = by_weight.get(&slot.weight);
        let field = field(class, slot.name);
        let Some((parameter, (_, field))) = parameter.zip(field) else {
            continue;
        };
        entries.push(Entry {
            path: parameter.path.clone(),
            field: Some(field.to_owned()),
            shape: slot_shape(parameter, slot),
            dtype: name(DType::F32),
            rank: Some(parameter.shape.len() as u64),
            id: Some(parameter.id(&plan.name)),
            keras: Some(keras_slot(&parameter.keras_path, slot.name.as_str())),
        });
    }
    Layout { entries }
}

/// The layout of a weights record, one that `burn-keras` or one that Burn wrote.
///
/// # Errors
///
/// Bytes that are no record.
pub fn of_weights_bytes(bytes: &[u8]) -> Result<Layout, LayoutError> {
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes.to_vec()))?;
    let map = json(&reader, MAP_KEY);
    let mut entries = Vec::new();
    for tensor in reader.into_tensors()? {
        entries.push(Entry {
            path: tensor.name,
            field: None,
            shape: tensor.shape.to_vec(),
            dtype: name(tensor.dtype),
            rank: None,
            id: tensor.param_id,
            keras: None,
        });
    }
    let order = map.as_object().into_iter().flatten();
    let reference = order.map(|(path, keras)| {
        let keras = keras.as_str().unwrap_or_default().to_owned();
        (path.clone(), None, keras)
    });
    Ok(Layout { entries }.like(&reference_of(reference)))
}

/// The layout of an optimizer record, one that `burn-keras` or one that Burn wrote. Counts of steps
/// are values, not layout, and not listed.
///
/// # Errors
///
/// Bytes that are no record, or hold state that no parameter is named for.
pub fn of_optimizer_bytes(bytes: &[u8]) -> Result<Layout, LayoutError> {
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes.to_vec()))?;
    let slots = json(&reader, SLOTS_KEY);
    let paths = reader.metadata().clone();
    let ranks = reader.scalars().clone();
    let split = |name: &str| -> Option<(String, String)> {
        let (id, field) = name.split_once('.')?;
        Some((paths.get(id)?.clone(), field.to_owned()))
    };
    let mut entries = Vec::new();
    for tensor in reader.into_tensors()? {
        let Some((path, field)) = split(&tensor.name) else {
            return Err(LayoutError::Stray(tensor.name));
        };
        let id = tensor.name.split('.').next().unwrap_or_default();
        let rank = match ranks.get(&format!("{id}.__rank")) {
            Some(Scalar::UInt(rank)) => Some(*rank),
            _ => None,
        };
        entries.push(Entry {
            path,
            field: Some(field),
            shape: tensor.shape.to_vec(),
            dtype: name(tensor.dtype),
            rank,
            id: tensor.param_id,
            keras: None,
        });
    }
    let order = slots.as_array().into_iter().flatten();
    let reference = order.filter_map(|slot| {
        let text = |at: usize| slot.get(at).and_then(Value::as_str);
        let (path, field) = split(text(0)?)?;
        Some((path, Some(field), keras_slot(text(1)?, text(2)?)))
    });
    Ok(Layout { entries }.like(&reference_of(reference)))
}

fn reference_of(places: impl Iterator<Item = (String, Option<String>, String)>) -> Layout {
    let entries = places.map(|(path, field, keras)| Entry {
        path,
        field,
        shape: Vec::new(),
        dtype: String::new(),
        rank: None,
        id: None,
        keras: Some(keras),
    });
    Layout {
        entries: entries.collect(),
    }
}

fn json(reader: &Reader, key: &str) -> Value {
    let text = reader.metadata().get(key);
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

fn keras_slot(path: &str, slot: &str) -> String {
    format!("{path} {slot}")
}

/// Keras's name of a type, where it has one.
fn name(dtype: DType) -> String {
    match dtype {
        DType::F64 => "float64".to_owned(),
        DType::F32 => "float32".to_owned(),
        DType::F16 => "float16".to_owned(),
        DType::BF16 => "bfloat16".to_owned(),
        other => format!("{other:?}"),
    }
}

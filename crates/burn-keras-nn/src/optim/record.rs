//! Optimizer records: checked against the module, saved to the same bytes every time.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};
use burn::{
    module::{Module, ModuleVisitor, Param},
    optim::{ModuleOptimizer, OptimizerRecord},
    store::burn_pack::{Error, Reader, Scalar, Tensor as PackTensor, Writer},
    tensor::{Bytes, Tensor},
};

use super::{adafactor, layout::Layout};
use crate::{
    ids::duplicate_ids,
    record::{LoadError, RecordBytes, SaveError, read},
};

/// Gives `optimizer` the state that a record in memory holds for the parameters of `module`.
///
/// See [`load_optimizer_file`] for what is checked.
pub fn load_optimizer_bytes<M: Module>(
    optimizer: ModuleOptimizer,
    module: &M,
    bytes: impl Into<RecordBytes>,
) -> Result<ModuleOptimizer, LoadError> {
    const FROM: &str = "the optimizer record in memory";
    let bytes = bytes.into().0.shared();
    let again = bytes
        .view(0, bytes.len())
        .map_err(|error| LoadError::Unreadable {
            from: FROM.into(),
            reason: format!("{error:?}"),
        })?;
    let expected = check(module, read(Reader::from_bytes(again), FROM)?, FROM)?;
    apply(
        optimizer,
        OptimizerRecord::from_bytes(bytes),
        expected,
        FROM,
    )
}

/// Gives `optimizer` the state that a file holds for the parameters of `module`.
///
/// It is an error if two parameters of the module carry one id, if the record has state for an id
/// that the module lacks, calls its parameter by another path, or holds a tensor that does not fit
/// it, or if the optimizer does not take up all that the record holds. Parameters without state in
/// the record start anew, as frozen ones must.
///
/// Burn asks for `Device::default()` here, so some backend must be enabled; the optimizers of this
/// module make no tensor there, Burn's own do.
#[cfg(feature = "std")]
pub fn load_optimizer_file<M: Module>(
    optimizer: ModuleOptimizer,
    module: &M,
    path: impl AsRef<std::path::Path>,
) -> Result<ModuleOptimizer, LoadError> {
    let path = path.as_ref();
    let from = path.display().to_string();
    crate::record::probe(path)?;
    let expected = check(module, read(Reader::from_file_exact(path), &from)?, &from)?;
    apply(optimizer, OptimizerRecord::load(path), expected, &from)
}

/// The record of an optimizer's state: tensors in the order of their names, so equal state gives
/// equal bytes.
pub fn save_optimizer_bytes(optimizer: &ModuleOptimizer) -> Result<Bytes, SaveError> {
    const TO: &str = "an optimizer record in memory";
    writer(optimizer, TO)?
        .into_bytes()
        .map_err(|error| failed(error, TO))
}

/// Writes [`save_optimizer_bytes`] to a file, which replaces an existing one once it is complete.
#[cfg(feature = "std")]
pub fn save_optimizer_file(
    optimizer: &ModuleOptimizer,
    path: impl AsRef<std::path::Path>,
) -> Result<(), SaveError> {
    let path = path.as_ref();
    let to = path.display().to_string();
    writer(optimizer, &to)?
        .auto_extension(false)
        .overwrite(true)
        .write_to_file(path)
        .map_err(|error| failed(error, &to))
}

pub(super) fn failed(error: impl ToString, to: &str) -> SaveError {
    SaveError::Write {
        to: to.into(),
        reason: error.to_string(),
    }
}

fn writer(optimizer: &ModuleOptimizer, to: &str) -> Result<Writer, SaveError> {
    let bytes = optimizer
        .to_record()
        .into_bytes()
        .map_err(|error| failed(error, to))?;
    let reader = Reader::from_bytes(bytes).map_err(|error| failed(error, to))?;
    let scalars = reader.scalars().clone();
    let metadata = reader.metadata().clone();
    let tensors: Result<Vec<PackTensor>, Error> = reader.into_tensors();
    let mut writer = Writer::new(tensors.map_err(|error| failed(error, to))?);
    for (name, value) in scalars {
        writer = writer.with_scalar(&name, value);
    }
    for (name, value) in metadata {
        writer = writer.with_metadata(&name, &value);
    }
    Ok(writer)
}

/// The names of all tensors of the record, once they fit the module.
fn check<M: Module>(module: &M, reader: Reader, from: &str) -> Result<BTreeSet<String>, LoadError> {
    let paths = duplicate_ids(module);
    if !paths.is_empty() {
        return Err(LoadError::DuplicateIds { paths });
    }
    let mut parameters = Parameters::default();
    module.visit(&mut parameters);
    let parameters = parameters.found;
    let mut problems = Vec::new();

    let name = |id: u64, metadata: &BTreeMap<String, String>| match metadata.get(&id.to_string()) {
        Some(path) => path.clone(),
        None => format!("the parameter with id {id}"),
    };
    let metadata = reader.metadata().clone();
    for (key, path) in &metadata {
        if let Ok(id) = key.parse::<u64>()
            && let Some((at, _)) = parameters.get(&id)
            && at != path
        {
            problems.push(format!("{path}: the module has {at} under the same id"));
        }
    }

    let mut ids = BTreeSet::new();
    for (key, value) in reader.scalars() {
        let Some((id, field)) = split(key) else {
            continue; // iterations, schedules and the like are not Burn's
        };
        ids.insert(id);
        let rank = parameters.get(&id).map(|(_, shape)| shape.len());
        if field == "__rank" && rank.is_some_and(|rank| *value != Scalar::from(rank)) {
            let path = name(id, &metadata);
            problems.push(format!(
                "{path}: state of rank {value:?}, parameter of {rank:?}"
            ));
        }
    }

    let tensors = reader
        .into_tensors()
        .map_err(|error| LoadError::Unreadable {
            from: from.into(),
            reason: error.to_string(),
        })?;
    let mut names = BTreeSet::new();
    for tensor in tensors {
        let Some((id, field)) = split(&tensor.name).filter(|(id, _)| tensor.param_id == Some(*id))
        else {
            problems.push(format!("{}: belongs to no parameter", tensor.name));
            continue;
        };
        ids.insert(id);
        if let Some((path, shape)) = parameters.get(&id) {
            let found = tensor.shape.to_vec();
            // Adafactor's means lack an axis
            if found != adafactor::shape_of(field, &Layout::same(shape)) {
                problems.push(format!(
                    "{path}: {field} {found:?}, the parameter is {shape:?}"
                ));
            }
        }
        names.insert(tensor.name);
    }
    for id in ids {
        if !parameters.contains_key(&id) {
            problems.push(format!("{}: not in the module", name(id, &metadata)));
        }
    }
    if problems.is_empty() {
        Ok(names)
    } else {
        Err(LoadError::OptimizerState {
            from: from.into(),
            problems,
        })
    }
}

/// `42.momentum.time` as 42 and `momentum.time`.
pub(super) fn split(name: &str) -> Option<(u64, &str)> {
    let (id, field) = name.split_once('.')?;
    Some((id.parse().ok()?, field))
}

fn apply(
    optimizer: ModuleOptimizer,
    record: Result<OptimizerRecord, burn::store::RecordError>,
    expected: BTreeSet<String>,
    from: &str,
) -> Result<ModuleOptimizer, LoadError> {
    let record = record.map_err(|error| LoadError::Record {
        from: from.into(),
        reason: error.to_string(),
    })?;
    let optimizer = optimizer.load_record(record);
    // Burn drops silently what the optimizer has no place for
    let taken = optimizer.to_record().len();
    if taken == expected.len() {
        return Ok(optimizer);
    }
    let total = expected.len();
    let problem = format!("the optimizer takes up {taken} of {total} tensors: it is another one");
    Err(LoadError::OptimizerState {
        from: from.into(),
        problems: alloc::vec![problem],
    })
}

/// Path and shape of every parameter that can have optimizer state, by id.
#[derive(Default)]
struct Parameters {
    path: Vec<String>,
    found: BTreeMap<u64, (String, Vec<usize>)>,
}

impl ModuleVisitor for Parameters {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(String::from(name));
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let at = (self.path.join("."), param.lazy_shape().to_vec());
        self.found.insert(param.id.val(), at);
    }
}

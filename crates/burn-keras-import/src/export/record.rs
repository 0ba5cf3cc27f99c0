//! Records, opened to be read.

use std::collections::BTreeMap;
use std::path::Path;

use burn_pack::{Bytes, DType, Reader, Scalar, Tensor};
use keras_ir::container::{ContainerError, Dtype, StoredTensor};
use keras_ir::{Problem, ProblemKind};

use crate::plan::{Plan, Transform};
use crate::record::{NAME_KEY, SOURCE_KEY, keras_elements};

/// A record whose tensors are taken out one by one.
pub(super) struct Stored {
    /// The file, for messages.
    pub name: String,
    pub scalars: BTreeMap<String, Scalar>,
    pub metadata: BTreeMap<String, String>,
    tensors: BTreeMap<String, Tensor>,
}

/// A tensor of a record: values in Burn's layout.
#[derive(Clone)]
pub(super) struct Values {
    /// The record, for messages.
    record: String,
    tensor: Tensor,
    dtype: Dtype,
}

impl Stored {
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let name = path.display().to_string();
        let unreadable = |reason: String| {
            Problem::new(ProblemKind::Container)
                .key(&name)
                .expected("a record of Burn")
                .found(reason)
        };
        // Asked before opening, because opening a named pipe would wait for a writer.
        let metadata = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
        if !metadata.is_file() {
            return Err(unreadable("not a regular file".to_owned()));
        }
        let reader =
            Reader::from_file_exact(path).map_err(|error| unreadable(error.to_string()))?;
        let (scalars, metadata) = (reader.scalars().clone(), reader.metadata().clone());
        let tensors = reader
            .into_tensors()
            .map_err(|error| unreadable(error.to_string()))?;
        let tensors = tensors.into_iter();
        Ok(Self {
            scalars,
            metadata,
            tensors: tensors
                .map(|tensor| (tensor.name.clone(), tensor))
                .collect(),
            name,
        })
    }

    /// The name of the model whose record it is, if the record says it.
    pub fn model(&self) -> Option<&str> {
        self.metadata.get(NAME_KEY).map(String::as_str)
    }

    /// Refuses the record of another model. One that Burn has saved does not say whose it is.
    pub fn check(&self, plan: &Plan) -> Result<(), Problem> {
        let expected = plan.digest();
        match self.metadata.get(SOURCE_KEY) {
            Some(found) if *found != expected => Err(Problem::new(ProblemKind::Record)
                .key(format!("{}: {SOURCE_KEY}", self.name))
                .expected(format!("{expected}, a record of this model"))
                .found(format!("{found}, a record of another"))
                .help("name the file that the record was imported from, and --untie if the import had it")),
            _ => Ok(()),
        }
    }

    /// The tensor `name`, of shape `shape`. The error says what was expected and found.
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<Values, Problem> {
        let problem = |kind| Problem::new(kind).key(name);
        let Some(tensor) = self.tensors.remove(name) else {
            return Err(problem(ProblemKind::MissingWeight)
                .expected(format!("a tensor of shape {shape:?} in {}", self.name))
                .found("no such tensor"));
        };
        if tensor.shape.to_vec() != shape {
            return Err(problem(ProblemKind::WeightShape)
                .expected(format!("shape {shape:?} in Burn"))
                .found(format!("{:?} in {}", tensor.shape.to_vec(), self.name)));
        }
        let dtype = match tensor.dtype {
            DType::F64 => Dtype::F64,
            DType::F32 | DType::Flex32 => Dtype::F32,
            DType::F16 => Dtype::F16,
            DType::BF16 => Dtype::Bf16,
            other => {
                return Err(problem(ProblemKind::WeightShape)
                    .expected("floats")
                    .found(format!("{other:?} in {}", self.name)));
            }
        };
        Ok(Values {
            record: self.name.clone(),
            tensor,
            dtype,
        })
    }

    /// The names of the tensors that have not been taken.
    pub fn left_over(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }
}

impl Values {
    /// The tensors of the file that `tensor` is made of, with these values in them: they are read
    /// when they are written.
    pub fn into_stored(
        self,
        tensor: &StoredTensor,
        transform: &Transform,
    ) -> Result<Vec<StoredTensor>, ContainerError> {
        let sources = tensor.sources().iter().enumerate();
        sources
            .map(|(part, source)| {
                let (values, whole, transform) = (self.clone(), tensor.clone(), transform.clone());
                let read = move || {
                    let values = &values;
                    let bytes = values.read()?;
                    let elements = keras_elements(&whole, &transform, values.dtype, &bytes)?;
                    Ok(whole
                        .divide(elements)?
                        .into_iter()
                        .nth(part)
                        .unwrap_or_default())
                };
                StoredTensor::deferred(source.path(), source.shape(), source.dtype(), read)
            })
            .collect()
    }

    fn read(&self) -> Result<Bytes, ContainerError> {
        self.tensor
            .to_bytes()
            .map_err(|error| ContainerError::Malformed {
                file: self.record.clone(),
                path: self.tensor.name.clone(),
                reason: error.to_string(),
            })
    }
}

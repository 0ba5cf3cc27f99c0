//! An HDF5 file as a tree of groups: read from a file, or made anew, and written.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use hdf5::{AttrValue, DatasetBuilder, FileBuilder, FinishedGroup, GroupBuilder};

use super::error::Failure;
use super::patch::Patched;
use crate::container::{
    Chunks, Container, ContainerError, Dtype, H5File, RawAttributes, StoredTensor, datatype, walk,
};

/// Bytes of a list that Keras puts into one attribute.
const LONGEST_LIST: usize = 64_512;

/// The value of an attribute that is to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeValue(AttrValue);

impl AttributeValue {
    /// A string as h5py writes a `str` of Python: of variable length, UTF-8.
    pub fn text(text: impl Into<String>) -> Self {
        Self(AttrValue::VarLenString(text.into()))
    }

    /// A string as h5py writes `bytes` of Python: of variable length, without an encoding.
    pub fn bytes(text: impl Into<String>) -> Self {
        Self(AttrValue::VarLenAsciiString(text.into()))
    }

    /// A list of strings as h5py writes a list of `bytes`; an empty one has numbers for elements.
    fn list(strings: &[String]) -> Self {
        Self(match strings {
            [] => AttrValue::F64Array(Vec::new()),
            strings => AttrValue::VarLenAsciiStringArray(strings.to_vec()),
        })
    }
}

/// A group of an HDF5 file, with everything inside. The root is one too.
///
/// ```
/// use keras_ir::container::{Container, Dtype, H5File, StoredTensor};
/// use keras_ir::writer::{AttributeValue, Tree};
///
/// let mut file = Tree::default();
/// file.attributes.insert("backend".into(), AttributeValue::bytes("tensorflow"));
/// let bias = StoredTensor::from_parts("bias", [2], Dtype::F32, vec![0; 8])?;
/// file.put("layers/dense/vars/1", bias)?;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("model.weights.h5");
/// file.write_new(&path)?;
/// let read = H5File::open(&path)?.tensor("layers/dense/vars/1")?;
/// assert_eq!(read.read_f32()?, [0.0, 0.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// The group's own attributes.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// The groups inside.
    pub groups: BTreeMap<String, Tree>,
    /// The datasets inside.
    pub datasets: BTreeMap<String, Dataset>,
}

/// A dataset of an HDF5 file.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The elements; they are read when they are written.
    pub tensor: StoredTensor,
    /// The attributes. That of bfloat16, which HDF5 has no type for, is written in any case.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// How it is stored if not in one piece.
    chunks: Option<Chunks>,
}

impl Dataset {
    /// A dataset in one piece, without attributes.
    pub fn new(tensor: StoredTensor) -> Self {
        Self {
            tensor,
            attributes: BTreeMap::new(),
            chunks: None,
        }
    }
}

impl Tree {
    /// Everything that a file holds. Tensors are not read.
    ///
    /// # Errors
    ///
    /// An attribute or dataset of a type that Keras does not use, which a copy would lack.
    pub fn read(file: &H5File) -> Result<Self, ContainerError> {
        let mut tree = Self::default();
        for (path, children) in walk::groups(file, "", |_| true)? {
            let group = tree.group(&path)?;
            group.attributes = attributes(file.group_attributes(&path)?);
            for name in children.datasets {
                let path = walk::join(&path, &name);
                let dataset = Dataset {
                    tensor: file.tensor(&path)?,
                    attributes: attributes(file.dataset_attributes(&path)?),
                    chunks: file.chunks(&path)?,
                };
                group.datasets.insert(name, dataset);
            }
        }
        Ok(tree)
    }

    /// The group at `path`, which is made where there is none.
    ///
    /// # Errors
    ///
    /// A dataset in the way.
    pub fn group(&mut self, path: &str) -> Result<&mut Self, ContainerError> {
        let mut group = self;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            if group.datasets.contains_key(name) {
                return Err(in_the_way(path, "a dataset where a group should be"));
            }
            group = group.groups.entry(name.to_owned()).or_default();
        }
        Ok(group)
    }

    /// Puts a tensor at `path`. A dataset of the same shape that is there keeps its attributes and the
    /// way it is stored.
    ///
    /// # Errors
    ///
    /// A dataset where a group should be, or the other way round.
    pub fn put(&mut self, path: &str, tensor: StoredTensor) -> Result<(), ContainerError> {
        let (group, name) = path.rsplit_once('/').unwrap_or(("", path));
        let group = self.group(group)?;
        if name.is_empty() || group.groups.contains_key(name) {
            return Err(in_the_way(path, "a group where a dataset should be"));
        }
        match group.datasets.get_mut(name) {
            Some(dataset) if dataset.tensor.shape() == tensor.shape() => dataset.tensor = tensor,
            _ => drop(group.datasets.insert(name.to_owned(), Dataset::new(tensor))),
        }
        Ok(())
    }

    /// Gives the group a list of strings, cut into `name0`, `name1`, … as Keras does where it is too long
    /// for one attribute. An older one goes.
    pub fn set_list(&mut self, name: &str, strings: &[String]) {
        let is_part = |key: &str| {
            let number = key.strip_prefix(name);
            number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        self.attributes.retain(|key, _| !is_part(key));
        // NumPy gives each string the room of the longest.
        let width = strings.iter().map(String::len).max().unwrap_or(0).max(1);
        let mut count = 1;
        while strings.len().div_ceil(count) > (LONGEST_LIST / width).max(1) {
            count += 1;
        }
        if count == 1 {
            let value = AttributeValue::list(strings);
            self.attributes.insert(name.to_owned(), value);
            return;
        }
        // As `numpy.array_split`: the first parts have one more.
        let (size, longer) = (strings.len() / count, strings.len() % count);
        let mut rest = strings;
        for part in 0..count {
            let (strings, behind) = rest.split_at(size + usize::from(part < longer));
            let value = AttributeValue::list(strings);
            self.attributes.insert(format!("{name}{part}"), value);
            rest = behind;
        }
    }

    /// Writes a new file at `path`, one tensor in memory at a time, those in chunks all at once.
    ///
    /// # Errors
    ///
    /// A tensor that cannot be read, or a file that exists or cannot be written; an unfinished file
    /// may stay behind.
    pub fn write_new(&self, path: &Path) -> Result<(), super::WriteError> {
        super::create(path, |to, folder| self.write(to, folder))
    }

    /// Writes the file to `to`; `scratch` is a folder where there is room for it.
    pub(super) fn write(&self, to: &mut dyn Write, scratch: &Path) -> Result<(), Failure> {
        self.filled(scratch)?.write(to)
    }

    /// The file, without the elements of its tensors, and those to be put into their places: HDF5's
    /// writer wants all elements in memory, and zeros take none.
    pub(super) fn filled(&self, scratch: &Path) -> Result<Patched, Failure> {
        let mut builder = FileBuilder::new();
        let mut in_place = BTreeMap::new();
        self.fill("", &mut builder, &mut in_place)?;
        let skeleton = tempfile::NamedTempFile::new_in(scratch)?;
        builder.finish_to(skeleton.as_file())?;
        let file = H5File::open(skeleton.path())?;
        match Patched::new(&file, &in_place)? {
            Some(patched) => Ok(patched.of_skeleton(skeleton.into_temp_path())),
            None => Err(Failure::Format("a tensor without a place".into())),
        }
    }

    fn fill(
        &self,
        path: &str,
        to: &mut impl Members,
        in_place: &mut BTreeMap<String, StoredTensor>,
    ) -> Result<(), Failure> {
        for (name, value) in &self.attributes {
            to.attribute(name, value.0.clone());
        }
        for (name, dataset) in &self.datasets {
            let path = walk::join(path, name);
            let tensor = &dataset.tensor;
            let elements = if dataset.chunks.is_some() {
                tensor.read()?.into_owned()
            } else {
                in_place.insert(path, tensor.clone());
                vec![0; tensor.byte_len()]
            };
            describe(to.dataset(name), dataset, elements)?;
        }
        for (name, group) in &self.groups {
            let mut builder = to.group(name);
            group.fill(&walk::join(path, name), &mut builder, in_place)?;
            to.add(builder.finish());
        }
        Ok(())
    }
}

fn attributes(raw: RawAttributes) -> BTreeMap<String, AttributeValue> {
    raw.into_iter()
        .map(|(name, value)| (name, AttributeValue(value)))
        .collect()
}

fn in_the_way(path: &str, reason: &str) -> ContainerError {
    ContainerError::Malformed {
        file: "the file to be written".to_owned(),
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

/// What the HDF5 crate's builders of files and groups have in common.
trait Members {
    fn attribute(&mut self, name: &str, value: AttrValue);
    fn dataset(&mut self, name: &str) -> &mut DatasetBuilder;
    fn group(&mut self, name: &str) -> GroupBuilder;
    fn add(&mut self, group: FinishedGroup);
}

macro_rules! members {
    ($builder:ty) => {
        impl Members for $builder {
            fn attribute(&mut self, name: &str, value: AttrValue) {
                self.set_attr(name, value);
            }

            fn dataset(&mut self, name: &str) -> &mut DatasetBuilder {
                self.create_dataset(name)
            }

            fn group(&mut self, name: &str) -> GroupBuilder {
                self.create_group(name)
            }

            fn add(&mut self, group: FinishedGroup) {
                self.add_group(group);
            }
        }
    };
}

members!(FileBuilder);
members!(GroupBuilder);

/// HDF5's numbers of filters.
const DEFLATE: u16 = 1;
const SHUFFLE: u16 = 2;
const FLETCHER32: u16 = 3;
/// h5py's own.
const LZF: u16 = 32_000;
/// zlib's own choice, and h5py's.
const DEFLATE_LEVEL: u32 = 4;

fn describe(to: &mut DatasetBuilder, dataset: &Dataset, elements: Vec<u8>) -> Result<(), Failure> {
    let Dataset {
        tensor,
        attributes,
        chunks,
    } = dataset;
    let shape: Vec<u64> = tensor.shape().iter().map(|axis| *axis as u64).collect();
    to.with_raw_data(datatype(tensor.dtype())?, elements, tensor.len() as u64);
    to.with_shape(&shape);
    if let Some(chunks) = chunks {
        to.with_chunks(&chunks.shape);
        for filter in &chunks.filters {
            match *filter {
                DEFLATE => to.with_deflate(DEFLATE_LEVEL),
                SHUFFLE => to.with_shuffle(),
                FLETCHER32 => to.with_fletcher32(),
                LZF => to.with_lzf(),
                other => {
                    let path = tensor.path();
                    return Err(Failure::Format(format!("{path:?} has the filter {other}")));
                }
            };
        }
    }
    if tensor.dtype() == Dtype::Bf16 && !attributes.contains_key("dtype") {
        to.set_attr("dtype", AttrValue::VarLenString("bfloat16".into()));
    }
    for (name, value) in attributes {
        to.set_attr(name, value.0.clone());
    }
    Ok(())
}

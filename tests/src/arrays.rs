//! NumPy's `.npz` files.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, TensorData};
use burn_keras::Value;
use npyz::npz::NpzArchive;
use npyz::{NpyFile, Order};

/// An array with its values as they are in the file.
#[derive(Clone, Debug)]
pub struct Array(pub TensorData);

impl Array {
    /// The size of each axis.
    pub fn shape(&self) -> Vec<usize> {
        self.0.shape().to_vec()
    }

    /// The values; booleans are 0 and 1.
    pub fn values(&self) -> Vec<f64> {
        self.0.iter::<f64>().collect()
    }

    /// The sample `index` alone, as a batch of one.
    pub fn sample(&self, index: usize) -> Self {
        let (bytes, shape, dtype) = self.0.clone().into_parts();
        let mut shape = shape.to_vec();
        let length = bytes.len() / shape[0];
        shape[0] = 1;
        let bytes = bytes[index * length..(index + 1) * length].to_vec();
        let bytes = burn::tensor::Bytes::from_bytes_vec(bytes);
        Self(TensorData::from_bytes(bytes, shape, dtype))
    }

    /// A tensor on `device`.
    pub fn value(&self, device: &Device) -> Value {
        Value::from_data(self.0.clone(), device).unwrap()
    }
}

/// The numeric arrays of a file, by name.
#[derive(Clone, Debug)]
pub struct Npz(BTreeMap<String, Array>);

impl Npz {
    /// Reads the file at `path`; arrays of strings are left out.
    pub fn open(path: &Path) -> Self {
        let mut archive = NpzArchive::open(path).unwrap();
        let names: Vec<String> = archive.array_names().map(str::to_owned).collect();
        let arrays = names.into_iter().filter_map(|name| {
            let array = read(archive.by_name(&name).unwrap()?)?;
            Some((name, array))
        });
        Self(arrays.collect())
    }

    /// The array `name`.
    pub fn array(&self, name: &str) -> &Array {
        self.get(name).unwrap_or_else(|| panic!("no array {name}"))
    }

    /// The array `name`, if there is one.
    pub fn get(&self, name: &str) -> Option<&Array> {
        self.0.get(name)
    }

    /// The names of all arrays.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The arrays `prefix_0`, `prefix_1`, ….
    pub fn numbered(&self, prefix: &str) -> Vec<Array> {
        let names = (0..).map(|index| format!("{prefix}_{index}"));
        names.map_while(|name| self.0.get(&name).cloned()).collect()
    }
}

/// The arrays of a reference file: `input_0`, …, `output_0`, ….
#[derive(Clone, Debug)]
pub struct Arrays {
    /// The inputs, in the model's order.
    pub inputs: Vec<Array>,
    /// The outputs, in the model's order.
    pub outputs: Vec<Array>,
}

impl Arrays {
    /// Reads the file at `path`.
    pub fn open(path: &Path) -> Self {
        let npz = Npz::open(path);
        Self {
            inputs: npz.numbered("input"),
            outputs: npz.numbered("output"),
        }
    }

    /// How many samples there are.
    pub fn batch(&self) -> usize {
        self.inputs[0].shape()[0]
    }

    /// The sample `index` alone.
    pub fn sample(&self, index: usize) -> Self {
        let only = |arrays: &[Array]| arrays.iter().map(|array| array.sample(index)).collect();
        Self {
            inputs: only(&self.inputs),
            outputs: only(&self.outputs),
        }
    }
}

fn read<R: std::io::Read>(file: NpyFile<R>) -> Option<Array> {
    assert_eq!(file.order(), Order::C);
    let shape: Vec<usize> = file.shape().iter().map(|size| *size as usize).collect();
    let descr = file.dtype().descr();
    let data = match descr.trim_matches('\'') {
        "<f4" => TensorData::new(file.into_vec::<f32>().unwrap(), shape),
        "<f8" => TensorData::new(file.into_vec::<f64>().unwrap(), shape),
        "<i4" => TensorData::new(file.into_vec::<i32>().unwrap(), shape),
        "<i8" => TensorData::new(file.into_vec::<i64>().unwrap(), shape),
        "|b1" => TensorData::new(file.into_vec::<bool>().unwrap(), shape),
        "|u1" => TensorData::new(file.into_vec::<u8>().unwrap(), shape),
        text if text.contains('U') => return None,
        other => panic!("arrays of type {other}"),
    };
    Some(Array(data))
}

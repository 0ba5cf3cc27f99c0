//! Copies of HDF5 files with other tensors in them, and new files.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hdf5::{AttrValue, Datatype, DatatypeByteOrder, FileBuilder};
use keras_ir::container::{Container, Dtype, H5File, StoredTensor};
use keras_ir::writer::{AttributeValue, Changes, Original, Tree, WriteError};

const DTYPES: [Dtype; 13] = [
    Dtype::F16,
    Dtype::Bf16,
    Dtype::F32,
    Dtype::F64,
    Dtype::I8,
    Dtype::I16,
    Dtype::I32,
    Dtype::I64,
    Dtype::U8,
    Dtype::U16,
    Dtype::U32,
    Dtype::U64,
    Dtype::Bool,
];

fn tensor(shape: &[usize], dtype: Dtype, values: &[f64]) -> StoredTensor {
    StoredTensor::from_parts("new", shape, dtype, dtype.from_f64(values)).unwrap()
}

fn changes(tensors: &[(&str, StoredTensor)]) -> Changes {
    let tensors = tensors.iter().cloned();
    Changes {
        tensors: tensors
            .map(|(path, tensor)| (path.to_owned(), tensor))
            .collect(),
        lists: BTreeMap::new(),
    }
}

/// A file of weights with a tensor in one piece, one that is compressed, one with the highest byte first
/// and an attribute of each kind.
fn weights(folder: &Path) -> PathBuf {
    let mut file = FileBuilder::new();
    file.set_attr("format", AttrValue::VarLenString("keras".into()));
    file.set_attr("count", AttrValue::I64(3));
    let mut layers = file.create_group("layers");
    layers.set_attr("rate", AttrValue::F64Array(vec![0.5, 0.25]));
    layers
        .create_dataset("plain")
        .with_f32_data(&[1.0, 2.0, 3.0])
        .set_attr("unit", AttrValue::AsciiString("m".into()));
    layers
        .create_dataset("compressed")
        .with_f32_data(&[0.5; 600])
        .with_shape(&[20, 30])
        .with_chunks(&[8, 30])
        .with_shuffle()
        .with_deflate(6)
        .set_attr("unit", AttrValue::AsciiString("s".into()));
    let Datatype::FloatingPoint { size, layout, .. } = hdf5::make_f32_type() else {
        unreachable!("a float");
    };
    let byte_order = DatatypeByteOrder::BigEndian;
    let big_endian = Datatype::FloatingPoint {
        size,
        byte_order,
        layout,
    };
    let bytes = [7.0_f32, 8.0].iter().flat_map(|value| value.to_be_bytes());
    layers
        .create_dataset("big_endian")
        .with_raw_data(big_endian, bytes.collect(), 2);
    file.add_group(layers.finish());
    let path = folder.join("original.weights.h5");
    file.write(&path).unwrap();
    path
}

fn read(path: &Path, dataset: &str) -> Vec<f32> {
    let file = H5File::open(path).unwrap();
    file.tensor(dataset).unwrap().read_f32().unwrap()
}

#[test]
fn elements_change_in_their_places_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = weights(folder.path());
    let original = Original::open(&path).unwrap();
    let copy = folder.path().join("copy.weights.h5");
    let changed = changes(&[
        ("layers/plain", tensor(&[3], Dtype::F32, &[4.0, 5.0, 6.0])),
        ("layers/big_endian", tensor(&[2], Dtype::F32, &[9.0, 10.0])),
    ]);
    original.copy(&copy, &changed).unwrap();
    assert_eq!(read(&copy, "layers/plain"), [4.0, 5.0, 6.0]);
    assert_eq!(read(&copy, "layers/big_endian"), [9.0, 10.0]);
    let (before, after) = (fs::read(&path).unwrap(), fs::read(&copy).unwrap());
    assert_eq!(before.len(), after.len());
    let changed = before.iter().zip(&after).filter(|(a, b)| a != b).count();
    assert!(changed <= 5 * size_of::<f32>(), "{changed}");
}

#[test]
fn what_has_no_place_is_written_anew_with_all_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = weights(folder.path());
    let original = Original::open(&path).unwrap();
    let copy = folder.path().join("copy.weights.h5");
    let values: Vec<f64> = (0..600).map(f64::from).collect();
    let changed = changes(&[
        ("layers/compressed", tensor(&[20, 30], Dtype::F32, &values)),
        ("layers/dense/new", tensor(&[], Dtype::I64, &[5.0])),
    ]);
    original.copy(&copy, &changed).unwrap();
    assert_eq!(read(&copy, "layers/plain"), [1.0, 2.0, 3.0]);
    assert_eq!(read(&copy, "layers/big_endian"), [7.0, 8.0]);
    assert_eq!(read(&copy, "layers/dense/new"), [5.0]);
    let expected: Vec<f32> = (0..600_u16).map(f32::from).collect();
    assert_eq!(read(&copy, "layers/compressed"), expected);

    let [before, after] = [&path, &copy].map(|path| hdf5::File::open(path).unwrap());
    for group in ["/", "/layers"] {
        let attributes = |file: &hdf5::File| file.group(group).unwrap().attrs().unwrap();
        assert_eq!(attributes(&before), attributes(&after));
    }
    for name in ["/layers/plain", "/layers/compressed"] {
        let [before, after] = [&before, &after].map(|file| file.dataset(name).unwrap());
        assert_eq!(before.attrs().unwrap(), after.attrs().unwrap());
        assert_eq!(before.filters(), after.filters());
        assert_eq!(before.chunk_shape().unwrap(), after.chunk_shape().unwrap());
    }
}

#[test]
fn a_new_file_holds_every_type() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.h5");
    let mut file = Tree::default();
    file.attributes
        .insert("model_config".into(), AttributeValue::text("{\"ü\": 1}"));
    for dtype in DTYPES {
        let values = if dtype == Dtype::Bool {
            [0.0, 1.0]
        } else {
            [3.0, 7.0]
        };
        let path = format!("layers/{dtype}/vars/0");
        file.put(&path, tensor(&[2, 1], dtype, &values)).unwrap();
    }
    file.put("empty", tensor(&[0, 4], Dtype::F32, &[])).unwrap();
    file.put("number", tensor(&[], Dtype::I32, &[9.0])).unwrap();
    file.write_new(&path).unwrap();

    let read = H5File::open(&path).unwrap();
    let config = read.string_attribute("/", "model_config").unwrap();
    assert_eq!(config.as_deref(), Some("{\"ü\": 1}"));
    for dtype in DTYPES {
        let found = read.tensor(&format!("layers/{dtype}/vars/0")).unwrap();
        let expected = if dtype == Dtype::Bool {
            [0.0, 1.0]
        } else {
            [3.0, 7.0]
        };
        assert_eq!((found.dtype(), found.shape()), (dtype, &[2, 1][..]));
        assert_eq!(found.read_f64().unwrap(), expected);
    }
    assert_eq!(read.tensor("empty").unwrap().shape(), [0, 4]);
    assert_eq!(read.tensor("number").unwrap().read_f32().unwrap(), [9.0]);
    // The same tree gives the same bytes.
    let again = folder.path().join("again.h5");
    file.write_new(&again).unwrap();
    assert_eq!(fs::read(path).unwrap(), fs::read(again).unwrap());
}

#[test]
fn long_lists_are_cut_as_keras_cuts_them() {
    let folder = tempfile::tempdir().unwrap();
    for count in [0, 1, 100, 5_000] {
        let names: Vec<String> = (0..count)
            .map(|index| format!("a_layer_with_a_long_name_{index}/kernel:0"))
            .collect();
        let mut file = Tree::default();
        // An older list goes, whole or in parts.
        let group = file.group("model_weights").unwrap();
        group.set_list("layer_names", &["old".to_owned()]);
        group
            .attributes
            .insert("layer_names7".into(), AttributeValue::text("old"));
        group.set_list("layer_names", &names);
        let path = folder.path().join(format!("{count}.h5"));
        file.write_new(&path).unwrap();
        let read = H5File::open(&path).unwrap();
        let found = read.string_list_attribute("model_weights", "layer_names");
        assert_eq!(found.unwrap(), Some(names));
        let parts = read.attributes("model_weights").unwrap();
        // 35 bytes each, 64,512 to an attribute
        assert_eq!(parts.len(), if count == 5_000 { 3 } else { 1 });
    }
}

#[test]
fn files_that_cannot_be_written_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = weights(folder.path());
    let original = Original::open(&path).unwrap();
    let unchanged = Changes::default();
    for name in ["copy.h5", "copy.keras", "copy", "weights.h5"] {
        let error = original
            .copy(&folder.path().join(name), &unchanged)
            .unwrap_err();
        assert!(error.to_string().contains(".weights.h5"), "{error}");
    }
    let error = original.copy(&path, &unchanged).unwrap_err();
    assert!(matches!(error, WriteError::Io { .. }), "{error}");
    let in_the_way = changes(&[("layers/plain/vars/0", tensor(&[], Dtype::F32, &[1.0]))]);
    let copy = folder.path().join("copy.weights.h5");
    let error = original.copy(&copy, &in_the_way).unwrap_err().to_string();
    assert!(
        error.contains("a dataset where a group should be"),
        "{error}"
    );
}

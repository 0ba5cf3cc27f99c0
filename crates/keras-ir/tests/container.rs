//! HDF5 containers: what is read, what is refused, and that nothing takes the reader down.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use hdf5::{
    AttrValue, Datatype, DatatypeByteOrder, EnumTypeBuilder, FileBuilder, FloatingPointLayout,
    Layout, make_f32_type,
};
use keras_ir::container::{
    Attribute, ByteView, Children, Container, ContainerError, Dtype, H5File, StoredTensor,
};

// === Files to read ===

fn build(fill: impl FnOnce(&mut FileBuilder)) -> H5File {
    H5File::from_bytes("test.h5", build_bytes(fill)).unwrap()
}

fn build_bytes(fill: impl FnOnce(&mut FileBuilder)) -> Vec<u8> {
    let mut builder = FileBuilder::new();
    fill(&mut builder);
    builder.finish().unwrap()
}

fn owned(strings: &[&str]) -> Vec<String> {
    strings.iter().map(|&string| string.to_owned()).collect()
}

/// Models that Keras itself has written, in HDF5's old format: nothing there has a checksum.
fn models() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    let mut folders = vec![root.join("models/keras"), root.join("tests/fixtures")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("errors") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "h5") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no models below {}", root.display());
    found
}

fn model(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/keras");
    fs::read(root.join(name)).unwrap()
}

/// Replaces every occurrence of `from`.
fn patch(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let found: Vec<usize> = (0..bytes.len() - from.len())
        .filter(|&at| bytes[at..].starts_with(from))
        .collect();
    assert!(!found.is_empty(), "nothing to patch");
    for at in found {
        bytes[at..at + from.len()].copy_from_slice(to);
    }
}

fn le(numbers: &[u64]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

// === Groups and paths ===

#[test]
fn a_name_with_slashes_is_a_path() {
    let file = build(|file| {
        let mut scope = file.create_group("scope");
        let mut layer = scope.create_group("dense");
        layer.create_dataset("kernel:0").with_f32_data(&[1.0]);
        scope.add_group(layer.finish());
        file.add_group(scope.finish());
    });
    assert!(file.has_group("scope/dense"));
    assert!(file.has_group("/scope//dense/"));
    assert!(file.has_group("") && file.has_group("/"));
    assert!(file.has_dataset("scope/dense/kernel:0"));
    assert!(!file.has_dataset("scope/dense") && !file.has_group("scope/dense/kernel:0"));
    let expected = Children {
        groups: owned(&["dense"]),
        datasets: Vec::new(),
    };
    assert_eq!(file.children("scope").unwrap(), expected);
    assert_eq!(file.name(), "test.h5");
}

#[test]
fn what_is_missing_is_named() {
    let file = build(|file| {
        file.create_dataset("x").with_f32_data(&[1.0]);
    });
    let error = file.tensor("a/b").unwrap_err();
    assert_eq!(
        error.to_string(),
        "test.h5: no group at \"a/b\" (links to other objects or files are not followed)"
    );
    let error = file.tensor("y").unwrap_err();
    assert!(matches!(
        error,
        ContainerError::MissingObject {
            expected: "dataset",
            ..
        }
    ));
    let error = file.attributes("y").unwrap_err();
    assert!(matches!(error, ContainerError::MissingObject { .. }));
    let error = file.tensor(&"a/".repeat(100_000)).unwrap_err();
    assert!(matches!(error, ContainerError::Malformed { .. }));
}

#[test]
fn every_member_of_a_wide_group_is_found() {
    let file = build(|file| {
        let mut group = file.create_group("vars");
        for index in 0..500 {
            group
                .create_dataset(&index.to_string())
                .with_i32_data(&[index]);
            let inner = group.create_group(&format!("group_{index}"));
            group.add_group(inner.finish());
        }
        file.add_group(group.finish());
    });
    for index in (0..500).rev() {
        let tensor = file.tensor(&format!("vars/{index}")).unwrap();
        assert_eq!(tensor.read_f64().unwrap(), [f64::from(index)]);
        assert!(file.has_group(&format!("vars/group_{index}")));
    }
    assert!(!file.has_dataset("vars/500") && !file.has_group("vars/group_500"));
    assert!(!file.has_dataset("vars/group_0") && !file.has_group("vars/0"));
}

#[test]
fn soft_links_are_refused_and_their_neighbours_read() {
    let mut bytes = model("chain_k2.h5");
    let file = H5File::from_bytes("chain.h5", bytes.clone()).unwrap();
    let groups = file.children("model_weights").unwrap().groups;
    assert!(groups.len() > 2, "{groups:?}");
    // The entries of an old-style group: name, address, kind, 20 bytes more. Kind 2 is a soft link.
    let tables = (0..bytes.len() - 8).filter(|&at| bytes[at..].starts_with(b"SNOD"));
    let table = tables.max_by_key(|&at| bytes[at + 6]).unwrap();
    let link = table + 8;
    bytes[link + 8..link + 16].fill(0xff);
    bytes[link + 16..link + 20].copy_from_slice(&[2, 0, 0, 0]);
    let file = H5File::from_bytes("links.h5", bytes).unwrap();
    // More often than it takes to try and list the group.
    for _ in 0..20 {
        let (links, others): (Vec<_>, Vec<_>) = groups
            .iter()
            .map(|group| file.attributes(&format!("model_weights/{group}")))
            .partition(|read| read.is_err());
        assert_eq!((links.len(), others.len()), (1, groups.len() - 1));
        let error = links.into_iter().next().unwrap().unwrap_err();
        assert!(error.to_string().contains("soft link"), "{error}");
    }
}

// === Attributes ===

#[test]
fn strings_of_every_kind() {
    let file = build(|file| {
        let text = || "text".to_owned();
        file.set_attr("vlen", AttrValue::VarLenString("ünï".to_owned()));
        file.set_attr("vlen_ascii", AttrValue::VarLenAsciiString(text()));
        file.set_attr(
            "vlen_nul",
            AttrValue::VarLenAsciiString("text\0\0x".to_owned()),
        );
        file.set_attr("fixed", AttrValue::String("ünï".to_owned()));
        file.set_attr("fixed_ascii", AttrValue::AsciiString(text()));
        file.set_attr("padded", AttrValue::ascii_string_sized(text(), 64).unwrap());
        file.set_attr("empty", AttrValue::VarLenString(String::new()));
        file.set_attr("array_of_one", AttrValue::AsciiStringArray(vec![text()]));
        file.set_attr("number", AttrValue::I64(3));
        file.set_attr("two", AttrValue::AsciiStringArray(owned(&["a", "b"])));
    });
    let string = |name| file.string_attribute("", name).unwrap();
    for (name, value) in [
        ("vlen", "ünï"),
        ("vlen_ascii", "text"),
        ("vlen_nul", "text"),
        ("fixed", "ünï"),
        ("fixed_ascii", "text"),
        ("padded", "text"),
        ("empty", ""),
        ("array_of_one", "text"),
    ] {
        assert_eq!(string(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(string("absent"), None);
    for name in ["number", "two"] {
        let error = file.string_attribute("", name).unwrap_err();
        assert!(
            matches!(error, ContainerError::WrongAttributeType { .. }),
            "{error}"
        );
    }
    let attributes = file.attributes("/").unwrap();
    assert_eq!(attributes["number"], Attribute::Numbers(vec![3.0]));
}

#[test]
fn fixed_strings_of_every_padding() {
    // Names of 473 bytes at most, padded with NULs: class and version, padding, size.
    let kind = |padding| [0x13, padding, 0, 0, 0xd9, 1, 0, 0];
    let read = |bytes| {
        let file = H5File::from_bytes("padded.h5", bytes).unwrap();
        let names = file.string_list_attribute("model_weights/inner", "weight_names");
        names.unwrap().unwrap()
    };
    let path = "../../tests/fixtures/structure/chunked_weight_names_k2.h5";
    let original = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let names = read(original.clone());
    assert!(names.len() == 140 && names.iter().any(|name| name.len() < 473));

    let mut terminated = original.clone();
    patch(&mut terminated, &kind(1), &kind(0));
    assert_eq!(read(terminated), names);

    let mut spaced = original;
    patch(&mut spaced, &kind(1), &kind(2));
    for name in &names {
        let padded = |padding| [name.as_bytes(), &vec![padding; 473 - name.len()]].concat();
        patch(&mut spaced, &padded(0), &padded(b' '));
    }
    assert_eq!(read(spaced), names);
}

#[test]
fn long_attributes() {
    let config = "{".repeat(2_000_000);
    let fixed = "x".repeat(100_000);
    let names: Vec<String> = (0..3000).map(|index| format!("layer_{index}")).collect();
    let file = build(|file| {
        file.set_attr("model_config", AttrValue::VarLenString(config.clone()));
        file.set_attr("fixed", AttrValue::AsciiString(fixed.clone()));
        file.set_attr(
            "layer_names",
            AttrValue::VarLenAsciiStringArray(names.clone()),
        );
        file.create_dataset("x").with_f32_data(&[1.0]);
    });
    assert_eq!(
        file.string_attribute("", "model_config").unwrap(),
        Some(config)
    );
    assert_eq!(file.string_attribute("", "fixed").unwrap(), Some(fixed));
    assert_eq!(
        file.string_list_attribute("", "layer_names").unwrap(),
        Some(names)
    );
}

#[test]
fn lists_in_parts_are_joined_in_numeric_order() {
    let file = build(|file| {
        for part in 0..12 {
            let name = format!("weight_names{part}");
            let strings = vec![format!("a{part}"), format!("b{part}")];
            file.set_attr(&name, AttrValue::AsciiStringArray(strings));
        }
        file.set_attr("weight_names_of_something", AttrValue::I64(1));
        file.set_attr("whole", AttrValue::VarLenStringArray(owned(&["x"])));
        file.set_attr("whole0", AttrValue::VarLenStringArray(owned(&["ignored"])));
        file.set_attr("gap0", AttrValue::AsciiStringArray(owned(&["x"])));
        file.set_attr("gap2", AttrValue::AsciiStringArray(owned(&["x"])));
        file.set_attr("empty", AttrValue::F64Array(Vec::new()));
        file.set_attr("numbers", AttrValue::F64Array(vec![1.0]));
    });
    let list = |name| file.string_list_attribute("", name);
    let joined: Vec<String> = (0..12)
        .flat_map(|part| [format!("a{part}"), format!("b{part}")])
        .collect();
    assert_eq!(list("weight_names").unwrap(), Some(joined));
    assert_eq!(list("whole").unwrap(), Some(owned(&["x"])));
    assert_eq!(list("empty").unwrap(), Some(Vec::new()));
    assert_eq!(list("absent").unwrap(), None);
    let gap = list("gap").unwrap_err();
    assert_eq!(gap.to_string(), "test.h5: \"\" has no attribute \"gap1\"");
    let numbers = list("numbers").unwrap_err();
    assert_eq!(
        numbers.to_string(),
        "test.h5: attribute \"numbers\" of \"\" must be a list of strings, found 1 numbers"
    );
}

#[test]
fn attributes_of_a_dataset() {
    let file = build(|file| {
        let dataset = file.create_dataset("x").with_f32_data(&[1.0]);
        dataset.set_attr("unit", AttrValue::VarLenString("m".to_owned()));
    });
    assert_eq!(
        file.string_attribute("x", "unit").unwrap().as_deref(),
        Some("m")
    );
}

// === Tensors ===

const HALF: FloatingPointLayout = FloatingPointLayout {
    bit_offset: 0,
    bit_precision: 16,
    exponent_location: 10,
    exponent_size: 5,
    mantissa_location: 0,
    mantissa_size: 10,
    exponent_bias: 15,
};

fn float(size: u32, layout: FloatingPointLayout) -> Datatype {
    Datatype::FloatingPoint {
        size,
        byte_order: DatatypeByteOrder::LittleEndian,
        layout,
    }
}

fn enumeration(names: [&str; 2]) -> Datatype {
    let [zero, one] = names;
    let builder = EnumTypeBuilder::u8_based()
        .u8_value(zero, 0)
        .u8_value(one, 1);
    builder.build().unwrap()
}

#[test]
fn numbers_of_every_type() {
    let file = build(|file| {
        file.create_dataset("float32").with_f32_data(&[1.5, -2.0]);
        file.create_dataset("float64").with_f64_data(&[1.5, -2.0]);
        file.create_dataset("int8").with_i8_data(&[1, -2]);
        file.create_dataset("int16").with_i16_data(&[1, -2]);
        file.create_dataset("int32").with_i32_data(&[1, -2]);
        file.create_dataset("int64").with_i64_data(&[1, -2]);
        file.create_dataset("uint8").with_u8_data(&[1, 2]);
        file.create_dataset("uint16").with_u16_data(&[1, 2]);
        file.create_dataset("uint32").with_u32_data(&[1, 2]);
        file.create_dataset("uint64").with_u64_data(&[1, 2]);
        let bool = enumeration(["FALSE", "TRUE"]);
        file.create_dataset("bool").with_enum_u8_data(bool, &[1, 0]);
        let half = vec![0x00, 0x3e, 0x00, 0xc0];
        file.create_dataset("float16")
            .with_raw_data(float(2, HALF), half, 2);
    });
    for (name, values) in [
        ("float32", [1.5, -2.0]),
        ("float64", [1.5, -2.0]),
        ("float16", [1.5, -2.0]),
        ("int8", [1.0, -2.0]),
        ("int16", [1.0, -2.0]),
        ("int32", [1.0, -2.0]),
        ("int64", [1.0, -2.0]),
        ("uint8", [1.0, 2.0]),
        ("uint16", [1.0, 2.0]),
        ("uint32", [1.0, 2.0]),
        ("uint64", [1.0, 2.0]),
        ("bool", [1.0, 0.0]),
    ] {
        let tensor = file.tensor(name).unwrap();
        assert_eq!(tensor.dtype().to_string(), name);
        assert_eq!(tensor.path(), name);
        assert_eq!(tensor.shape(), [2]);
        assert_eq!(tensor.byte_len(), 2 * tensor.dtype().size());
        assert_eq!(tensor.read_f64().unwrap(), values, "{name}");
        assert_eq!(
            tensor.read_f32().unwrap(),
            values.map(|value| value as f32),
            "{name}"
        );
    }
}

#[test]
fn bfloat16_as_keras_and_as_hdf5_write_it() {
    let bytes = vec![0xc0, 0x3f, 0x00, 0xc0];
    let tag = Vec::new();
    let opaque = Datatype::Opaque { size: 2, tag };
    let native = FloatingPointLayout {
        exponent_location: 7,
        exponent_size: 8,
        mantissa_size: 7,
        exponent_bias: 127,
        ..HALF
    };
    let file = build(|file| {
        let mut dataset = |name, datatype: &Datatype, dtype: Option<&str>| {
            let dataset = file.create_dataset(name);
            dataset.with_raw_data(datatype.clone(), bytes.clone(), 2);
            if let Some(dtype) = dtype {
                dataset.set_attr("dtype", AttrValue::VarLenString(dtype.to_owned()));
            }
        };
        dataset("keras", &opaque, Some("bfloat16"));
        dataset("native", &float(2, native), None);
        dataset("untold", &opaque, None);
        dataset("other", &opaque, Some("float8"));
    });
    for name in ["keras", "native"] {
        let tensor = file.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), Dtype::Bf16);
        assert_eq!(tensor.read().unwrap().as_ref(), bytes);
        assert_eq!(tensor.read_f32().unwrap(), [1.5, -2.0]);
    }
    for (name, found) in [("untold", "opaque[2]"), ("other", "tagged \"float8\"")] {
        let error = file.tensor(name).unwrap_err();
        assert!(matches!(error, ContainerError::UnsupportedDtype { .. }));
        assert!(error.to_string().contains(found), "{error}");
    }
}

#[test]
fn types_that_keras_never_writes_are_refused() {
    let file = build(|file| {
        file.create_dataset("strings").with_vlen_strings(&["a"]);
        file.create_dataset("complex")
            .with_complex32_data(&[(1.0, 2.0)]);
        let colours = enumeration(["RED", "BLUE"]);
        file.create_dataset("colours")
            .with_enum_u8_data(colours, &[1, 0]);
        let odd = FloatingPointLayout {
            exponent_bias: 120,
            ..FloatingPointLayout::IEEE754_BINARY32
        };
        file.create_dataset("bias")
            .with_raw_data(float(4, odd), vec![0; 4], 1);
    });
    for name in ["strings", "complex", "colours", "bias"] {
        let error = file.tensor(name).unwrap_err();
        assert!(
            matches!(error, ContainerError::UnsupportedDtype { .. }),
            "{name}: {error}"
        );
    }
    assert!(
        file.tensor("bias")
            .unwrap_err()
            .to_string()
            .contains("IEEE 754")
    );
}

#[test]
fn big_endian_elements_are_turned() {
    let mut big = make_f32_type();
    if let Datatype::FloatingPoint { byte_order, .. } = &mut big {
        *byte_order = DatatypeByteOrder::BigEndian;
    }
    let bytes: Vec<u8> = [1.5_f32, -2.0]
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .collect();
    let file = build(|file| {
        file.create_dataset("plain")
            .with_raw_data(big.clone(), bytes.clone(), 2);
        let packed = file.create_dataset("packed");
        packed.with_raw_data(big.clone(), bytes.clone(), 2);
        packed.with_chunks(&[2]).with_shuffle().with_deflate(6);
    });
    for name in ["plain", "packed"] {
        assert_eq!(
            file.tensor(name).unwrap().read_f32().unwrap(),
            [1.5, -2.0],
            "{name}"
        );
    }
}

#[test]
fn plain_tensors_are_borrowed_from_the_file() {
    let values: Vec<f32> = (0_u8..12).map(f32::from).collect();
    let bytes = build_bytes(|file| {
        file.create_dataset("x")
            .with_f32_data(&values)
            .with_shape(&[3, 4]);
        file.create_dataset("scalar")
            .with_f32_data(&[7.0])
            .with_shape(&[]);
        file.create_dataset("empty")
            .with_f32_data(&[])
            .with_shape(&[0, 4]);
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain.h5");
    fs::write(&path, &bytes).unwrap();
    let mapped = H5File::open(&path).unwrap();
    let in_memory = H5File::from_bytes("plain.h5", bytes).unwrap();
    for file in [mapped, in_memory] {
        let [tensor, scalar, empty] = ["x", "scalar", "empty"].map(|path| file.tensor(path));
        drop(file);
        let (tensor, scalar, empty) = (tensor.unwrap(), scalar.unwrap(), empty.unwrap());
        assert!(matches!(tensor.read().unwrap(), Cow::Borrowed(_)));
        assert_eq!((tensor.shape(), tensor.len()), ([3, 4].as_slice(), 12));
        assert_eq!(tensor.read_f32().unwrap(), values);
        assert_eq!(
            (scalar.shape(), scalar.read_f32().unwrap()),
            ([].as_slice(), vec![7.0])
        );
        assert!(empty.is_empty() && empty.read().unwrap().is_empty());
        assert_eq!(empty.shape(), [0, 4]);
    }
}

#[test]
fn a_file_inside_another_one() {
    let inner = build_bytes(|file| {
        file.create_dataset("x").with_f32_data(&[1.0, 2.0]);
    });
    let archive = [vec![7; 13], inner.clone(), vec![7; 5]].concat();
    let view = ByteView::from_vec(archive);
    assert!(view.slice(13..view.len() + 1).is_none());
    let member = view.slice(13..13 + inner.len()).unwrap();
    let file = H5File::from_view("model.keras/model.weights.h5", member).unwrap();
    assert_eq!(file.tensor("x").unwrap().read_f32().unwrap(), [1.0, 2.0]);
}

#[test]
fn chunks_and_filters() {
    let values: Vec<i32> = (0..1000).collect();
    let names = ["chunks", "deflate", "shuffle", "lzf", "fletcher", "all"];
    let file = build(|file| {
        for name in names {
            let dataset = file.create_dataset(name).with_i32_data(&values);
            let dataset = dataset.with_shape(&[25, 40]).with_chunks(&[7, 11]);
            match name {
                "deflate" => dataset.with_deflate(6),
                "shuffle" => dataset.with_shuffle(),
                "lzf" => dataset.with_lzf(),
                "fletcher" => dataset.with_fletcher32(),
                "all" => dataset.with_shuffle().with_deflate(9).with_fletcher32(),
                _ => dataset,
            };
        }
    });
    let expected: Vec<f64> = values.iter().copied().map(f64::from).collect();
    for name in names {
        let tensor = file.tensor(name).unwrap();
        assert!(matches!(tensor.read().unwrap(), Cow::Owned(_)));
        assert_eq!(tensor.read_f64().unwrap(), expected, "{name}");
    }
}

#[test]
fn tensors_without_a_file() {
    let bytes = vec![1, 0, 2, 0];
    let tensor = StoredTensor::from_parts("x", [2, 1], Dtype::I16, bytes.clone()).unwrap();
    assert_eq!(tensor.read_f64().unwrap(), [1.0, 2.0]);
    assert!(StoredTensor::from_parts("x", [3], Dtype::I16, bytes.clone()).is_err());
    assert!(StoredTensor::from_parts("x", [usize::MAX, 9], Dtype::I16, bytes).is_err());
    let empty = StoredTensor::from_parts("x", [usize::MAX, 0], Dtype::F64, Vec::new());
    assert!(empty.unwrap().is_empty());
}

#[test]
fn files_are_shared_between_threads() {
    fn shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    let values: Vec<f32> = (0_u8..100).map(f32::from).collect();
    let file = build(|file| {
        for index in 0..50 {
            let dataset = file
                .create_dataset(&index.to_string())
                .with_f32_data(&values);
            dataset.with_chunks(&[10]).with_deflate(1);
        }
        file.set_attr("names", AttrValue::VarLenStringArray(owned(&["a", "b"])));
    });
    shared(&file);
    shared(&file.tensor("0").unwrap());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for index in 0..50 {
                    let tensor = file.tensor(&index.to_string()).unwrap();
                    assert_eq!(tensor.read_f32().unwrap(), values);
                    let names = file.string_list_attribute("", "names").unwrap();
                    assert_eq!(names, Some(owned(&["a", "b"])));
                }
            });
        }
    });
}

// === Models of Keras ===

/// Reads whatever a reader of Keras' layout would, and returns the number of weights.
fn read_all(file: &H5File) -> Result<usize, ContainerError> {
    let mut weights = 0;
    let base = if file.has_group("model_weights") {
        "model_weights"
    } else {
        ""
    };
    file.string_attribute("", "model_config")?;
    for layer in file
        .string_list_attribute(base, "layer_names")?
        .unwrap_or_default()
    {
        let group = format!("{base}/{layer}");
        for name in file
            .string_list_attribute(&group, "weight_names")?
            .unwrap_or_default()
        {
            let tensor = file.tensor(&format!("{group}/{name}"))?;
            let elements: usize = tensor.shape().iter().product();
            assert_eq!(tensor.read_f32()?.len(), elements);
            weights += 1;
        }
    }
    Ok(weights)
}

/// What [`visit`] came across.
#[derive(Debug, Default)]
struct Visited {
    read: usize,
    refused: usize,
}

/// Reads every object of a file, up to a limit: groups can contain each other.
fn visit(file: &H5File, path: &str, visited: &mut Visited) {
    if visited.read + visited.refused > 5000 {
        return;
    }
    match file.attributes(path) {
        Ok(_) => visited.read += 1,
        Err(_) => visited.refused += 1,
    }
    let Ok(children) = file.children(path) else {
        visited.refused += 1;
        return;
    };
    for dataset in children.datasets {
        let tensor = file.tensor(&format!("{path}/{dataset}"));
        match tensor.and_then(|tensor| tensor.read_f64()) {
            Ok(_) => visited.read += 1,
            Err(_) => visited.refused += 1,
        }
    }
    if path.split('/').count() < 12 {
        for group in children.groups {
            visit(file, &format!("{path}/{group}"), visited);
        }
    }
}

#[test]
fn models_of_keras_are_read_in_full() {
    for path in models() {
        let file = H5File::open(&path).unwrap();
        let weights = read_all(&file);
        assert!(weights.is_ok(), "{}: {weights:?}", path.display());
        let mut visited = Visited::default();
        visit(&file, "", &mut visited);
        assert!(
            visited.read > 1 && visited.refused == 0,
            "{}: {visited:?}",
            path.display()
        );
    }
}

// === Damaged and hostile files ===

#[test]
fn files_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    assert!(matches!(
        H5File::open(&path),
        Err(ContainerError::Io { .. })
    ));
    assert!(matches!(
        H5File::open(folder.path()),
        Err(ContainerError::Io { .. })
    ));
    for bytes in [b"".as_slice(), b"PK\x03\x04", &[0; 4096]] {
        fs::write(&path, bytes).unwrap();
        assert!(matches!(
            H5File::open(&path),
            Err(ContainerError::NotHdf5 { .. })
        ));
    }
}

#[test]
fn a_truncated_file_is_refused_at_once() {
    let bytes = model("nested_k2.h5");
    for len in [9, 95, 96, 500, bytes.len() / 2, bytes.len() - 1] {
        match H5File::from_bytes("cut.h5", bytes[..len].to_vec()) {
            Err(ContainerError::Truncated {
                expected_bytes,
                found_bytes,
                ..
            }) => assert!(found_bytes == len as u64 && expected_bytes > found_bytes),
            other => panic!("{len}: {other:?}"),
        }
    }
    let longer = [bytes.as_slice(), &[0; 100]].concat();
    assert!(read_all(&H5File::from_bytes("longer.h5", longer).unwrap()).is_ok());
}

/// A matrix in a model of Keras.
struct Matrix {
    file: Vec<u8>,
    path: String,
    shape: Vec<u64>,
    /// Where its elements are and how many bytes they take.
    place: [u64; 2],
}

impl Matrix {
    fn of(name: &str) -> Self {
        let bytes = model(name);
        let file = H5File::from_bytes(name, bytes.clone()).unwrap();
        let layers = file.string_list_attribute("model_weights", "layer_names");
        for layer in layers.unwrap().unwrap() {
            let group = format!("model_weights/{layer}");
            for name in file
                .string_list_attribute(&group, "weight_names")
                .unwrap()
                .unwrap()
            {
                let path = format!("{group}/{name}");
                let reader = hdf5::File::from_bytes(bytes.clone()).unwrap();
                let dataset = reader.dataset(&path).unwrap();
                let (shape, layout) = (dataset.shape().unwrap(), dataset.layout().unwrap());
                let Layout::Contiguous { address, size } = layout else {
                    continue;
                };
                if shape.len() == 2 {
                    return Self {
                        file: bytes,
                        path,
                        shape,
                        place: [address.unwrap(), size],
                    };
                }
            }
        }
        panic!("{name} has no matrix");
    }

    fn patched(mut self, from: &[u8], to: &[u8]) -> Result<StoredTensor, ContainerError> {
        patch(&mut self.file, from, to);
        H5File::from_bytes("patched.h5", self.file)
            .unwrap()
            .tensor(&self.path)
    }
}

#[test]
fn data_outside_the_file() {
    let matrix = Matrix::of("chain_k2.h5");
    let [start, size] = matrix.place;
    for outside in [matrix.file.len() as u64 - size + 1, u64::MAX - 1, 1 << 40] {
        let matrix = Matrix::of("chain_k2.h5");
        let error = matrix
            .patched(&le(&[start, size]), &le(&[outside, size]))
            .unwrap_err();
        let ContainerError::OutOfBounds { start, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(start, outside);
    }
}

#[test]
fn sizes_that_contradict_the_shape() {
    let matrix = Matrix::of("chain_k2.h5");
    let [start, size] = matrix.place;
    let error = matrix
        .patched(&le(&[start, size]), &le(&[start, size - 1]))
        .unwrap_err();
    assert!(matches!(error, ContainerError::Malformed { .. }), "{error}");
}

#[test]
fn shapes_that_no_memory_holds() {
    for axis in [1 << 40, 1 << 62, u64::MAX] {
        let matrix = Matrix::of("chain_k2.h5");
        let shape = matrix.shape.clone();
        let error = matrix
            .patched(&le(&shape), &le(&[axis, shape[1]]))
            .unwrap_err();
        assert!(matches!(error, ContainerError::TooLarge { .. }), "{error}");
    }
}

#[test]
fn a_float_of_another_layout() {
    let ieee = [
        0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0,
    ];
    let mut odd = ieee;
    odd[16] = 120;
    let error = Matrix::of("chain_k2.h5").patched(&ieee, &odd).unwrap_err();
    assert!(
        matches!(error, ContainerError::UnsupportedDtype { .. }),
        "{error}"
    );
}

#[test]
fn an_integer_of_half_a_gibibyte() {
    let mut bytes = model("sgd_k2.h5");
    let int64 = [0x10, 8, 0, 0, 8, 0, 0, 0, 0, 0, 64, 0];
    let mut huge = int64;
    // Times eight bits, that is 64 bits again in 32-bit arithmetic.
    huge[7] = 0x20;
    patch(&mut bytes, &int64, &huge);
    let file = H5File::from_bytes("huge.h5", bytes).unwrap();
    let mut visited = Visited::default();
    visit(&file, "", &mut visited);
    assert!(visited.refused == 1 && visited.read > 10, "{visited:?}");
}

#[test]
fn a_gzip_bomb() {
    let zeros = vec![0_u8; 100 << 20];
    let file = build(|file| {
        let dataset = file.create_dataset("bomb").with_u8_data(&zeros);
        dataset.with_chunks(&[25 << 20]).with_deflate(9);
        // Honest zeros, such as the state of an optimizer that has made no step.
        let dataset = file.create_dataset("zeros").with_u8_data(&zeros[..1 << 20]);
        dataset.with_chunks(&[1 << 20]).with_deflate(9);
    });
    let read = |path| {
        file.tensor(path)
            .and_then(|tensor| Ok(tensor.read()?.len()))
    };
    assert_eq!(read("zeros").unwrap(), 1 << 20);
    let error = read("bomb").unwrap_err();
    assert!(matches!(error, ContainerError::TooLarge { .. }), "{error}");
}

#[test]
fn types_nested_without_end() {
    let deep_stack = thread::Builder::new().stack_size(1 << 30);
    let write = deep_stack.spawn(|| {
        let mut datatype = make_f32_type();
        for _ in 0..8000 {
            datatype = Datatype::VariableLength {
                is_string: false,
                padding: None,
                charset: None,
                base_type: Box::new(datatype),
            };
        }
        build_bytes(|file| {
            file.create_dataset("nested")
                .with_raw_data(datatype, vec![0; 16], 1);
            file.create_dataset("x").with_f32_data(&[1.0]);
        })
    });
    let bytes = write.unwrap().join().unwrap();
    let small_stack = thread::Builder::new().stack_size(2 << 20);
    let read = small_stack.spawn(|| {
        let file = H5File::from_bytes("nested.h5", bytes).unwrap();
        for _ in 0..20 {
            let error = file.tensor("nested").unwrap_err();
            assert!(
                matches!(error, ContainerError::UnsupportedDtype { .. }),
                "{error}"
            );
            assert!(error.to_string().len() < 500);
            assert_eq!(file.tensor("x").unwrap().read_f32().unwrap(), [1.0]);
        }
        assert!(file.attributes("nested").is_ok());
    });
    read.unwrap().join().unwrap();
}

#[test]
fn trees_that_branch_without_end() {
    let mut bytes = model("chain_k2.h5");
    let at = |signature: &[u8]| (0..bytes.len() - 8).find(|&at| bytes[at..].starts_with(signature));
    let root = [at(b"TREE\0\0").unwrap(), at(b"HEAP").unwrap()].map(|at| at as u64);
    // Each new node has the next one as both of its children: 2^60 ways lead to the old tree.
    let first = bytes.len() as u64;
    for level in (1..=60_u8).rev() {
        let next = match level {
            1 => root[0],
            _ => bytes.len() as u64 + 64,
        };
        // Signature, kind, level, number of entries, two siblings; then keys and children in turn.
        bytes.extend_from_slice(&[b'T', b'R', b'E', b'E', 0, level, 2, 0]);
        bytes.extend_from_slice(&le(&[u64::MAX, u64::MAX, 0, next, 0, next, 0]));
    }
    patch(&mut bytes, &le(&root), &le(&[first, root[1]]));
    let file = H5File::from_bytes("branches.h5", bytes).unwrap();
    for _ in 0..20 {
        assert!(!file.has_group("model_weights"));
        let error = file.children("").unwrap_err();
        assert!(matches!(error, ContainerError::Exhausted { .. }), "{error}");
    }
}

/// A small random number generator (xorshift64*), so that every run damages the same bytes.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() - 64);
        match random.below(12) {
            0..4 => bytes[at] ^= 1 << random.below(8),
            4..6 => bytes[at] = random.next() as u8,
            6 => bytes[at..at + 8].fill(0xff),
            7 => bytes[at..at + 8].copy_from_slice(&(1_u64 << random.below(64)).to_le_bytes()),
            8 => bytes[at..at + 4].copy_from_slice(&(random.next() as u32).to_le_bytes()),
            9 => {
                let elsewhere = random.below(bytes.len()) as u64 / 8 * 8;
                let at = at / 8 * 8;
                bytes[at..at + 8].copy_from_slice(&elsewhere.to_le_bytes());
            }
            10 => {
                let from = random.below(bytes.len() - 64);
                bytes.copy_within(from..from + 64, at);
            }
            _ => bytes.truncate(at.max(128)),
        }
    }
}

#[test]
fn damaged_files_do_no_harm() {
    let packed = build_bytes(|file| {
        let values: Vec<f32> = (0_u8..200).map(f32::from).collect();
        for name in ["plain", "packed", "raw"] {
            let dataset = file.create_dataset(name).with_f32_data(&values);
            match name {
                "packed" => dataset.with_chunks(&[30]).with_shuffle().with_deflate(6),
                "raw" => dataset.with_chunks(&[30]),
                _ => dataset,
            };
        }
        file.set_attr(
            "names",
            AttrValue::VarLenStringArray(owned(&["plain", "packed"])),
        );
        let mut group = file.create_group("group");
        group.create_dataset("x").with_i64_data(&[1]);
        file.add_group(group.finish());
    });
    let mut random = Random(20_261_122);
    let mut opened = 0;
    let (mut read, mut refused) = (0, 0);
    for original in [model("chain_k2.h5"), model("nested_k3.h5"), packed] {
        for _ in 0..150 {
            let mut bytes = original.clone();
            damage(&mut bytes, &mut random);
            let Ok(file) = H5File::from_bytes("damaged.h5", bytes) else {
                continue;
            };
            opened += 1;
            let _ = read_all(&file);
            let mut visited = Visited::default();
            visit(&file, "", &mut visited);
            read += visited.read;
            refused += visited.refused;
        }
    }
    assert!(opened > 200, "only {opened} files were opened");
    assert!(
        read > refused && refused > 0,
        "{read} objects were read, {refused} refused"
    );
}

//! Tensors.

use std::borrow::Cow;
use std::fs;
use std::thread;

use hdf5::{
    AttrValue, Datatype, DatatypeByteOrder, EnumTypeBuilder, FloatingPointLayout, make_f32_type,
};
use keras_ir::container::{ByteView, Container, ContainerError, Dtype, H5File, StoredTensor};

use super::{build, build_bytes, owned};

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

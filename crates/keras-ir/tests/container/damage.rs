//! Damaged and hostile files.

use std::fs;
use std::thread;

use hdf5::{AttrValue, Datatype, Layout, make_f32_type};
use keras_ir::container::{Container, ContainerError, H5File, StoredTensor};

use super::{Visited, build, build_bytes, le, model, owned, patch, read_all, visit};

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

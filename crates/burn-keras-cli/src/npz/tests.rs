#![allow(clippy::unwrap_used)]

use super::*;
use keras_ir::container::Dtype;

fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn archive(members: &[(&str, Vec<u8>)], method: CompressionMethod) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut zip = ZipWriter::new(file.reopen().unwrap());
    for (name, bytes) in members {
        let options = SimpleFileOptions::DEFAULT.compression_method(method);
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
    file
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.npz");
    let arrays = [
        (
            "output_0".to_owned(),
            vec![2, 3],
            vec![1.0, 2.0, 3.0, 4.0, 5.0, f32::NAN],
        ),
        ("scalar".to_owned(), vec![], vec![7.0]),
        ("one axis".to_owned(), vec![2], vec![0.5, -0.5]),
        ("empty".to_owned(), vec![0, 4], vec![]),
    ];
    write(&path, &arrays).unwrap();
    let first = std::fs::read(&path).unwrap();
    write(&path, &arrays).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), first);
    let mut npz = Npz::open(&path).unwrap();
    assert_eq!(npz.names(), ["output_0", "scalar", "one axis", "empty"]);
    for (name, shape, values) in &arrays {
        let tensor = npz.read(name).unwrap();
        assert_eq!(tensor.shape(), shape);
        let found = tensor.read_f32().unwrap();
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&found), bits(values));
    }
}

#[test]
fn orders_and_types_become_one() {
    let header = |descr: &str, order: &str| {
        format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': (2, 3), }}  \n")
    };
    let little: Vec<u8> = (0..6_u16).flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = (0..6_u16).flat_map(u16::to_be_bytes).collect();
    let expected = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
    let columns = [0.0, 2.0, 4.0, 1.0, 3.0, 5.0];
    for (descr, order, data, expected) in [
        ("<u2", "False", &little, expected),
        (">i2", "False", &big, expected),
        ("<i2", "True", &little, columns),
    ] {
        let tensor = npy::parse("x", npy(&header(descr, order), data)).unwrap();
        assert_eq!(tensor.shape(), [2, 3]);
        assert_eq!(tensor.read_f32().unwrap(), expected);
    }
    let bools = npy(&header("|b1", "False"), &[0, 1, 1, 0, 0, 1]);
    assert_eq!(npy::parse("x", bools).unwrap().dtype(), Dtype::Bool);
}

#[test]
fn hostile_headers_are_refused() {
    let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
    let f4 = 1.0_f32.to_le_bytes();
    assert!(npy::parse("x", npy(good, &f4)).is_ok());
    let huge = usize::MAX;
    for header in [
        String::new(),
        "(".repeat(60_000),
        good.replace("(1,)", &format!("({huge}, {huge})")),
        good.replace("(1,)", &format!("({huge}0,)")),
        good.replace("(1,)", "(-1,)"),
        good.replace("(1,)", &format!("({})", "1,".repeat(65))),
        good.replace("(1,)", "(2,)"),
        good.replace("<f4", "<U10"),
        good.replace("<f4", "é"),
        good.replace("<f4", ""),
        good.replace("'<f4'", "[('a', '<f4')]"),
        good.replace("False", "Maybe"),
        good.replace("'shape'", "'form'"),
    ] {
        assert!(npy::parse("x", npy(&header, &f4)).is_err(), "{header:.80}");
    }
    let whole = npy(good, &f4);
    for length in 0..whole.len() {
        assert!(
            npy::parse("x", whole[..length].to_vec()).is_err(),
            "{length}"
        );
    }
    let mut long = b"\x93NUMPY\x02\x00".to_vec();
    long.extend(u32::MAX.to_le_bytes());
    assert!(npy::parse("x", long).is_err());
}

#[test]
fn bombs_are_refused() {
    let zeros = vec![0; usize::try_from(ALLOWANCE).unwrap() * 2];
    let file = archive(&[("x.npy", zeros)], CompressionMethod::Deflated);
    let error = Npz::open(file.path()).unwrap().read("x").unwrap_err();
    assert!(matches!(error, NpzError::TooLarge { .. }), "{error}");
}

#[test]
fn what_is_no_archive_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(matches!(Npz::open(file.path()), Err(NpzError::Zip { .. })));
    let missing = file.path().with_extension("not there");
    assert!(matches!(Npz::open(&missing), Err(NpzError::Io { .. })));
    let empty = archive(&[], CompressionMethod::Stored);
    assert!(Npz::open(empty.path()).unwrap().read("x").is_err());
}

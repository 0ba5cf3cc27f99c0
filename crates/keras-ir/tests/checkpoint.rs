//! Checkpoints of TensorFlow: tables and shards in every form, and that nothing in them takes the
//! reader down.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod writer;

use keras_ir::container::{ByteView, Checkpoint, ContainerError, Dtype};
use writer::{Form, Part, Tensor, block, bytes, checkpoint, length, mask, number, object, varint};

fn open_checkpoint(index: &[u8], shards: &[Vec<u8>]) -> Result<Checkpoint, ContainerError> {
    Checkpoint::from_views("test", index, |number, count| {
        assert!(number < count);
        let shard = shards.get(number).cloned();
        shard
            .map(ByteView::from_vec)
            .ok_or_else(|| ContainerError::MissingObject {
                file: "test".to_owned(),
                path: format!("shard {number}"),
                expected: "file",
            })
    })
}

fn some_tensors() -> [Tensor; 5] {
    let long: Vec<u8> = (0..240_u8).collect();
    [
        Tensor::new("layer/bias", 1, &[3], &[0; 12]),
        Tensor::new("layer/kernel", 19, &[2, 60], &long),
        Tensor::new("layer/moments", 9, &[30], &long),
        Tensor::new("scalar", 2, &[], &1.5_f64.to_le_bytes()),
        Tensor::new("table", 7, &[2], &[0; 9]),
    ]
}

fn some_objects() -> Vec<u8> {
    let slot = [number(1, 1), bytes(2, b"m"), number(3, 2)].concat();
    [
        object(&[("layer-0", 1), ("optimizer", 3), ("self", 0)], None),
        object(&[("kernel", 2)], Some("layer/kernel")),
        object(&[], Some("layer/moments")),
        bytes(1, &bytes(3, &slot)),
    ]
    .concat()
}

#[test]
fn tables_are_read_in_every_form() {
    for (snappy, sharded) in [(false, false), (true, false), (false, true), (true, true)] {
        let form = Form {
            snappy,
            sharded,
            ..Form::default()
        };
        let (index, shards) = checkpoint(&some_tensors(), &some_objects(), form);
        let checkpoint = open_checkpoint(&index, &shards).unwrap();
        let objects = checkpoint.objects();
        assert_eq!(objects.child(0, "layer-0"), Some(1));
        assert_eq!(objects.variable(1).unwrap().key, "layer/kernel");
        assert_eq!(
            (objects.get(3).unwrap().slots[0].of, objects.child(3, "m")),
            (1, None)
        );
        for tensor in some_tensors().iter().filter(|tensor| tensor.dtype != 7) {
            let read = checkpoint.tensor(tensor.key).unwrap();
            assert_eq!(
                &read.read().unwrap()[..],
                &tensor.bytes[..],
                "{}",
                tensor.key
            );
        }
        let error = |key| checkpoint.tensor(key).map(|_| ()).unwrap_err().to_string();
        assert_eq!(
            error("table"),
            "test: \"table\" has elements of type string, which Keras variables never have"
        );
        assert!(error("other").contains("no tensor at \"other\""));
    }
}

#[test]
fn elements_of_the_other_byte_order_are_turned_round() {
    let tensors = [Tensor::new(
        "x",
        1,
        &[2],
        &[0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0],
    )];
    let form = Form {
        big_endian: true,
        ..Form::default()
    };
    let (index, shards) = checkpoint(&tensors, &some_objects(), form);
    let tensor = open_checkpoint(&index, &shards)
        .unwrap()
        .tensor("x")
        .unwrap();
    assert_eq!(tensor.dtype(), Dtype::F32);
    assert_eq!(tensor.read_f32().unwrap(), [1.0, -2.0]);
}

#[test]
fn contradictions_are_errors() {
    for (tensor, expected) in [
        (
            Tensor::new("x", 1, &[3], &[0; 8]),
            "8 bytes do not make float32 of shape [3]",
        ),
        (
            Tensor::new("x", 1, &[u64::MAX], &[0; 8]),
            "it has no certain shape",
        ),
        (
            Tensor::new("x", 1, &[1 << 62, 1 << 62], &[0; 8]),
            "8 bytes do not make",
        ),
        (
            Tensor::new("x", 20, &[2], &[0; 8]),
            "number 20 of TensorFlow's",
        ),
    ] {
        let (index, shards) = checkpoint(&[tensor], &some_objects(), Form::default());
        let checkpoint = open_checkpoint(&index, &shards).unwrap();
        let error = checkpoint.tensor("x").map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    // A shard that ends early, one that was damaged, one that is missing.
    let form = Form {
        sharded: true,
        ..Form::default()
    };
    let (index, mut shards) = checkpoint(&some_tensors(), &some_objects(), form);
    shards[1].truncate(5);
    shards[2][7] ^= 1;
    let checkpoint = open_checkpoint(&index, &shards).unwrap();
    let error = checkpoint
        .tensor("layer/bias")
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(error.contains("lie outside the file of 5 bytes"), "{error}");
    let tensor = checkpoint.tensor("layer/kernel").unwrap();
    let error = tensor.read().map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("another checksum"), "{error}");
    assert!(open_checkpoint(&index, &shards[..3]).is_err());
}

// === Damage ===

#[test]
fn no_damaged_checkpoint_takes_the_reader_down() {
    let read_all = |index: &[u8], shards: &[Vec<u8>]| {
        if let Ok(checkpoint) = open_checkpoint(index, shards) {
            for tensor in some_tensors() {
                let _ = checkpoint
                    .tensor(tensor.key)
                    .map(|tensor| tensor.read().map(|_| ()));
            }
        }
    };
    // Under their checksums, which are those of the damaged bytes.
    for part in [Part::Blocks, Part::Objects] {
        for position in 0..320 {
            for flip in [0x01, 0x08, 0x40, 0x80, 0xff] {
                for snappy in [false, true] {
                    let damage = Some((part, position, flip));
                    let form = Form {
                        snappy,
                        damage,
                        ..Form::default()
                    };
                    let (index, shards) = checkpoint(&some_tensors(), &some_objects(), form);
                    read_all(&index, &shards);
                }
            }
        }
    }
    // In the open.
    let (index, shards) = checkpoint(&some_tensors(), &some_objects(), Form::default());
    for position in 0..index.len() {
        let mut damaged = index.clone();
        damaged[position] ^= 0xff;
        read_all(&damaged, &shards);
        read_all(&index[..position], &shards);
    }
}

#[test]
fn keys_that_multiply_are_refused() {
    // Each key is the one before and a byte more, for two bytes of table or so.
    let mut content = Vec::new();
    for shared in 0..100_000_u64 {
        content.extend([varint(shared), varint(1), varint(0), vec![b'a']].concat());
    }
    content.extend([0; 4]);
    let mut table = content;
    let handle = [varint(0), length(&table)].concat();
    table.push(0);
    let sum = mask(crc32c::crc32c(&table));
    table.extend(sum.to_le_bytes());
    let mut index = block(&[(b"z".to_vec(), handle)]);
    let at = [varint(table.len() as u64), length(&index)].concat();
    index.push(0);
    let sum = mask(crc32c::crc32c(&index));
    table.extend(index);
    table.extend(sum.to_le_bytes());
    let mut footer = [varint(0), varint(0), at].concat();
    footer.resize(40, 0);
    footer.extend(0xdb47_7524_8b80_fb57_u64.to_le_bytes());
    table.extend(footer);
    let error = open_checkpoint(&table, &[])
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("more than any honest table needs"),
        "{error}"
    );
}

//! Writes checkpoints as TensorFlow does, and as it does not.

pub struct Tensor {
    pub key: &'static str,
    pub dtype: u64,
    pub shape: Vec<u64>,
    pub bytes: Vec<u8>,
}

impl Tensor {
    pub fn new(key: &'static str, dtype: u64, shape: &[u64], bytes: &[u8]) -> Self {
        Self {
            key,
            dtype,
            shape: shape.to_vec(),
            bytes: bytes.to_vec(),
        }
    }
}

/// How a checkpoint is written.
#[derive(Clone, Copy, Default)]
pub struct Form {
    pub snappy: bool,
    pub big_endian: bool,
    /// One shard per tensor.
    pub sharded: bool,
    /// A byte of the table's blocks, or of the object graph, to be damaged under its checksums.
    pub damage: Option<(Part, usize, u8)>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Part {
    Blocks,
    Objects,
}

pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
    bytes
}

pub fn length(bytes: &[u8]) -> Vec<u8> {
    varint(bytes.len() as u64)
}

/// A field of a message that holds a number.
pub fn number(tag: u64, value: u64) -> Vec<u8> {
    [varint(tag << 3), varint(value)].concat()
}

/// A field of a message that holds bytes or a message.
pub fn bytes(tag: u64, value: &[u8]) -> Vec<u8> {
    [&varint(tag << 3 | 2)[..], &length(value), value].concat()
}

/// An object with its children, and the key of its value.
pub fn object(children: &[(&str, u64)], key: Option<&str>) -> Vec<u8> {
    let children = children.iter().map(|(name, node)| {
        let reference = [number(1, *node), bytes(2, name.as_bytes())].concat();
        bytes(1, &reference)
    });
    let attributes = key.iter().map(|key| {
        let value = [bytes(1, b"VARIABLE_VALUE"), bytes(3, key.as_bytes())].concat();
        bytes(2, &value)
    });
    bytes(1, &children.chain(attributes).collect::<Vec<_>>().concat())
}

pub fn mask(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

fn damage(form: Form, part: Part, content: &mut [u8]) {
    if let Some((damaged, position, flip)) = form.damage
        && damaged == part
    {
        let position = position % content.len();
        content[position] ^= flip;
    }
}

/// The index and the shards of a checkpoint.
pub fn checkpoint(tensors: &[Tensor], objects: &[u8], form: Form) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut objects = objects.to_vec();
    damage(form, Part::Objects, &mut objects);
    let of_length = crc32c::crc32c(&u32::try_from(objects.len()).unwrap().to_le_bytes());
    let sum = mask(of_length).to_le_bytes();
    let whole = crc32c::crc32c_append(crc32c::crc32c_append(of_length, &sum), &objects);
    let graph = [&length(&objects)[..], &sum, &objects].concat();
    let mut shards = vec![graph.clone()];
    let entry = |dtype: u64, shape: &[u64], place: (usize, usize), size: usize, crc: u32| {
        let dims = shape.iter().map(|dim| bytes(2, &number(1, *dim)));
        let shape = dims.collect::<Vec<_>>().concat();
        let crc = [&varint(6 << 3 | 5)[..], &crc.to_le_bytes()].concat();
        [
            number(1, dtype),
            bytes(2, &shape),
            number(3, place.0 as u64),
            number(4, place.1 as u64),
            number(5, size as u64),
            crc,
        ]
        .concat()
    };
    let of_graph = entry(7, &[], (0, 0), graph.len(), mask(whole));
    let mut entries = vec![(b"_CHECKPOINTABLE_OBJECT_GRAPH".to_vec(), of_graph)];
    for tensor in tensors {
        if form.sharded {
            shards.push(Vec::new());
        }
        let place = (shards.len() - 1, shards.last().unwrap().len());
        let crc = mask(crc32c::crc32c(&tensor.bytes));
        let entry = entry(tensor.dtype, &tensor.shape, place, tensor.bytes.len(), crc);
        entries.push((tensor.key.as_bytes().to_vec(), entry));
        shards.last_mut().unwrap().extend(&tensor.bytes);
    }
    let header = [
        number(1, shards.len() as u64),
        number(2, form.big_endian.into()),
    ]
    .concat();
    entries.push((Vec::new(), header));
    entries.sort();
    (table(&entries, form), shards)
}

/// A table with two entries to a block.
pub fn table(entries: &[(Vec<u8>, Vec<u8>)], form: Form) -> Vec<u8> {
    let mut table = Vec::new();
    let write = |content: Vec<u8>, table: &mut Vec<u8>| {
        let mut content = content;
        damage(form, Part::Blocks, &mut content);
        if form.snappy {
            content = snap::raw::Encoder::new().compress_vec(&content).unwrap();
        }
        let handle = [varint(table.len() as u64), length(&content)].concat();
        content.push(form.snappy.into());
        let sum = mask(crc32c::crc32c(&content));
        table.extend(content);
        table.extend(sum.to_le_bytes());
        handle
    };
    let mut index = Vec::new();
    for entries in entries.chunks(2) {
        let handle = write(block(entries), &mut table);
        index.push((entries.last().unwrap().0.clone(), handle));
    }
    let metaindex = write(block(&[]), &mut table);
    let index = write(block(&index), &mut table);
    let mut footer = [metaindex, index].concat();
    footer.resize(40, 0);
    footer.extend(0xdb47_7524_8b80_fb57_u64.to_le_bytes());
    table.extend(footer);
    table
}

/// A block whose keys share their beginnings.
pub fn block(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut content = Vec::new();
    let mut last: &[u8] = &[];
    for (key, value) in entries {
        let shared = key.iter().zip(last).take_while(|(a, b)| a == b).count();
        let own = &key[shared..];
        content.extend(varint(shared as u64));
        content.extend(length(own));
        content.extend(length(value));
        content.extend([own, value].concat());
        last = key;
    }
    // One restart point, at the start.
    content.extend([0, 0, 0, 0, 1, 0, 0, 0]);
    content
}

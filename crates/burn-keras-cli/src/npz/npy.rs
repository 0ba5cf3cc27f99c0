//! One array: NumPy's `.npy`.

use burn_keras_import::record::permute;
use keras_ir::container::{Dtype, StoredTensor};

/// Headers of plain arrays have about a hundred bytes.
const LONGEST_HEADER: usize = 1 << 16;
/// NumPy's own limit.
const MOST_AXES: usize = 64;

/// Why an array cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NpyError {
    /// The bytes do not begin like an array.
    #[error("not in NumPy's format")]
    NotNpy,
    /// The header is no description of a plain array.
    #[error("its header is malformed: {0}")]
    Header(&'static str),
    /// The elements are no numbers.
    #[error("its type {0:?} is not supported: floats, integers and booleans are")]
    Type(String),
    /// The data do not fill the shape.
    #[error("{found} bytes do not fill shape {shape:?} of {dtype}")]
    Length {
        /// The declared shape.
        shape: Vec<usize>,
        /// The declared type.
        dtype: Dtype,
        /// The bytes that are there.
        found: usize,
    },
}

/// The array in `bytes`, little-endian and row-major.
pub fn parse(name: &str, bytes: Vec<u8>) -> Result<StoredTensor, NpyError> {
    let (length, start) = match bytes.as_slice() {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => {
            (usize::from(u16::from_le_bytes([*a, *b])), 10)
        }
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d, ..] => {
            let length = u32::from_le_bytes([*a, *b, *c, *d]);
            (usize::try_from(length).unwrap_or(usize::MAX), 12)
        }
        _ => return Err(NpyError::NotNpy),
    };
    if length > LONGEST_HEADER {
        return Err(NpyError::Header("too long"));
    }
    let text = bytes
        .get(start..start + length)
        .and_then(|text| std::str::from_utf8(text).ok())
        .ok_or(NpyError::Header("cut off, or not text"))?;
    let header = Header::parse(text)?;
    let (dtype, big_endian) = dtype(&header.descr)?;
    let mut data = bytes;
    data.drain(..start + length);

    let count = if header.shape.contains(&0) {
        Some(0)
    } else {
        let mut axes = header.shape.iter();
        axes.try_fold(1_usize, |count, axis| count.checked_mul(*axis))
    };
    let expected = count.and_then(|count| count.checked_mul(dtype.size()));
    if expected != Some(data.len()) {
        return Err(NpyError::Length {
            shape: header.shape,
            dtype,
            found: data.len(),
        });
    }
    if big_endian {
        data.chunks_exact_mut(dtype.size())
            .for_each(<[u8]>::reverse);
    }
    if header.fortran_order {
        data = match dtype.size() {
            1 => transposed::<1>(&data, &header.shape),
            2 => transposed::<2>(&data, &header.shape),
            4 => transposed::<4>(&data, &header.shape),
            _ => transposed::<8>(&data, &header.shape),
        };
    }
    let found = data.len();
    let shape = header.shape;
    StoredTensor::from_parts(name, shape.clone(), dtype, data).map_err(|_| NpyError::Length {
        shape,
        dtype,
        found,
    })
}

/// Column-major elements in row-major order.
fn transposed<const N: usize>(data: &[u8], shape: &[usize]) -> Vec<u8> {
    let reversed: Vec<usize> = shape.iter().rev().copied().collect();
    let axes: Vec<usize> = (0..shape.len()).rev().collect();
    let (elements, _) = data.as_chunks::<N>();
    permute(elements, &reversed, &axes).into_flattened()
}

/// The header of a row-major array of `f32`.
pub fn header(shape: &[usize]) -> Vec<u8> {
    let mut axes = String::new();
    for axis in shape {
        axes.push_str(&format!("{axis}, "));
    }
    let mut axes = axes.trim_end().to_owned();
    if shape.len() > 1 {
        axes.pop(); // a tuple of one keeps its comma
    }
    let mut text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({axes}), }}");
    // The data start at a multiple of 64.
    let length = (text.len() + 1 + 10).next_multiple_of(64) - 10;
    while text.len() + 1 < length {
        text.push(' ');
    }
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    // At most 64 axes of 20 digits.
    bytes.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend(text.into_bytes());
    bytes
}

fn dtype(descr: &str) -> Result<(Dtype, bool), NpyError> {
    let unsupported = || NpyError::Type(descr.to_owned());
    let (order, kind) = descr.split_at_checked(1).ok_or_else(unsupported)?;
    let big_endian = match order {
        "<" | "|" => false,
        "=" => cfg!(target_endian = "big"),
        ">" => true,
        _ => return Err(unsupported()),
    };
    let dtype = match kind {
        "f2" => Dtype::F16,
        "f4" => Dtype::F32,
        "f8" => Dtype::F64,
        "i1" => Dtype::I8,
        "i2" => Dtype::I16,
        "i4" => Dtype::I32,
        "i8" => Dtype::I64,
        "u1" => Dtype::U8,
        "u2" => Dtype::U16,
        "u4" => Dtype::U32,
        "u8" => Dtype::U64,
        "b1" => Dtype::Bool,
        _ => return Err(unsupported()),
    };
    Ok((dtype, big_endian))
}

/// What a header says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Reads the Python dict that NumPy writes: three keys, each with a value of one known form.
    fn parse(text: &str) -> Result<Self, NpyError> {
        let mut text = Text(text);
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        text.expect('{')?;
        while !text.take('}') {
            let key = text.string()?;
            text.expect(':')?;
            match key {
                "descr" => descr = Some(text.string()?.to_owned()),
                "fortran_order" => fortran_order = Some(text.boolean()?),
                "shape" => shape = Some(text.tuple()?),
                _ => return Err(NpyError::Header("a key that plain arrays do not have")),
            }
            if !text.take(',') {
                text.expect('}')?;
                break;
            }
        }
        match (descr, fortran_order, shape) {
            (Some(descr), Some(fortran_order), Some(shape)) => Ok(Self {
                descr,
                fortran_order,
                shape,
            }),
            _ => Err(NpyError::Header("a key is missing")),
        }
    }
}

/// The rest of a header.
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    fn take(&mut self, character: char) -> bool {
        let rest = self.0.trim_start().strip_prefix(character);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn expect(&mut self, character: char) -> Result<(), NpyError> {
        if self.take(character) {
            Ok(())
        } else {
            Err(NpyError::Header(
                "not a dict of descr, fortran_order and shape",
            ))
        }
    }

    fn string(&mut self) -> Result<&'a str, NpyError> {
        const MESSAGE: NpyError = NpyError::Header("a string is missing");
        let text = self.0.trim_start();
        let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let quote = quote.ok_or(MESSAGE)?;
        let (string, rest) = text[1..].split_once(quote).ok_or(MESSAGE)?;
        self.0 = rest;
        Ok(string)
    }

    fn boolean(&mut self) -> Result<bool, NpyError> {
        let text = self.0.trim_start();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = text.strip_prefix(word) {
                self.0 = rest;
                return Ok(value);
            }
        }
        Err(NpyError::Header("fortran_order is neither True nor False"))
    }

    fn tuple(&mut self) -> Result<Vec<usize>, NpyError> {
        const MESSAGE: NpyError = NpyError::Header("the shape is no tuple of sizes");
        let mut axes = Vec::new();
        self.expect('(').map_err(|_| MESSAGE)?;
        while !self.take(')') {
            let text = self.0.trim_start();
            let digits = text
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len());
            let (number, rest) = text.split_at(digits);
            axes.push(number.parse().map_err(|_| MESSAGE)?);
            self.0 = rest;
            self.take('L'); // Python 2
            if axes.len() > MOST_AXES {
                return Err(MESSAGE);
            }
            if !self.take(',') {
                self.expect(')').map_err(|_| MESSAGE)?;
                break;
            }
        }
        Ok(axes)
    }
}

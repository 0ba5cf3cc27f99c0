//! Element types of stored tensors.

use std::fmt;

use half::{bf16, f16};

/// Element type of a stored tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// IEEE 754 half precision.
    F16,
    /// The upper half of a single-precision float.
    Bf16,
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 double precision.
    F64,
    /// Signed, 8 bits.
    I8,
    /// Signed, 16 bits.
    I16,
    /// Signed, 32 bits.
    I32,
    /// Signed, 64 bits.
    I64,
    /// Unsigned, 8 bits.
    U8,
    /// Unsigned, 16 bits.
    U16,
    /// Unsigned, 32 bits.
    U32,
    /// Unsigned, 64 bits.
    U64,
    /// One byte; everything but zero is true.
    Bool,
}

impl Dtype {
    /// Bytes of one element.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }

    /// The name that Keras gives the type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::Bool => "bool",
        }
    }

    /// Whether the type is a float.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::Bf16 | Self::F32 | Self::F64)
    }

    /// Little-endian elements as `f32`, rounded to nearest where they do not fit. A rest that is
    /// shorter than one element is ignored.
    #[must_use]
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    pub fn to_f32(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F16 => decode(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Self::Bf16 => decode(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Self::F32 => decode(bytes, f32::from_le_bytes),
            Self::F64 => decode(bytes, |b| f64::from_le_bytes(b) as f32),
            Self::I8 => decode(bytes, |b| f32::from(i8::from_le_bytes(b))),
            Self::I16 => decode(bytes, |b| f32::from(i16::from_le_bytes(b))),
            Self::I32 => decode(bytes, |b| i32::from_le_bytes(b) as f32),
            Self::I64 => decode(bytes, |b| i64::from_le_bytes(b) as f32),
            Self::U8 => decode(bytes, |b| f32::from(u8::from_le_bytes(b))),
            Self::U16 => decode(bytes, |b| f32::from(u16::from_le_bytes(b))),
            Self::U32 => decode(bytes, |b| u32::from_le_bytes(b) as f32),
            Self::U64 => decode(bytes, |b| u64::from_le_bytes(b) as f32),
            Self::Bool => decode(bytes, |[b]: [u8; 1]| if b == 0 { 0.0 } else { 1.0 }),
        }
    }

    /// Little-endian elements as `f64`, rounded to nearest where they do not fit (64-bit integers
    /// beyond 2⁵³). A rest that is shorter than one element is ignored.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn to_f64(self, bytes: &[u8]) -> Vec<f64> {
        match self {
            Self::F64 => decode(bytes, f64::from_le_bytes),
            Self::I32 => decode(bytes, |b| f64::from(i32::from_le_bytes(b))),
            Self::I64 => decode(bytes, |b| i64::from_le_bytes(b) as f64),
            Self::U32 => decode(bytes, |b| f64::from(u32::from_le_bytes(b))),
            Self::U64 => decode(bytes, |b| u64::from_le_bytes(b) as f64),
            Self::F16
            | Self::Bf16
            | Self::F32
            | Self::I8
            | Self::I16
            | Self::U8
            | Self::U16
            | Self::Bool => self.to_f32(bytes).into_iter().map(f64::from).collect(),
        }
    }

    /// The way back of [`to_f64`](Self::to_f64): little-endian elements of this type, rounded to
    /// nearest where they cannot hold a value; integers stop at their bounds.
    ///
    /// ```
    /// use keras_ir::container::Dtype;
    ///
    /// assert_eq!(Dtype::F16.from_f64(&[1.5]), [0x00, 0x3e]);
    /// assert_eq!(Dtype::U8.from_f64(&[2.5, -1.0, 300.0]), [2, 0, 255]);
    /// ```
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    #[allow(clippy::wrong_self_convention)] // `self` is what to convert to
    pub fn from_f64(self, values: &[f64]) -> Vec<u8> {
        match self {
            Self::F16 => encode(values, |v| f16::from_f64(v).to_le_bytes()),
            Self::Bf16 => encode(values, |v| bf16::from_f64(v).to_le_bytes()),
            Self::F32 => encode(values, |v| (v as f32).to_le_bytes()),
            Self::F64 => encode(values, f64::to_le_bytes),
            Self::I8 => encode(values, |v| (v.round_ties_even() as i8).to_le_bytes()),
            Self::I16 => encode(values, |v| (v.round_ties_even() as i16).to_le_bytes()),
            Self::I32 => encode(values, |v| (v.round_ties_even() as i32).to_le_bytes()),
            Self::I64 => encode(values, |v| (v.round_ties_even() as i64).to_le_bytes()),
            Self::U8 => encode(values, |v| (v.round_ties_even() as u8).to_le_bytes()),
            Self::U16 => encode(values, |v| (v.round_ties_even() as u16).to_le_bytes()),
            Self::U32 => encode(values, |v| (v.round_ties_even() as u32).to_le_bytes()),
            Self::U64 => encode(values, |v| (v.round_ties_even() as u64).to_le_bytes()),
            Self::Bool => encode(values, |v| [u8::from(v != 0.0)]),
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

fn decode<const N: usize, T>(bytes: &[u8], element: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (elements, _rest) = bytes.as_chunks::<N>();
    elements.iter().map(|&bytes| element(bytes)).collect()
}

fn encode<const N: usize>(values: &[f64], element: impl Fn(f64) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|value| element(*value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_of_every_class() {
        let half = |bits: u16| Dtype::F16.to_f32(&bits.to_le_bytes())[0];
        for (bits, value) in [
            (0x0000, 0.0_f32),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555e-5),
            (0x0400, 6.103_515_6e-5),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
            (0x3555, 0.333_251_95),
        ] {
            assert_eq!(half(bits).to_bits(), value.to_bits(), "{bits:#x}");
            let back = Dtype::F16.from_f64(&[f64::from(value)]);
            assert_eq!(back, u16::to_le_bytes(bits), "{value}");
        }
        assert_eq!(half(0x8000).to_bits(), (-0.0_f32).to_bits());
        assert!(half(0x7e01).is_nan());
    }

    #[test]
    fn wide_integers_keep_their_value_in_f64() {
        let bytes: Vec<u8> = [i64::MIN, -1, 1 << 53]
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        assert_eq!(
            Dtype::I64.to_f64(&bytes),
            [i64::MIN as f64, -1.0, 9_007_199_254_740_992.0]
        );
    }

    #[test]
    fn every_type_gives_back_what_it_was_given() {
        for (dtype, values) in [
            (Dtype::Bf16, &[1.5, -0.0, 3.0e38][..]),
            (Dtype::F32, &[0.1_f32 as f64, f64::NEG_INFINITY]),
            (Dtype::F64, &[0.1, 1e300]),
            (Dtype::I8, &[-128.0, 127.0]),
            (Dtype::I16, &[-32768.0, 7.0]),
            (Dtype::I32, &[-1.0, 2_147_483_647.0]),
            (Dtype::I64, &[-9_007_199_254_740_992.0]),
            (Dtype::U16, &[65535.0]),
            (Dtype::U32, &[4_294_967_295.0]),
            (Dtype::U64, &[9_007_199_254_740_992.0]),
            (Dtype::Bool, &[0.0, 1.0]),
        ] {
            let bytes = dtype.from_f64(values);
            assert_eq!(bytes.len(), values.len() * dtype.size(), "{dtype}");
            if dtype == Dtype::Bf16 {
                assert_eq!(dtype.to_f64(&bytes)[..2], values[..2]);
            } else {
                assert_eq!(dtype.to_f64(&bytes), values, "{dtype}");
            }
        }
    }
}

//! Tensors whose rank and kind are known at run time alone.

use burn::tensor::kind::Basic;
use burn::tensor::{Bool, DType, Device, Element, Float, FloatDType, Int, Tensor, TensorData};
use keras_ir::shape::Kind;

use crate::Error;
use crate::rank::at_rank;

/// A tensor of one kind and of a rank from 1 to 6.
#[derive(Clone, Debug)]
pub enum Ranked<K: Basic> {
    /// One axis.
    R1(Tensor<1, K>),
    /// Two axes.
    R2(Tensor<2, K>),
    /// Three axes.
    R3(Tensor<3, K>),
    /// Four axes.
    R4(Tensor<4, K>),
    /// Five axes.
    R5(Tensor<5, K>),
    /// Six axes.
    R6(Tensor<6, K>),
}

/// A tensor of any kind and of a rank from 1 to 6: what goes into a [`Model`](crate::Model) and
/// comes out of it.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras::{Error, Value};
///
/// let x = Tensor::<2>::zeros([1, 3], &Device::flex());
/// let value = Value::from(x);
/// assert_eq!(value.shape(), [1, 3]);
/// let x: Tensor<2> = value.try_into()?;
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub enum Value {
    /// Floating-point numbers.
    Float(Ranked<Float>),
    /// Integers.
    Int(Ranked<Int>),
    /// Booleans: masks.
    Bool(Ranked<Bool>),
}

/// A tensor of one kind and rank: what a [`Value`] may hold.
pub(crate) trait Erased: Sized {
    /// The tensor in `value`, if it is of this kind and rank.
    fn restore(value: Value) -> Result<Self, Error>;
    /// The tensor as a value.
    fn erase(self) -> Value;
}

/// `$body` for the tensor `$x` in `$ranked`, whatever its rank.
macro_rules! with_tensor {
    ($ranked:expr, $x:ident => $body:expr) => {
        match $ranked {
            Ranked::R1($x) => $body,
            Ranked::R2($x) => $body,
            Ranked::R3($x) => $body,
            Ranked::R4($x) => $body,
            Ranked::R5($x) => $body,
            Ranked::R6($x) => $body,
        }
    };
}

/// `$body` for the tensor `$x` in `$value`, whatever its kind and rank.
macro_rules! with_any {
    ($value:expr, $x:ident => $body:expr) => {
        match $value {
            Value::Float(x) => with_tensor!(x, $x => $body),
            Value::Int(x) => with_tensor!(x, $x => $body),
            Value::Bool(x) => with_tensor!(x, $x => $body),
        }
    };
}

macro_rules! conversions {
    ($($kind:ident: $($variant:ident $rank:literal),*;)*) => {$($(
        impl From<Tensor<$rank, $kind>> for Value {
            fn from(tensor: Tensor<$rank, $kind>) -> Self {
                Self::$kind(Ranked::$variant(tensor))
            }
        }

        impl Erased for Tensor<$rank, $kind> {
            fn restore(value: Value) -> Result<Self, Error> {
                value.try_into()
            }

            fn erase(self) -> Value {
                self.into()
            }
        }

        impl TryFrom<Value> for Tensor<$rank, $kind> {
            type Error = Error;

            fn try_from(value: Value) -> Result<Self, Error> {
                match value {
                    Value::$kind(Ranked::$variant(tensor)) => Ok(tensor),
                    other => Err(Error::Data(format!(
                        "expected a tensor of {} axes of kind {}, found {other}",
                        $rank,
                        name(Kind::$kind),
                    ))),
                }
            }
        }
    )*)*};
}

conversions! {
    Float: R1 1, R2 2, R3 3, R4 4, R5 5, R6 6;
    Int: R1 1, R2 2, R3 3, R4 4, R5 5, R6 6;
    Bool: R1 1, R2 2, R3 3, R4 4, R5 5, R6 6;
}

/// What people read.
pub(crate) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Float => "float",
        Kind::Int => "int",
        Kind::Bool => "bool",
    }
}

/// Kind and shape: `float [3, 5]`.
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?}", name(self.kind()), self.shape())
    }
}

impl Value {
    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.shape().len()
    }

    /// The size of each axis.
    pub fn shape(&self) -> Vec<usize> {
        with_any!(self, x => x.dims().to_vec())
    }

    /// The kind of the elements.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Float(_) => Kind::Float,
            Self::Int(_) => Kind::Int,
            Self::Bool(_) => Kind::Bool,
        }
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        with_any!(self, x => x.dtype())
    }

    /// The device that holds the tensor.
    pub fn device(&self) -> Device {
        with_any!(self, x => x.device())
    }

    /// The tensor on `device`; as it is, if it is there already.
    #[must_use]
    pub fn to_device(self, device: &Device) -> Self {
        with_any!(self, x => x.to_device(device).into())
    }

    /// The elements, with their type.
    ///
    /// # Errors
    ///
    /// A device that fails.
    pub fn to_data(&self) -> Result<TensorData, Error> {
        let data = with_any!(self, x => x.clone().try_into_data());
        data.map_err(|error| Error::Data(format!("the device cannot be read: {error:?}")))
    }

    /// A tensor of `data` on `device`, of the type of `data` where the device has it.
    ///
    /// Other floating-point types become `f32`, other integers `i32` or `i64`, whichever the
    /// device has and holds all elements.
    ///
    /// ```
    /// use burn::tensor::{DType, Device, TensorData};
    /// use burn_keras::Value;
    ///
    /// let data = TensorData::new(vec![1_i64, 2, 3, 4], [2, 2]);
    /// let value = Value::from_data(data, &Device::flex())?;
    /// assert_eq!(value.dtype(), DType::I64);
    /// # Ok::<(), burn_keras::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Data of rank 0 or above 6, quantized data, integers that no type of the device holds.
    pub fn from_data(data: TensorData, device: &Device) -> Result<Self, Error> {
        let rank = data.shape().len();
        let dtype = data.dtype();
        let refused = || {
            Error::Data(format!(
                "data of {rank} axes of type {dtype:?} is not supported"
            ))
        };
        match dtype {
            DType::QFloat(_) => Err(refused()),
            _ if dtype.is_float() => {
                let dtype = if device.supports_dtype(dtype) {
                    dtype
                } else {
                    DType::F32
                };
                at_rank!(rank, D => {
                    Ok(Tensor::<D>::from_data(data, (device, dtype)).into())
                }, else Err(refused()))
            }
            _ if dtype.is_bool() => at_rank!(rank, D => {
                Ok(Tensor::<D, Bool>::from_data(data, device).into())
            }, else Err(refused())),
            _ => {
                let dtype = int_dtype(&data, device)?;
                at_rank!(rank, D => {
                    Ok(Tensor::<D, Int>::from_data(data, (device, dtype)).into())
                }, else Err(refused()))
            }
        }
    }

    /// The tensor in another kind and type, as Keras casts: floats become integers towards zero,
    /// numbers booleans where they are not 0.
    pub(crate) fn cast(self, kind: Kind, float: FloatDType) -> Self {
        match (self, kind) {
            (Self::Float(x), Kind::Float) => with_tensor!(x, x => x.cast(float).into()),
            (Self::Int(x), Kind::Float) => with_tensor!(x, x => x.cast(float).into()),
            (Self::Bool(x), Kind::Float) => with_tensor!(x, x => x.float().cast(float).into()),
            (Self::Float(x), Kind::Int) => with_tensor!(x, x => x.int().into()),
            (Self::Bool(x), Kind::Int) => with_tensor!(x, x => x.int().into()),
            (Self::Float(x), Kind::Bool) => with_tensor!(x, x => x.not_equal_scalar(0.0).into()),
            (Self::Int(x), Kind::Bool) => with_tensor!(x, x => x.not_equal_scalar(0).into()),
            (same, _) => same,
        }
    }
}

/// The type of the device that holds the integers `data`.
fn int_dtype(data: &TensorData, device: &Device) -> Result<DType, Error> {
    let given = data.dtype();
    match given {
        DType::I32 => return Ok(DType::I32),
        DType::I64 if device.supports_dtype(given) => return Ok(DType::I64),
        _ => {}
    }
    let fits = |largest: i64| match given {
        DType::U64 => data.iter::<u64>().all(|x| x <= largest.unsigned_abs()),
        _ => data.iter::<i64>().all(|x| -largest <= x && x <= largest),
    };
    if fits(i64::from(i32::MAX)) {
        Ok(DType::I32)
    } else if fits(i64::MAX) && device.supports_dtype(DType::I64) {
        Ok(DType::I64)
    } else {
        Err(Error::Data(format!(
            "integers of type {given:?} that the device's types do not hold"
        )))
    }
}

impl Value {
    /// A tensor of `elements` in row-major order.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use burn_keras::Value;
    ///
    /// let ids = Value::from_elements(vec![3_i64, 1, 2], &[1, 3], &Device::flex())?;
    /// assert_eq!(ids.shape(), [1, 3]);
    /// # Ok::<(), burn_keras::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`from_data`](Self::from_data), and another number of elements than `shape` says.
    pub fn from_elements<E: Element>(
        elements: Vec<E>,
        shape: &[usize],
        device: &Device,
    ) -> Result<Self, Error> {
        let product = shape
            .iter()
            .try_fold(1_usize, |n, size| n.checked_mul(*size));
        if product != Some(elements.len()) {
            return Err(Error::Data(format!(
                "{} elements do not fill the shape {shape:?}",
                elements.len()
            )));
        }
        Self::from_data(TensorData::new(elements, shape.to_vec()), device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_kept_and_never_wrap() -> Result<(), Error> {
        for device in [Device::flex(), ndarray()] {
            let floats = TensorData::new(vec![1.5_f64, -2.0], [2]);
            let value = Value::from_data(floats, &device)?;
            assert_eq!((value.dtype(), value.rank()), (DType::F64, 1));
            let large = Value::from_elements(vec![1_i64 << 40], &[1], &device)?;
            assert_eq!(large.dtype(), DType::I64);
            let bytes = Value::from_elements(vec![255_u8, 7], &[1, 2], &device)?;
            assert_eq!((bytes.dtype(), bytes.shape()), (DType::I32, vec![1, 2]));
            assert_eq!(bytes.to_data()?.iter::<i64>().collect::<Vec<_>>(), [255, 7]);
            assert!(Value::from_elements(vec![u64::MAX], &[1], &device).is_err());
            let mask = Value::from_elements(vec![true, false], &[2], &device)?;
            assert_eq!(mask.to_string(), "bool [2]");
        }
        Ok(())
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let device = Device::flex();
        assert!(Value::from_elements(vec![1.0_f32], &[], &device).is_err());
        assert!(Value::from_elements(vec![1.0_f32], &[1; 7], &device).is_err());
        assert!(Value::from_elements(vec![1.0_f32; 3], &[2, 2], &device).is_err());
        assert!(Value::from_elements(vec![1.0_f32], &[usize::MAX, 2], &device).is_err());
        let value = Value::from(Tensor::<2>::zeros([1, 2], &device));
        assert!(Tensor::<3>::try_from(value.clone()).is_err());
        assert!(Tensor::<2, Int>::try_from(value).is_err());
    }

    #[test]
    fn casts_are_keras_s() -> Result<(), Error> {
        let device = Device::flex();
        let x = Value::from_elements(vec![-1.7_f32, 0.0, 2.9], &[3], &device)?;
        let ids = x.clone().cast(Kind::Int, FloatDType::F32);
        assert_eq!(ids.to_data()?.iter::<i64>().collect::<Vec<_>>(), [-1, 0, 2]);
        let mask = x.cast(Kind::Bool, FloatDType::F32);
        let bits: Vec<bool> = mask.to_data()?.iter::<bool>().collect();
        assert_eq!(bits, [true, false, true]);
        let floats = mask.cast(Kind::Float, FloatDType::F32);
        assert_eq!(
            floats.to_data()?.iter::<f32>().collect::<Vec<_>>(),
            [1.0, 0.0, 1.0]
        );
        Ok(())
    }

    #[allow(deprecated)]
    fn ndarray() -> Device {
        Device::ndarray()
    }
}

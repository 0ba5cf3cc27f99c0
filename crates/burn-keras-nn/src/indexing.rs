//! Elements by their places, by Python's rules.

use burn::tensor::kind::{Basic, Numeric};
use burn::tensor::{Bool, Int, IntDType, Slice, Tensor};

/// Python's `start:stop:step`.
pub type Range = (Option<i64>, Option<i64>, i64);

/// `x[start:stop:step, …]`, with a range for each axis: negative places count from the end, and
/// places outside are those at the border.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_keras_nn::indexing::slice;
///
/// // x[:, 1:-1]
/// fn forward(x: Tensor<2>) -> Tensor<2> {
///     slice(x, [(None, None, 1), (Some(1), Some(-1), 1)])
/// }
/// ```
pub fn slice<const D: usize, K: Basic>(x: Tensor<D, K>, ranges: [Range; D]) -> Tensor<D, K> {
    let dims = x.dims();
    let slices: [Slice; D] = core::array::from_fn(|axis| bounded(ranges[axis], dims[axis]));
    x.slice(slices)
}

/// A range of an axis of `size`, with its places inside. Burn turns ranges with a negative step
/// around: they begin behind their last element.
fn bounded((start, stop, step): Range, size: usize) -> Slice {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let step = if step == 0 { 1 } else { step };
    let (first, last) = if step > 0 { (0, size) } else { (-1, size - 1) };
    let place = |place: Option<i64>, default: i64| match place {
        None => default,
        Some(place) if place < 0 => place.saturating_add(size).clamp(first, last),
        Some(place) => place.clamp(first, last),
    };
    let (start, stop) = if step > 0 {
        let start = place(start, 0);
        (start, place(stop, size).max(start))
    } else {
        let start = place(start, size - 1);
        (place(stop, -1).min(start) + 1, start + 1)
    };
    let small = |place: i64| isize::try_from(place).unwrap_or(isize::MAX);
    Slice::new(small(start), Some(small(stop)), small(step))
}

/// `x` where `keep` is true, else `other`; axes of size 1 are broadcast.
pub fn select<const D: usize, K: Basic>(
    x: Tensor<D, K>,
    keep: Tensor<D, Bool>,
    other: Tensor<D, K>,
) -> Tensor<D, K> {
    let (a, b, c) = (keep.dims(), x.dims(), other.dims());
    let dims: [usize; D] = core::array::from_fn(|axis| {
        let sizes = [a[axis], b[axis], c[axis]];
        { sizes.into_iter() }.find(|size| *size != 1).unwrap_or(1)
    });
    let keep = keep.expand(dims);
    other.expand(dims).mask_where(keep, x.expand(dims))
}

/// [`select`] among integers of any widths.
pub fn int_select<const D: usize>(
    x: Tensor<D, Int>,
    keep: Tensor<D, Bool>,
    other: Tensor<D, Int>,
) -> Tensor<D, Int> {
    if x.dtype() == other.dtype() {
        return select(x, keep, other);
    }
    select(x.cast(IntDType::I64), keep, other.cast(IntDType::I64))
}

/// Places inside of an axis of `size`, and which of them were outside; negative ones count from
/// the end.
fn inside<const D: usize>(
    places: Tensor<D, Int>,
    size: usize,
) -> (Tensor<D, Int>, Tensor<D, Bool>) {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let is_negative = places.clone().lower_scalar(0);
    let places = places
        .clone()
        .mask_where(is_negative, places.add_scalar(size));
    let outside = places.clone().lower_scalar(0);
    let outside = outside.bool_or(places.clone().greater_equal_scalar(size));
    (places.clamp(0, (size - 1).max(0)), outside)
}

/// The elements of `x` at `places` along `axis`, which becomes the axes of `places`; negative
/// places count from the end.
///
/// `D2` is `D + DI - 1`. A place outside gives NaN among floats and 0 among others, on every
/// backend alike: TensorFlow raises an error on a CPU and gives 0 on a GPU.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use burn_keras_nn::indexing::take;
///
/// fn forward(x: Tensor<3>, places: Tensor<2, Int>) -> Tensor<4> {
///     take(x, places, 1)
/// }
/// ```
pub fn take<const D: usize, const DI: usize, const D2: usize, K: Numeric>(
    x: Tensor<D, K>,
    places: Tensor<DI, Int>,
    axis: usize,
) -> Tensor<D2, K> {
    let (dims, of_places) = (x.dims(), places.dims());
    let shape: [usize; D2] = core::array::from_fn(|at| {
        if at < axis {
            dims[at]
        } else if at < axis + DI {
            of_places[at - axis]
        } else {
            dims[at + 1 - DI]
        }
    });
    let count = of_places.iter().product::<usize>();
    let (places, outside) = inside::<1>(places.reshape([count]), dims[axis]);
    let mut of_outside = [1; D];
    of_outside[axis] = count;
    let y = x.select(axis, places);
    let outside = outside.reshape(of_outside).expand(y.dims());
    fill_outside(y, outside).reshape(shape)
}

/// Values for places outside.
fn fill_outside<const D: usize, K: Numeric>(
    y: Tensor<D, K>,
    outside: Tensor<D, Bool>,
) -> Tensor<D, K> {
    if y.dtype().is_float() {
        y.mask_fill(outside, f32::NAN)
    } else {
        y.mask_fill(outside, 0)
    }
}

/// For each of `places` the element of `x` there along `axis`, the other axes being the same;
/// sizes of 1 among those are broadcast. Places outside are as in [`take`].
pub fn take_along<const D: usize, K: Numeric>(
    x: Tensor<D, K>,
    places: Tensor<D, Int>,
    axis: usize,
) -> Tensor<D, K> {
    let (dims, of_places) = (x.dims(), places.dims());
    let joined = |at: usize| match (dims[at], of_places[at]) {
        (1, size) | (size, _) => size,
    };
    let to_x: [usize; D] =
        core::array::from_fn(|at| if at == axis { dims[at] } else { joined(at) });
    let to_places: [usize; D] = core::array::from_fn(|at| {
        if at == axis {
            of_places[at]
        } else {
            joined(at)
        }
    });
    let (places, outside) = inside(places.expand(to_places), dims[axis]);
    let y = x.expand(to_x).gather(axis, places);
    fill_outside(y, outside)
}

/// Whether each of `classes` classes, on a new axis at `axis`, is the one that `ids` name. An id
/// outside is none of them.
///
/// `D2` is `D + 1`.
pub fn one_hot<const D: usize, const D2: usize>(
    ids: Tensor<D, Int>,
    classes: usize,
    axis: usize,
) -> Tensor<D2, Bool> {
    let end = i64::try_from(classes).unwrap_or(i64::MAX);
    let all = Tensor::<1, Int>::arange(0..end, &ids.device()).cast(ids.dtype());
    let mut shape = [1; D2];
    shape[axis] = classes;
    let ids: Tensor<D2, Int> = ids.unsqueeze_dim(axis);
    let mut dims = ids.dims();
    dims[axis] = classes;
    ids.expand(dims).equal(all.reshape(shape).expand(dims))
}

/// `x` with so many elements of `value` before and after, per axis.
pub fn pad_with<const D: usize, K: Numeric>(
    x: Tensor<D, K>,
    widths: [(usize, usize); D],
    value: f64,
) -> Tensor<D, K> {
    let mut x = x;
    for (axis, (before, after)) in widths.into_iter().enumerate() {
        let border = |x: &Tensor<D, K>, width: usize| {
            let mut dims = x.dims();
            dims[axis] = width;
            (width > 0).then(|| Tensor::<D, K>::full(dims, value, (&x.device(), x.dtype())))
        };
        let (first, last) = (border(&x, before), border(&x, after));
        if first.is_some() || last.is_some() {
            let parts = first.into_iter().chain([x]).chain(last);
            x = Tensor::cat(parts.collect(), axis);
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{devices, values};

    #[test]
    fn slices_as_python_has_them() {
        for device in devices() {
            let x = Tensor::<1>::from_floats([0.0, 1.0, 2.0, 3.0, 4.0], &device);
            let run = |start, stop, step| values(slice(x.clone(), [(start, stop, step)]));
            assert_eq!(run(Some(1), Some(-1), 1), [1.0, 2.0, 3.0]);
            assert_eq!(run(Some(-9), Some(9), 2), [0.0, 2.0, 4.0]);
            assert_eq!(run(None, None, -1), [4.0, 3.0, 2.0, 1.0, 0.0]);
            assert_eq!(run(Some(3), Some(0), -2), [3.0, 1.0]);
            assert_eq!(run(None, None, -3), [4.0, 1.0]);
            assert_eq!(run(Some(4), Some(2), 1), [] as [f32; 0]);
        }
    }

    #[test]
    fn places_from_the_end_and_outside() {
        for device in devices() {
            let x = Tensor::<2>::from_floats([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], &device);
            let places = Tensor::<2, Int>::from_ints([[0, -1], [2, 5]], &device);
            let y: Tensor<3> = take(x.clone(), places.clone(), 1);
            assert_eq!(y.dims(), [2, 2, 2]);
            let y = values(y);
            assert_eq!(y[..3], [1.0, 3.0, 3.0]);
            assert!(y[3].is_nan() && y[4..7] == [4.0, 6.0, 6.0] && y[7].is_nan());
            let y = values(take_along(x, places, 1));
            assert!(y[..3] == [1.0, 3.0, 6.0] && y[3].is_nan());
        }
    }

    #[test]
    fn classes_and_borders() {
        for device in devices() {
            let ids = Tensor::<1, Int>::from_ints([2, -1], &device);
            let y: Tensor<2, Bool> = one_hot(ids, 3, 1);
            assert_eq!(values(y.float()), [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
            let x = Tensor::<1>::from_floats([1.0], &device);
            assert_eq!(values(pad_with(x, [(2, 1)], 9.0)), [9.0, 9.0, 1.0, 9.0]);
        }
    }
}

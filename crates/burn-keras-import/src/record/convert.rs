//! From Keras's elements and axes to Burn's, and back.

use std::borrow::Cow;

use keras_ir::container::{ContainerError, Dtype, StoredTensor};

use crate::plan::Transform;

/// Axes are transposed in squares of this side: 64 runs of 256 bytes fit a first-level cache.
const TILE: usize = 64;

/// The elements of a tensor as little-endian `f32`, in Burn's layout.
///
/// Peak memory: the elements, once more if they are permuted or stored in another type.
pub(super) fn burn_elements(
    tensor: &StoredTensor,
    transform: &Transform,
) -> Result<Vec<u8>, ContainerError> {
    let elements: Cow<'_, [u8]> = if tensor.dtype() == Dtype::F32 {
        tensor.read()?
    } else {
        let values = tensor.read_f32()?;
        Cow::Owned(values.into_iter().flat_map(f32::to_le_bytes).collect())
    };
    let shape = tensor.shape();
    let (values, _) = elements.as_chunks::<4>();
    Ok(match transform {
        Transform::None | Transform::Flatten | Transform::Rows(_) => elements.into_owned(),
        // The merged axes of a depthwise kernel are neighbours already: only the shape differs.
        Transform::Permute(axes) | Transform::Depthwise(axes) | Transform::Merged { axes, .. } => {
            permute(values, shape, axes).into_flattened()
        }
        Transform::CuDnnKernel(gates) => cudnn_kernel(values, shape, *gates).into_flattened(),
        Transform::SumOfHalves => sum_of_halves(values).into_flattened(),
    })
}

/// Each gate's block of columns `(rows, units)` holds, read row by row, a matrix `(units, rows)`:
/// that one transposed takes its place.
fn cudnn_kernel<T: Copy>(elements: &[T], shape: &[usize], gates: usize) -> Vec<T> {
    let &[rows, columns] = shape else {
        return elements.to_vec();
    };
    let units = columns.checked_div(gates).unwrap_or_default();
    let blocks = permute(elements, &[rows, gates, units], &[1, 0, 2]);
    permute(&blocks, &[gates, units, rows], &[2, 0, 1])
}

fn sum_of_halves(elements: &[[u8; 4]]) -> Vec<[u8; 4]> {
    let (first, second) = elements.split_at(elements.len() / 2);
    let value = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes);
    let sums = first.iter().zip(second).map(|(a, b)| value(a) + value(b));
    sums.map(f32::to_le_bytes).collect()
}

/// The way back of [`burn_elements`]: the elements of a tensor like `tensor`, in the type and the layout
/// of the file, that has the `values` of type `dtype` in Burn's layout.
///
/// Where a value is what import makes of the element that is there, the element stays, which may be
/// more exact than the value. Where cuDNN's two biases have another sum, the first is the sum and the
/// second is zero, which computes the same.
///
/// Peak memory: the elements, twice if they are of another type than the values.
pub(crate) fn keras_elements(
    tensor: &StoredTensor,
    transform: &Transform,
    dtype: Dtype,
    values: &[u8],
) -> Result<Vec<u8>, ContainerError> {
    let shape = tensor.shape();
    let values = match dtype.size() {
        2 => arranged_back::<2>(values, shape, transform),
        8 => arranged_back::<8>(values, shape, transform),
        _ => arranged_back::<4>(values, shape, transform),
    };
    let (dtype, values) = if *transform == Transform::SumOfHalves {
        let sums = halves(&tensor.read_f32()?, &dtype.to_f32(&values));
        (Dtype::F32, sums)
    } else {
        (dtype, values)
    };
    if dtype == tensor.dtype() {
        return Ok(values);
    }
    let exact = dtype.to_f64(&values);
    let mut elements = tensor.dtype().from_f64(&exact);
    if !tensor.dtype().is_float() {
        let found = tensor.dtype().to_f64(&elements).into_iter();
        if let Some((_, value)) = found.zip(&exact).find(|(found, value)| found != *value) {
            return Err(ContainerError::Malformed {
                file: "the record".to_owned(),
                path: tensor.path().to_owned(),
                reason: format!("{value} is no {}", tensor.dtype()),
            });
        }
    }
    let old = tensor.read()?;
    let imported = dtype.from_f64(&tensor.dtype().to_f64(&old));
    let size = tensor.dtype().size();
    let all = elements.chunks_exact_mut(size).zip(old.chunks_exact(size));
    let before = imported.chunks_exact(dtype.size());
    let after = values.chunks_exact(dtype.size());
    for ((element, old), (before, after)) in all.zip(before.zip(after)) {
        if before == after {
            element.copy_from_slice(old);
        }
    }
    Ok(elements)
}

/// Elements of `N` bytes in Burn's layout, in that of Keras's shape `shape`.
fn arranged_back<const N: usize>(
    elements: &[u8],
    shape: &[usize],
    transform: &Transform,
) -> Vec<u8> {
    let (elements, _) = elements.as_chunks::<N>();
    match transform {
        Transform::None | Transform::Flatten | Transform::Rows(_) | Transform::SumOfHalves => {
            elements.as_flattened().to_vec()
        }
        Transform::Permute(axes) | Transform::Depthwise(axes) | Transform::Merged { axes, .. } => {
            let permuted: Vec<usize> = axes
                .iter()
                .map(|axis| shape.get(*axis).copied().unwrap_or_default())
                .collect();
            let mut back: Vec<usize> = (0..axes.len()).collect();
            back.sort_by_key(|axis| axes.get(*axis));
            permute(elements, &permuted, &back).into_flattened()
        }
        Transform::CuDnnKernel(gates) => {
            cudnn_kernel_back(elements, shape, *gates).into_flattened()
        }
    }
}

/// The way back of [`cudnn_kernel`].
fn cudnn_kernel_back<T: Copy>(elements: &[T], shape: &[usize], gates: usize) -> Vec<T> {
    let &[rows, columns] = shape else {
        return elements.to_vec();
    };
    let units = columns.checked_div(gates).unwrap_or_default();
    let blocks = permute(elements, &[rows, gates, units], &[1, 2, 0]);
    permute(&blocks, &[gates, rows, units], &[1, 0, 2])
}

/// Two halves, as `f32`, whose sums are `sums`; those of `old` where they are.
fn halves(old: &[f32], sums: &[f32]) -> Vec<u8> {
    let (first, second) = old.split_at(old.len() / 2);
    let pairs = first.iter().zip(second).zip(sums);
    let (first, second): (Vec<f32>, Vec<f32>) = pairs
        .map(|((a, b), sum)| match (a + b).to_bits() == sum.to_bits() {
            true => (*a, *b),
            false => (*sum, 0.0),
        })
        .unzip();
    let halves = first.into_iter().chain(second);
    halves.flat_map(f32::to_le_bytes).collect()
}

/// `elements` of a row-major tensor of shape `shape`, with its axes in the order `axes`, row-major
/// again: axis `i` of the result is axis `axes[i]` of the input.
///
/// `axes` must name every axis once and `elements` must fill `shape`; otherwise the elements come
/// back as they are.
pub fn permute<T: Copy>(elements: &[T], shape: &[usize], axes: &[usize]) -> Vec<T> {
    let mut named = axes.to_vec();
    named.sort_unstable();
    let count = shape.iter().product::<usize>();
    if !named.iter().copied().eq(0..shape.len()) || count != elements.len() || count == 0 {
        return elements.to_vec();
    }
    let Some((&last, outer)) = axes.split_last() else {
        return elements.to_vec();
    };
    let contiguous = shape.len() - 1;
    let mut from_strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        from_strides[axis - 1] = from_strides[axis] * shape[axis];
    }
    if last == contiguous {
        let mut result = Vec::with_capacity(count);
        for start in places(shape, &from_strides, outer) {
            result.extend_from_slice(&elements[start..start + shape[last]]);
        }
        return result;
    }
    let mut to_strides = vec![1; shape.len()];
    for pair in axes.windows(2).rev() {
        to_strides[pair[0]] = to_strides[pair[1]] * shape[pair[1]];
    }
    // In a plane of the last axes of input and result, squares: reads and writes are both runs.
    let mut others = outer.to_vec();
    others.retain(|axis| *axis != contiguous);
    let mut result = elements.to_vec();
    for first_column in (0..shape[contiguous]).step_by(TILE) {
        let columns = first_column..shape[contiguous].min(first_column + TILE);
        for first_row in (0..shape[last]).step_by(TILE) {
            let rows = first_row..shape[last].min(first_row + TILE);
            let from = places(shape, &from_strides, &others);
            let to = places(shape, &to_strides, &others);
            for (from, to) in from.zip(to) {
                for column in columns.clone() {
                    let from = from + column;
                    let to = to + column * to_strides[contiguous];
                    for row in rows.clone() {
                        result[to + row] = elements[from + row * from_strides[last]];
                    }
                }
            }
        }
    }
    result
}

/// The offsets of all places along `axes`, the last of them running fastest.
fn places<'a>(
    shape: &'a [usize],
    strides: &'a [usize],
    axes: &'a [usize],
) -> impl Iterator<Item = usize> + 'a {
    let count = axes.iter().map(|axis| shape[*axis]).product::<usize>();
    let mut place = vec![0; axes.len()];
    let mut offset = 0;
    (0..count).map(move |_| {
        let current = offset;
        for (place, axis) in place.iter_mut().zip(axes).rev() {
            *place += 1;
            offset += strides[*axis];
            if *place < shape[*axis] {
                break;
            }
            offset -= *place * strides[*axis];
            *place = 0;
        }
        current
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Element by element, the definition.
    fn naive(elements: &[u32], shape: &[usize], axes: &[usize]) -> Vec<u32> {
        let mut result = Vec::new();
        for flat in 0..elements.len() {
            let mut rest = flat;
            let mut place = vec![0; shape.len()];
            for axis in axes.iter().rev() {
                place[*axis] = rest % shape[*axis];
                rest /= shape[*axis];
            }
            let offset = place.iter().zip(shape).fold(0, |at, (i, n)| at * n + i);
            result.push(elements[offset]);
        }
        result
    }

    #[test]
    fn permutations_are_what_they_say() {
        let cases: [(&[usize], &[usize]); 12] = [
            (&[], &[]),
            (&[5], &[0]),
            (&[3, 4], &[1, 0]),
            (&[70, 130], &[1, 0]),
            (&[3, 4, 5], &[2, 1, 0]),
            (&[3, 4, 5], &[1, 0, 2]),
            (&[3, 70, 65], &[2, 1, 0]),
            (&[3, 70, 65], &[1, 2, 0]),
            (&[3, 3, 4, 67], &[3, 2, 0, 1]),
            (&[3, 2, 4, 5], &[2, 3, 0, 1]),
            (&[2, 3, 2, 3, 2], &[4, 3, 0, 1, 2]),
            (&[2, 0, 3], &[2, 0, 1]),
        ];
        for (shape, axes) in cases {
            let count: usize = shape.iter().product();
            let elements: Vec<u32> = (0..count as u32).collect();
            let expected = naive(&elements, shape, axes);
            assert_eq!(
                permute(&elements, shape, axes),
                expected,
                "{shape:?} {axes:?}"
            );
        }
    }

    #[test]
    fn what_is_no_permutation_changes_nothing() {
        let elements = [1, 2, 3, 4, 5, 6];
        for (shape, axes) in [
            (vec![2, 3], vec![0, 0]),
            (vec![2, 3], vec![0]),
            (vec![2, 3], vec![1, 2]),
            (vec![2, 2], vec![1, 0]),
        ] {
            assert_eq!(permute(&elements, &shape, &axes), elements);
        }
    }

    #[test]
    fn kernels_of_cudnn_become_plain() {
        // Two gates of three units, two rows: what a block holds row by row is the transpose.
        let elements = [0, 1, 2, 10, 11, 12, 3, 4, 5, 13, 14, 15];
        let expected = [0, 2, 4, 10, 12, 14, 1, 3, 5, 11, 13, 15];
        assert_eq!(cudnn_kernel(&elements, &[2, 6], 2), expected);
        assert_eq!(cudnn_kernel(&elements, &[2, 6], 4), elements);
        assert_eq!(cudnn_kernel(&elements, &[2, 6], 0), elements);
    }

    #[test]
    fn biases_of_cudnn_are_added() {
        let elements = [1.0, 2.0, 0.5, -4.0].map(f32::to_le_bytes);
        assert_eq!(sum_of_halves(&elements), [1.5, -2.0].map(f32::to_le_bytes));
    }

    #[test]
    fn every_float_becomes_single_precision() {
        let one_and_a_half: [(Dtype, Vec<u8>); 4] = [
            (Dtype::F16, vec![0x00, 0x3e]),
            (Dtype::Bf16, vec![0xc0, 0x3f]),
            (Dtype::F32, 1.5_f32.to_le_bytes().to_vec()),
            (Dtype::F64, 1.5_f64.to_le_bytes().to_vec()),
        ];
        for (dtype, bytes) in one_and_a_half {
            let tensor = StoredTensor::from_parts("x", [1, 1], dtype, bytes).unwrap();
            for transform in [Transform::None, Transform::Permute(vec![1, 0])] {
                let elements = burn_elements(&tensor, &transform).unwrap();
                assert_eq!(elements, 1.5_f32.to_le_bytes(), "{dtype}");
            }
        }
    }

    #[test]
    fn every_transform_has_a_way_back() {
        let transforms: [(Transform, &[usize]); 8] = [
            (Transform::None, &[2, 3]),
            (Transform::Flatten, &[2, 3]),
            (Transform::Rows(2), &[6]),
            (Transform::Permute(vec![1, 0]), &[2, 3]),
            (Transform::Permute(vec![3, 2, 0, 1]), &[2, 3, 4, 5]),
            (Transform::Depthwise(vec![2, 3, 0, 1]), &[3, 5, 4, 2]),
            (
                Transform::Merged {
                    axes: vec![1, 2, 0],
                    groups: vec![2, 0, 1],
                },
                &[2, 3, 4],
            ),
            (Transform::CuDnnKernel(3), &[2, 12]),
        ];
        for (transform, shape) in transforms {
            for dtype in [Dtype::F16, Dtype::F32, Dtype::F64] {
                let count = shape.iter().product::<usize>();
                let values: Vec<f64> = (0..count).map(|value| value as f64).collect();
                let file = dtype.from_f64(&values);
                let tensor = StoredTensor::from_parts("x", shape, dtype, file.clone()).unwrap();
                let burn = burn_elements(&tensor, &transform).unwrap();
                let same = keras_elements(&tensor, &transform, Dtype::F32, &burn).unwrap();
                assert_eq!(same, file, "{transform:?} {dtype}");
                // From a tensor with other elements nothing stays.
                let zeros = vec![0; file.len()];
                let other = StoredTensor::from_parts("x", shape, dtype, zeros).unwrap();
                let back = keras_elements(&other, &transform, Dtype::F32, &burn).unwrap();
                assert_eq!(back, file, "{transform:?} {dtype}");
                // Records may have other types.
                let wide = Dtype::F64.from_f64(&Dtype::F32.to_f64(&burn));
                let back = keras_elements(&other, &transform, Dtype::F64, &wide).unwrap();
                assert_eq!(back, file, "{transform:?} {dtype}");
            }
        }
    }

    #[test]
    fn elements_that_have_not_changed_stay_exact() {
        let file = Dtype::F64.from_f64(&[0.1, 0.2]);
        let tensor = StoredTensor::from_parts("x", [2], Dtype::F64, file).unwrap();
        let record = Dtype::F32.from_f64(&[0.1, 0.25]);
        let back = keras_elements(&tensor, &Transform::None, Dtype::F32, &record).unwrap();
        assert_eq!(Dtype::F64.to_f64(&back), [0.1, 0.25]);
    }

    #[test]
    fn counts_must_stay_whole() {
        let tensor = StoredTensor::from_parts("x", [1], Dtype::I64, vec![0; 8]).unwrap();
        let back = |value: f64| {
            let record = Dtype::F32.from_f64(&[value]);
            keras_elements(&tensor, &Transform::None, Dtype::F32, &record)
        };
        assert_eq!(back(7.0).unwrap(), 7_i64.to_le_bytes());
        let error = back(7.5).unwrap_err().to_string();
        assert!(error.ends_with("7.5 is no int64"), "{error}");
    }

    #[test]
    fn biases_of_cudnn_keep_their_sum() {
        let file = Dtype::F32.from_f64(&[1.0, 2.0, 0.5, -4.0]);
        let tensor = StoredTensor::from_parts("x", [4], Dtype::F32, file).unwrap();
        let record = Dtype::F32.from_f64(&[1.5, 7.0]);
        let transform = Transform::SumOfHalves;
        let back = keras_elements(&tensor, &transform, Dtype::F32, &record).unwrap();
        assert_eq!(Dtype::F32.to_f64(&back), [1.0, 7.0, 0.5, 0.0]);
    }
}

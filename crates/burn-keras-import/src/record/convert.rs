//! From Keras's elements and axes to Burn's.

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
}

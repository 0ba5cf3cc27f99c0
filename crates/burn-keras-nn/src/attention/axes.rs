//! Attention over any axes: all of them become one axis of steps, and the others go to the batch.

use alloc::vec::Vec;
use burn::tensor::{Bool, Tensor};

/// The axes between which nothing is attended to: all but `axes` and the last.
fn batch_axes(rank: usize, axes: &[usize]) -> Vec<usize> {
    (0..rank - 1).filter(|axis| !axes.contains(axis)).collect()
}

fn sizes(dims: &[usize], axes: &[usize]) -> Vec<usize> {
    axes.iter().map(|axis| dims[*axis]).collect()
}

/// `x` with `axes` as steps and all others but the last as batch: `[batch, steps, features]`.
pub fn fold_axes<const D: usize>(x: Tensor<D>, axes: &[usize]) -> Tensor<3> {
    let dims = x.dims();
    let batch = batch_axes(D, axes);
    let order = order::<D>(&batch, axes);
    let batch = sizes(&dims, &batch).iter().product();
    let steps = sizes(&dims, axes).iter().product();
    x.permute(order.map(|axis| axis as isize))
        .reshape([batch, steps, dims[D - 1]])
}

/// Undoes [`fold_axes`]: the axes of `like`, with the features of `x`.
pub fn unfold_axes<const D: usize>(x: Tensor<3>, like: Tensor<D>, axes: &[usize]) -> Tensor<D> {
    let mut dims = like.dims();
    dims[D - 1] = x.dims()[2];
    let order = order::<D>(&batch_axes(D, axes), axes);
    let mut back = [0; D];
    for (position, axis) in order.into_iter().enumerate() {
        back[axis] = position as isize;
    }
    x.reshape(order.map(|axis| dims[axis])).permute(back)
}

/// The weights `[batch, heads, steps, other steps]` of folded query and key, unfolded to
/// `[batch..., heads, axes of the query..., axes of the key...]`; `D2` is `D` and the number of `axes`.
pub fn unfold_scores<const D: usize, const D2: usize>(
    scores: Tensor<4>,
    query: Tensor<D>,
    key: Tensor<D>,
    axes: &[usize],
) -> Tensor<D2> {
    let mut dims = sizes(&query.dims(), &batch_axes(D, axes));
    dims.push(scores.dims()[1]);
    dims.extend(sizes(&query.dims(), axes));
    dims.extend(sizes(&key.dims(), axes));
    scores.reshape(core::array::from_fn::<usize, D2, _>(|axis| dims[axis]))
}

/// A mask `[batch..., heads, axes of the query..., axes of the key...]` for folded query and key:
/// `[batch, heads, steps, other steps]`. Axes of size 1 hold for all; the heads and the last axes
/// of the batch may be missing.
pub fn fold_mask<const M: usize, const D: usize>(
    mask: Tensor<M, Bool>,
    query: Tensor<D>,
    key: Tensor<D>,
    axes: &[usize],
) -> Tensor<4, Bool> {
    let dims = mask.dims();
    let (leading, steps) = dims.split_at(M - 2 * axes.len());
    let batch = sizes(&query.dims(), &batch_axes(D, axes));
    let (of_batch, heads) = leading.split_at(leading.len().min(batch.len()));
    let heads = heads.first().copied().unwrap_or(1);
    // Within a group all sizes are those of query and key, or all are 1.
    let group = |found: &[usize], full: &[usize]| -> Vec<usize> {
        let broadcast = found.iter().all(|size| *size == 1);
        let sizes = found.iter().zip(full);
        sizes
            .map(|(found, full)| if broadcast { *found } else { *full })
            .collect()
    };
    let (of_query, of_key) = steps.split_at(axes.len());
    let groups = [
        group(of_batch, &batch),
        alloc::vec![heads],
        group(of_query, &sizes(&query.dims(), axes)),
        group(of_key, &sizes(&key.dims(), axes)),
    ];
    let counts = groups.clone().map(|sizes| sizes.iter().product::<usize>());
    let mut full = groups.concat();
    if leading.len() <= batch.len() {
        full.remove(of_batch.len());
    }
    let mask = mask.expand(core::array::from_fn::<usize, M, _>(|axis| full[axis]));
    let [known, heads, rows, columns] = counts;
    let missing = batch[of_batch.len()..].iter().product::<usize>();
    if known == 1 || missing == 1 {
        return mask.reshape([known, heads, rows, columns]);
    }
    mask.reshape([known, 1, heads, rows, columns])
        .expand([known, missing, heads, rows, columns])
        .reshape([known * missing, heads, rows, columns])
}

/// Batch, steps, features.
fn order<const D: usize>(batch: &[usize], axes: &[usize]) -> [usize; D] {
    core::array::from_fn(|at| {
        let all = batch.iter().chain(axes);
        all.copied().nth(at).unwrap_or(D - 1)
    })
}

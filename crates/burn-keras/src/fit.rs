//! Whether tensors fit a step: sizes that a model leaves open are known at run time alone, and
//! Burn's functions panic where they do not fit.

mod function;
mod module;

pub(crate) use function::{function, reshape};
pub(crate) use module::module;

type Shapes<'a> = &'a [Vec<usize>];

fn require(fits: bool, found: impl FnOnce() -> String) -> Result<(), String> {
    if fits {
        Ok(())
    } else {
        Err(format!("does not fit: {}", found()))
    }
}

/// Whether axis `at` of `x` has `size` of something.
fn axis(x: &[usize], at: usize, size: usize, what: &str) -> Result<(), String> {
    require(x.get(at) == Some(&size), || {
        format!("a tensor of {x:?}; {size} {what} are expected on axis {at}")
    })
}

/// Whether the shapes are equal but for sizes of 1.
fn broadcast(shapes: Shapes<'_>) -> bool {
    let rank = shapes.first().map_or(0, Vec::len);
    shapes.iter().all(|shape| shape.len() == rank)
        && (0..rank).all(|axis| {
            let mut sizes = shapes
                .iter()
                .map(|shape| shape[axis])
                .filter(|size| *size != 1);
            let first = sizes.next();
            sizes.all(|size| Some(size) == first)
        })
}

/// Whether a mask is as large as the first axes of a tensor, sizes of 1 aside.
fn mask(shapes: Shapes<'_>, mask: usize, of: usize) -> Result<(), String> {
    let [Some(keep), Some(x)] = [shapes.get(mask), shapes.get(of)] else {
        return Err("a tensor or its mask is missing".into());
    };
    let fits = keep.len() <= x.len() && keep.iter().zip(x).all(|(a, b)| a == b || *a == 1);
    require(fits, || {
        format!("a tensor of {x:?} with a mask of {keep:?}")
    })
}

/// Whether a mask is as large as scores of attention, sizes of 1 aside.
fn broadcasts_to(mask: &[usize], scores: &[usize]) -> Result<(), String> {
    let sizes = mask.iter().zip(scores);
    let fits = mask.len() == scores.len() && { sizes }.all(|(a, b)| *a == 1 || a == b);
    require(fits, || {
        format!("scores of {scores:?} with a mask of {mask:?}")
    })
}

/// Whether each window lies inside the padded axes behind the channels.
fn window(x: &[usize], size: &[usize], dilation: &[usize], pads: &[usize]) -> Result<(), String> {
    let axes = x.get(2..).unwrap_or_default();
    let inside = axes.len() == size.len()
        && (0..size.len()).all(|at| {
            let extent = size[at].saturating_sub(1).saturating_mul(dilation[at]);
            axes[at].saturating_add(pads[at]) > extent
        });
    require(inside, || {
        format!("a window of {size:?} over a tensor of {x:?}")
    })
}

#[cfg(test)]
mod tests {
    use burn_keras_import::plan::{Function, PoolWindow};
    use keras_ir::layer::convolution::Padding;

    use super::function::pool;
    use super::*;

    #[test]
    fn shapes_with_kept_and_inferred_sizes() {
        assert!(reshape(&[2, 3, 4], &[0, -1]).is_ok());
        assert!(reshape(&[2, 3, 4], &[0, 12]).is_ok());
        assert!(reshape(&[2, 3, 4], &[0, 5, -1]).is_err());
        assert!(reshape(&[2, 3, 4], &[0, 11]).is_err());
        assert!(reshape(&[2], &[0, 0]).is_err());
        assert!(reshape(&[2], &[0, -2]).is_err());
        assert!(reshape(&[2, 3], &[i64::MAX, i64::MAX]).is_err());
    }

    #[test]
    fn sizes_of_one_are_broadcast() {
        assert!(broadcast(&[vec![2, 1], vec![1, 3], vec![2, 3]]));
        assert!(!broadcast(&[vec![2, 1], vec![1, 3], vec![3, 3]]));
        assert!(!broadcast(&[vec![2, 1], vec![2]]));
        let concatenate = Function::Concatenate(1);
        assert!(function(&concatenate, &[vec![2, 1], vec![2, 3]]).is_ok());
        assert!(function(&concatenate, &[vec![2, 1], vec![1, 3]]).is_err());
    }

    #[test]
    fn windows_must_lie_inside() {
        assert!(window(&[1, 3, 5], &[3], &[2], &[0]).is_ok());
        assert!(window(&[1, 3, 4], &[3], &[2], &[0]).is_err());
        assert!(window(&[1, 3, 4], &[3], &[2], &[1]).is_ok());
        let pooling = PoolWindow {
            size: vec![3, 3],
            strides: vec![1, 1],
            padding: Padding::Valid,
        };
        assert!(pool(&[1, 1, 3, 2], &pooling).is_err());
        let pooling = PoolWindow {
            size: vec![usize::MAX, 3],
            strides: vec![1, 1],
            padding: Padding::Same,
        };
        assert!(pool(&[1, 1, 3, 2], &pooling).is_err());
    }
}

//! What products of matrices give.

use super::{broadcast, common_kind, exactly};
use crate::layer::Mismatch;
use crate::shape::{Kind, Shape, Spec};

pub(super) fn matmul(inputs: &[Spec], transpose: [bool; 2]) -> Result<Vec<Spec>, Mismatch> {
    let [a, b] = exactly(inputs)?;
    let fail = || Mismatch::new("matrices that can be multiplied", inputs);
    let oriented = |spec: &Spec, turned: bool| {
        let mut shape = spec.shape.0.clone();
        let rank = shape.len();
        if turned && rank > 1 {
            shape.swap(rank - 1, rank - 2);
        }
        shape
    };
    let (mut a, mut b) = (oriented(a, transpose[0]), oriented(b, transpose[1]));
    let (row, column) = (a.len() == 1, b.len() == 1);
    if row {
        a.insert(0, Some(1));
    }
    if column {
        b.push(Some(1));
    }
    let (Some([rows, inner]), Some([of_b, columns])) =
        (a.last_chunk::<2>().copied(), b.last_chunk::<2>().copied())
    else {
        return Err(fail());
    };
    if let (Some(inner), Some(of_b)) = (inner, of_b)
        && inner != of_b
    {
        return Err(fail());
    }
    let (a, b) = (&a[..a.len() - 2], &b[..b.len() - 2]);
    let batch = broadcast(&[&Shape(a.to_vec()), &Shape(b.to_vec())]).ok_or_else(fail)?;
    let mut shape = batch.0;
    shape.extend((!row).then_some(rows));
    shape.extend((!column).then_some(columns));
    Ok(vec![Spec {
        shape: Shape(shape),
        kind: common_kind(inputs).max(Kind::Int),
    }])
}

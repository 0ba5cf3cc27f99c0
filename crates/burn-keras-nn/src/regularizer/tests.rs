//! Numbers from Keras 3.15.1 and tf_keras 2.21: `tests/fixtures/make_losses.py`.

use super::*;
use crate::testing::{Reference, close, devices, values};

#[test]
fn penalties_gradients_and_activities() {
    let reference = Reference::parse(include_str!("../loss/tests/keras.txt"));
    let orthogonal = |mode| Regularizer::Orthogonal { factor: 0.3, mode };
    let cases = [
        ("l1", Regularizer::L1 { l1: 0.3 }),
        ("l2", Regularizer::L2 { l2: 0.2 }),
        ("l1l2", Regularizer::L1L2 { l1: 0.3, l2: 0.2 }),
        ("rows", orthogonal(Orthogonal::Rows)),
        ("columns", orthogonal(Orthogonal::Columns)),
    ];
    for device in devices() {
        let device = device.autodiff();
        for (name, regularizer) in cases {
            for generation in [Generation::Keras3, Generation::TfKeras] {
                let x: Tensor<2> = reference.floats("column", &device).require_grad();
                let penalty = regularizer.penalty_of(x.clone(), generation).unwrap();
                let mut found = values(x.grad(&penalty.clone().backward()).unwrap());
                found.extend(values(penalty));
                close(
                    &found,
                    reference.case("penalty", name, generation).unwrap(),
                    1e-6,
                );
                let activity = regularizer.activity_penalty(x, generation).unwrap();
                let expected = reference.case("activity", name, generation).unwrap();
                close(&values(activity), expected, 1e-6);
            }
        }
    }
}

#[test]
fn orthogonality_is_of_matrices() {
    let x = Tensor::<3>::zeros([1, 2, 3], &devices()[0]);
    let regularizer = Regularizer::Orthogonal {
        factor: 0.01,
        mode: Orthogonal::Rows,
    };
    let expected = ShapeError::Rank {
        expected: 2,
        shape: [1, 2, 3].to_vec(),
    };
    assert_eq!(regularizer.penalty(x).unwrap_err(), expected);
}

//! Numbers from Keras 3.15.1 on TensorFlow and tf_keras 2.21: `tests/fixtures/make_losses.py`.

use alloc::vec::Vec;
use alloc::{format, vec};
use burn::tensor::{Bool, Device, Int, Tensor};

use super::*;
use crate::testing::{Reference, close, devices, values};

const GENERATIONS: [Generation; 2] = [Generation::Keras3, Generation::TfKeras];

fn reference() -> Reference {
    Reference::parse(include_str!("tests/keras.txt"))
}

fn default(class: &str) -> LossFunction {
    let name = NAMES.iter().find(|name| name.class == class).unwrap();
    (name.default)()
}

fn bce(from_logits: bool, label_smoothing: f64, axis: isize) -> LossFunction {
    LossFunction::BinaryCrossentropy {
        from_logits,
        label_smoothing,
        axis,
    }
}

fn cce(from_logits: bool, label_smoothing: f64, axis: isize) -> LossFunction {
    LossFunction::CategoricalCrossentropy {
        from_logits,
        label_smoothing,
        axis,
    }
}

fn sparse(from_logits: bool, ignore_class: Option<i64>) -> LossFunction {
    LossFunction::SparseCategoricalCrossentropy {
        from_logits,
        ignore_class,
    }
}

/// The cases of the script: name, function, output, target.
fn cases() -> Vec<(&'static str, LossFunction, &'static str, &'static str)> {
    use LossFunction as F;
    vec![
        ("mse", F::MeanSquaredError, "numbers", "real"),
        ("mse_row", F::MeanSquaredError, "ones", "row"),
        ("mae", F::MeanAbsoluteError, "numbers", "real"),
        ("mape", F::MeanAbsolutePercentageError, "numbers", "labels"),
        ("msle", F::MeanSquaredLogarithmicError, "numbers", "real"),
        ("cosine", default("CosineSimilarity"), "numbers", "real"),
        (
            "cosine_1",
            F::CosineSimilarity { axis: 1 },
            "numbers",
            "real",
        ),
        (
            "cosine_zero",
            default("CosineSimilarity"),
            "zeros",
            "directions",
        ),
        ("huber", default("Huber"), "numbers", "real"),
        ("huber_2", F::Huber { delta: 2.5 }, "numbers", "real"),
        ("log_cosh", F::LogCosh, "numbers", "real"),
        ("log_cosh_0", F::LogCosh, "real", "real"),
        ("hinge", F::Hinge, "numbers", "labels"),
        ("hinge_signs", F::Hinge, "numbers", "signs"),
        ("squared_hinge", F::SquaredHinge, "numbers", "labels"),
        (
            "categorical_hinge",
            F::CategoricalHinge,
            "numbers",
            "onehot",
        ),
        ("kld", F::KlDivergence, "probabilities", "soft"),
        ("poisson", F::Poisson, "probabilities", "labels"),
        (
            "bce",
            default("BinaryCrossentropy"),
            "probabilities",
            "labels",
        ),
        ("bce_logits", bce(true, 0.0, -1), "logits", "labels"),
        ("bce_smooth", bce(false, 0.2, 1), "distribution", "labels"),
        (
            "focal",
            default("BinaryFocalCrossentropy"),
            "distribution",
            "labels",
        ),
        (
            "focal_logits",
            F::BinaryFocalCrossentropy {
                apply_class_balancing: false,
                alpha: 0.25,
                gamma: 1.5,
                from_logits: true,
                label_smoothing: 0.0,
                axis: -1,
            },
            "logits",
            "labels",
        ),
        (
            "focal_balanced",
            F::BinaryFocalCrossentropy {
                apply_class_balancing: true,
                alpha: 0.3,
                gamma: 3.0,
                from_logits: false,
                label_smoothing: 0.1,
                axis: -1,
            },
            "distribution",
            "labels",
        ),
        (
            "cce",
            default("CategoricalCrossentropy"),
            "distribution",
            "onehot",
        ),
        (
            "cce_clipped",
            cce(false, 0.0, -1),
            "probabilities",
            "onehot",
        ),
        ("cce_logits", cce(true, 0.0, -1), "logits", "onehot"),
        ("cce_smooth", cce(false, 0.2, 1), "distribution", "onehot"),
        ("cce_smooth_logits", cce(true, 0.2, -1), "logits", "onehot"),
        (
            "cfocal",
            default("CategoricalFocalCrossentropy"),
            "distribution",
            "onehot",
        ),
        (
            "cfocal_logits",
            F::CategoricalFocalCrossentropy {
                alpha: vec![0.1, 0.2, 0.3, 0.4],
                gamma: 1.5,
                from_logits: true,
                label_smoothing: 0.1,
                axis: -1,
            },
            "logits",
            "onehot",
        ),
        (
            "scce",
            default("SparseCategoricalCrossentropy"),
            "distribution",
            "ids",
        ),
        ("scce_logits", sparse(true, None), "logits", "ids_column"),
        ("scce_ignore", sparse(false, Some(1)), "distribution", "ids"),
        ("scce_ignore_logits", sparse(true, Some(2)), "logits", "ids"),
        ("ctc", default("CTC"), "sequences", "sequence_ids"),
        ("dice", default("Dice"), "distribution", "labels"),
        (
            "dice_axes",
            F::Dice {
                axis: Some(vec![1, 2]),
            },
            "distribution",
            "labels",
        ),
        ("tversky", default("Tversky"), "distribution", "labels"),
        (
            "tversky_axes",
            F::Tversky {
                alpha: 0.3,
                beta: 0.8,
                axis: Some(vec![-1]),
            },
            "distribution",
            "labels",
        ),
        ("circle", default("Circle"), "vectors", "flat_ids"),
        (
            "circle_diagonal",
            F::Circle {
                gamma: 2.0,
                margin: 0.25,
                remove_diagonal: false,
            },
            "vectors",
            "flat_ids",
        ),
        (
            "gce",
            default("CategoricalGeneralizedCrossEntropy"),
            "flat_distribution",
            "flat_ids",
        ),
        (
            "gce_3",
            F::CategoricalGeneralizedCrossEntropy { q: 0.3 },
            "flat_distribution",
            "flat_ids",
        ),
    ]
}

/// Values, and the gradient of their sum.
fn evaluate<const D: usize>(
    loss: &Loss,
    output: Tensor<D>,
    target: Target,
) -> (Vec<f32>, Vec<f32>) {
    let output = output.require_grad();
    let found = loss.values(output.clone(), target).unwrap();
    let gradient = output.grad(&found.clone().sum().backward()).unwrap();
    (values(found), values(gradient))
}

#[test]
fn values_and_gradients_of_all_losses() {
    let reference = reference();
    let cases = cases();
    assert_eq!(cases.len(), reference.names("values").len());
    for device in devices() {
        let device = device.autodiff();
        for (name, function, output, target) in &cases {
            for generation in GENERATIONS {
                let Some(expected) = reference.case("values", name, generation) else {
                    continue;
                };
                let gradient = reference.case("gradient", name, generation).unwrap();
                let loss = Loss::new(function.clone()).with_generation(generation);
                let target = reference.target(target, &device);
                let found = match reference.shape(output).len() {
                    2 => evaluate::<2>(&loss, reference.floats(output, &device), target),
                    _ => evaluate::<3>(&loss, reference.floats(output, &device), target),
                };
                std::eprintln!("{name} {generation:?}"); // shown if it fails
                close(&found.0, expected, 1e-6);
                close(&found.1, gradient, 1e-6);
            }
        }
    }
}

fn weights(reference: &Reference, weight: &str, mask: &str, device: &Device) -> Weights {
    let weights = match weight {
        "none" => Weights::new(),
        "batch" => {
            Weights::new().with_sample_weight::<1>(reference.floats("weights_batch", device))
        }
        _ => Weights::new()
            .with_sample_weight::<2>(reference.floats(&format!("weights_{weight}"), device)),
    };
    if mask == "none" {
        return weights;
    }
    let mask: Tensor<2> = reference.floats(&format!("mask_{mask}"), device);
    weights.with_mask(mask.equal_scalar(1.0))
}

#[test]
fn reductions_with_weights_and_masks() {
    let reference = reference();
    let device = &devices()[0];
    let cases = cases();
    for case in reference.names("reduced") {
        let parts: Vec<&str> = case.split('/').collect();
        let [name, weight, mask, reduction] = parts.as_slice().try_into().unwrap();
        let (_, function, output, target) = cases.iter().find(|case| case.0 == name).unwrap();
        let names = Reduction::NAMES;
        let (_, reduction) = names.iter().find(|entry| entry.0 == reduction).unwrap();
        for generation in GENERATIONS {
            let Some(expected) = reference.case("reduced", case, generation) else {
                continue;
            };
            let loss = Loss::new(function.clone())
                .with_reduction(*reduction)
                .with_generation(generation);
            let found = loss.forward_weighted(
                reference.floats::<3>(output, device),
                reference.target(target, device),
                &weights(&reference, weight, mask, device),
            );
            std::eprintln!("{case} {generation:?}"); // shown if it fails
            close(&values(found.unwrap()), expected, 1e-6);
        }
    }
}

#[test]
fn weights_of_keras_3_do_not_broadcast_from_the_batch() {
    let reference = reference();
    let device = &devices()[0];
    let found = Loss::new(LossFunction::MeanSquaredError).forward_weighted(
        reference.floats::<3>("numbers", device),
        reference.floats::<3>("real", device),
        &weights(&reference, "batch", "none", device),
    );
    let expected = ShapeError::Weights {
        values: vec![2, 3],
        weights: vec![2],
    };
    assert_eq!(found.unwrap_err(), expected);
}

// keras.losses.Dice()(y, p, sample_weight=[1, 3]): one value, which the weights repeat
#[test]
fn one_value_and_many_weights() {
    let device = &devices()[0];
    let x = Tensor::<2>::from_floats([[0.5], [0.5]], device);
    let y = Tensor::<2>::from_floats([[1.0], [0.0]], device);
    let weights = Weights::new().with_sample_weight(Tensor::<1>::from_floats([1.0, 3.0], device));
    let loss = Loss::new(default("Dice"));
    close(
        &values(loss.forward(x.clone(), y.clone()).unwrap()),
        &[0.5],
        1e-6,
    );
    close(
        &values(loss.forward_weighted(x, y, &weights).unwrap()),
        &[1.0],
        1e-6,
    );
}

// A sample alone in its class has no loss, does not count, and has no gradient of its own.
#[test]
fn samples_without_a_pair_are_masked() {
    let device = devices()[0].clone().autodiff();
    let x = Tensor::<2>::from_floats([[0.6, 0.8], [0.8, 0.6], [1.0, 0.0]], &device).require_grad();
    let ids = Tensor::<1, Int>::from_ints([0, 0, 1], &device);
    let found = Loss::new(default("Circle"))
        .forward(x.clone(), ids)
        .unwrap();
    let gradient = x.grad(&found.backward()).unwrap();
    close(&values(found), &[14.545621], 1e-6);
    let expected = [41.30674, -3.77352, 60.22648, -5.0313597, 79.00286, 75.47048];
    close(&values(gradient), &expected, 2e-6);
}

#[test]
fn axes_of_size_one_come_and_go() {
    let device = &devices()[0];
    let loss = Loss::new(LossFunction::MeanSquaredError);
    let mean = |x: Tensor<1>| values(x);
    let row = || Tensor::<1>::from_floats([1.0, 3.0], device);
    let column = || row().reshape([2, 1]);
    let other = || Tensor::<1>::from_floats([0.0, 1.0], device);
    // [batch, 1] against [batch], and the other way round
    assert_eq!(mean(loss.forward(column(), other()).unwrap()), [2.5]);
    assert_eq!(mean(loss.forward(other(), column()).unwrap()), [2.5]);
    assert_eq!(loss.values(other(), column()).unwrap().dims(), [2]);
    // [batch, steps, 1] against [batch, steps]: the steps become the last axis
    let steps = row().reshape([1, 2, 1]);
    let found = loss.values(steps, other().reshape([1, 2])).unwrap();
    assert_eq!(found.dims(), [1, 1, 1]);
    assert_eq!(values(found), [2.5]);
    // broadcasting, as Keras does it silently
    let found = loss.values(row().reshape([1, 2]), column()).unwrap();
    assert_eq!(values(found), [2.0, 2.0]);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let device = &devices()[0];
    let x = || Tensor::<2>::zeros([2, 3], device);
    let ids = |n: usize| Tensor::<1, Int>::zeros([n], device);
    let error = |function: LossFunction, target: Target| {
        Loss::new(function).forward(x(), target).unwrap_err()
    };
    let wrong = |target: &[usize]| ShapeError::Target {
        output: vec![2, 3],
        target: target.to_vec(),
    };
    use LossFunction as F;
    assert_eq!(
        error(
            F::MeanSquaredError,
            Tensor::<2>::zeros([2, 2], device).into()
        ),
        wrong(&[2, 2])
    );
    assert_eq!(
        error(F::Poisson, Tensor::<3>::zeros([2, 3, 3], device).into()),
        wrong(&[2, 3, 3])
    );
    assert_eq!(
        error(
            cce(false, 0.0, -1),
            Tensor::<2>::zeros([2, 1], device).into()
        ),
        wrong(&[2, 1])
    );
    assert_eq!(error(sparse(false, None), ids(3).into()), wrong(&[3]));
    let column = ids(2).reshape([2, 1]);
    assert_eq!(
        error(
            F::CategoricalGeneralizedCrossEntropy { q: 0.5 },
            column.into()
        ),
        wrong(&[2, 1])
    );
    let axis = error(F::CosineSimilarity { axis: 2 }, x().into());
    assert_eq!(
        axis,
        ShapeError::Axis {
            axis: 2,
            shape: vec![2, 3]
        }
    );
    let rank = error(F::Ctc, x().into());
    assert_eq!(
        rank,
        ShapeError::Rank {
            expected: 3,
            shape: vec![2, 3]
        }
    );
    let focal = F::CategoricalFocalCrossentropy {
        alpha: vec![0.5, 0.5],
        gamma: 2.0,
        from_logits: false,
        label_smoothing: 0.0,
        axis: -1,
    };
    assert_eq!(
        error(focal, x().into()),
        ShapeError::Classes {
            classes: 3,
            found: 2
        }
    );
}

#[test]
fn labels_that_are_no_class_give_nan() {
    for device in devices() {
        let x = Tensor::<2>::from_floats([[0.5, 0.5], [0.25, 0.75], [0.25, 0.75]], &device);
        let ids = Tensor::<1, Int>::from_ints([0, 2, -1], &device);
        let loss = Loss::new(sparse(false, Some(-1))).with_reduction(Reduction::None);
        let found = values(loss.forward(x, ids).unwrap());
        close(&found, &[core::f32::consts::LN_2, f32::NAN, 0.0], 1e-6);
    }
}

#[test]
fn names_are_unique() {
    let mut names: Vec<&str> = NAMES.iter().map(|name| name.class).collect();
    names.extend(NAMES.iter().flat_map(|name| name.functions));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn crossentropy_by_shape() {
    assert_eq!(
        LossFunction::crossentropy_for(&[4, 1], &[4]),
        bce(false, 0.0, -1)
    );
    assert_eq!(
        LossFunction::crossentropy_for(&[4, 3], &[4, 1]),
        sparse(false, None)
    );
    assert_eq!(
        LossFunction::crossentropy_for(&[4, 3], &[4]),
        sparse(false, None)
    );
    assert_eq!(
        LossFunction::crossentropy_for(&[4, 3], &[4, 3]),
        cce(false, 0.0, -1)
    );
}

#[test]
fn products_broadcast_as_numpy_does() {
    let device = &devices()[0];
    let a =
        Shaped::new(Tensor::<1>::from_floats([1., 2., 3., 4., 5., 6.], device).reshape([2, 1, 3]));
    let b = Shaped::new(Tensor::<1>::from_floats([1., 10., 100., 1000.], device).reshape([4, 1]));
    let c = a.clone().times(b).unwrap();
    assert_eq!(c.shape, [2, 4, 3]);
    assert_eq!(values(c.flat)[9..15], [1000., 2000., 3000., 4., 5., 6.]);
    let one = Shaped::new(Tensor::<1>::from_floats([2.0], device));
    assert_eq!(
        values(one.times(a.clone()).unwrap().flat),
        [2., 4., 6., 8., 10., 12.]
    );
    let bad = Shaped::new(Tensor::<1>::zeros([2], device));
    assert!(a.times(bad).is_err());
    let keep = Tensor::<2, Bool>::from_data([[true]], device);
    assert_eq!(Shaped::new(keep).shape(), [1, 1]);
}

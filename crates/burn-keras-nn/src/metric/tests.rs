//! Numbers from Keras 3.15.1 on TensorFlow and tf_keras 2.21, over three batches:
//! `tests/fixtures/make_losses.py`.

use alloc::vec;
use alloc::vec::Vec;
use burn::tensor::{Device, Int, Tensor};

use super::*;
use crate::loss::{LossFunction, Shaped};
use crate::testing::{Reference, close, devices};

const BATCHES: usize = 3;

fn reference() -> Reference {
    Reference::parse(include_str!("tests/keras.txt"))
}

fn default(class: &str) -> MetricFunction {
    let name = NAMES.iter().find(|name| name.class == class).unwrap();
    (name.default)()
}

fn precision(thresholds: Option<&[f64]>) -> MetricFunction {
    MetricFunction::Precision {
        thresholds: thresholds.map(<[f64]>::to_vec),
        top_k: None,
        class_id: None,
    }
}

fn recall(
    thresholds: Option<&[f64]>,
    top_k: Option<usize>,
    class_id: Option<usize>,
) -> MetricFunction {
    MetricFunction::Recall {
        thresholds: thresholds.map(<[f64]>::to_vec),
        top_k,
        class_id,
    }
}

fn count(condition: Condition, thresholds: &[f64]) -> MetricFunction {
    MetricFunction::Count {
        condition,
        thresholds: thresholds.to_vec(),
    }
}

fn at(
    constraint: Tradeoff,
    value: f64,
    num_thresholds: usize,
    class_id: Option<usize>,
) -> MetricFunction {
    MetricFunction::At {
        constraint,
        value,
        num_thresholds,
        class_id,
    }
}

fn f_score(average: Average, beta: f64, threshold: Option<f64>) -> MetricFunction {
    MetricFunction::FBetaScore {
        average,
        beta,
        threshold,
    }
}

fn r2(class_aggregation: Aggregation, num_regressors: usize) -> MetricFunction {
    MetricFunction::R2Score {
        class_aggregation,
        num_regressors,
    }
}

fn auc(options: Auc) -> MetricFunction {
    MetricFunction::Auc(options)
}

/// The cases of the script, in its order: function, output, target. Each comes without and with
/// weights.
fn cases() -> Vec<(MetricFunction, &'static str, &'static str)> {
    use MetricFunction as F;
    let label_weights = Some(vec![1.0, 2.0, 0.0, 0.5]);
    let binary = |function| (function, "probabilities", "labels");
    let real = |function| (function, "numbers", "real");
    vec![
        real(default("MeanSquaredError")),
        real(default("LogCoshError")),
        real(default("CosineSimilarity")),
        real(F::RootMeanSquaredError),
        (F::Accuracy, "output_ids", "ids"),
        binary(F::BinaryAccuracy { threshold: 0.25 }),
        (F::CategoricalAccuracy, "ranked", "onehot"),
        (F::SparseCategoricalAccuracy, "ranked", "ids_column"),
        (F::TopKCategoricalAccuracy { k: 2 }, "ranked", "onehot"),
        (
            F::SparseTopKCategoricalAccuracy {
                k: 2,
                from_sorted_ids: false,
            },
            "ranked",
            "ids",
        ),
        real(default("PearsonCorrelation")),
        real(default("ConcordanceCorrelation")),
        real(default("R2Score")),
        binary(count(Condition::TruePositive, &[0.25, 0.7])),
        binary(default("FalsePositives")),
        binary(default("TrueNegatives")),
        binary(count(Condition::FalseNegative, &[0.0, 0.5, 1.0])),
        binary(default("Precision")),
        binary(precision(Some(&[0.0, 0.25, 0.5, 0.75, 1.0]))),
        (recall(None, Some(2), None), "ranked", "labels"),
        binary(recall(Some(&[0.4]), None, Some(2))),
        (default("Precision"), "column", "flags"),
        binary(at(Tradeoff::SensitivityAtSpecificity, 0.5, 200, None)),
        binary(at(Tradeoff::SpecificityAtSensitivity, 0.6, 10, None)),
        binary(at(Tradeoff::PrecisionAtRecall, 0.4, 1, None)),
        binary(at(Tradeoff::RecallAtPrecision, 0.4, 200, Some(1))),
        binary(default("AUC")),
        binary(auc(Auc {
            curve: Curve::PrecisionRecall,
            ..Auc::default()
        })),
        binary(auc(Auc {
            curve: Curve::PrecisionRecall,
            summation: Summation::Majoring,
            num_thresholds: 7,
            ..Auc::default()
        })),
        binary(auc(Auc {
            summation: Summation::Minoring,
            num_thresholds: 7,
            ..Auc::default()
        })),
        binary(auc(Auc {
            curve: Curve::PrecisionRecallGain,
            ..Auc::default()
        })),
        (
            auc(Auc {
                thresholds: Some(vec![0.8, 0.1, 0.3]),
                from_logits: true,
                ..Auc::default()
            }),
            "logits",
            "labels",
        ),
        binary(auc(Auc {
            multi_label: true,
            ..Auc::default()
        })),
        binary(auc(Auc {
            multi_label: true,
            label_weights: label_weights.clone(),
            curve: Curve::PrecisionRecall,
            ..Auc::default()
        })),
        binary(auc(Auc {
            label_weights,
            ..Auc::default()
        })),
        binary(default("F1Score")),
        binary(f_score(Average::Micro, 2.0, Some(0.4))),
        binary(f_score(Average::Macro, 0.5, None)),
        binary(f_score(Average::Weighted, 1.0, Some(0.7))),
        (F::Iou(Iou::mean(4)), "output_ids", "ids"),
        (
            F::Iou(Iou {
                target_class_ids: vec![0, 2],
                ignore_class: Some(1),
                ..Iou::mean(4)
            }),
            "output_ids",
            "ids",
        ),
        (
            F::Iou(Iou {
                target_class_ids: vec![1, 3],
                sparse_target: false,
                sparse_output: false,
                ..Iou::mean(4)
            }),
            "ranked",
            "onehot",
        ),
        (
            F::Iou(Iou {
                sparse_target: false,
                sparse_output: false,
                ..Iou::mean(4)
            }),
            "ranked",
            "onehot",
        ),
        (
            F::BinaryIou {
                target_class_ids: vec![0, 1],
                threshold: 0.4,
            },
            "column",
            "flags",
        ),
    ]
}

/// The cases of steps, which come with and without weights and masks.
fn step_cases() -> Vec<(MetricFunction, &'static str, &'static str)> {
    use MetricFunction as F;
    let crossentropy = LossFunction::SparseCategoricalCrossentropy {
        from_logits: false,
        ignore_class: Some(1),
    };
    vec![
        (default("MeanSquaredError"), "step_numbers", "steps"),
        (F::RootMeanSquaredError, "step_numbers", "steps"),
        (F::CategoricalAccuracy, "steps", "step_onehot"),
        (F::SparseCategoricalAccuracy, "steps", "step_ids"),
        (F::Loss(crossentropy), "steps", "step_ids"),
        (
            F::SparseTopKCategoricalAccuracy {
                k: 3,
                from_sorted_ids: false,
            },
            "steps",
            "step_ids",
        ),
        (default("BinaryAccuracy"), "steps", "step_onehot"),
        (recall(Some(&[0.2]), None, None), "steps", "step_onehot"),
    ]
}

/// One batch of an array of batches.
fn batch<const D: usize>(
    reference: &Reference,
    name: &str,
    index: usize,
    device: &Device,
) -> Tensor<D> {
    let Shaped { flat, shape } = Shaped {
        flat: reference
            .target(name, device)
            .float(&Tensor::<1>::zeros([1], device))
            .flat,
        shape: reference.shape(name)[1..].to_vec(),
    };
    let size: usize = shape.iter().product();
    let shape: [usize; D] = shape.as_slice().try_into().unwrap();
    flat.narrow(0, index * size, size).reshape(shape)
}

/// The target of a batch, of any rank.
fn target(reference: &Reference, name: &str, index: usize, device: &Device) -> Target {
    match (reference.shape(name).len(), name.contains("ids")) {
        (2, false) => batch::<1>(reference, name, index, device).into(),
        (2, true) => batch::<1>(reference, name, index, device).int().into(),
        (3, false) => batch::<2>(reference, name, index, device).into(),
        (3, true) => batch::<2>(reference, name, index, device).int().into(),
        (_, false) => batch::<3>(reference, name, index, device).into(),
        (_, true) => batch::<3>(reference, name, index, device).int().into(),
    }
}

/// Compares the metric of all batches with Keras's.
fn check(
    reference: &Reference,
    name: &str,
    (function, output, to): &(MetricFunction, &str, &str),
    weight: &str,
    mask: &str,
    device: &Device,
) {
    for generation in [Generation::Keras3, Generation::TfKeras] {
        let Some(expected) = reference.case("metric", name, generation) else {
            continue;
        };
        std::eprintln!("{name} {generation:?}"); // shown if it fails
        let mut metric = Metric::new(function.clone()).with_generation(generation);
        for index in 0..BATCHES {
            let target = target(reference, to, index, device);
            let mut weights = Weights::new();
            if weight == "step_weights" {
                let weight = batch::<2>(reference, weight, index, device);
                weights = weights.with_sample_weight(weight);
            } else if weight != "None" {
                let weight = batch::<1>(reference, weight, index, device);
                weights = weights.with_sample_weight(weight);
            }
            if mask != "None" {
                let mask = batch::<2>(reference, mask, index, device);
                weights = weights.with_mask(mask.equal_scalar(1.0));
            }
            match reference.shape(output).len() {
                2 => {
                    let output = batch::<1>(reference, output, index, device);
                    metric.update_weighted(output, target, &weights)
                }
                3 => {
                    let output = batch::<2>(reference, output, index, device);
                    metric.update_weighted(output, target, &weights)
                }
                _ => {
                    let output = batch::<3>(reference, output, index, device);
                    metric.update_weighted(output, target, &weights)
                }
            }
            .unwrap();
        }
        let found: Vec<f32> = metric.result().into_iter().map(|x| x as f32).collect();
        close(&found, expected, 1e-6);
    }
}

#[test]
fn all_metrics_over_three_batches() {
    let reference = reference();
    let cases = cases();
    let mut seen = 0;
    for device in devices() {
        for name in reference.names("metric") {
            let parts: Vec<&str> = name.split('/').collect();
            if let [_, at, weight] = parts.as_slice() {
                let case = &cases[at.parse::<usize>().unwrap()];
                check(&reference, name, case, weight, "None", &device);
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 2 * 2 * cases.len());
}

#[test]
fn metrics_of_steps_with_weights_and_masks() {
    let reference = reference();
    let device = &devices()[0];
    let cases = step_cases();
    let mut seen = 0;
    for name in reference.names("metric") {
        let parts: Vec<&str> = name.split('/').collect();
        if let [_, at, weight, mask] = parts.as_slice() {
            let at: usize = at.trim_start_matches("steps").parse().unwrap();
            check(&reference, name, &cases[at], weight, mask, device);
            seen += 1;
        }
    }
    assert_eq!(seen, 4 * cases.len());
}

#[test]
fn scores_of_several_outputs() {
    let reference = reference();
    let device = &devices()[0];
    for (name, function) in [
        ("R2Score/2", r2(Aggregation::Uniform, 2)),
        ("R2Score/None", r2(Aggregation::None, 0)),
        (
            "R2Score/variance_weighted_average",
            r2(Aggregation::VarianceWeighted, 0),
        ),
    ] {
        let case = (function, "numbers", "real");
        check(&reference, name, &case, "None", "None", device);
    }
    let sorted = MetricFunction::SparseTopKCategoricalAccuracy {
        k: 2,
        from_sorted_ids: true,
    };
    let case = (sorted, "sorted_ids", "ids");
    check(&reference, "SortedTopK", &case, "None", "None", device);
}

#[test]
fn means_and_sums_of_values() {
    let device = &devices()[0];
    let values = || Tensor::<2>::from_floats([[1.0, 3.0], [5.0, 7.0]], device);
    let weights = Weights::new().with_sample_weight(Tensor::<1>::from_floats([1.0, 3.0], device));
    // keras.metrics.Mean() and Sum(), with and without sample_weight=[1, 3]
    let mut mean = Mean::default();
    assert_eq!(mean.result(), 0.0);
    mean.update(values(), &Weights::new()).unwrap();
    assert_eq!(mean.result(), 4.0);
    mean.update(values(), &weights).unwrap();
    assert_eq!(
        mean,
        Mean {
            total: 28.0,
            count: 6.0
        }
    );
    let mut sum = Sum::default();
    sum.update(values(), &weights).unwrap();
    assert_eq!(sum.result(), 40.0);
}

#[test]
fn before_the_first_batch() {
    let empty = |function| Metric::new(function).result();
    assert_eq!(empty(MetricFunction::Accuracy), [0.0]);
    assert_eq!(empty(default("Precision")), [0.0]);
    assert_eq!(empty(precision(Some(&[0.2, 0.4]))), [0.0, 0.0]);
    assert_eq!(empty(default("AUC")), [0.0]);
    assert_eq!(
        empty(auc(Auc {
            multi_label: true,
            ..Auc::default()
        })),
        [0.0]
    );
    assert_eq!(
        empty(at(Tradeoff::RecallAtPrecision, 0.5, 200, None)),
        [0.0]
    );
    assert_eq!(empty(MetricFunction::Iou(Iou::mean(2))), [0.0]);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let device = &devices()[0];
    let x = || Tensor::<2>::zeros([2, 3], device);
    let error = |function: MetricFunction, target: Target| {
        Metric::new(function).update(x(), target).unwrap_err()
    };
    let wrong = |target: &[usize]| ShapeError::Target {
        output: vec![2, 3],
        target: target.to_vec(),
    };
    let ids = || Tensor::<1, Int>::zeros([3], device);
    for function in [
        default("Precision"),
        default("F1Score"),
        MetricFunction::Accuracy,
    ] {
        assert_eq!(
            error(function, Tensor::<2>::zeros([2, 4], device).into()),
            wrong(&[2, 4])
        );
    }
    assert_eq!(
        error(MetricFunction::SparseCategoricalAccuracy, ids().into()),
        wrong(&[3])
    );
    assert_eq!(
        error(MetricFunction::Iou(Iou::mean(3)), ids().into()),
        wrong(&[3])
    );
    let classes = ShapeError::Classes {
        classes: 3,
        found: 6,
    };
    assert_eq!(error(recall(None, None, Some(5)), x().into()), classes);
    let areas = auc(Auc {
        label_weights: Some(vec![1.0]),
        ..Auc::default()
    });
    assert_eq!(
        error(areas, x().into()),
        ShapeError::Classes {
            classes: 3,
            found: 1
        }
    );
    let axis = error(MetricFunction::CosineSimilarity { axis: -3 }, x().into());
    assert_eq!(
        axis,
        ShapeError::Axis {
            axis: -3,
            shape: vec![2, 3]
        }
    );
}

#[test]
fn accuracy_by_shape() {
    use MetricFunction as F;
    assert_eq!(
        F::accuracy_for(&[4, 1], &[4]),
        F::BinaryAccuracy { threshold: 0.5 }
    );
    assert_eq!(
        F::accuracy_for(&[4, 3], &[4, 1]),
        F::SparseCategoricalAccuracy
    );
    assert_eq!(
        F::accuracy_for(&[4, 5, 3], &[4, 5]),
        F::SparseCategoricalAccuracy
    );
    assert_eq!(F::accuracy_for(&[4, 3], &[4, 3]), F::CategoricalAccuracy);
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

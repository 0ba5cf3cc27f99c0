use super::*;
use crate::metric::MetricFunction;
use crate::testing::devices;
use burn::tensor::{Int, Tensor};

fn outputs(device: &burn::tensor::Device) -> Predictions {
    let a = Tensor::<2>::from_floats([[0.5, 0.5], [0.25, 0.75]], device);
    let b = Tensor::<2>::from_floats([[1.0], [3.0]], device);
    let logits = Tensor::<2>::from_floats([[0.0, 0.0], [0.0, 1.098_612_3]], device);
    let penalty = Tensor::<1>::from_floats([0.25], device);
    Predictions::new([Prediction::new(a).with_logits(logits), Prediction::new(b)])
        .with_penalties([penalty])
}

fn sparse() -> LossFunction {
    LossFunction::SparseCategoricalCrossentropy {
        from_logits: false,
        ignore_class: None,
    }
}

#[test]
fn losses_are_weighted_and_penalties_added() {
    for device in devices() {
        let predictions = outputs(&device);
        let ids = Tensor::<1, Int>::from_ints([0, 1], &device);
        let numbers = Tensor::<2>::from_floats([[0.0], [1.0]], &device);
        let compiled = Compiled::new(
            [
                OutputLoss::new(0, "a", sparse()),
                OutputLoss::new(1, "b", LossFunction::MeanSquaredError).with_weight(2.0),
            ],
            [
                OutputMetric::new(0, "a_accuracy", Choice::Accuracy),
                OutputMetric::new(
                    1,
                    "b_mae",
                    MetricFunction::Loss(LossFunction::MeanAbsoluteError),
                ),
            ],
        );
        let targets = Targets::new().with(ids.clone()).with(numbers);
        let loss = compiled.loss(&predictions, &targets).unwrap();
        // (ln 2 - ln 0.75) / 2 + 2 * 2.5 + 0.25
        let expected = (2.0_f32.ln() - 0.75_f32.ln()) / 2.0 + 5.25;
        assert!((loss.into_scalar::<f32>() - expected).abs() < 1e-5);

        let mut metrics = compiled.metrics();
        metrics.update(&predictions, &targets).unwrap();
        let report = metrics.results();
        let names: Vec<&str> = report.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["loss", "a_loss", "b_loss", "a_accuracy", "b_mae"]);
        assert_eq!(report[2].1, [2.5]);
        assert_eq!(report[3].1, [1.0]);
        assert_eq!(report[4].1, [1.5]);
        metrics.reset();
        assert_eq!(metrics.results()[0].1, [0.0]);

        let error = compiled.loss(&predictions, &ids.into()).unwrap_err();
        assert_eq!(
            error,
            ShapeError::Targets {
                expected: 2,
                found: 1
            }
        );
    }
}

#[test]
fn an_output_without_a_loss_needs_no_target() {
    let device = &devices()[0];
    let compiled = Compiled::new(
        [OutputLoss::new(1, "b", LossFunction::MeanSquaredError)],
        [],
    );
    let numbers = Tensor::<2>::from_floats([[0.0], [1.0]], device);
    let loss = compiled.loss(&outputs(device), &numbers.into()).unwrap();
    assert_eq!(loss.into_scalar::<f32>(), 2.75);
}

#[test]
fn samples_have_weights() {
    let device = &devices()[0];
    let compiled = Compiled::new(
        [OutputLoss::new(1, "b", LossFunction::MeanSquaredError)],
        [],
    );
    let numbers = Tensor::<2>::from_floats([[0.0], [1.0]], device);
    let weights = Tensor::<1>::from_floats([2.0, 0.0], device);
    let targets = Targets::new().with_weighted(numbers, weights);
    let loss = compiled.loss(&outputs(device), &targets).unwrap();
    assert_eq!(loss.into_scalar::<f32>(), 1.25);
}

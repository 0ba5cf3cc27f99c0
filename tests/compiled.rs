//! What a training config names, in `burn-keras-nn`: every loss, metric, regularizer and optimizer
//! by every name, with Keras's defaults and with options.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use burn::tensor::Device;
use burn_keras::Model;
use burn_keras_import::record::fields;
use burn_keras_nn::loss::{self, LossFunction, Reduction};
use burn_keras_nn::metric::{
    self, Auc, Condition, Curve, Iou, MetricFunction, Summation, Tradeoff,
};
use burn_keras_nn::optim::{
    AdadeltaConfig, AdafactorConfig, AdagradConfig, AdamConfig, AdamaxConfig, FtrlConfig,
    LambConfig, LionConfig, MuonConfig, NadamConfig, OptimizerConfig, RmsPropConfig, SgdConfig,
};
use burn_keras_nn::training::{Choice, Compiled};
use keras_ir::training::optimizer::Class;
use keras_ir::{Graph, ReadOptions, read};
use serde_json::{Value, json};

fn graph() -> Graph {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/keras");
    read(models.join("chain_k3.h5"), ReadOptions::default()).unwrap()
}

/// What the sample `chain_k3` is with another training config.
fn with_config(graph: &Graph, config: Value) -> Model {
    let mut graph = graph.clone();
    graph.training_config = Some(config);
    Model::from_graph(&graph, "chain", &Device::flex()).unwrap()
}

fn compiled(graph: &Graph, config: Value) -> Compiled {
    let text = config.to_string();
    let model = with_config(graph, config);
    let compiled = model.compiled();
    compiled.unwrap_or_else(|error| panic!("{text}: {error}\n{:?}", model.plan().notes))
}

fn loss_of(graph: &Graph, loss: Value) -> (LossFunction, Reduction) {
    let compiled = compiled(graph, json!({ "loss": loss }));
    let [loss] = &compiled.losses[..] else {
        panic!("{compiled:?}");
    };
    match &loss.function {
        Choice::Function(function) => (function.clone(), loss.reduction),
        other => panic!("{other:?}"),
    }
}

fn metric_of(graph: &Graph, metric: Value) -> MetricFunction {
    let compiled = compiled(graph, json!({ "loss": "mse", "metrics": [metric] }));
    match &compiled.metrics[..] {
        [metric] => match &metric.function {
            Choice::Function(function) => function.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn losses_by_every_name() {
    let graph = graph();
    for name in loss::NAMES {
        let expected = (name.default)();
        for function in name.functions {
            assert_eq!(loss_of(&graph, json!(function)).0, expected, "{function}");
            let serialized = json!({"class_name": "function", "config": function});
            assert_eq!(loss_of(&graph, serialized).0, expected, "{function}");
        }
        let class = json!({"class_name": name.class, "config": {"name": "x", "reduction": "sum"}});
        assert_eq!(loss_of(&graph, class), (expected, Reduction::Sum));
    }
}

#[test]
fn losses_with_options() {
    let graph = graph();
    let config = json!({"class_name": "CategoricalCrossentropy", "config": {
        "name": "c", "reduction": "auto", "from_logits": true, "label_smoothing": 0.1, "axis": -1,
        "fn": "categorical_crossentropy",
    }});
    let expected = LossFunction::CategoricalCrossentropy {
        from_logits: true,
        label_smoothing: 0.1,
        axis: -1,
    };
    assert_eq!(
        loss_of(&graph, config),
        (expected, Reduction::SumOverBatchSize)
    );
    let config = json!({"class_name": "Tversky", "config": {
        "reduction": null, "alpha": 0.3, "beta": 0.7, "axis": [1],
    }});
    let expected = LossFunction::Tversky {
        alpha: 0.3,
        beta: 0.7,
        axis: Some(vec![1]),
    };
    assert_eq!(loss_of(&graph, config), (expected, Reduction::None));
}

#[test]
fn metrics_by_every_name() {
    let graph = graph();
    for name in metric::NAMES {
        let expected = (name.default)();
        for function in name.functions {
            assert_eq!(metric_of(&graph, json!(function)), expected, "{function}");
            let wrapped = json!({"class_name": "MeanMetricWrapper", "config": {
                "name": "x", "dtype": "float32", "fn": function,
            }});
            assert_eq!(metric_of(&graph, wrapped), expected, "{function}");
        }
        let class = json!({"class_name": name.class, "config": {"name": "x", "dtype": "float32"}});
        assert_eq!(metric_of(&graph, class), expected, "{}", name.class);
    }
}

#[test]
fn metrics_with_options() {
    let graph = graph();
    let cases = [
        (
            json!({"class_name": "AUC", "config": {"num_thresholds": 50, "curve": "PR",
                "summation_method": "majoring", "multi_label": true, "num_labels": 3,
                "label_weights": [1.0, 2.0, 3.0], "from_logits": true}}),
            MetricFunction::Auc(Auc {
                num_thresholds: 50,
                thresholds: None,
                curve: Curve::PrecisionRecall,
                summation: Summation::Majoring,
                multi_label: true,
                label_weights: Some(vec![1.0, 2.0, 3.0]),
                from_logits: true,
            }),
        ),
        (
            json!({"class_name": "MeanIoU", "config": {"num_classes": 3, "sparse_y_true": false}}),
            MetricFunction::Iou(Iou {
                sparse_target: false,
                ..Iou::mean(3)
            }),
        ),
        (
            json!({"class_name": "OneHotIoU", "config": {"num_classes": 3,
                "target_class_ids": [0, 2], "ignore_class": 1}}),
            MetricFunction::Iou(Iou {
                target_class_ids: vec![0, 2],
                ignore_class: Some(1),
                sparse_target: false,
                sparse_output: false,
                ..Iou::mean(3)
            }),
        ),
        (
            json!({"class_name": "PrecisionAtRecall", "config": {"recall": 0.8,
                "num_thresholds": 20, "class_id": 2}}),
            MetricFunction::At {
                constraint: Tradeoff::PrecisionAtRecall,
                value: 0.8,
                num_thresholds: 20,
                class_id: Some(2),
            },
        ),
        (
            json!({"class_name": "FalseNegatives", "config": {"thresholds": [0.2, 0.4]}}),
            MetricFunction::Count {
                condition: Condition::FalseNegative,
                thresholds: vec![0.2, 0.4],
            },
        ),
        (
            json!({"class_name": "Precision", "config": {"thresholds": 0.3, "top_k": null}}),
            MetricFunction::Precision {
                thresholds: Some(vec![0.3]),
                top_k: None,
                class_id: None,
            },
        ),
    ];
    for (config, expected) in cases {
        assert_eq!(metric_of(&graph, config.clone()), expected, "{config}");
    }
}

#[test]
fn optimizers_have_the_defaults_of_keras_3() {
    let graph = graph();
    let defaults: [(Class, OptimizerConfig); 12] = [
        (Class::Adadelta, AdadeltaConfig::new().into()),
        (Class::Adafactor, AdafactorConfig::new().into()),
        (Class::Adagrad, AdagradConfig::new().into()),
        (Class::Adam, AdamConfig::new().into()),
        (Class::Adamax, AdamaxConfig::new().into()),
        (Class::Ftrl, FtrlConfig::new().into()),
        (Class::Lamb, LambConfig::new().into()),
        (Class::Lion, LionConfig::new().into()),
        (Class::Muon, MuonConfig::new().into()),
        (Class::Nadam, NadamConfig::new().into()),
        (Class::RmsProp, RmsPropConfig::new().into()),
        (Class::Sgd, SgdConfig::new().into()),
    ];
    for (class, expected) in defaults {
        let object = json!({"class_name": class.as_str(), "config": {"learning_rate": 0.5}});
        let model = with_config(&graph, json!({ "optimizer_config": object }));
        let config = model.optimizer_config().unwrap();
        assert_eq!(config.rule, expected);
        assert_eq!(config.learning_rate, 0.5.into());
        // Where records have the state: what importing writes is what training reads.
        let (written, read) = (fields(class), expected.fields());
        assert_eq!(written.time, read.time, "{class:?}");
        assert_eq!(written.scalars, read.scalars, "{class:?}");
        let written = written.slots.iter();
        let written: Vec<_> = written
            .map(|field| (field.slot.as_str(), field.field, field.optional))
            .collect();
        let read = read.slots.iter();
        let read: Vec<_> = read
            .map(|field| (field.slot, field.field, field.optional))
            .collect();
        assert_eq!(written, read, "{class:?}");
    }
}

/// What is not understood is a note: the model computes without it, and training says why not.
#[test]
fn what_is_not_understood_is_told() {
    let graph = graph();
    for (config, about) in [
        (json!({"loss": "my_loss"}), "my_loss"),
        (
            json!({"loss": {"class_name": "Huber", "config": {"delta": 1.0, "slope": 2}}}),
            "slope",
        ),
        (
            json!({"loss": "mse", "metrics": ["my_metric"]}),
            "my_metric",
        ),
        (json!({"loss": {"nowhere": "mse"}}), "nowhere"),
        (json!({"loss": ["mse", "mse", "mse"]}), "one for each"),
        (
            json!({"loss": {"class_name": "Huber", "config": {"delta": "wide"}}}),
            "wide",
        ),
        (
            json!({"loss": "mse", "optimizer_config": {"class_name": "Mine", "config": {}}}),
            "Mine",
        ),
    ] {
        let is_optimizer = config.get("optimizer_config").is_some();
        let model = with_config(&graph, config);
        let notes = model.plan().notes.join("\n");
        assert!(notes.contains(about), "{about}: {notes}");
        if is_optimizer {
            assert!(model.optimizer_config().is_err());
        } else {
            assert!(model.compiled().is_err());
        }
    }
}

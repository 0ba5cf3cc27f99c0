//! Configs as the versions of Keras write them.
#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::{Value, json};

use super::*;
use crate::training::schedule::Schedule;
use crate::version::Writer;

fn read(version: &str, object: &Value) -> Result<OptimizerConfig, String> {
    let version = Some(version).filter(|version| !version.is_empty());
    OptimizerConfig::read(object, Writer::of_version(version)).map_err(|problems| {
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        texts.join("\n")
    })
}

fn keras3(class: &str, config: Value) -> Result<OptimizerConfig, String> {
    read("3.15.1", &json!({"class_name": class, "config": config}))
}

#[test]
fn names_alone_have_the_defaults_of_keras() {
    for class in Class::ALL {
        let config = keras3(&class.as_str().to_lowercase(), json!({})).unwrap();
        assert_eq!(config.class, class);
        let rate = if class == Class::Sgd { 0.01 } else { 0.001 };
        assert_eq!(config.learning_rate, LearningRate::Constant(rate));
        let decay = matches!(class, Class::AdamW | Class::Muon).then_some(0.004);
        assert_eq!(config.weight_decay, decay, "{class:?}");
        assert_eq!(config.clipping, []);
        assert_eq!(config.ema, None);
    }
    let lion = json!({"class_name": "lion", "config": {}});
    let lion = read("2.15.0", &lion).unwrap();
    assert_eq!(lion.implementation, Implementation::TfNew);
    assert_eq!(lion.learning_rate, LearningRate::Constant(1e-4));
}

#[test]
fn every_option_of_keras_3_is_read() {
    let config = keras3(
        "Adam",
        json!({"name": "adam", "learning_rate": 0.5, "weight_decay": 0.1, "clipnorm": null,
            "global_clipnorm": 2.0, "clipvalue": null, "use_ema": true, "ema_momentum": 0.9,
            "ema_overwrite_frequency": 3, "loss_scale_factor": 8.0,
            "gradient_accumulation_steps": 4, "beta_1": 0.8, "beta_2": 0.7, "epsilon": 0.01,
            "amsgrad": true}),
    );
    let expected = OptimizerConfig {
        class: Class::Adam,
        implementation: Implementation::Keras3,
        rule: Rule::Adam {
            beta_1: 0.8,
            beta_2: 0.7,
            epsilon: 0.01,
            amsgrad: true,
        },
        learning_rate: LearningRate::Constant(0.5),
        decay: 0.0,
        weight_decay: Some(0.1),
        clipping: vec![Clipping::GlobalNorm(2.0)],
        ema: Some(Ema {
            momentum: 0.9,
            overwrite_frequency: Some(3),
            from_initial: false,
        }),
        gradient_accumulation_steps: Some(4),
        loss_scale: Some(LossScale::Fixed(8.0)),
    };
    assert_eq!(config, Ok(expected));
}

#[test]
fn the_code_that_wrote_a_config_decides_the_formulas() {
    let rule = |version: &str, class: &str, config: Value| {
        let config = read(version, &json!({"class_name": class, "config": config})).unwrap();
        (config.implementation, config.rule)
    };
    let rmsprop = |epsilon_place, momentum| Rule::RmsProp {
        rho: 0.9,
        momentum,
        epsilon: 1e-7,
        epsilon_place,
        centered: false,
    };
    let legacy = json!({"learning_rate": 0.1, "decay": 0.0, "rho": 0.9, "momentum": 0.0,
        "epsilon": 1e-7, "centered": false});
    let mut pushed = legacy.clone();
    pushed["momentum"] = json!(0.5);
    let expected = (Implementation::TfLegacy, rmsprop(Epsilon::Outside, 0.0));
    assert_eq!(rule("2.21.0", "RMSprop", legacy), expected);
    let expected = (Implementation::TfLegacy, rmsprop(Epsilon::Inside, 0.5));
    assert_eq!(rule("2.21.0", "RMSprop", pushed), expected);
    let new = json!({"learning_rate": 0.1, "is_legacy_optimizer": false});
    let expected = (Implementation::TfNew, rmsprop(Epsilon::Inside, 0.0));
    assert_eq!(rule("2.21.0", "Custom>RMSprop", new), expected);

    let adagrad = |epsilon, start, epsilon_place| Rule::Adagrad {
        initial_accumulator_value: start,
        epsilon,
        epsilon_place,
    };
    let (_, keras1) = rule("", "Adagrad", json!({"lr": 0.01}));
    assert_eq!(keras1, adagrad(1e-8, 0.0, Epsilon::Outside));
    let (_, keras2) = rule(
        "2.3.1",
        "Adagrad",
        json!({"learning_rate": 0.01, "decay": 0.0}),
    );
    assert_eq!(keras2, adagrad(1e-7, 0.0, Epsilon::Outside));
    let (_, keras3) = rule("3.0.0", "Adagrad", json!({}));
    assert_eq!(keras3, adagrad(1e-7, 0.1, Epsilon::Inside));

    let schedule_decay = |version: &str, config: Value| match rule(version, "Nadam", config).1 {
        Rule::Nadam { schedule_decay, .. } => schedule_decay,
        rule => panic!("{rule:?}"),
    };
    assert_eq!(
        schedule_decay("2.3.1", json!({"schedule_decay": 0.01})),
        0.01
    );
    let legacy = json!({"learning_rate": 0.1, "decay": 0.002});
    assert_eq!(schedule_decay("2.21.0", legacy), 0.002);
    assert_eq!(schedule_decay("3.0.0", json!({})), 1.0);
}

#[test]
fn clipping_is_in_the_order_of_its_code() {
    let of = |version: &str, config: Value| {
        let config = read(version, &json!({"class_name": "SGD", "config": config}));
        config.map(|config| config.clipping)
    };
    let both = json!({"lr": 0.1, "clipnorm": 1.0, "clipvalue": 0.5});
    let expected = vec![Clipping::GlobalNorm(1.0), Clipping::Value(0.5)];
    assert_eq!(of("2.2.4", both), Ok(expected));
    let both = json!({"learning_rate": 0.1, "decay": 0.0, "clipnorm": 1.0, "clipvalue": 0.5});
    let expected = vec![Clipping::Value(0.5), Clipping::Norm(1.0)];
    assert_eq!(of("2.11.0", both.clone()), Ok(expected));
    assert!(of("2.4.0", both).unwrap_err().contains("not both"));
    let none = json!({"clipnorm": 0.0, "clipvalue": null});
    assert_eq!(of("3.0.0", none), Ok(Vec::new()));
}

#[test]
fn loss_scaling_wraps_another_optimizer() {
    let inner = json!({"module": "keras.optimizers", "class_name": "SGD", "registered_name": null,
        "config": {"learning_rate": {"module": "keras.optimizers.schedules", "registered_name": null,
            "class_name": "ExponentialDecay",
            "config": {"initial_learning_rate": 0.1, "decay_steps": 2, "decay_rate": 0.5}}}});
    let config =
        json!({"inner_optimizer": inner, "initial_scale": 64.0, "dynamic_growth_steps": 3});
    let config = keras3("LossScaleOptimizer", config).unwrap();
    assert_eq!(config.class, Class::Sgd);
    let expected = LossScale::Dynamic {
        initial_scale: 64.0,
        dynamic_growth_steps: 3,
    };
    assert_eq!(config.loss_scale, Some(expected));
    let schedule = Schedule::ExponentialDecay {
        initial_learning_rate: 0.1,
        decay_steps: 2.0,
        decay_rate: 0.5,
        staircase: false,
    };
    assert_eq!(config.learning_rate, LearningRate::Schedule(schedule));

    let early = json!({"class_name": "LossScaleOptimizer", "config": {
        "optimizer": {"class_name": "SGD", "config": {"learning_rate": 0.1, "decay": 0.1}},
        "loss_scale": {"class_name": "FixedLossScale", "config": {"loss_scale_value": 16.0}}}});
    let config = read("2.4.0", &early).unwrap();
    assert_eq!(config.loss_scale, Some(LossScale::Fixed(16.0)));
    assert_eq!(config.decay, 0.1);
}

#[test]
fn what_is_not_understood_is_named() {
    let error = keras3(
        "Adam",
        json!({"beta_1": "high", "beta_3": 0.1, "nothing": null}),
    );
    let error = error.unwrap_err();
    assert!(error.contains("optimizer_config: beta_1"), "{error}");
    assert!(error.contains("optimizer_config: beta_3"), "{error}");
    assert!(!error.contains("nothing"), "{error}");
    for object in [
        json!({"class_name": "Mine>Adam", "config": {}}),
        json!({"class_name": "Adam", "registered_name": "Mine>Adam", "config": {}}),
        json!({"module": "mine", "class_name": "Adam", "config": {}}),
        json!({"class_name": "ScheduleFreeAdamW", "config": {}}),
    ] {
        let error = read("3.15.1", &object).unwrap_err();
        assert!(error.contains("--no-optimizer"), "{error}");
    }
    let lamb = json!({"class_name": "Lamb", "config": {"learning_rate": 0.1}});
    assert!(read("2.15.0", &lamb).is_err());
    let numbers = json!({"class_name": "SGD", "config": [1]});
    assert!(read("3.0.0", &numbers).unwrap_err().contains("an object"));
    let error = keras3("SGD", json!({"learning_rate": "mine.rate"})).unwrap_err();
    assert!(error.contains("schedule"), "{error}");
}

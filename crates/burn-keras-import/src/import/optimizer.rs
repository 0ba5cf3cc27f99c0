//! The optimizer that a record is for, as Rust code.

use keras_ir::optimizer::Optimizer;
use keras_ir::training::optimizer::{Class, OptimizerConfig, Rule};

/// Code that makes the optimizer with the options of its Keras config; `optim` is
/// `burn_keras_nn::optim`. `None` for one that is more than a rule for each tensor.
pub(super) fn code(optimizer: &Optimizer) -> Option<String> {
    let OptimizerConfig {
        class,
        rule,
        ema: None,
        gradient_accumulation_steps: None,
        loss_scale: None,
        ..
    } = &optimizer.options
    else {
        return None;
    };
    let number = |name: &str, value: f64| format!(".with_{name}({value:?})");
    let flag = |name: &str, value: bool| {
        let code = format!(".with_{name}(true)");
        if value { code } else { String::new() }
    };
    let (config, options) = match rule {
        Rule::Adam {
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
        } if *class == Class::Adam => (
            "AdamConfig",
            [
                number("beta_1", *beta_1),
                number("beta_2", *beta_2),
                number("epsilon", *epsilon),
                flag("amsgrad", *amsgrad),
            ]
            .concat(),
        ),
        Rule::Sgd { momentum, nesterov } => (
            "SgdConfig",
            number("momentum", *momentum) + &flag("nesterov", *nesterov),
        ),
        _ => return None,
    };
    Some(format!("optim::{config}::new(){options}.init()"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use keras_ir::Writer;
    use serde_json::{Value, json};

    fn optimizer(class: &str, config: Value) -> Optimizer {
        let object = json!({"class_name": class, "config": config});
        Optimizer {
            options: OptimizerConfig::read(&object, Writer::of_version(Some("3.0.0"))).unwrap(),
            config,
            iterations: Some(1),
            learning_rate: None,
            loss_scale: None,
            u_product: None,
            slots: Vec::new(),
        }
    }

    #[test]
    fn options_are_those_of_keras() {
        let adam = json!({"beta_1": 0.9, "epsilon": 1e-7, "amsgrad": true, "beta_2": 1});
        let expected = "optim::AdamConfig::new().with_beta_1(0.9).with_beta_2(1.0)\
            .with_epsilon(1e-7).with_amsgrad(true).init()";
        assert_eq!(code(&optimizer("Adam", adam)).as_deref(), Some(expected));
        let sgd = json!({"momentum": 0.5, "nesterov": false});
        let expected = "optim::SgdConfig::new().with_momentum(0.5).init()";
        assert_eq!(code(&optimizer("SGD", sgd)).as_deref(), Some(expected));
        assert_eq!(code(&optimizer("Ftrl", json!({}))), None);
    }
}

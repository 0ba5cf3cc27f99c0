//! The optimizer that a record is for, as Rust code.

use keras_ir::optimizer::Optimizer;
use serde_json::Value;

/// Code that makes the optimizer with the options of its Keras config; `optim` is
/// `burn_keras_nn::optim`. `None` for a class that is not there.
pub(super) fn code(optimizer: &Optimizer) -> Option<String> {
    let (class, options): (_, &[&str]) = match optimizer.class.as_str() {
        "Adam" => ("AdamConfig", &["beta_1", "beta_2", "epsilon", "amsgrad"]),
        "SGD" => ("SgdConfig", &["momentum", "nesterov"]),
        _ => return None,
    };
    let mut code = format!("optim::{class}::new()");
    for option in options {
        let value = match &optimizer.config[*option] {
            Value::Bool(true) => "true".to_owned(),
            Value::Number(number) => match number.as_f64() {
                Some(number) => format!("{number:?}"),
                None => continue,
            },
            // Keras's defaults are those of the config.
            _ => continue,
        };
        code.push_str(&format!(".with_{option}({value})"));
    }
    code.push_str(".init()");
    Some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn optimizer(class: &str, config: Value) -> Optimizer {
        Optimizer {
            class: class.to_owned(),
            config,
            iterations: 1,
            learning_rate: None,
            slots: Vec::new(),
        }
    }

    #[test]
    fn options_are_those_of_keras() {
        let adam = json!({"beta_1": 0.9, "epsilon": 1e-7, "amsgrad": true, "beta_2": 1});
        let expected = "optim::AdamConfig::new().with_beta_1(0.9).with_beta_2(1.0)\
            .with_epsilon(1e-7).with_amsgrad(true).init()";
        assert_eq!(code(&optimizer("Adam", adam)).as_deref(), Some(expected));
        let sgd = json!({"momentum": 0.5, "nesterov": false, "epsilon": null});
        let expected = "optim::SgdConfig::new().with_momentum(0.5).init()";
        assert_eq!(code(&optimizer("SGD", sgd)).as_deref(), Some(expected));
        assert_eq!(code(&optimizer("Ftrl", json!({}))), None);
    }
}

//! The optimizer as a value of `burn-keras-nn`.

use std::collections::BTreeMap;

use keras_ir::graph::{Graph, LayerKind, WeightRef};
use keras_ir::layer::LayerKind as Class;
use keras_ir::training::Object;
use keras_ir::training::optimizer::{
    Clipping, Ema, Epsilon, Implementation, LossScale, OptimizerConfig, Rule,
};
use keras_ir::training::schedule::{LearningRate, Schedule};
use keras_ir::{Problem, ProblemKind};

use super::objects;
use crate::plan::{Fields, Literal, Parameter, Plan, Transform};

/// A `burn_keras_nn::optim::KerasOptimizerConfig`: the optimizer of the training config, and the
/// constraints of the weights.
///
/// # Errors
///
/// Every option and constraint that is not understood.
pub(super) fn optimizer(graph: &Graph, plan: &Plan) -> Result<Option<Literal>, Vec<Problem>> {
    let Some(config) = graph.optimizer_config()? else {
        return Ok(None);
    };
    let variables = variables(graph, plan, &config)?;
    let arguments = vec![
        ("rule", rule(&config)),
        ("learning_rate", learning_rate(&config.learning_rate)),
    ];
    let mut options = Fields::new();
    if config.decay > 0.0 {
        options.push(("decay", config.decay.into()));
    }
    if config.weight_decay.is_some() {
        options.push(("weight_decay", config.weight_decay.into()));
    }
    if !config.clipping.is_empty() {
        let clipping = config.clipping.iter().map(clipping);
        options.push(("clipping", Literal::Vec(clipping.collect())));
    }
    if let Some(of) = &config.ema {
        options.push(("ema", some(ema(of))));
    }
    if let Some(steps) = config.gradient_accumulation_steps {
        options.push(("gradient_accumulation_steps", some(count(steps))));
    }
    if let Some(scale) = &config.loss_scale {
        let of_keras3 = config.implementation == Implementation::Keras3;
        options.push(("loss_scale", some(loss_scale(scale, !of_keras3))));
    }
    if !variables.is_empty() {
        options.push(("variables", Literal::Map(variables)));
    }
    Ok(Some(Literal::Config(
        "KerasOptimizerConfig",
        arguments,
        options,
    )))
}

fn some(literal: Literal) -> Literal {
    Literal::Option(Some(Box::new(literal)))
}

fn count(value: u64) -> Literal {
    Literal::Size(usize::try_from(value).unwrap_or(usize::MAX))
}

/// A number that Keras keeps in single precision, as short as it can be written.
fn single(value: f64) -> f64 {
    #[allow(clippy::cast_possible_truncation, reason = "that is what is asked")]
    let single = value as f32;
    if f64::from(single).to_bits() != value.to_bits() {
        return value;
    }
    single.to_string().parse().unwrap_or(value)
}

fn learning_rate(rate: &LearningRate) -> Literal {
    const TYPE: &str = "LearningRate";
    match rate {
        LearningRate::Constant(rate) => {
            Literal::TupleVariant(TYPE, "Constant", vec![single(*rate).into()])
        }
        LearningRate::Schedule(of) => Literal::TupleVariant(TYPE, "Schedule", vec![schedule(of)]),
    }
}

fn schedule(schedule: &Schedule) -> Literal {
    let (variant, fields): (_, Fields) = match schedule {
        Schedule::ExponentialDecay {
            initial_learning_rate,
            decay_steps,
            decay_rate,
            staircase,
        } => (
            "ExponentialDecay",
            vec![
                ("initial_learning_rate", (*initial_learning_rate).into()),
                ("decay_steps", (*decay_steps).into()),
                ("decay_rate", (*decay_rate).into()),
                ("staircase", (*staircase).into()),
            ],
        ),
        Schedule::PiecewiseConstantDecay { boundaries, values } => (
            "PiecewiseConstantDecay",
            vec![
                ("boundaries", Literal::list(boundaries.iter().copied())),
                ("values", Literal::list(values.iter().copied())),
            ],
        ),
        Schedule::PolynomialDecay {
            initial_learning_rate,
            decay_steps,
            end_learning_rate,
            power,
            cycle,
        } => (
            "PolynomialDecay",
            vec![
                ("initial_learning_rate", (*initial_learning_rate).into()),
                ("decay_steps", (*decay_steps).into()),
                ("end_learning_rate", (*end_learning_rate).into()),
                ("power", (*power).into()),
                ("cycle", (*cycle).into()),
            ],
        ),
        Schedule::InverseTimeDecay {
            initial_learning_rate,
            decay_steps,
            decay_rate,
            staircase,
        } => (
            "InverseTimeDecay",
            vec![
                ("initial_learning_rate", (*initial_learning_rate).into()),
                ("decay_steps", (*decay_steps).into()),
                ("decay_rate", (*decay_rate).into()),
                ("staircase", (*staircase).into()),
            ],
        ),
        Schedule::CosineDecay {
            initial_learning_rate,
            decay_steps,
            alpha,
            warmup_target,
            warmup_steps,
        } => (
            "CosineDecay",
            vec![
                ("initial_learning_rate", (*initial_learning_rate).into()),
                ("decay_steps", (*decay_steps).into()),
                ("alpha", (*alpha).into()),
                ("warmup_target", (*warmup_target).into()),
                ("warmup_steps", (*warmup_steps).into()),
            ],
        ),
        Schedule::CosineDecayRestarts {
            initial_learning_rate,
            first_decay_steps,
            t_mul,
            m_mul,
            alpha,
        } => (
            "CosineDecayRestarts",
            vec![
                ("initial_learning_rate", (*initial_learning_rate).into()),
                ("first_decay_steps", (*first_decay_steps).into()),
                ("t_mul", (*t_mul).into()),
                ("m_mul", (*m_mul).into()),
                ("alpha", (*alpha).into()),
            ],
        ),
    };
    Literal::Variant("Schedule", variant, fields)
}

fn clipping(clipping: &Clipping) -> Literal {
    let (variant, limit) = match clipping {
        Clipping::Norm(limit) => ("Norm", limit),
        Clipping::Value(limit) => ("Value", limit),
        Clipping::GlobalNorm(limit) => ("GlobalNorm", limit),
    };
    Literal::TupleVariant("Clipping", variant, vec![(*limit).into()])
}

fn ema(ema: &Ema) -> Literal {
    let mut options: Fields = vec![("momentum", ema.momentum.into())];
    if let Some(frequency) = ema.overwrite_frequency {
        options.push(("overwrite_frequency", some(count(frequency))));
    }
    if ema.from_initial {
        options.push(("from_initial", true.into()));
    }
    Literal::Config("Ema", Fields::new(), options)
}

fn loss_scale(scale: &LossScale, counts_skipped: bool) -> Literal {
    const TYPE: &str = "LossScale";
    match scale {
        LossScale::Fixed(factor) => Literal::TupleVariant(TYPE, "Fixed", vec![(*factor).into()]),
        LossScale::Dynamic {
            initial_scale,
            dynamic_growth_steps,
        } => {
            let fields = vec![
                ("initial_scale", (*initial_scale).into()),
                ("dynamic_growth_steps", count(*dynamic_growth_steps)),
                ("counts_skipped", counts_skipped.into()),
            ];
            Literal::Variant(TYPE, "Dynamic", fields)
        }
    }
}

fn place(epsilon: Epsilon) -> Literal {
    let variant = match epsilon {
        Epsilon::Inside => "Inside",
        Epsilon::Outside => "Outside",
    };
    Literal::Variant("Epsilon", variant, Fields::new())
}

/// A `burn_keras_nn::optim::OptimizerConfig`.
fn rule(config: &OptimizerConfig) -> Literal {
    let (variant, ty, options): (_, _, Fields) = match &config.rule {
        Rule::Adadelta { rho, epsilon } => (
            "Adadelta",
            "AdadeltaConfig",
            vec![("rho", (*rho).into()), ("epsilon", (*epsilon).into())],
        ),
        Rule::Adafactor {
            beta_2_decay,
            epsilon_1,
            epsilon_2,
            clip_threshold,
        } => (
            "Adafactor",
            "AdafactorConfig",
            vec![
                ("beta_2_decay", (*beta_2_decay).into()),
                ("epsilon_1", (*epsilon_1).into()),
                ("epsilon_2", (*epsilon_2).into()),
                ("clip_threshold", (*clip_threshold).into()),
            ],
        ),
        Rule::Adagrad {
            initial_accumulator_value,
            epsilon,
            epsilon_place,
        } => (
            "Adagrad",
            "AdagradConfig",
            vec![
                (
                    "initial_accumulator_value",
                    (*initial_accumulator_value).into(),
                ),
                ("epsilon", (*epsilon).into()),
                ("epsilon_place", place(*epsilon_place)),
            ],
        ),
        Rule::Adam {
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
        } => {
            let mut options = moments(*beta_1, *beta_2, *epsilon);
            options.push(("amsgrad", (*amsgrad).into()));
            ("Adam", "AdamConfig", options)
        }
        Rule::Adamax {
            beta_1,
            beta_2,
            epsilon,
        } => (
            "Adamax",
            "AdamaxConfig",
            moments(*beta_1, *beta_2, *epsilon),
        ),
        Rule::Ftrl {
            learning_rate_power,
            initial_accumulator_value,
            l1_regularization_strength,
            l2_regularization_strength,
            l2_shrinkage_regularization_strength,
            beta,
        } => (
            "Ftrl",
            "FtrlConfig",
            vec![
                ("learning_rate_power", (*learning_rate_power).into()),
                (
                    "initial_accumulator_value",
                    (*initial_accumulator_value).into(),
                ),
                (
                    "l1_regularization_strength",
                    (*l1_regularization_strength).into(),
                ),
                (
                    "l2_regularization_strength",
                    (*l2_regularization_strength).into(),
                ),
                (
                    "l2_shrinkage_regularization_strength",
                    (*l2_shrinkage_regularization_strength).into(),
                ),
                ("beta", (*beta).into()),
            ],
        ),
        Rule::Lamb {
            beta_1,
            beta_2,
            epsilon,
        } => ("Lamb", "LambConfig", moments(*beta_1, *beta_2, *epsilon)),
        Rule::Lion { beta_1, beta_2 } => (
            "Lion",
            "LionConfig",
            vec![("beta_1", (*beta_1).into()), ("beta_2", (*beta_2).into())],
        ),
        Rule::Muon {
            adam_beta_1,
            adam_beta_2,
            adam_weight_decay,
            epsilon,
            exclude_layers,
            exclude_embeddings,
            muon_a,
            muon_b,
            muon_c,
            adam_lr_ratio,
            momentum,
            ns_steps,
            nesterov,
            rms_rate,
        } => {
            let layers = exclude_layers.iter().cloned().map(Literal::String);
            (
                "Muon",
                "MuonConfig",
                vec![
                    ("adam_beta_1", (*adam_beta_1).into()),
                    ("adam_beta_2", (*adam_beta_2).into()),
                    ("adam_weight_decay", (*adam_weight_decay).into()),
                    ("epsilon", (*epsilon).into()),
                    ("exclude_layers", Literal::Vec(layers.collect())),
                    ("exclude_embeddings", (*exclude_embeddings).into()),
                    ("muon_a", (*muon_a).into()),
                    ("muon_b", (*muon_b).into()),
                    ("muon_c", (*muon_c).into()),
                    ("adam_lr_ratio", (*adam_lr_ratio).into()),
                    ("momentum", (*momentum).into()),
                    ("ns_steps", count(*ns_steps)),
                    ("nesterov", (*nesterov).into()),
                    ("rms_rate", (*rms_rate).into()),
                ],
            )
        }
        Rule::Nadam {
            beta_1,
            beta_2,
            epsilon,
            schedule_decay,
        } => {
            let mut options = moments(*beta_1, *beta_2, *epsilon);
            options.push(("schedule_decay", (*schedule_decay).into()));
            ("Nadam", "NadamConfig", options)
        }
        Rule::RmsProp {
            rho,
            momentum,
            epsilon,
            epsilon_place,
            centered,
        } => (
            "RmsProp",
            "RmsPropConfig",
            vec![
                ("rho", (*rho).into()),
                ("momentum", (*momentum).into()),
                ("epsilon", (*epsilon).into()),
                ("epsilon_place", place(*epsilon_place)),
                ("centered", (*centered).into()),
            ],
        ),
        Rule::Sgd { momentum, nesterov } => (
            "Sgd",
            "SgdConfig",
            vec![
                ("momentum", (*momentum).into()),
                ("nesterov", (*nesterov).into()),
            ],
        ),
    };
    let rule = Literal::Config(ty, Fields::new(), options);
    Literal::TupleVariant("OptimizerConfig", variant, vec![rule])
}

fn moments(beta_1: f64, beta_2: f64, epsilon: f64) -> Fields {
    vec![
        ("beta_1", beta_1.into()),
        ("beta_2", beta_2.into()),
        ("epsilon", epsilon.into()),
    ]
}

/// What Keras knows of parameters beyond their path in Burn, for those where it decides something:
/// constraints, rules that work along axes, names that regular expressions are searched in.
fn variables(
    graph: &Graph,
    plan: &Plan,
    config: &OptimizerConfig,
) -> Result<Vec<(String, Literal)>, Vec<Problem>> {
    let constraints: BTreeMap<WeightRef, Object> = graph
        .constraints()?
        .into_iter()
        .map(|of| (of.weight, of.object))
        .collect();
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for parameter in plan.parameters.iter().filter(|parameter| parameter.trained) {
        let constraint = constraints.get(&parameter.weight);
        let wants_layout = constraint.is_some()
            || matches!(config.rule, Rule::Adafactor { .. } | Rule::Muon { .. });
        let mut options = Fields::new();
        if matches!(config.rule, Rule::Muon { .. }) {
            let path = Literal::String(parameter.keras_path.clone());
            options.push(("path", some(path)));
        }
        match layout(graph, parameter) {
            Ok(None) => {}
            Ok(Some(layout)) if wants_layout => options.push(("layout", some(layout))),
            Err(problem) if wants_layout => problems.push(problem),
            Ok(Some(_)) | Err(_) => {}
        }
        if let Some(object) = constraint {
            options.push(("constraint", some(objects::constraint(object))));
        }
        if is_lazy(config) && is_table(graph, parameter) {
            options.push(("lazy", true.into()));
        }
        if !options.is_empty() {
            let variable = Literal::Config("Variable", Fields::new(), options);
            found.push((parameter.path.clone(), variable));
        }
    }
    if problems.is_empty() {
        Ok(found)
    } else {
        Err(problems)
    }
}

/// Whether the optimizer leaves the rows of a table alone that no lookup has met, slots too:
/// `_resource_apply_sparse` of `tf.keras.optimizers.legacy`, where it is not the dense step.
fn is_lazy(config: &OptimizerConfig) -> bool {
    config.implementation == Implementation::TfLegacy
        && match config.rule {
            Rule::Sgd { momentum, .. } | Rule::RmsProp { momentum, .. } => momentum > 0.0,
            Rule::Adadelta { .. } | Rule::Adamax { .. } | Rule::Ftrl { .. } => true,
            _ => false,
        }
}

/// Whether the parameter is a table of a lookup.
fn is_table(graph: &Graph, parameter: &Parameter) -> bool {
    let layer = graph.layer(parameter.weight.layer);
    matches!(&layer.kind, LayerKind::Layer(Class::Embedding(_)))
}

/// Keras's shape and the order of its axes in Burn, `None` where both are Burn's.
fn layout(graph: &Graph, parameter: &Parameter) -> Result<Option<Literal>, Problem> {
    let layer = graph.layer(parameter.weight.layer);
    let weight = &layer.weights[parameter.weight.index];
    let shape = weight.tensor.shape();
    let transform = &parameter.param.source.transform;
    let axes: Vec<usize> = match (transform, transform.permutation()) {
        (Transform::None, _) => return Ok(None),
        (_, Some(axes)) => axes.to_vec(),
        (Transform::Flatten | Transform::Rows(_), _) => (0..shape.len()).collect(),
        _ => {
            return Err(Problem::new(ProblemKind::Training)
                .at(&layer.path, &layer.class)
                .key(weight.name)
                .expected("a weight whose axes are in some order, for an optimizer that asks")
                .found("a weight of cuDNN"));
        }
    };
    let sizes = |sizes: &[usize]| Literal::list(sizes.iter().copied());
    Ok(Some(Literal::Tuple(vec![sizes(shape), sizes(&axes)])))
}

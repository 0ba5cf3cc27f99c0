//! Every rule and every option.

use alloc::{collections::BTreeMap, string::String, vec, vec::Vec};

use super::CONV;
use crate::optim::*;

/// What a case does beside the optimizer.
#[derive(Clone, Copy, Default)]
pub struct Run {
    /// The factor of all gradients.
    pub scale: Option<f64>,
    /// Whether the bias has a gradient in every other step only.
    pub missing: bool,
    /// The step where gradients are infinite.
    pub infinite: Option<usize>,
    pub finalize: bool,
}

pub struct Case {
    pub name: &'static str,
    pub config: KerasOptimizerConfig,
    pub run: Run,
}

/// The rule with a learning rate of 0.1, in these versions.
pub fn case(name: &'static str, rule: impl Into<OptimizerConfig>) -> Case {
    rated(name, rule, 0.1)
}

fn rated(name: &'static str, rule: impl Into<OptimizerConfig>, rate: f64) -> Case {
    let config = KerasOptimizerConfig::new(rule.into(), rate.into());
    let run = Run::default();
    Case { name, config, run }
}

impl Case {
    pub fn with(
        mut self,
        change: impl FnOnce(KerasOptimizerConfig) -> KerasOptimizerConfig,
    ) -> Self {
        self.config = change(self.config);
        self
    }

    fn run(mut self, run: Run) -> Self {
        self.run = run;
        self
    }
}

/// The Conv2D kernel lies in another order.
pub fn variables() -> BTreeMap<String, Variable> {
    let conv = Variable::new().with_layout(Some((vec![1, 2, 2, 3], CONV.to_vec())));
    BTreeMap::from([("conv.kernel".into(), conv)])
}

fn constrained() -> BTreeMap<String, Variable> {
    let mut variables = variables();
    for (path, constraint) in [
        (
            "dense.kernel",
            Constraint::MaxNorm {
                max_value: 0.5,
                axis: vec![0],
            },
        ),
        ("dense.bias", Constraint::NonNeg),
        (
            "token_embedding.embeddings",
            Constraint::MinMaxNorm {
                min_value: 0.3,
                max_value: 0.6,
                rate: 0.7,
                axis: vec![-1],
            },
        ),
        (
            "conv.kernel",
            Constraint::UnitNorm {
                axis: vec![0, 1, 2],
            },
        ),
    ] {
        let variable = variables.entry(path.into()).or_insert_with(Variable::new);
        variable.constraint = Some(constraint);
    }
    variables
}

pub fn cases() -> Vec<Case> {
    let sgd = SgdConfig::new;
    let adam_options = || {
        AdamConfig::new()
            .with_beta_1(0.8)
            .with_beta_2(0.9)
            .with_epsilon(1e-3)
            .with_amsgrad(true)
    };
    let rmsprop_both = || {
        RmsPropConfig::new()
            .with_rho(0.8)
            .with_momentum(0.5)
            .with_epsilon(1e-3)
            .with_centered(true)
    };
    let rmsprop_outside = || {
        RmsPropConfig::new()
            .with_epsilon(1e-2)
            .with_epsilon_place(Epsilon::Outside)
    };
    let missing = Run {
        missing: true,
        ..Run::default()
    };
    let by_name = vec![String::from("bias"), String::from("emb.*ings")];
    let ema = |momentum| Ema::new().with_momentum(momentum);
    vec![
        case("sgd", sgd()),
        case("sgd_momentum", sgd().with_momentum(0.9)),
        case("sgd_nesterov", sgd().with_momentum(0.8).with_nesterov(true)),
        case("rmsprop", RmsPropConfig::new()),
        case("rmsprop_momentum", RmsPropConfig::new().with_momentum(0.9)),
        case(
            "rmsprop_centered",
            RmsPropConfig::new()
                .with_rho(0.8)
                .with_epsilon(1e-3)
                .with_centered(true),
        ),
        rated("rmsprop_both", rmsprop_both(), 0.01),
        case("rmsprop_outside", rmsprop_outside()),
        case(
            "rmsprop_outside_centered",
            rmsprop_outside().with_centered(true),
        ),
        case("adam", AdamConfig::new()),
        case("adam_options", adam_options()),
        case("adamw", AdamConfig::new()).with(|c| c.with_weight_decay(Some(0.004))),
        case("adamax", AdamaxConfig::new()),
        case(
            "adamax_options",
            AdamaxConfig::new()
                .with_beta_1(0.8)
                .with_beta_2(0.9)
                .with_epsilon(1e-3),
        ),
        case("nadam", NadamConfig::new()),
        case(
            "nadam_options",
            NadamConfig::new()
                .with_beta_1(0.8)
                .with_beta_2(0.9)
                .with_epsilon(1e-3),
        ),
        case(
            "nadam_legacy",
            NadamConfig::new().with_schedule_decay(0.004),
        ),
        case(
            "nadam_legacy_decay",
            NadamConfig::new().with_schedule_decay(0.1),
        ),
        case("adagrad", AdagradConfig::new()),
        case(
            "adagrad_options",
            AdagradConfig::new()
                .with_initial_accumulator_value(0.5)
                .with_epsilon(1e-2),
        ),
        case(
            "adagrad_outside",
            AdagradConfig::new()
                .with_epsilon(1e-2)
                .with_epsilon_place(Epsilon::Outside),
        ),
        rated("adadelta", AdadeltaConfig::new(), 1.0),
        rated(
            "adadelta_options",
            AdadeltaConfig::new().with_rho(0.8).with_epsilon(1e-3),
            0.5,
        ),
        case("ftrl", FtrlConfig::new()),
        case(
            "ftrl_options",
            FtrlConfig::new()
                .with_learning_rate_power(-0.3)
                .with_initial_accumulator_value(0.2)
                .with_l1_regularization_strength(0.05)
                .with_l2_regularization_strength(0.1)
                .with_l2_shrinkage_regularization_strength(0.02)
                .with_beta(0.3),
        ),
        case("lion", LionConfig::new()),
        case(
            "lion_options",
            LionConfig::new().with_beta_1(0.7).with_beta_2(0.8),
        ),
        case("adafactor", AdafactorConfig::new()),
        rated(
            "adafactor_options",
            AdafactorConfig::new()
                .with_beta_2_decay(-0.5)
                .with_epsilon_1(1e-3)
                .with_epsilon_2(0.9)
                .with_clip_threshold(0.8),
            0.5,
        ),
        case("lamb", LambConfig::new()),
        case(
            "lamb_options",
            LambConfig::new()
                .with_beta_1(0.8)
                .with_beta_2(0.9)
                .with_epsilon(1e-3),
        ),
        case("muon", MuonConfig::new()).with(|c| c.with_weight_decay(Some(0.004))),
        case(
            "muon_options",
            MuonConfig::new()
                .with_adam_beta_1(0.8)
                .with_adam_beta_2(0.9)
                .with_adam_weight_decay(None)
                .with_epsilon(1e-3)
                .with_exclude_layers(vec![String::from("den.e/k")])
                .with_exclude_embeddings(false)
                .with_muon_a(3.0)
                .with_muon_b(-4.0)
                .with_muon_c(2.0)
                .with_adam_lr_ratio(0.5)
                .with_momentum(0.8)
                .with_ns_steps(3)
                .with_nesterov(false)
                .with_rms_rate(None),
        )
        .with(|c| c.with_weight_decay(Some(0.1))),
        case("clipnorm", sgd().with_momentum(0.9))
            .with(|c| c.with_clipping(vec![Clipping::Norm(0.5)])),
        case("clipvalue", sgd().with_momentum(0.9))
            .with(|c| c.with_clipping(vec![Clipping::Value(0.5)])),
        case("global_clipnorm", sgd().with_momentum(0.9))
            .with(|c| c.with_clipping(vec![Clipping::GlobalNorm(0.5)])),
        case("global_clipnorm_wide", sgd().with_momentum(0.9))
            .with(|c| c.with_clipping(vec![Clipping::GlobalNorm(50.0)])),
        case("clip_twice", sgd())
            .with(|c| c.with_clipping(vec![Clipping::Value(0.5), Clipping::Norm(0.6)])),
        case("weight_decay", sgd()).with(|c| {
            c.with_weight_decay(Some(0.2))
                .with_exclude_from_weight_decay(by_name)
        }),
        case("weight_decay_list", sgd()).with(|c| {
            let excluded = Variable::new().with_exclude_from_weight_decay(true);
            let variables = BTreeMap::from([("dense.kernel".into(), excluded)]);
            c.with_weight_decay(Some(0.2)).with_variables(variables)
        }),
        case("ema", AdamConfig::new())
            .with(|c| c.with_ema(Some(ema(0.8))))
            .run(missing),
        case("ema_overwrite", sgd())
            .with(|c| c.with_ema(Some(ema(0.8).with_overwrite_frequency(Some(3))))),
        case("ema_initial", sgd()).with(|c| {
            let ema = ema(0.8).with_overwrite_frequency(Some(3));
            c.with_ema(Some(ema.with_from_initial(true)))
        }),
        case("ema_finalize", sgd())
            .with(|c| c.with_ema(Some(Ema::new())))
            .run(Run {
                finalize: true,
                ..Run::default()
            }),
        case("accumulation", NadamConfig::new()).with(|c| {
            c.with_gradient_accumulation_steps(Some(3))
                .with_weight_decay(Some(0.1))
                .with_clipping(vec![Clipping::Norm(0.3)])
                .with_ema(Some(ema(0.7).with_overwrite_frequency(Some(2))))
                .with_variables(constrained())
        }),
        case("accumulation_missing", AdamConfig::new())
            .with(|c| c.with_gradient_accumulation_steps(Some(2)))
            .run(missing),
        case("loss_scale_factor", AdamConfig::new())
            .with(|c| c.with_loss_scale(Some(LossScale::Fixed(16.0))))
            .run(Run {
                scale: Some(16.0),
                ..Run::default()
            }),
        case("loss_scale", AdamConfig::new())
            .with(|c| {
                c.with_clipping(vec![Clipping::Norm(0.5)])
                    .with_loss_scale(Some(LossScale::Dynamic {
                        initial_scale: 8.0,
                        dynamic_growth_steps: 3,
                        counts_skipped: false,
                    }))
            })
            .run(Run {
                infinite: Some(4),
                ..Run::default()
            }),
        case("constraints", sgd()).with(|c| c.with_variables(constrained())),
        case("missing", NadamConfig::new()).run(missing),
        case("schedule", AdamConfig::new()).with(|mut c| {
            c.learning_rate = Schedule::CosineDecay {
                initial_learning_rate: 0.01,
                decay_steps: 5.0,
                alpha: 0.0,
                warmup_target: Some(0.1),
                warmup_steps: 4.0,
            }
            .into();
            c.with_weight_decay(Some(0.1))
        }),
        case("decay", AdamConfig::new().with_beta_2(0.9)).with(|c| c.with_decay(0.3)),
    ]
}

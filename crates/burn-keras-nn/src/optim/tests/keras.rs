//! Every rule, every option and every schedule against `keras.txt`, which
//! `tests/fixtures/make_optimizers.py` writes: Keras 3.15 (`k3`), the optimizers of tf_keras 2.21
//! (`new`) and `tf_keras.optimizers.legacy` (`legacy`).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use burn::{
    module::{Module, Param},
    optim::GradientsParams,
    store::burn_pack::{Reader, Scalar, Tensor as PackTensor, Writer},
    tensor::{Device, Tensor},
};

use crate::{
    ids::{param_id, stable_ids},
    optim::*,
    testing::{close, devices, values, wave},
};

const NUMBERS: &str = include_str!("keras.txt");
const STEPS: usize = 10;
/// A Conv2D kernel in Burn.
const CONV: [usize; 4] = [3, 2, 0, 1];

#[derive(Module, Debug)]
pub(super) struct Dense {
    kernel: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
pub(super) struct Embedding {
    embeddings: Param<Tensor<2>>,
}

#[derive(Module, Debug)]
pub(super) struct Conv {
    kernel: Param<Tensor<4>>,
}

#[derive(Module, Debug)]
pub(super) struct Net {
    dense: Dense,
    token_embedding: Embedding,
    conv: Conv,
}

impl Net {
    pub(super) fn new(device: &Device) -> Self {
        fn param<const D: usize>(x: Tensor<D>) -> Param<Tensor<D>> {
            Param::from_tensor(x.require_grad())
        }
        let conv = wave([1, 2, 2, 3], 3.1, device).permute(CONV);
        let net = Self {
            dense: Dense {
                kernel: param(wave([2, 3], 0.1, device)),
                bias: param(wave([3], 1.1, device)),
            },
            token_embedding: Embedding {
                embeddings: param(wave([3, 2], 2.1, device)),
            },
            conv: Conv {
                kernel: param(conv),
            },
        };
        stable_ids(net, "net")
    }

    fn gradients(&self, t: usize, scale: f64, bias: bool) -> GradientsParams {
        let device = &self.dense.bias.val().inner().device();
        let mut gradients = GradientsParams::new();
        let t = t as f64 + 1.0;
        fn wave_of<const D: usize>(
            shape: [usize; D],
            seed: f64,
            scale: f64,
            device: &Device,
        ) -> Tensor<D> {
            wave(shape, seed, device).mul_scalar(scale)
        }
        gradients.register(self.dense.kernel.id, wave_of([2, 3], t, scale, device));
        if bias {
            gradients.register(self.dense.bias.id, wave_of([3], t + 10.0, scale, device));
        }
        gradients.register(
            self.token_embedding.embeddings.id,
            wave_of([3, 2], t + 20.0, scale, device),
        );
        let conv = wave_of([1, 2, 2, 3], t + 30.0, scale, device).permute(CONV);
        gradients.register(self.conv.kernel.id, conv);
        gradients
    }

    /// The values by path, in Keras's layout.
    fn values(&self) -> BTreeMap<String, Vec<f32>> {
        BTreeMap::from([
            ("dense/kernel".into(), values(self.dense.kernel.val())),
            ("dense/bias".into(), values(self.dense.bias.val())),
            (
                "token_embedding/embeddings".into(),
                values(self.token_embedding.embeddings.val()),
            ),
            (
                "conv/kernel".into(),
                values(self.conv.kernel.val().permute([2, 3, 1, 0])),
            ),
        ])
    }
}

/// What a case does beside the optimizer.
#[derive(Clone, Copy, Default)]
struct Run {
    /// The factor of all gradients.
    scale: Option<f64>,
    /// Whether the bias has a gradient in every other step only.
    missing: bool,
    /// The step where gradients are infinite.
    infinite: Option<usize>,
    finalize: bool,
}

struct Case {
    name: &'static str,
    config: KerasOptimizerConfig,
    run: Run,
}

/// The rule with a learning rate of 0.1, in these versions.
fn case(name: &'static str, rule: impl Into<OptimizerConfig>) -> Case {
    rated(name, rule, 0.1)
}

fn rated(name: &'static str, rule: impl Into<OptimizerConfig>, rate: f64) -> Case {
    let config = KerasOptimizerConfig::new(rule.into(), rate.into());
    let run = Run::default();
    Case { name, config, run }
}

impl Case {
    fn with(mut self, change: impl FnOnce(KerasOptimizerConfig) -> KerasOptimizerConfig) -> Self {
        self.config = change(self.config);
        self
    }

    fn run(mut self, run: Run) -> Self {
        self.run = run;
        self
    }
}

/// The Conv2D kernel lies in another order.
fn variables() -> BTreeMap<String, Variable> {
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

fn cases() -> Vec<Case> {
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

type Numbers = BTreeMap<&'static str, Vec<f64>>;

/// `keras.txt`, by what follows `case` or `schedule`.
fn expected(kind: &str) -> BTreeMap<(&'static str, &'static str), Numbers> {
    let mut found = BTreeMap::new();
    let mut current = None;
    for line in NUMBERS.lines() {
        if let Some((name, numbers)) = line.split_once(": ") {
            let numbers = numbers.split(' ').map(|x| x.parse().unwrap()).collect();
            if let Some(at) = current {
                let case: &mut Numbers = found.entry(at).or_default();
                case.insert(name, numbers);
            }
        } else {
            let mut words = line.split(' ');
            let of_kind = words.next() == Some(kind);
            let generation = words.next().unwrap();
            current = of_kind.then(|| (generation, words.next().unwrap_or_default()));
        }
    }
    found
}

/// The largest `|a - b| / (1 + |b|)`.
fn difference(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    pairs
        .map(|(a, b)| (f64::from(*a) - b).abs() / (1.0 + b.abs()))
        .fold(0.0, f64::max)
}

/// Slots by `path/slot`, in Keras's layout.
fn slots(optimizer: &KerasOptimizer) -> BTreeMap<String, Vec<f32>> {
    let reader = Reader::from_bytes(optimizer.save_bytes().unwrap()).unwrap();
    let fields = optimizer.config().rule.fields();
    let mut found = BTreeMap::new();
    for path in [
        "dense/kernel",
        "dense/bias",
        "token_embedding/embeddings",
        "conv/kernel",
    ] {
        let id = param_id("net", &path.replace('/', ".")).val();
        let base = [
            ("average", "keras.average"),
            ("gradient_accumulator", "keras.gradient_accumulator"),
        ];
        let all = fields
            .slots
            .iter()
            .map(|field| (field.slot, field.field))
            .chain(base);
        for (slot, field) in all {
            let Ok(bytes) = reader.tensor_data(&format!("{id}.{field}")) else {
                continue;
            };
            let flat: Vec<f32> = bytes
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
                .collect();
            let flat = if path == "conv/kernel" && !matches!(slot, "r" | "c") {
                let burn = Tensor::<1>::from_floats(&flat[..], &devices()[0]).reshape([3, 2, 1, 2]);
                values(burn.permute([2, 3, 1, 0]))
            } else {
                flat
            };
            found.insert(format!("{path}/{slot}"), flat);
        }
    }
    found
}

fn train(case: &Case, device: &Device, reload: bool) -> (Net, KerasOptimizer) {
    let mut config = case.config.clone();
    for (path, variable) in variables() {
        config.variables.entry(path).or_insert(variable);
    }
    let mut net = Net::new(device);
    let mut optimizer = config.init(&net).unwrap();
    for t in 0..STEPS {
        let infinite = case.run.infinite == Some(t);
        let scale = if infinite {
            f64::INFINITY
        } else {
            case.run.scale.unwrap_or(1.0)
        };
        let gradients = net.gradients(t, scale, !case.run.missing || t % 2 == 0);
        net = optimizer.step(net, gradients);
        if reload {
            let bytes = optimizer.save_bytes().unwrap();
            assert_eq!(
                bytes[..],
                optimizer.save_bytes().unwrap()[..],
                "{}",
                case.name
            );
            optimizer = config.init(&net).unwrap();
            optimizer.load_bytes(&net, bytes.to_vec()).unwrap();
            assert_eq!(
                bytes[..],
                optimizer.save_bytes().unwrap()[..],
                "{}",
                case.name
            );
        }
    }
    if case.run.finalize {
        net = optimizer.finalize(net);
    }
    (net, optimizer)
}

#[test]
fn steps_equal_keras() {
    let device = devices()[0].clone().autodiff();
    let mut expected = expected("case");
    let mut failures = Vec::new();
    for case in cases() {
        let (net, optimizer) = train(&case, &device, false);
        let found = net.values();
        for generation in ["k3", "new", "legacy"] {
            let Some(keras) = expected.remove(&(generation, case.name)) else {
                continue;
            };
            let mut found = found.clone();
            if generation == "k3" {
                found.extend(slots(&optimizer));
                assert_eq!(keras["iterations"], [optimizer.iterations() as f64]);
            }
            for (name, values) in &keras {
                let name = String::from(*name);
                let Some(found) = found.remove(&name) else {
                    // dummies and zeros that are not kept
                    let zero = values.iter().all(|value| *value == 0.0);
                    if name.contains('/') && !zero {
                        failures.push(format!("{generation} {}: {name} is missing", case.name));
                    }
                    continue;
                };
                let difference = difference(&found, values);
                if difference.is_nan() || difference > 1e-6 {
                    failures.push(format!("{generation} {} {name}: {difference:e}", case.name));
                }
            }
            if generation == "k3" {
                found.retain(|name, _| !keras.contains_key(name.as_str()));
                for name in found.keys() {
                    failures.push(format!("{generation} {}: Keras has no {name}", case.name));
                }
            }
        }
    }
    let left: BTreeSet<_> = expected.keys().collect();
    assert!(left.is_empty(), "not tested: {left:?}");
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn schedules_equal_keras() {
    let all = expected("schedule");
    let steps = &all[&("steps", "")]["steps"];
    let polynomial = |decay_steps, end_learning_rate, power, cycle| Schedule::PolynomialDecay {
        initial_learning_rate: 0.1,
        decay_steps,
        end_learning_rate,
        power,
        cycle,
    };
    let exponential = |staircase| Schedule::ExponentialDecay {
        initial_learning_rate: 0.1,
        decay_steps: 7.0,
        decay_rate: 0.9,
        staircase,
    };
    let inverse_time = |staircase| Schedule::InverseTimeDecay {
        initial_learning_rate: 0.1,
        decay_steps: 7.0,
        decay_rate: 0.5,
        staircase,
    };
    let cosine =
        |initial_learning_rate, alpha, warmup_target, warmup_steps| Schedule::CosineDecay {
            initial_learning_rate,
            decay_steps: 30.0,
            alpha,
            warmup_target,
            warmup_steps,
        };
    let restarts = |first_decay_steps, t_mul, m_mul, alpha| Schedule::CosineDecayRestarts {
        initial_learning_rate: 0.1,
        first_decay_steps,
        t_mul,
        m_mul,
        alpha,
    };
    let piecewise = |boundaries: &[f64], values: &[f64]| Schedule::PiecewiseConstantDecay {
        boundaries: boundaries.to_vec(),
        values: values.to_vec(),
    };
    let schedules = BTreeMap::from([
        ("exponential", exponential(false)),
        ("exponential_staircase", exponential(true)),
        ("piecewise", piecewise(&[3.0, 10.0], &[0.1, 0.03, 0.007])),
        (
            "piecewise_fractions",
            piecewise(&[3.9, 10.2, 30.0], &[0.1, 0.03, 0.007, 0.5]),
        ),
        ("polynomial", polynomial(20.0, 0.0001, 1.0, false)),
        ("polynomial_power", polynomial(20.0, 0.01, 2.5, false)),
        ("polynomial_cycle", polynomial(7.0, 0.01, 0.5, true)),
        ("inverse_time", inverse_time(false)),
        ("inverse_time_staircase", inverse_time(true)),
        ("cosine", cosine(0.1, 0.0, None, 0.0)),
        ("cosine_alpha", cosine(0.1, 0.1, None, 0.0)),
        ("cosine_warmup", cosine(0.01, 0.1, Some(0.2), 10.0)),
        ("cosine_no_target", cosine(0.1, 0.0, None, 10.0)),
        ("restarts", restarts(5.0, 2.0, 1.0, 0.0)),
        ("restarts_options", restarts(4.0, 1.5, 0.7, 0.1)),
        ("restarts_even", restarts(6.0, 1.0, 0.7, 0.0)),
    ]);
    let mut failures = Vec::new();
    for ((generation, name), numbers) in &all {
        if *generation == "steps" {
            continue;
        }
        let schedule = &schedules[name];
        for (step, rate) in steps.iter().zip(&numbers["rates"]) {
            let found = f64::from(schedule.at(*step as u64));
            // half a cosine wave ends in noise
            if (found - rate).abs() > 3e-7 * rate.abs() + 2e-9 {
                failures.push(format!(
                    "{generation} {name} at {step}: {found}, Keras has {rate}"
                ));
            }
        }
    }
    assert_eq!(all.len(), 2 * schedules.len() + 1);
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn training_goes_on_from_a_record() {
    let device = devices()[0].clone().autodiff();
    for case in cases() {
        let (once, _) = train(&case, &device, false);
        let (again, _) = train(&case, &device, true);
        for (path, values) in once.values() {
            close(&again.values()[&path], &values, 0.0);
        }
    }
}

/// Burn's `ModuleOptimizer` with a rule makes the same steps, and its records are read.
#[test]
fn rules_alone_make_the_same_steps() {
    let device = devices()[0].clone().autodiff();
    for case in cases() {
        let rule = &case.config.rule;
        let config = KerasOptimizerConfig::new(rule.clone(), 0.1.into());
        // there a name decides
        let muon = matches!(rule, OptimizerConfig::Muon(_));
        let mut burns = rule.init();
        let mut nets = [Net::new(&device), Net::new(&device)];
        let mut optimizer = config.init(&nets[1]).unwrap();
        for t in 0..3 {
            let [a, b] = nets;
            let (of_a, of_b) = (a.gradients(t, 1.0, true), b.gradients(t, 1.0, true));
            nets = [burns.step(0.1, a, of_a), optimizer.step(b, of_b)];
        }
        if muon {
            continue;
        }
        let [found, expected] = nets.each_ref().map(Net::values);
        assert_eq!(found, expected, "{}", case.name);

        let bytes = save_optimizer_bytes(&burns).unwrap();
        let mut loaded = config.init(&nets[0]).unwrap();
        let fresh = loaded.load_bytes(&nets[0], bytes.to_vec()).unwrap();
        assert!(fresh.is_empty(), "{}: {fresh:?}", case.name);
        let again = load_optimizer_bytes(rule.init(), &nets[0], loaded.save_bytes().unwrap());
        assert_eq!(
            save_optimizer_bytes(&again.unwrap()).unwrap()[..],
            bytes[..],
            "{}",
            case.name
        );
    }
}

type Change<'a> =
    &'a dyn Fn(&mut Vec<PackTensor>, &mut BTreeMap<String, Scalar>, &mut BTreeMap<String, String>);

/// The record after one step with tensors, scalars and metadata changed must be refused so.
fn refused(case: &Case, expected: &str, change: Change<'_>) {
    let device = devices()[0].clone().autodiff();
    let net = Net::new(&device);
    let mut optimizer = case.config.init(&net).unwrap();
    let gradients = net.gradients(0, 1.0, true);
    let net = optimizer.step(net, gradients);
    let saved = optimizer.save_bytes().unwrap();
    let reader = Reader::from_bytes(saved.clone()).unwrap();
    let (mut scalars, mut metadata) = (reader.scalars().clone(), reader.metadata().clone());
    let mut tensors = reader.into_tensors().unwrap();
    change(&mut tensors, &mut scalars, &mut metadata);
    let mut writer = Writer::new(tensors);
    for (name, value) in scalars {
        writer = writer.with_scalar(&name, value);
    }
    for (name, value) in metadata {
        writer = writer.with_metadata(&name, &value);
    }
    let bytes = writer.into_bytes().unwrap();
    let error = optimizer.load_bytes(&net, bytes.to_vec()).unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
    assert_eq!(optimizer.save_bytes().unwrap()[..], saved[..]);
}

#[test]
fn records_that_do_not_fit_are_refused() {
    let adam = case("adam", AdamConfig::new());
    let id = |path: &str| param_id("net", path).val();
    let kernel = format!("{}.momentum.moment_2", id("dense.kernel"));
    refused(
        &adam,
        "dense.kernel: momentum.moment_2 is missing",
        &|tensors, _, _| tensors.retain(|tensor| tensor.name != kernel),
    );
    refused(
        &adam,
        "dense.kernel: momentum.moment_2 [6], it should be [2, 3]",
        &|tensors, _, _| {
            let at = tensors.iter().position(|t| t.name == kernel).unwrap();
            tensors[at].shape = vec![6].into();
        },
    );
    refused(
        &adam,
        "the state of SGD, the optimizer is Adam",
        &|_, _, metadata| {
            metadata.insert("keras.optimizer.class".into(), "SGD".into());
        },
    );
    refused(
        &adam,
        "dense.weight: the module has dense.kernel under the same id",
        &|_, _, metadata| {
            metadata.insert(id("dense.kernel").to_string(), "dense.weight".into());
        },
    );
    refused(
        &adam,
        "keras.iterations: 0, but a parameter counts 1",
        &|_, scalars, _| {
            scalars.insert("keras.iterations".into(), Scalar::UInt(0));
        },
    );
    refused(
        &adam,
        "dense.bias: momentum.time is missing",
        &|_, scalars, _| {
            scalars.remove(&format!("{}.momentum.time", id("dense.bias")));
        },
    );
    refused(
        &adam,
        "other: not in the module",
        &|_, scalars, metadata| {
            scalars.insert("7.__rank".into(), Scalar::UInt(2));
            metadata.insert("7".into(), "other".into());
        },
    );
    refused(
        &adam,
        "dense.bias: no place for momentum.max_moment_2",
        &|tensors, _, _| {
            let field = format!("{}.momentum.moment_2", id("dense.bias"));
            let mut more = tensors.iter().find(|t| t.name == field).unwrap().clone();
            more.name = format!("{}.momentum.max_moment_2", id("dense.bias"));
            tensors.push(more);
        },
    );
    let scheduled = case("schedule", AdamConfig::new()).with(|mut c| {
        c.learning_rate = Schedule::PiecewiseConstantDecay {
            boundaries: vec![1.0],
            values: vec![1.0, 2.0],
        }
        .into();
        c
    });
    refused(
        &scheduled,
        "keras.learning_rate: the optimizer has a schedule",
        &|_, scalars, _| {
            scalars.insert("keras.learning_rate".into(), Scalar::Float(0.1));
        },
    );
    let ema =
        case("ema", SgdConfig::new().with_momentum(0.5)).with(|c| c.with_ema(Some(Ema::new())));
    refused(&ema, "conv.kernel: average is missing", &|tensors, _, _| {
        let field = format!("{}.keras.average", id("conv.kernel"));
        tensors.retain(|tensor| tensor.name != field);
    });
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let device = devices()[0].clone().autodiff();
    let net = Net::new(&device);
    let refused = |config: KerasOptimizerConfig, expected: &str| {
        let error = config.init(&net).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let sgd = || KerasOptimizerConfig::new(SgdConfig::new().into(), 0.1.into());
    let variable = |path: &str, variable| {
        sgd().with_variables(BTreeMap::from([(String::from(path), variable)]))
    };
    refused(
        sgd().with_gradient_accumulation_steps(Some(1)),
        "must be at least 2",
    );
    refused(
        sgd().with_exclude_from_weight_decay(vec!["(?=a)".into()]),
        "the regular expression \"(?=a)\" cannot be used",
    );
    refused(
        variable("dense.weight", Variable::new()),
        "dense.weight: not in the module",
    );
    refused(
        variable(
            "dense.kernel",
            Variable::new().with_layout(Some((vec![3, 3], vec![1, 0]))),
        ),
        "is not [2, 3]",
    );
    refused(
        variable(
            "dense.bias",
            Variable::new().with_constraint(Some(Constraint::UnitNorm { axis: vec![1] })),
        ),
        "axis 1 is not one of 1",
    );
    let mut twice = net.clone();
    twice.token_embedding.embeddings.id = twice.dense.kernel.id;
    assert!(matches!(
        sgd().init(&twice),
        Err(OptimizerError::DuplicateIds { .. })
    ));
}

#[test]
fn frozen_parameters_stay() {
    let device = devices()[0].clone().autodiff();
    let mut net = Net::new(&device);
    net.dense = net.dense.no_grad();
    let config = KerasOptimizerConfig::new(AdamConfig::new().into(), 0.1.into())
        .with_weight_decay(Some(0.1))
        .with_ema(Some(Ema::new()));
    let mut optimizer = config.init(&net).unwrap();
    let before = net.values();
    let loss = net.dense.kernel.val().sum() * net.conv.kernel.val().sum();
    let gradients = GradientsParams::from_grads(loss.backward(), &net);
    let net = optimizer.step(net, gradients);
    let after = net.values();
    for (path, values) in &before {
        assert_eq!(after[path] == *values, path != "conv/kernel", "{path}");
    }
    assert!(net.conv.kernel.val().is_require_grad());
    assert!(!net.dense.kernel.val().is_require_grad());
    let saved = slots(&optimizer);
    assert!(!saved.keys().any(|slot| slot.starts_with("dense")));
    let mut loaded = config.init(&net).unwrap();
    let fresh = loaded.load_bytes(&net, optimizer.save_bytes().unwrap());
    assert_eq!(fresh.unwrap(), ["token_embedding.embeddings"]);
}

#[test]
fn files_are_replaced() {
    let device = devices()[0].clone().autodiff();
    let net = Net::new(&device);
    let config = KerasOptimizerConfig::new(LionConfig::new().into(), 0.1.into());
    let mut optimizer = config.init(&net).unwrap();
    let gradients = net.gradients(0, 1.0, true);
    let net = optimizer.step(net, gradients);
    let name = format!("burn-keras-nn-{}.keras.optimizer.bpk", std::process::id());
    let path = std::env::temp_dir().join(name);
    for _ in 0..2 {
        optimizer.save_file(&path).unwrap();
    }
    let mut loaded = config.init(&net).unwrap();
    assert!(loaded.load_file(&net, &path).unwrap().is_empty());
    assert_eq!(
        loaded.save_bytes().unwrap()[..],
        optimizer.save_bytes().unwrap()[..]
    );
    std::fs::remove_file(&path).unwrap();
    let error = loaded.load_file(&net, &path).unwrap_err();
    assert!(matches!(error, crate::LoadError::Io { .. }), "{error}");
}

/// The table of the module's documentation is the data.
#[test]
fn the_table_of_fields_is_documented() {
    let text = include_str!("../../optim.rs");
    let mut seen = BTreeSet::new();
    for case in cases() {
        let rule = case.config.rule;
        let fields = rule.fields();
        let time = fields.time.map_or("-".into(), |time| format!("`{time}`"));
        let slots = fields.slots.iter();
        let slots: Vec<_> = slots
            .map(|field| format!("`{}`: `{}`", field.slot, field.field))
            .collect();
        let row = format!(
            "//! | `{}` | {time} | {} |\n",
            rule.class(),
            slots.join(", ")
        );
        assert!(text.contains(&row), "{row}");
        seen.insert(rule.class());
    }
    assert_eq!(seen.len(), 12);
}

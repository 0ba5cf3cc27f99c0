//! What a module holds, and the Keras weight that it comes from.

use keras_ir::layer::attention::Score;
use keras_ir::layer::keras1::EarlyStatistics;
use keras_ir::layer::rnn::{CellKind, WeightLayout};

use super::Module;
use super::transform::{Transform, depthwise_kernel, kernel_order, swapped_kernel};

/// A parameter of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name in the module.
    pub name: &'static str,
    /// Where its values come from.
    pub source: Source,
    /// Whether it is trained.
    pub kind: ParamKind,
}

/// The Keras weight that a parameter holds, and how it is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Keras's name of the weight.
    pub weight: &'static str,
    /// From Keras's layout to Burn's.
    pub transform: Transform,
}

/// What a parameter is to training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParamKind {
    /// An optimizer updates it.
    Trained,
    /// Batch statistics: updated in training, by no optimizer.
    Statistic,
}

impl Module {
    /// The parameters, in the order in which the module is visited.
    pub fn params(&self) -> Vec<Param> {
        let param = |name, weight, transform| Param {
            name,
            source: Source { weight, transform },
            kind: ParamKind::Trained,
        };
        // Of several axes Keras's weights have several too; Burn's have one.
        let row = |name, weight| param(name, weight, Transform::Flatten);
        let statistic = |name, weight, transform| Param {
            kind: ParamKind::Statistic,
            ..param(name, weight, transform)
        };
        let affine = |scale: bool, center: bool| {
            let gamma = scale.then(|| row("gamma", "gamma"));
            gamma.into_iter().chain(center.then(|| row("beta", "beta")))
        };
        let plain = |name, weight| param(name, weight, Transform::None);
        let mut params = Vec::new();
        match self {
            Self::Linear { bias, .. } => {
                params.push(plain("weight", "kernel"));
                if *bias {
                    params.push(plain("bias", "bias"));
                }
            }
            Self::Bias { .. } => params.push(plain("bias", "bias")),
            Self::Embedding { .. } => params.push(plain("weight", "embeddings")),
            Self::PRelu { .. } => params.push(row("alpha", "alpha")),
            Self::Conv {
                kernel,
                bias,
                depthwise,
                ..
            } => {
                let spatial = kernel.len();
                params.push(if *depthwise {
                    param("weight", "depthwise_kernel", depthwise_kernel(spatial))
                } else {
                    param("weight", "kernel", swapped_kernel(spatial))
                });
                if *bias {
                    params.push(plain("bias", "bias"));
                }
            }
            Self::SeparableConv { kernel, bias, .. } => {
                let spatial = kernel.len();
                let depthwise = depthwise_kernel(spatial);
                let pointwise = swapped_kernel(spatial);
                params.push(param("depthwise.weight", "depthwise_kernel", depthwise));
                params.push(param("pointwise.weight", "pointwise_kernel", pointwise));
                if *bias {
                    params.push(plain("pointwise.bias", "bias"));
                }
            }
            Self::ConvTranspose { kernel, bias, .. } => {
                params.push(param("weight", "kernel", swapped_kernel(kernel.len())));
                if *bias {
                    params.push(plain("bias", "bias"));
                }
            }
            Self::BatchNorm { .. } => params.extend([
                plain("gamma", "gamma"),
                plain("beta", "beta"),
                statistic("running_mean", "moving_mean", Transform::None),
                statistic("running_var", "moving_variance", Transform::None),
            ]),
            Self::BatchNormalization { center, scale, .. } => {
                params.extend(affine(*scale, *center));
                params.push(statistic("running_mean", "moving_mean", Transform::Flatten));
                params.push(statistic(
                    "running_var",
                    "moving_variance",
                    Transform::Flatten,
                ));
            }
            Self::BatchRenormalization { center, scale, .. } => {
                params.extend(affine(*scale, *center));
                params.extend(
                    [
                        ("running_mean", "moving_mean"),
                        ("running_var", "moving_variance"),
                        ("running_std", "moving_stddev"),
                        ("renorm_mean", "renorm_mean"),
                        ("renorm_std", "renorm_stddev"),
                    ]
                    .map(|(name, weight)| statistic(name, weight, Transform::Flatten)),
                );
            }
            Self::LayerNorm { center, .. } => params.extend(affine(true, *center)),
            Self::LayerNormalization { center, scale, .. }
            | Self::GroupNormalization { center, scale, .. } => {
                params.extend(affine(*scale, *center));
            }
            Self::RmsNormalization { .. } => params.push(row("gamma", "scale")),
            Self::Normalization { .. } => params.extend(
                ["mean", "variance", "count"].map(|name| statistic(name, name, Transform::Flatten)),
            ),
            Self::Recurrent {
                cell, layout, bias, ..
            } => {
                let gates = cell.gates();
                let kernel = match layout {
                    WeightLayout::Keras => Transform::None,
                    WeightLayout::CuDnn => Transform::CuDnnKernel(gates),
                };
                params.push(param("kernel", "kernel", kernel.clone()));
                params.push(param("recurrent_kernel", "recurrent_kernel", kernel));
                let of_bias = match (cell, layout) {
                    // A row for the input, and with `reset_after` one for the state.
                    (CellKind::Gru { reset_after: false }, _) => Transform::Rows(1),
                    (CellKind::Gru { .. }, WeightLayout::CuDnn) => Transform::Rows(2),
                    (_, WeightLayout::CuDnn) => Transform::SumOfHalves,
                    _ => Transform::None,
                };
                if *bias {
                    params.push(param("bias", "bias", of_bias));
                }
            }
            Self::RecurrentDropout { layer, .. } => params = layer.params(),
            Self::Attention { score, scale, .. } => {
                if *scale {
                    let rank = usize::from(*score == Score::Additive);
                    params.push(param("scale", "scale", Transform::merged(&[rank])));
                }
                if *score == Score::Concat {
                    let name = "concat_score_weight";
                    params.push(param(name, name, Transform::merged(&[0])));
                }
            }
            Self::MultiHeadAttention {
                output, bias, gate, ..
            } => {
                let mut projection = |[weight, of_weight, bias_name, of_bias]: [&'static str;
                                          4],
                                      input: usize,
                                      output: usize| {
                    params.push(param(
                        weight,
                        of_weight,
                        Transform::merged(&[input, output]),
                    ));
                    if *bias {
                        params.push(param(bias_name, of_bias, Transform::merged(&[output])));
                    }
                };
                projection(
                    ["query.weight", "query/kernel", "query.bias", "query/bias"],
                    1,
                    2,
                );
                projection(["key.weight", "key/kernel", "key.bias", "key/bias"], 1, 2);
                if *gate {
                    projection(
                        ["gate.weight", "gate/kernel", "gate.bias", "gate/bias"],
                        1,
                        2,
                    );
                }
                projection(
                    ["value.weight", "value/kernel", "value.bias", "value/bias"],
                    1,
                    2,
                );
                projection(
                    [
                        "output.weight",
                        "attention_output/kernel",
                        "output.bias",
                        "attention_output/bias",
                    ],
                    2,
                    output.len(),
                );
            }
            Self::EinsumDense {
                equation,
                bias,
                bias_rank,
                ..
            } => {
                let [axes, groups] = kernel_order(equation);
                params.push(param(
                    "kernel",
                    "kernel",
                    Transform::Merged { axes, groups },
                ));
                if bias.is_some() {
                    params.push(param("bias", "bias", Transform::merged(&[*bias_rank])));
                }
            }
            Self::Dropout { .. }
            | Self::NoiseDropout { .. }
            | Self::SpatialDropout { .. }
            | Self::AlphaDropout { .. }
            | Self::GaussianDropout { .. }
            | Self::GaussianNoise { .. } => {}
            Self::MaxoutDense { bias, .. } => {
                params.push(plain("weight", "W"));
                if *bias {
                    params.push(plain("bias", "b"));
                }
            }
            Self::Highway { bias, .. } => {
                params.push(plain("weight", "W"));
                params.push(plain("gate_weight", "W_carry"));
                if *bias {
                    params.push(plain("bias", "b"));
                    params.push(plain("gate_bias", "b_carry"));
                }
            }
            Self::ParametricSoftplus { .. } => {
                params.extend([row("alpha", "alphas"), row("beta", "betas")]);
            }
            Self::SRelu { .. } => params
                .extend(["t_left", "a_left", "t_right", "a_right"].map(|name| row(name, name))),
            Self::EarlyBatchNormalization { statistics, .. } => {
                let spread = match statistics {
                    EarlyStatistics::Deviation => "moving_deviation",
                    _ => "moving_variance",
                };
                params.extend([
                    plain("gamma", "gamma"),
                    plain("beta", "beta"),
                    statistic("running_mean", "moving_mean", Transform::None),
                    statistic("running_var", spread, Transform::None),
                ]);
            }
        }
        params
    }
}

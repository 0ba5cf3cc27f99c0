//! From a plan's modules to modules with lazy parameters.

mod convolution;

use burn::module::Module as _;
use burn::nn::{
    DropoutConfig, EmbeddingConfig, GaussianNoiseConfig, LayerNormConfig, LinearConfig,
};
use burn::tensor::Device;
use burn_keras_import::plan::{FieldKind, Module, Plan};
use burn_keras_nn::Scope;
use burn_keras_nn::activation::{PReluConfig, ParametricSoftplusConfig, SReluConfig};
use burn_keras_nn::attention::{AttentionConfig, MaskedRows, MultiHeadAttentionConfig, Score};
use burn_keras_nn::dense::{BiasConfig, HighwayConfig, MaxoutDenseConfig};
use burn_keras_nn::dropout::{
    AlphaDropoutConfig, GaussianDropoutConfig, NoiseDropoutConfig, SpatialDropoutConfig,
};
use burn_keras_nn::einsum::EinsumDenseConfig;
use burn_keras_nn::normalization::{
    BatchNormalizationConfig, BatchRenormalizationConfig, EarlyBatchNormalizationConfig,
    EarlyStatistics, GroupNormalizationConfig, LayerNormalizationConfig, NormalizationConfig,
    RmsNormalizationConfig, batch_norm,
};
use burn_keras_nn::recurrent::{self, GruConfig, LstmConfig, SimpleRnnConfig};
use keras_ir::Activation;
use keras_ir::layer;
use keras_ir::layer::rnn::{CellDropout, CellKind, DropoutMasks, MaskedOutput};

use crate::layer::{Layer, Submodel};
use crate::{Error, activation};

/// The model at `position` with everything in it.
pub(crate) fn model(
    plan: &Plan,
    position: usize,
    scope: &Scope,
    device: &Device,
) -> Result<Submodel, Error> {
    let model = &plan.models[position];
    let mut fields = Vec::with_capacity(model.fields.len());
    for field in &model.fields {
        let scope = scope.enter(&field.name);
        let layer = match &field.kind {
            FieldKind::Model(inner) => self::model(plan, *inner, &scope, device)?.into(),
            FieldKind::Module(module) => {
                layer(module, &scope, device).map_err(|reason| Error::Plan {
                    place: format!("{} ({})", field.keras_name, field.class),
                    reason,
                })?
            }
        };
        let layer = if field.frozen {
            frozen(layer, &field.kind)
        } else {
            layer
        };
        fields.push((field.name.clone(), layer));
    }
    Ok(Submodel::new(&model.type_name, fields))
}

/// A layer that Keras does not train; its dropout goes on, which Burn's `freeze` would stop.
///
/// A function of its own: models in models are made on small stacks.
fn frozen(layer: Layer, kind: &FieldKind) -> Layer {
    match kind {
        FieldKind::Module(module) if module.has_dropout() => layer.no_grad(),
        _ => layer.freeze(),
    }
}

fn layer(module: &Module, scope: &Scope, device: &Device) -> Result<Layer, String> {
    Ok(match module {
        Module::Linear {
            input,
            output,
            bias,
        } => LinearConfig::new(*input, *output)
            .with_bias(*bias)
            .init(device)
            .into(),
        Module::MaxoutDense {
            input,
            output,
            pieces,
            bias,
        } => MaxoutDenseConfig::new(*input, *output, *pieces)
            .with_bias(*bias)
            .init(device)
            .into(),
        Module::Highway {
            features,
            bias,
            activation,
        } if *activation != Activation::Glu => HighwayConfig::new(*features)
            .with_bias(*bias)
            .with_activation(activation::module(*activation))
            .init(device)
            .into(),
        Module::Conv { .. } => convolution::convolution(module, device)?,
        Module::SeparableConv { .. } => convolution::separable(module, device)?,
        Module::ConvTranspose { .. } => convolution::transpose(module, device)?,
        Module::BatchNorm {
            features,
            epsilon,
            momentum,
        } => batch_norm(*features, *epsilon, *momentum, scope, device).into(),
        Module::BatchNormalization {
            features,
            epsilon,
            momentum,
            center,
            scale,
            unbiased,
        } => BatchNormalizationConfig::new(*features)
            .with_epsilon(*epsilon)
            .with_momentum(*momentum)
            .with_center(*center)
            .with_scale(*scale)
            .with_unbiased(*unbiased)
            .init(scope, device)
            .into(),
        Module::Embedding { count, size } => {
            EmbeddingConfig::new(*count, *size).init(device).into()
        }
        Module::Recurrent { .. } => recurrent(module, None, device)?,
        Module::RecurrentDropout { layer, dropout } => recurrent(layer, Some(dropout), device)?,
        Module::Normalization {
            features,
            axes,
            invert,
        } => NormalizationConfig::new(*features, axes.clone())
            .with_invert(*invert)
            .init(scope, device)
            .into(),
        Module::Bias { features } => BiasConfig::new(*features).init(device).into(),
        Module::PRelu { shape } => PReluConfig::new(shape.clone()).init(device).into(),
        Module::ParametricSoftplus { shape } => ParametricSoftplusConfig::new(shape.clone())
            .init(device)
            .into(),
        Module::SRelu { shape, cuts_left } => SReluConfig::new(shape.clone())
            .with_cuts_left(*cuts_left)
            .init(device)
            .into(),
        Module::LayerNorm { .. }
        | Module::LayerNormalization { .. }
        | Module::RmsNormalization { .. }
        | Module::GroupNormalization { .. }
        | Module::EarlyBatchNormalization { .. }
        | Module::BatchRenormalization { .. } => normalization(module, scope, device)?,
        Module::EinsumDense {
            equation,
            kernel,
            bias,
            ..
        } => {
            let config = EinsumDenseConfig::new(&equation.text, kernel.as_slice());
            match bias {
                Some(shape) => config.with_bias(shape.as_slice()),
                None => config,
            }
            .init(device)
            .into()
        }
        Module::Attention { .. } | Module::MultiHeadAttention { .. } => attention(module, device)?,
        noise => self::noise(noise, device)?,
    })
}

fn recurrent(
    module: &Module,
    dropout: Option<&CellDropout>,
    device: &Device,
) -> Result<Layer, String> {
    let Module::Recurrent {
        cell,
        layout: _,
        input,
        units,
        bias,
        activation,
        recurrent_activation,
        go_backwards,
        masked_output,
    } = module
    else {
        return Err("no recurrent layer".into());
    };
    if [activation, recurrent_activation].contains(&&Activation::Glu) {
        return Err("glu changes the shape of its input".into());
    }
    let masked_output = match masked_output {
        MaskedOutput::Previous | MaskedOutput::ZeroUnturned => recurrent::MaskedOutput::Previous,
        MaskedOutput::Zero => recurrent::MaskedOutput::Zero,
        MaskedOutput::State => recurrent::MaskedOutput::State,
    };
    let (inputs, state, masks) = match dropout {
        Some(dropout) => (
            acts(dropout.inputs)?,
            acts(dropout.state)?,
            match dropout.masks {
                DropoutMasks::Shared => recurrent::DropoutMasks::Shared,
                DropoutMasks::PerGate => recurrent::DropoutMasks::PerGate,
                DropoutMasks::SharedWithState => recurrent::DropoutMasks::SharedWithState,
            },
        ),
        None => (0.0, 0.0, recurrent::DropoutMasks::Shared),
    };
    macro_rules! common {
        ($config:ident) => {
            $config::new(*input, *units)
                .with_bias(*bias)
                .with_activation(activation::module(*activation))
                .with_go_backwards(*go_backwards)
                .with_masked_output(masked_output)
                .with_dropout(inputs)
                .with_recurrent_dropout(state)
        };
    }
    let gate = activation::module(*recurrent_activation);
    Ok(match *cell {
        CellKind::SimpleRnn => common!(SimpleRnnConfig).init(device).into(),
        CellKind::Gru { reset_after } => common!(GruConfig)
            .with_recurrent_activation(gate)
            .with_reset_after(reset_after)
            .with_dropout_masks(masks)
            .init(device)
            .into(),
        CellKind::Lstm => common!(LstmConfig)
            .with_recurrent_activation(gate)
            .with_dropout_masks(masks)
            .init(device)
            .into(),
    })
}

fn normalization(module: &Module, scope: &Scope, device: &Device) -> Result<Layer, String> {
    Ok(match module {
        Module::LayerNorm {
            features,
            epsilon,
            center,
        } => LayerNormConfig::new(*features)
            .with_epsilon(*epsilon)
            .with_bias(*center)
            .init(device)
            .into(),
        Module::LayerNormalization {
            features,
            axes,
            epsilon,
            center,
            scale,
            rms_scaling,
        } => LayerNormalizationConfig::new(*features, axes.clone())
            .with_epsilon(*epsilon)
            .with_center(*center)
            .with_scale(*scale)
            .with_rms_scaling(*rms_scaling)
            .init(device)
            .into(),
        Module::RmsNormalization {
            shape,
            axes,
            epsilon,
        } => RmsNormalizationConfig::new(shape.clone(), axes.clone())
            .with_epsilon(*epsilon)
            .init(device)
            .into(),
        Module::GroupNormalization {
            groups,
            channels,
            epsilon,
            center,
            scale,
        } => {
            if *groups == 0 || !channels.is_multiple_of(*groups) {
                return Err(format!("{channels} channels in {groups} groups"));
            }
            GroupNormalizationConfig::new(*groups, *channels)
                .with_epsilon(*epsilon)
                .with_center(*center)
                .with_scale(*scale)
                .init(device)
                .into()
        }
        Module::EarlyBatchNormalization {
            features,
            statistics,
            epsilon,
            momentum,
        } => {
            let statistics = match statistics {
                layer::keras1::EarlyStatistics::Sample => EarlyStatistics::Sample,
                layer::keras1::EarlyStatistics::Batch => EarlyStatistics::Batch,
                layer::keras1::EarlyStatistics::Deviation => EarlyStatistics::Deviation,
                layer::keras1::EarlyStatistics::Variance => EarlyStatistics::Variance,
            };
            EarlyBatchNormalizationConfig::new(*features, statistics)
                .with_epsilon(*epsilon)
                .with_momentum(*momentum)
                .init(scope, device)
                .into()
        }
        Module::BatchRenormalization {
            features,
            epsilon,
            momentum,
            center,
            scale,
            renorm,
        } => {
            let config = BatchRenormalizationConfig {
                rmin: renorm.rmin,
                rmax: renorm.rmax,
                dmax: renorm.dmax,
                ..BatchRenormalizationConfig::new(*features)
            };
            config
                .with_epsilon(*epsilon)
                .with_momentum(*momentum)
                .with_center(*center)
                .with_scale(*scale)
                .with_renorm_momentum(renorm.momentum)
                .init(scope, device)
                .into()
        }
        other => return Err(format!("unsupported module {other:?}")),
    })
}

fn attention(module: &Module, device: &Device) -> Result<Layer, String> {
    Ok(match module {
        Module::Attention {
            score,
            features,
            scale,
            dropout,
        } => {
            let score = match score {
                layer::attention::Score::Dot => Score::Dot,
                layer::attention::Score::Concat => Score::Concat,
                layer::attention::Score::Additive => Score::Additive(*features),
            };
            AttentionConfig::new(score)
                .with_scale(*scale)
                .with_dropout(acts(*dropout)?)
                .init(device)
                .into()
        }
        Module::MultiHeadAttention {
            inputs: [query, value, key],
            output,
            heads: [heads, key_value_heads],
            sizes: [key_dim, value_dim],
            bias,
            gate,
            masked_rows,
            dropout,
        } => {
            let rows = match masked_rows {
                layer::attention::MaskedRows::Uniform => MaskedRows::Uniform,
                layer::attention::MaskedRows::Lowered => MaskedRows::Lowered,
                layer::attention::MaskedRows::Full => MaskedRows::Full,
                layer::attention::MaskedRows::Zero => MaskedRows::Zero,
            };
            MultiHeadAttentionConfig::new(*query, *heads, *key_dim)
                .with_d_value(*value)
                .with_d_key(*key)
                .with_d_output(output.iter().product())
                .with_key_value_heads(*key_value_heads)
                .with_value_dim(*value_dim)
                .with_bias(*bias)
                .with_gate(*gate)
                .with_masked_rows(rows)
                .with_dropout(acts(*dropout)?)
                .init(device)
                .into()
        }
        _ => return Err("no attention".into()),
    })
}

/// A rate that Burn's modules take.
fn acts(rate: f64) -> Result<f64, String> {
    if (0.0..1.0).contains(&rate) {
        Ok(rate)
    } else {
        Err(format!("a rate of {rate}, which is not below 1"))
    }
}

fn noise(module: &Module, device: &Device) -> Result<Layer, String> {
    Ok(match module {
        Module::Dropout { rate } => DropoutConfig::new(acts(*rate)?).init().into(),
        Module::NoiseDropout { rate, noise_shape } => NoiseDropoutConfig::new(acts(*rate)?)
            .with_noise_shape(noise_shape.clone())
            .init(device)
            .into(),
        Module::SpatialDropout { rate, channel_axis } => SpatialDropoutConfig::new(acts(*rate)?)
            .with_channel_axis(*channel_axis)
            .init(device)
            .into(),
        Module::AlphaDropout { rate, noise_shape } => {
            let config = AlphaDropoutConfig::new(acts(*rate)?);
            match noise_shape {
                Some(shape) => config.with_noise_shape(shape.clone()),
                None => config,
            }
            .init(device)
            .into()
        }
        Module::GaussianDropout { rate } => {
            GaussianDropoutConfig::new(acts(*rate)?).init(device).into()
        }
        Module::GaussianNoise { stddev } if stddev.is_finite() && *stddev >= 0.0 => {
            GaussianNoiseConfig::new(*stddev).init().into()
        }
        other => return Err(format!("unsupported module {other:?}")),
    })
}

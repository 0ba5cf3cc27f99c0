//! From a plan's modules to modules with lazy parameters.

use burn::module::Module as _;
use burn::nn::conv::{Conv1dConfig, Conv2dConfig};
use burn::nn::{
    DropoutConfig, EmbeddingConfig, GaussianNoiseConfig, LayerNormConfig, LinearConfig,
    PaddingConfig1d, PaddingConfig2d,
};
use burn::tensor::Device;
use burn_keras_import::plan::{FieldKind, Module, Plan};
use burn_keras_nn::Scope;
use burn_keras_nn::activation::PReluConfig;
use burn_keras_nn::dropout::{
    AlphaDropoutConfig, GaussianDropoutConfig, NoiseDropoutConfig, SpatialDropoutConfig,
};
use burn_keras_nn::normalization::{
    BatchNormalizationConfig, BatchRenormalizationConfig, GroupNormalizationConfig,
    LayerNormalizationConfig, RmsNormalizationConfig, batch_norm,
};
use burn_keras_nn::preprocessing::NormalizationConfig;
use burn_keras_nn::recurrent::LstmConfig;
use keras_ir::Activation;

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
        let layer = if field.frozen { layer.freeze() } else { layer };
        fields.push((field.name.clone(), layer));
    }
    Ok(Submodel::new(&model.type_name, fields))
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
        Module::Conv { .. } => convolution(module, device)?,
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
        } => BatchNormalizationConfig::new(*features)
            .with_epsilon(*epsilon)
            .with_momentum(*momentum)
            .with_center(*center)
            .with_scale(*scale)
            .init(scope, device)
            .into(),
        Module::Embedding { count, size } => {
            EmbeddingConfig::new(*count, *size).init(device).into()
        }
        Module::Lstm {
            input,
            units,
            bias,
            activation,
            recurrent_activation,
            go_backwards,
            zero_output_for_mask,
        } => {
            if [activation, recurrent_activation].contains(&&Activation::Glu) {
                return Err("glu changes the shape of its input".into());
            }
            LstmConfig::new(*input, *units)
                .with_bias(*bias)
                .with_activation(activation::module(*activation))
                .with_recurrent_activation(activation::module(*recurrent_activation))
                .with_go_backwards(*go_backwards)
                .with_zero_output_for_mask(*zero_output_for_mask)
                .init(device)
                .into()
        }
        Module::Normalization {
            features,
            axes,
            invert,
        } => NormalizationConfig::new(*features, axes.clone())
            .with_invert(*invert)
            .init(scope, device)
            .into(),
        Module::PRelu { shape } => PReluConfig::new(shape.clone()).init(device).into(),
        Module::LayerNorm { .. }
        | Module::LayerNormalization { .. }
        | Module::RmsNormalization { .. }
        | Module::GroupNormalization { .. }
        | Module::BatchRenormalization { .. } => normalization(module, scope, device)?,
        noise => self::noise(noise, device)?,
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

fn noise(module: &Module, device: &Device) -> Result<Layer, String> {
    let acts = |rate: f64| {
        if (0.0..1.0).contains(&rate) {
            Ok(rate)
        } else {
            Err(format!("a rate of {rate}, which is not below 1"))
        }
    };
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

fn convolution(module: &Module, device: &Device) -> Result<Layer, String> {
    let Module::Conv {
        channels,
        kernel,
        strides,
        dilation,
        padding,
        groups,
        bias,
        depthwise: _,
    } = module
    else {
        return Err("no convolution".into());
    };
    let divides = |channels: usize| *groups != 0 && channels.is_multiple_of(*groups);
    if !channels.iter().all(|channels| divides(*channels)) {
        return Err(format!("{channels:?} channels in {groups} groups"));
    }
    match (&kernel[..], &strides[..], &dilation[..], &padding[..]) {
        (&[kernel], &[stride], &[dilation], &[(before, after)]) => {
            let config = Conv1dConfig::new(channels[0], channels[1], kernel);
            Ok(config
                .with_stride(stride)
                .with_dilation(dilation)
                .with_padding(PaddingConfig1d::Explicit(before, after))
                .with_groups(*groups)
                .with_bias(*bias)
                .init(device)
                .into())
        }
        (
            &[height, width],
            &[stride_height, stride_width],
            &[dilation_height, dilation_width],
            &[(top, bottom), (left, right)],
        ) => {
            let config = Conv2dConfig::new(*channels, [height, width]);
            Ok(config
                .with_stride([stride_height, stride_width])
                .with_dilation([dilation_height, dilation_width])
                .with_padding(PaddingConfig2d::Explicit(top, left, bottom, right))
                .with_groups(*groups)
                .with_bias(*bias)
                .init(device)
                .into())
        }
        _ => Err(format!("a window of {} axes", kernel.len())),
    }
}

//! Convolutions.

use burn::nn::conv::{
    Conv1dConfig, Conv2dConfig, Conv3dConfig, ConvTranspose1dConfig, ConvTranspose2dConfig,
};
use burn::nn::{PaddingConfig1d, PaddingConfig2d, PaddingConfig3d};
use burn::tensor::Device;
use burn_keras_import::plan::Module;
use burn_keras_nn::conv::{ConvTranspose3dConfig, SeparableConv1dConfig, SeparableConv2dConfig};

use crate::layer::Layer;

/// Exactly as many numbers as a convolution has spatial axes.
fn array<T: Copy, const N: usize>(items: &[T]) -> Result<[T; N], String> {
    let found = items.len();
    <[T; N]>::try_from(items).map_err(|_| format!("{found} numbers for {N} spatial axes"))
}

/// The error of a module that another function makes.
fn other() -> String {
    "no such convolution".into()
}

pub(super) fn convolution(module: &Module, device: &Device) -> Result<Layer, String> {
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
        return Err(other());
    };
    let divides = |channels: usize| *groups != 0 && channels.is_multiple_of(*groups);
    if !channels.iter().all(|channels| divides(*channels)) {
        return Err(format!("{channels:?} channels in {groups} groups"));
    }
    Ok(match kernel.len() {
        1 => {
            let ([kernel], [(before, after)]) = (array(kernel)?, array(padding)?);
            let ([stride], [dilation]) = (array(strides)?, array(dilation)?);
            Conv1dConfig::new(channels[0], channels[1], kernel)
                .with_stride(stride)
                .with_dilation(dilation)
                .with_padding(PaddingConfig1d::Explicit(before, after))
                .with_groups(*groups)
                .with_bias(*bias)
                .init(device)
                .into()
        }
        2 => {
            let [(top, bottom), (left, right)] = array(padding)?;
            Conv2dConfig::new(*channels, array(kernel)?)
                .with_stride(array(strides)?)
                .with_dilation(array(dilation)?)
                .with_padding(PaddingConfig2d::Explicit(top, left, bottom, right))
                .with_groups(*groups)
                .with_bias(*bias)
                .init(device)
                .into()
        }
        _ => {
            let [depth, height, width] = array(padding)?;
            Conv3dConfig::new(*channels, array(kernel)?)
                .with_stride(array(strides)?)
                .with_dilation(array(dilation)?)
                .with_padding(PaddingConfig3d::Explicit(depth.0, height.0, width.0))
                .with_groups(*groups)
                .with_bias(*bias)
                .init(device)
                .into()
        }
    })
}

pub(super) fn separable(module: &Module, device: &Device) -> Result<Layer, String> {
    let Module::SeparableConv {
        channels,
        kernel,
        depth_multiplier,
        strides,
        dilation,
        padding,
        bias,
    } = module
    else {
        return Err(other());
    };
    Ok(match kernel.len() {
        1 => SeparableConv1dConfig::new(*channels, array(kernel)?)
            .with_depth_multiplier(*depth_multiplier)
            .with_stride(array(strides)?)
            .with_dilation(array(dilation)?)
            .with_padding(array(padding)?)
            .with_bias(*bias)
            .init(device)
            .into(),
        _ => SeparableConv2dConfig::new(*channels, array(kernel)?)
            .with_depth_multiplier(*depth_multiplier)
            .with_stride(array(strides)?)
            .with_dilation(array(dilation)?)
            .with_padding(array(padding)?)
            .with_bias(*bias)
            .init(device)
            .into(),
    })
}

pub(super) fn transpose(module: &Module, device: &Device) -> Result<Layer, String> {
    let Module::ConvTranspose {
        channels,
        kernel,
        strides,
        dilation,
        padding,
        padding_out,
        bias,
    } = module
    else {
        return Err(other());
    };
    Ok(match kernel.len() {
        1 => {
            let ([kernel], [stride], [dilation]) =
                (array(kernel)?, array(strides)?, array(dilation)?);
            let ([padding], [padding_out]) = (array(padding)?, array(padding_out)?);
            ConvTranspose1dConfig::new(*channels, kernel)
                .with_stride(stride)
                .with_dilation(dilation)
                .with_padding(padding)
                .with_padding_out(padding_out)
                .with_bias(*bias)
                .init(device)
                .into()
        }
        2 => ConvTranspose2dConfig::new(*channels, array(kernel)?)
            .with_stride(array(strides)?)
            .with_dilation(array(dilation)?)
            .with_padding(array(padding)?)
            .with_padding_out(array(padding_out)?)
            .with_bias(*bias)
            .init(device)
            .into(),
        _ => ConvTranspose3dConfig::new(*channels, array(kernel)?)
            .with_stride(array(strides)?)
            .with_dilation(array(dilation)?)
            .with_padding(array(padding)?)
            .with_padding_out(array(padding_out)?)
            .with_bias(*bias)
            .init(device)
            .into(),
    })
}

//! What each Keras layer class is: its options, weights, shapes and mask rule.
//!
//! One struct per class, in files by Keras's own families, and one line per class in
//! the registry at the end of this file. Layers that call other layers are in [`wrapper`]. What a layer becomes in Burn is the
//! importer's business (`burn-keras-import`, `lower`).

pub mod activation;
pub mod attention;
pub mod borders;
pub mod config;
pub mod convolution;
pub mod core;
pub mod einsum;
pub mod keras1;
mod mask;
pub mod merging;
pub mod normalization;
pub mod operation;
pub mod pooling;
pub mod regularization;
pub mod reshaping;
pub mod resizing;
pub mod rnn;
pub mod scaling;
pub mod tied;
pub mod wrapper;

use serde_json::{Map, Value};

use crate::problem::Problem;
use crate::shape::Spec;
use crate::version::Writer;
use config::Config;
pub use mask::{GetMask, MaskRule, SetMask};
pub use wrapper::Wrapper;

/// A weight that a layer has, in the order in which Keras creates and saves them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightSpec {
    /// Keras's name: `kernel`, `bias`, `gamma`, …, with that of the inner layer where a layer is
    /// made of others: `query/kernel`.
    pub name: &'static str,
    /// Keras's shape; `None` where the input shape leaves it open.
    pub shape: Vec<Option<usize>>,
    /// Whether Keras trains it (batch statistics are not trained).
    pub trainable: bool,
    /// The object inside of the layer that has it, by its attribute in Keras 3 (`cell`); empty for
    /// the layer itself.
    pub part: &'static str,
}

impl WeightSpec {
    /// A trained weight.
    pub fn trained(name: &'static str, shape: Vec<Option<usize>>) -> Self {
        Self {
            name,
            shape,
            trainable: true,
            part: "",
        }
    }

    /// A weight that no optimizer touches.
    pub fn untrained(name: &'static str, shape: Vec<Option<usize>>) -> Self {
        Self {
            name,
            shape,
            trainable: false,
            part: "",
        }
    }

    /// The weight as one of the object `part` inside of the layer.
    pub fn inside(self, part: &'static str) -> Self {
        Self { part, ..self }
    }
}

/// Inputs that a layer cannot take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What the layer takes.
    pub expected: String,
    /// What it was given.
    pub found: String,
}

impl Mismatch {
    /// A mismatch between what a layer takes and `inputs`.
    pub fn new(expected: impl Into<String>, inputs: &[Spec]) -> Self {
        let shapes: Vec<String> = inputs.iter().map(|spec| spec.shape.to_string()).collect();
        Self {
            expected: expected.into(),
            found: if shapes.is_empty() {
                "no input".into()
            } else {
                shapes.join(", ")
            },
        }
    }
}

/// A Keras layer class with its options.
pub trait KerasLayer: std::fmt::Debug {
    /// Reads the options.
    fn read(class: &str, config: &mut Config<'_>) -> Self
    where
        Self: Sized;

    /// The outputs for these inputs, in Keras's flattened order.
    ///
    /// # Errors
    ///
    /// When the layer cannot take the inputs.
    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch>;

    /// The weights for these inputs, in Keras's order.
    ///
    /// # Errors
    ///
    /// When the layer cannot take the inputs.
    fn weights(&self, _inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        Ok(Vec::new())
    }

    /// What happens to masks.
    fn mask_rule(&self) -> MaskRule {
        MaskRule::Pass
    }

    /// Whether the result depends on the masks of the inputs, besides the mask that goes on.
    fn looks_at_masks(&self) -> bool {
        false
    }

    /// Whether Keras 3 takes the masks off the tensors that the layer is called with.
    fn clears_masks(&self) -> bool {
        false
    }

    /// Whether Keras 3 gives the very tensor that came in, at inference.
    fn is_nothing(&self) -> bool {
        false
    }

    /// The parameters of Keras's `call` whose tensors are the inputs, in order, if there are
    /// several; most layers take all inputs in one.
    fn input_parameters(&self) -> &'static [&'static str] {
        &[]
    }

    /// Names of call arguments (besides the inputs) that the layer understands as tensors; behind
    /// several [`input_parameters`](Self::input_parameters) those that follow them, in order.
    fn tensor_arguments(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether the layer understands this value of a call argument that is no tensor.
    fn understands(&self, _argument: &str, _value: &Value) -> bool {
        false
    }

    /// What users should know of the layer, each after its name.
    fn notes(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// The only input of a layer that takes one.
pub(crate) fn single(inputs: &[Spec]) -> Result<&Spec, Mismatch> {
    match inputs {
        [one] => Ok(one),
        _ => Err(Mismatch::new("one input", inputs)),
    }
}

/// The only input, which must have `rank` axes.
pub(crate) fn single_of_rank(inputs: &[Spec], rank: usize) -> Result<&Spec, Mismatch> {
    let input = single(inputs)?;
    if input.shape.rank() == rank {
        Ok(input)
    } else {
        Err(Mismatch::new(
            format!("an input of {rank} axes, batch included"),
            inputs,
        ))
    }
}

/// What is before the names of the classes that Keras has from `docs/burn_keras_layers.py`: the package
/// that they are registered in.
pub(crate) const PACKAGE: &str = "burn_keras>";

/// A class of the registry as users know it. There the operations of Keras 3 have `op:` before
/// their names, what only Keras 1 had has `keras1:`, and the layers of this project have
/// `burn_keras>`: files may have layers of their own under these names.
pub fn shown(class: &str) -> &str {
    let mut prefixes = ["op:", "keras1:", PACKAGE].into_iter();
    let name = prefixes.find_map(|prefix| class.strip_prefix(prefix));
    name.unwrap_or(class)
}

/// Every class of layers and wrappers that can be read, as in the registry (see [`shown`]).
pub fn classes() -> impl Iterator<Item = &'static str> {
    CLASSES.iter().chain(wrapper::CLASSES).copied()
}

macro_rules! registry {
    ($($kind:ident($layer:ty): $($class:literal)|*;)*) => {
        /// A layer of the classes that are known, with its options.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs)]
        pub enum LayerKind {
            $($kind($layer),)*
        }

        /// Every Keras class name that can be read.
        pub const CLASSES: &[&str] = &[$($($class,)*)*];

        impl LayerKind {
            /// Reads the layer `class` from its config; `None` for an unknown class. The problems
            /// come beside it, without the layer's name.
            pub fn read(
                class: &str,
                config: &Map<String, Value>,
                writer: impl Into<Writer>,
            ) -> Option<(Self, Vec<Problem>)> {
                let mut config = Config::new(config, writer);
                let kind = match class {
                    $($($class => Self::$kind(<$layer as KerasLayer>::read(class, &mut config)),)*)*
                    _ => return None,
                };
                Some((kind, config.finish()))
            }

            /// The layer behind the variant.
            pub fn layer(&self) -> &dyn KerasLayer {
                match self {
                    $(Self::$kind(layer) => layer,)*
                }
            }
        }
    };
}

registry! {
    // Of no class: a part of what surgery makes.
    Bias(core::Bias):;
    GetMask(mask::GetMask): "burn_keras>GetMask";
    SetMask(mask::SetMask): "burn_keras>SetMask";
    TableRows(tied::TableRows): "burn_keras>TableRows";
    DenseOnTable(tied::DenseOnTable): "burn_keras>TiedDense";
    Dense(core::Dense): "Dense";
    Embedding(core::Embedding): "Embedding";
    Masking(core::Masking): "Masking";
    Activation(activation::ActivationLayer):
        "Activation" | "ReLU" | "LeakyReLU" | "ELU" | "ThresholdedReLU";
    PRelu(activation::PRelu): "PReLU";
    Softmax(activation::Softmax): "Softmax";
    Conv(convolution::Conv):
        "Conv1D" | "Conv2D" | "Conv3D"
        | "Convolution1D" | "Convolution2D" | "Convolution3D";
    DepthwiseConv(convolution::DepthwiseConv): "DepthwiseConv1D" | "DepthwiseConv2D";
    SeparableConv(convolution::SeparableConv):
        "SeparableConv1D" | "SeparableConv2D" | "SeparableConvolution1D" | "SeparableConvolution2D";
    ConvTranspose(convolution::ConvTranspose):
        "Conv1DTranspose" | "Conv2DTranspose" | "Conv3DTranspose"
        | "Convolution1DTranspose" | "Convolution2DTranspose" | "Convolution3DTranspose"
        | "Deconv2D" | "Deconv3D" | "Deconvolution2D" | "Deconvolution3D";
    Pooling(pooling::Pooling):
        "MaxPooling1D" | "MaxPooling2D" | "MaxPooling3D"
        | "AveragePooling1D" | "AveragePooling2D" | "AveragePooling3D"
        | "MaxPool1D" | "MaxPool2D" | "MaxPool3D" | "AvgPool1D" | "AvgPool2D" | "AvgPool3D";
    GlobalPooling(pooling::GlobalPooling):
        "GlobalMaxPooling1D" | "GlobalMaxPooling2D" | "GlobalMaxPooling3D"
        | "GlobalAveragePooling1D" | "GlobalAveragePooling2D" | "GlobalAveragePooling3D"
        | "GlobalMaxPool1D" | "GlobalMaxPool2D" | "GlobalMaxPool3D"
        | "GlobalAvgPool1D" | "GlobalAvgPool2D" | "GlobalAvgPool3D";
    AdaptivePooling(pooling::AdaptivePooling):
        "AdaptiveMaxPooling1D" | "AdaptiveMaxPooling2D" | "AdaptiveMaxPooling3D"
        | "AdaptiveAveragePooling1D" | "AdaptiveAveragePooling2D" | "AdaptiveAveragePooling3D";
    BatchNormalization(normalization::BatchNormalization):
        "BatchNormalization" | "BatchNormalizationV1" | "BatchNormalizationV2"
        | "SyncBatchNormalization";
    LayerNormalization(normalization::LayerNormalization): "LayerNormalization";
    RmsNormalization(normalization::RmsNormalization): "RMSNormalization";
    GroupNormalization(normalization::GroupNormalization): "GroupNormalization";
    UnitNormalization(normalization::UnitNormalization): "UnitNormalization";
    Normalization(normalization::Normalization): "Normalization";
    Dropout(regularization::Dropout): "Dropout" | "AlphaDropout" | "GaussianDropout";
    SpatialDropout(regularization::SpatialDropout):
        "SpatialDropout1D" | "SpatialDropout2D" | "SpatialDropout3D";
    GaussianNoise(regularization::GaussianNoise): "GaussianNoise";
    Identity(core::Identity): "Identity" | "ActivityRegularization";
    Flatten(reshaping::Flatten): "Flatten";
    Reshape(reshaping::Reshape): "Reshape";
    Permute(reshaping::Permute): "Permute";
    RepeatVector(reshaping::RepeatVector): "RepeatVector";
    ZeroPadding(borders::ZeroPadding): "ZeroPadding1D" | "ZeroPadding2D" | "ZeroPadding3D";
    Cropping(borders::Cropping): "Cropping1D" | "Cropping2D" | "Cropping3D";
    Resizing(resizing::Resizing): "Resizing";
    CenterCrop(resizing::CenterCrop): "CenterCrop";
    Rescaling(scaling::Rescaling): "Rescaling";
    CustomScale(scaling::CustomScale): "CustomScaleLayer" | "Custom>CustomScaleLayer";
    UpSampling(resizing::UpSampling): "UpSampling1D" | "UpSampling2D" | "UpSampling3D";
    Merge(merging::Merge):
        "Add" | "Subtract" | "Multiply" | "Average" | "Maximum" | "Minimum";
    Concatenate(merging::Concatenate): "Concatenate";
    Dot(merging::Dot): "Dot";
    EinsumDense(einsum::EinsumDense): "EinsumDense";
    Attention(attention::Attention): "Attention" | "AdditiveAttention";
    MultiHeadAttention(attention::MultiHeadAttention):
        "MultiHeadAttention" | "GroupQueryAttention" | "GroupedQueryAttention";
    Recurrent(rnn::Recurrent):
        "SimpleRNN" | "GRU" | "LSTM" | "UnifiedGRU" | "UnifiedLSTM" | "CuDNNGRU" | "CuDNNLSTM";
    MaxoutDense(keras1::MaxoutDense): "keras1:MaxoutDense";
    Highway(keras1::Highway): "keras1:Highway";
    MergeCosine(keras1::MergeCosine): "keras1:Merge";
    ParametricSoftplus(keras1::ParametricSoftplus): "keras1:ParametricSoftplus";
    SRelu(keras1::SRelu): "keras1:SReLU";
    EarlyBatchNormalization(keras1::EarlyBatchNormalization): "keras1:BatchNormalization";
}

//! What each Keras layer class is: its options, weights, shapes and mask rule.
//!
//! One struct per class, in files by Keras's own families, and one line per class in
//! the registry at the end of this file. Layers that call other layers are in [`wrapper`]. What a layer becomes in Burn is the
//! importer's business (`burn-keras-import`, `lower`).

pub mod activation;
pub mod config;
pub mod convolution;
pub mod core;
pub mod merging;
pub mod normalization;
pub mod pooling;
pub mod preprocessing;
pub mod regularization;
pub mod reshaping;
pub mod rnn;
pub mod symbolic;
pub mod wrapper;

use serde_json::{Map, Value};

use crate::problem::Problem;
use crate::shape::Spec;
use crate::version::Generation;
use config::Config;
pub use wrapper::Wrapper;

/// A weight that a layer has, in the order in which Keras creates and saves them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightSpec {
    /// Keras's name: `kernel`, `bias`, `gamma`, …
    pub name: &'static str,
    /// Keras's shape; `None` where the input shape leaves it open.
    pub shape: Vec<Option<usize>>,
    /// Whether Keras trains it (batch statistics are not trained).
    pub trainable: bool,
}

impl WeightSpec {
    /// A trained weight.
    pub fn trained(name: &'static str, shape: Vec<Option<usize>>) -> Self {
        Self {
            name,
            shape,
            trainable: true,
        }
    }

    /// A weight that no optimizer touches.
    pub fn untrained(name: &'static str, shape: Vec<Option<usize>>) -> Self {
        Self {
            name,
            shape,
            trainable: false,
        }
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

/// What a layer does with the masks of its inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaskRule {
    /// The first input's mask goes on to the output.
    Pass,
    /// No mask goes on (the layer may still use the one it gets).
    Stop,
    /// A new mask: where the ids are not zero.
    NotZero,
    /// A new mask: where any feature differs from `mask_value`.
    NotValue(f64),
    /// Merge layers: the masks of the inputs are combined.
    Combine,
    /// `Concatenate`: the masks are joined along this Keras axis.
    Join(i64),
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

    /// Names of call arguments (besides the inputs) that the layer understands as tensors.
    fn tensor_arguments(&self) -> &'static [&'static str] {
        &[]
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

/// Every class of layers and wrappers that can be read.
pub fn classes() -> impl Iterator<Item = &'static str> {
    CLASSES.iter().chain(wrapper::CLASSES).copied()
}

macro_rules! registry {
    ($($kind:ident($layer:ty): $($class:literal)|+;)*) => {
        /// A layer of the classes that are known, with its options.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs)]
        pub enum LayerKind {
            $($kind($layer),)*
        }

        /// Every Keras class name that can be read.
        pub const CLASSES: &[&str] = &[$($($class),+),*];

        impl LayerKind {
            /// Reads the layer `class` from its config; `None` for an unknown class. The problems
            /// come beside it, without the layer's name.
            pub fn read(
                class: &str,
                config: &Map<String, Value>,
                generation: Generation,
            ) -> Option<(Self, Vec<Problem>)> {
                let mut config = Config::new(config, generation);
                let kind = match class {
                    $($($class)|+ => Self::$kind(<$layer as KerasLayer>::read(class, &mut config)),)*
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
    Dense(core::Dense): "Dense";
    Embedding(core::Embedding): "Embedding";
    Masking(core::Masking): "Masking";
    Activation(activation::ActivationLayer):
        "Activation" | "ReLU" | "LeakyReLU" | "ELU" | "ThresholdedReLU";
    PRelu(activation::PRelu): "PReLU";
    Softmax(activation::Softmax): "Softmax";
    Conv(convolution::Conv):
        "Conv1D" | "Conv2D" | "Convolution1D" | "Convolution2D";
    DepthwiseConv(convolution::DepthwiseConv): "DepthwiseConv2D";
    Pooling(pooling::Pooling):
        "MaxPooling1D" | "MaxPooling2D" | "AveragePooling1D" | "AveragePooling2D"
        | "MaxPool1D" | "MaxPool2D" | "AvgPool1D" | "AvgPool2D";
    GlobalPooling(pooling::GlobalPooling):
        "GlobalMaxPooling1D" | "GlobalMaxPooling2D"
        | "GlobalAveragePooling1D" | "GlobalAveragePooling2D"
        | "GlobalMaxPool1D" | "GlobalMaxPool2D" | "GlobalAvgPool1D" | "GlobalAvgPool2D";
    BatchNormalization(normalization::BatchNormalization):
        "BatchNormalization" | "BatchNormalizationV1" | "BatchNormalizationV2"
        | "SyncBatchNormalization";
    LayerNormalization(normalization::LayerNormalization): "LayerNormalization";
    RmsNormalization(normalization::RmsNormalization): "RMSNormalization";
    GroupNormalization(normalization::GroupNormalization): "GroupNormalization";
    UnitNormalization(normalization::UnitNormalization): "UnitNormalization";
    Normalization(preprocessing::Normalization): "Normalization";
    Dropout(regularization::Dropout): "Dropout" | "AlphaDropout" | "GaussianDropout";
    SpatialDropout(regularization::SpatialDropout):
        "SpatialDropout1D" | "SpatialDropout2D" | "SpatialDropout3D";
    GaussianNoise(regularization::GaussianNoise): "GaussianNoise";
    Identity(core::Identity): "Identity" | "ActivityRegularization";
    Flatten(reshaping::Flatten): "Flatten";
    Reshape(reshaping::Reshape): "Reshape";
    Permute(reshaping::Permute): "Permute";
    RepeatVector(reshaping::RepeatVector): "RepeatVector";
    ZeroPadding(reshaping::ZeroPadding): "ZeroPadding1D" | "ZeroPadding2D";
    Merge(merging::Merge):
        "Add" | "Subtract" | "Multiply" | "Average" | "Maximum" | "Minimum";
    Concatenate(merging::Concatenate): "Concatenate";
    Dot(merging::Dot): "Dot";
    Lstm(rnn::Lstm): "LSTM";
    MaskOperation(symbolic::MaskOperation):
        "op:NotEqual" | "op:Any" | "op:ExpandDims" | "op:LogicalOr" | "op:LogicalAnd"
        | "op:ZerosLike" | "op:OnesLike" | "op:Concatenate" | "op:Cast";
}

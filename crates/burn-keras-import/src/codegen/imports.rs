//! `use` lines: found in the finished code, so that there is none too few and none too many.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Types that generated code may name, by the module that has them.
const TYPES: &[(&str, &[&str])] = &[
    ("burn::module", &["Module"]),
    (
        "burn::nn",
        &[
            "BatchNorm",
            "Dropout",
            "DropoutConfig",
            "Embedding",
            "EmbeddingConfig",
            "GaussianNoise",
            "GaussianNoiseConfig",
            "LayerNorm",
            "LayerNormConfig",
            "Linear",
            "LinearConfig",
            "PaddingConfig1d",
            "PaddingConfig2d",
            "PaddingConfig3d",
        ],
    ),
    (
        "burn::nn::conv",
        &[
            "Conv1d",
            "Conv1dConfig",
            "Conv2d",
            "Conv2dConfig",
            "Conv3d",
            "Conv3dConfig",
            "ConvTranspose1d",
            "ConvTranspose1dConfig",
            "ConvTranspose2d",
            "ConvTranspose2dConfig",
        ],
    ),
    ("burn::tensor", &["Bool", "Device", "Int", "Tensor"]),
    (
        "burn_keras_nn",
        &[
            "Activation",
            "Generation",
            "Interpolation",
            "LoadError",
            "Padding",
            "Scope",
        ],
    ),
    (
        "burn_keras_nn::conv",
        &[
            "ConvTranspose3d",
            "ConvTranspose3dConfig",
            "SeparableConv1d",
            "SeparableConv1dConfig",
            "SeparableConv2d",
            "SeparableConv2dConfig",
        ],
    ),
    (
        "burn_keras_nn::activation",
        &[
            "PRelu",
            "PReluConfig",
            "ParametricSoftplus",
            "ParametricSoftplusConfig",
            "SRelu",
            "SReluConfig",
        ],
    ),
    (
        "burn_keras_nn::attention",
        &[
            "Attention",
            "AttentionConfig",
            "AttentionOutput",
            "MaskedRows",
            "MultiHeadAttention",
            "MultiHeadAttentionConfig",
            "MultiHeadAttentionOutput",
            "Score",
        ],
    ),
    (
        "burn_keras_nn::dense",
        &[
            "Bias",
            "BiasConfig",
            "Highway",
            "HighwayConfig",
            "MaxoutDense",
            "MaxoutDenseConfig",
        ],
    ),
    (
        "burn_keras_nn::dropout",
        &[
            "AlphaDropout",
            "AlphaDropoutConfig",
            "GaussianDropout",
            "GaussianDropoutConfig",
            "NoiseDropout",
            "NoiseDropoutConfig",
            "SpatialDropout",
            "SpatialDropoutConfig",
        ],
    ),
    (
        "burn_keras_nn::einsum",
        &["EinsumDense", "EinsumDenseConfig"],
    ),
    (
        "burn_keras_nn::normalization",
        &[
            "BatchNormalization",
            "BatchNormalizationConfig",
            "BatchRenormalization",
            "BatchRenormalizationConfig",
            "EarlyBatchNormalization",
            "EarlyBatchNormalizationConfig",
            "EarlyStatistics",
            "GroupNormalization",
            "GroupNormalizationConfig",
            "LayerNormalization",
            "LayerNormalizationConfig",
            "Normalization",
            "NormalizationConfig",
            "RmsNormalization",
            "RmsNormalizationConfig",
        ],
    ),
    (
        "burn_keras_nn::loss",
        &["LossFunction", "Reduction", "ShapeError"],
    ),
    (
        "burn_keras_nn::metric",
        &[
            "Aggregation",
            "Auc",
            "Average",
            "Condition",
            "Curve",
            "Iou",
            "MetricFunction",
            "Summation",
            "Tradeoff",
        ],
    ),
    (
        "burn_keras_nn::optim",
        &[
            "AdadeltaConfig",
            "AdafactorConfig",
            "AdagradConfig",
            "AdamConfig",
            "AdamaxConfig",
            "Clipping",
            "Constraint",
            "Ema",
            "Epsilon",
            "FtrlConfig",
            "KerasOptimizer",
            "KerasOptimizerConfig",
            "LambConfig",
            "LearningRate",
            "LionConfig",
            "LossScale",
            "MuonConfig",
            "NadamConfig",
            "OptimizerConfig",
            "OptimizerError",
            "RmsPropConfig",
            "Schedule",
            "SgdConfig",
            "Variable",
        ],
    ),
    ("burn_keras_nn::record", &["RecordBytes"]),
    (
        "burn_keras_nn::recurrent",
        &[
            "DropoutMasks",
            "Gru",
            "GruConfig",
            "Lstm",
            "LstmConfig",
            "LstmOutput",
            "MaskedOutput",
            "RnnOutput",
            "SimpleRnn",
            "SimpleRnnConfig",
        ],
    ),
    ("burn_keras_nn::regularizer", &["Orthogonal", "Regularizer"]),
    (
        "burn_keras_nn::training",
        &[
            "Choice",
            "Compiled",
            "OutputLoss",
            "OutputMetric",
            "Prediction",
            "Predictions",
            "Targets",
        ],
    ),
    ("std::collections", &["BTreeMap"]),
    ("std::path", &["Path"]),
];

/// Functions that are called by their bare name.
const FUNCTIONS: &[(&str, &str)] = &[
    ("burn_keras_nn", "stable_ids"),
    ("burn_keras_nn::normalization", "batch_norm"),
];

/// Modules whose functions are called by path, `merge::add(a, b)`.
const MODULES: &[&str] = &[
    "activation",
    "attention",
    "einsum",
    "elementwise",
    "embedding",
    "indexing",
    "mask",
    "merge",
    "normalization",
    "padding",
    "pool",
    "record",
    "reduction",
    "regularizer",
    "resize",
    "shape",
];

/// The types that generated code may name.
pub(crate) fn types() -> impl Iterator<Item = &'static str> {
    TYPES.iter().flat_map(|(_, names)| names.iter().copied())
}

/// The `use` lines that `code` needs.
pub(super) fn use_lines<'a>(code: impl IntoIterator<Item = &'a TokenStream>) -> String {
    let mut used: BTreeMap<&'static str, BTreeSet<&'static str>> = BTreeMap::new();
    for tokens in code {
        scan(tokens.clone(), &mut used);
    }
    let mut lines = Vec::with_capacity(used.len());
    for (module, names) in used {
        // Lower case comes behind, as rustfmt has it.
        let (types, others): (Vec<&str>, Vec<&str>) = names
            .into_iter()
            .partition(|name| name.starts_with(|c: char| c.is_ascii_uppercase()));
        let names = [types, others].concat();
        let line = match names.as_slice() {
            [one] => format!("use {module}::{one};\n"),
            names => format!("use {module}::{{{}}};\n", names.join(", ")),
        };
        let is_short = line.len() <= 101;
        lines.push(if is_short {
            line
        } else {
            wrapped(module, &names)
        });
    }
    // As rustfmt has them: `a::b::C` before `a::{C, D}`.
    lines.sort();
    lines.concat()
}

fn wrapped(module: &str, names: &[&str]) -> String {
    let mut text = format!("use {module}::{{\n");
    let mut line = String::from("   ");
    for name in names {
        if line.len() + name.len() + 2 > 100 {
            text.push_str(&line);
            text.push('\n');
            line = String::from("   ");
        }
        line.push_str(&format!(" {name},"));
    }
    text.push_str(&format!("{line}\n}};\n"));
    text
}

fn scan(tokens: TokenStream, used: &mut BTreeMap<&'static str, BTreeSet<&'static str>>) {
    let mut tokens = tokens.into_iter().peekable();
    // What stands before decides whether a word begins a path: not behind `.` or `::`.
    let mut before = [' '; 2];
    while let Some(token) = tokens.next() {
        let mut now = ' ';
        let begins = !matches!(before, [_, '.'] | [':', ':']);
        match &token {
            TokenTree::Group(group) => scan(group.stream(), used),
            TokenTree::Punct(punct) => now = punct.as_char(),
            TokenTree::Ident(ident) if begins => {
                let next = match tokens.peek() {
                    Some(TokenTree::Punct(punct)) => punct.as_char(),
                    Some(TokenTree::Group(group))
                        if group.delimiter() == Delimiter::Parenthesis =>
                    {
                        '('
                    }
                    _ => ' ',
                };
                // `name: Type` and `path::name` both have a colon; only the latter has two.
                let is_path = next == ':' && {
                    let mut ahead = tokens.clone();
                    ahead.next();
                    matches!(ahead.next(), Some(TokenTree::Punct(punct)) if punct.as_char() == ':')
                };
                note(&ident.to_string(), is_path, next == '(', used);
            }
            TokenTree::Ident(_) | TokenTree::Literal(_) => {}
        }
        before = [before[1], now];
    }
}

fn note(
    word: &str,
    is_path: bool,
    is_call: bool,
    used: &mut BTreeMap<&'static str, BTreeSet<&'static str>>,
) {
    for (module, names) in TYPES {
        if let Some(name) = names.iter().find(|name| **name == word) {
            used.entry(module).or_default().insert(name);
        }
    }
    for (module, name) in FUNCTIONS {
        if is_call && *name == word {
            used.entry(module).or_default().insert(name);
        }
    }
    if let Some(name) = MODULES.iter().find(|name| is_path && **name == word) {
        used.entry("burn_keras_nn").or_default().insert(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    #[test]
    fn only_what_is_used() {
        let code = quote! {
            pub struct Net { pub mask: Linear, pub batch_norm: BatchNorm }
            impl Net {
                fn init(device: &Device) -> Self {
                    Self { mask: LinearConfig::new(1, 2).init(device), batch_norm: batch_norm(2) }
                }
                fn forward(&self, merge: Tensor<2>) -> Tensor<2> {
                    let pool = self.pool.forward(merge);
                    activation::relu(pool)
                }
            }
        };
        assert_eq!(
            use_lines([&code]),
            "use burn::nn::{BatchNorm, Linear, LinearConfig};\n\
             use burn::tensor::{Device, Tensor};\n\
             use burn_keras_nn::activation;\n\
             use burn_keras_nn::normalization::batch_norm;\n"
        );
    }
}

//! Where Keras 3 has its operations: files of HDF5 leave the module out, archives are read by it.

/// The module of Keras 3.15 that has the operation `class`.
pub(super) fn of(class: &str) -> &'static str {
    let mut modules = MODULES.iter();
    let found = modules.find(|(_, classes)| classes.split_whitespace().any(|name| name == class));
    found.map_or("keras.src.ops.numpy", |(module, _)| module)
}

/// The classes that are not in `keras.src.ops.numpy`.
const MODULES: &[(&str, &str)] = &[
    (
        "keras.src.ops.nn",
        "AveragePool BatchNorm Celu DepthToSpace DotProductAttention Elu Gelu Glu HardShrink \
         HardSigmoid HardSilu HardTanh LayerNorm LeakyRelu LogSigmoid LogSoftmax MaxPool \
         Moments MultiHot Normalize OneHot RMSNorm Relu Relu6 Selu Sigmoid Silu SoftShrink \
         Softmax Softplus Softsign SpaceToDepth SparsePlus SparseSigmoid Sparsemax Squareplus \
         TanhShrink Threshold",
    ),
    (
        "keras.src.ops.core",
        "Cast ConvertToTensor Slice StopGradient Unstack",
    ),
    ("keras.src.ops.math", "Erf Erfc Logsumexp Rsqrt TopK"),
    ("keras.src.activations.activations", "Mish ReLU"),
    ("keras.src.ops.linalg", "Norm"),
    ("keras.src.ops.image", "RGBToGrayscale Resize"),
];

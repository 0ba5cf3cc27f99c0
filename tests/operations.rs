//! `docs/operations.md`: which operations between layers are read, from which forms.
//!
//! With `UPDATE_DOCS=1` it is written instead of compared.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use keras_ir::layer::operation::{classes, nodes, tensorflow};

/// The operations of Keras 3.15 that are refused by name, and why.
const REFUSED: &[(&str, &str)] = &[
    (
        "sizes that depend on values",
        "Argpartition Bincount Histogram Nonzero Unique UnravelIndex",
    ),
    (
        "Python functions in the file",
        "AssociativeScan Cond ForiLoop JVP Map Scan Switch VectorizedMap WhileLoop",
    ),
    (
        "complex numbers",
        "Angle FFT FFT2 IFFT2 IRFFT ISTFT Imag Polar RFFT STFT ViewAsComplex ViewAsReal",
    ),
    (
        "losses and measures",
        "AllClose BinaryCrossentropy CTCDecode CTCLoss CategoricalCrossentropy InTopK PSNR SSIM \
         SparseCategoricalCrossentropy",
    ),
    (
        "decompositions of matrices",
        "Cholesky CholeskyInverse Det Eig Eigh Inv Logdet Lstsq LuFactor MatrixRank Pinv Qr SVD Slogdet \
         Solve SolveTriangular",
    ),
    (
        "kernels that are no weights of a layer",
        "Conv ConvTranspose DepthwiseConv SeparableConv",
    ),
    (
        "not read yet",
        "AdaptiveAveragePool AdaptiveMaxPool AffineTransform Arange ArraySplit BitwiseAnd BitwiseInvert \
         BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor CDist Corrcoef Correlate \
         CropImages Cross Diag Diagflat Dsplit Dstack ElasticTransform Erfinv ExtractPatches \
         ExtractSequences Fmax Fmin Fold Full GaussianBlur Gcd Geomspace HSVToRGB Heaviside I0 IsIn \
         Isclose Isreal Kron Lcm Ldexp LeftShift Linspace Logaddexp2 Logspace MapCoordinates Meshgrid \
         Nanargmax Nanargmin Nancumprod Nancumsum Nanmax Nanmean Nanmedian Nanmin Nanpercentile Nanprod \
         Nanquantile Nanstd Nansum Nanvar Ndim Nextafter PadImages Percentile PerspectiveTransform \
         Quantile RGBToHSV Rearrange RightShift Rot90 SaturateCast ScaleAndTranslate Scatter \
         ScatterUpdate SegmentMax SegmentMin SegmentProd SegmentSum Select Signbit SliceUpdate SobelEdges \
         Trapezoid Unfold Vander View",
    ),
];

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md")
}

/// The names that stand for each class.
fn by_class(
    names: impl Iterator<Item = (&'static str, &'static str)>,
) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, class) in names {
        found.entry(class).or_default().insert(name);
    }
    found
}

fn print() -> String {
    let keras: BTreeSet<&str> = classes().collect();
    let functions = by_class(tensorflow::functions());
    let nodes = by_class(nodes());
    let mut all = keras.clone();
    all.extend(functions.keys());
    all.extend(nodes.keys());
    let mut text = String::from(
        "# Operations\n\n\
         Written by a test (`UPDATE_DOCS=1 cargo test --workspace --test operations`), which holds it against what \
         is\nread. What `x * 2 + y`, slices, `keras.ops.*` and TensorFlow's functions leave in a config is one \
         vocabulary,\nin every kind of file.\n\n\
         * **Keras 3**: the class of an `Operation` node.\n\
         * **tf.keras**: the function of a `TFOpLambda` or `SlicingOpLambda`, without `tf.`.\n\
         * **TensorFlow 2.0 to 2.3**: the operation of a `TensorFlowOpLayer`.\n\n\
         Other operations are refused by their names, as are arguments that are not understood.\n\n\
         | Keras 3 | tf.keras | TensorFlow 2.0 to 2.3 |\n|--|--|--|\n",
    );
    let cell = |names: Option<&BTreeSet<&str>>| {
        let names = names.into_iter().flatten();
        let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
        names.join(" ")
    };
    for class in all {
        let of_keras = keras.contains(class).then(|| format!("`{class}`"));
        let of_keras = of_keras.unwrap_or_default();
        let (functions, nodes) = (cell(functions.get(class)), cell(nodes.get(class)));
        writeln!(text, "| {of_keras} | {functions} | {nodes} |").unwrap();
    }
    text.push_str("\n## Refused\n\n| why | Keras 3 |\n|--|--|\n");
    for (why, names) in REFUSED {
        let names: Vec<String> = { names.split_whitespace() }
            .map(|name| format!("`{name}`"))
            .collect();
        writeln!(text, "| {why} | {} |", names.join(" ")).unwrap();
    }
    text
}

#[test]
fn the_list_of_operations_is_current() {
    let text = print();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path(), text).unwrap();
        return;
    }
    let written = fs::read_to_string(path()).unwrap_or_default();
    assert!(
        written == text,
        "docs/operations.md is not current; write it with UPDATE_DOCS=1"
    );
}

#[test]
fn nothing_is_read_and_refused() {
    let known: BTreeSet<&str> = classes().collect();
    let refused = REFUSED
        .iter()
        .flat_map(|(_, names)| names.split_whitespace());
    for name in refused {
        assert!(!known.contains(name), "{name}");
    }
    assert!(known.len() > 150);
}

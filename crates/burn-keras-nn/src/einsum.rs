//! Keras's `EinsumDense`: one contraction of the input with a kernel.

use alloc::{string::String, vec::Vec};
use burn::{
    module::{Initializer, Module, Param},
    tensor::{Device, Tensor, kind::Numeric},
};

/// Configuration of an [`EinsumDense`].
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::einsum::EinsumDenseConfig;
///
/// # fn forward(device: &Device, x: Tensor<3>) -> Tensor<4> {
/// // 8 features to 2 heads of 4
/// let heads = EinsumDenseConfig::new("abc,cde->abde", [8, 2, 4])
///     .with_bias([2, 4])
///     .init(device);
/// heads.forward(x)
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct EinsumDenseConfig {
    /// Keras's `equation`: letters of input, kernel and output. `...` at the start or at the end
    /// of input and output stands for axes that both have.
    pub equation: String,
    /// Keras's shape of the kernel: a size per letter.
    pub kernel: Vec<usize>,
    /// Keras's shape of the bias, which is broadcast along axes of size 1 and those before its
    /// own. Default: none.
    pub bias: Option<Vec<usize>>,
}

impl EinsumDenseConfig {
    /// A contraction by `equation` with a kernel of Keras's shape `kernel`.
    pub fn new(equation: &str, kernel: impl Into<Vec<usize>>) -> Self {
        Self {
            equation: equation.into(),
            kernel: kernel.into(),
            bias: None,
        }
    }

    /// Sets [`bias`](Self::bias).
    pub fn with_bias(mut self, shape: impl Into<Vec<usize>>) -> Self {
        self.bias = Some(shape.into());
        self
    }

    /// Makes the module. The kernel starts as Glorot uniform, the bias as zeros.
    pub fn init(&self, device: &Device) -> EinsumDense {
        let equation = Equation::read(&self.equation);
        let size = |letters: &[u8]| -> usize {
            letters
                .iter()
                .map(|letter| equation.kernel_size(*letter, &self.kernel))
                .product()
        };
        let [shared, summed, new] = equation.kernel_groups().map(|letters| size(&letters));
        let glorot = Initializer::XavierUniform { gain: 1.0 };
        let bias = self.bias.as_ref().map(|shape| {
            let size = shape.iter().product::<usize>();
            Initializer::Zeros.init([size], device)
        });
        EinsumDense {
            kernel: glorot.init_with([shared, summed, new], Some(summed), Some(new), device),
            bias,
            equation,
            kernel_shape: self.kernel.clone(),
            bias_shape: self.bias.clone().unwrap_or_default(),
        }
    }
}

/// Keras's `EinsumDense` without its activation: the products of an input and a kernel, summed
/// over the letters that the output lacks, plus a bias.
///
/// The kernel is kept as one batched matrix, so that the contraction is one multiplication: its
/// letters are brought in the order of those that input and output have too, those of the input,
/// those of the output, and each group becomes one axis.
#[derive(Module, Debug)]
pub struct EinsumDense {
    /// `[shared, summed, new]`.
    pub kernel: Param<Tensor<3>>,
    /// All elements of Keras's bias, in its order.
    pub bias: Option<Param<Tensor<1>>>,
    /// See [`EinsumDenseConfig::equation`].
    #[module(skip)]
    pub equation: Equation,
    /// See [`EinsumDenseConfig::kernel`].
    pub kernel_shape: Vec<usize>,
    /// See [`EinsumDenseConfig::bias`].
    pub bias_shape: Vec<usize>,
}

impl EinsumDense {
    /// Whether a tensor of these sizes can be contracted.
    pub fn takes(&self, dims: &[usize]) -> bool {
        let letters = &self.equation.input;
        let labels = self.equation.labels(letters, dims.len());
        let fits = |label: &u8| {
            let of_kernel = position(&self.equation.kernel, *label);
            let expected = of_kernel.and_then(|axis| self.kernel_shape.get(axis));
            let axis = position(&labels, *label);
            expected.is_none() || expected == axis.and_then(|axis| dims.get(axis))
        };
        dims.len() >= letters.len() && letters.iter().all(fits)
    }

    /// Contracts `x`, whose axes are those of the equation's input; the result has those of its
    /// output.
    ///
    /// # Panics
    ///
    /// If ranks or sizes do not fit the equation.
    pub fn forward<const D: usize, const D2: usize>(&self, x: Tensor<D>) -> Tensor<D2> {
        let input = self.equation.labels(&self.equation.input, D);
        let output = self.equation.labels(&self.equation.output, D2);
        let groups = Groups::new(&self.equation, &input, &output);
        let dims = x.dims();
        let size = |label: &u8| match position(&input, *label) {
            Some(axis) => dims[axis],
            None => self.equation.kernel_size(*label, &self.kernel_shape),
        };
        let y = groups.fold(x, &input).matmul(self.kernel.val());
        let order = [&groups.shared[..], &groups.kept, &groups.new].concat();
        let sizes: Vec<usize> = order.iter().map(size).collect();
        let y = y.reshape(padded::<D2>(&sizes));
        let y = y.permute(axes::<D2>(&output, &order));
        match &self.bias {
            None => y,
            Some(bias) => y + bias.val().reshape(padded::<D2>(&self.bias_shape)),
        }
    }
}

/// The labels of a call by what becomes of them.
struct Groups {
    /// In input, kernel and output.
    shared: Vec<u8>,
    /// In input and kernel: summed over.
    summed: Vec<u8>,
    /// In kernel and output.
    new: Vec<u8>,
    /// In input and output.
    kept: Vec<u8>,
    /// In the input alone: summed over before anything else.
    dropped: Vec<u8>,
}

impl Groups {
    fn new(equation: &Equation, input: &[u8], output: &[u8]) -> Self {
        let [shared, summed, new] = equation.kernel_groups();
        let others = input.iter().copied();
        let others = others.filter(|label| !equation.kernel.contains(label));
        let (kept, dropped) = others.partition(|label| output.contains(label));
        Self {
            shared,
            summed,
            new,
            kept,
            dropped,
        }
    }

    /// `[shared, kept, summed]`
    fn fold<const D: usize>(&self, x: Tensor<D>, input: &[u8]) -> Tensor<3> {
        let groups = [&self.shared, &self.kept, &self.dropped, &self.summed];
        let order: Vec<u8> = groups.iter().copied().flatten().copied().collect();
        let dims = x.dims();
        let size = |label: &u8| position(input, *label).map_or(1, |axis| dims[axis]);
        let shape = groups.map(|labels| labels.iter().map(size).product::<usize>());
        let x = x.permute(axes::<D>(&order, input)).reshape(shape);
        let [shared, kept, _, summed] = shape;
        x.sum_dim(2).reshape([shared, kept, summed])
    }
}

/// `sizes` behind as many ones as are missing to `D`.
fn padded<const D: usize>(sizes: &[usize]) -> [usize; D] {
    let missing = D.saturating_sub(sizes.len());
    core::array::from_fn(|axis| axis.checked_sub(missing).map_or(1, |axis| sizes[axis]))
}

/// For each label of `order` its axis among `labels`.
fn axes<const D: usize>(order: &[u8], labels: &[u8]) -> [isize; D] {
    core::array::from_fn(|at| {
        let axis = order.get(at).and_then(|label| position(labels, *label));
        axis.unwrap_or(at) as isize
    })
}

fn position(labels: &[u8], label: u8) -> Option<usize> {
    labels.iter().position(|other| *other == label)
}

/// The letters of an equation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equation {
    input: Vec<u8>,
    kernel: Vec<u8>,
    output: Vec<u8>,
    /// Whether the axes without letters stand behind those with letters.
    elided_right: bool,
}

impl Equation {
    fn read(text: &str) -> Self {
        let letters = |side: Option<&str>| -> Vec<u8> {
            let letters = side.unwrap_or_default().bytes();
            letters.filter(u8::is_ascii_alphabetic).collect()
        };
        let mut sides = text.split([',', '>']);
        Self {
            input: letters(sides.next()),
            kernel: letters(sides.next()),
            output: letters(sides.next()),
            elided_right: text.ends_with("..."),
        }
    }

    /// The kernel's letters in three groups: those of input and output, of the input alone, and of
    /// the output alone.
    fn kernel_groups(&self) -> [Vec<u8>; 3] {
        let group = |in_input: bool, in_output: bool| {
            let letters = self.kernel.iter().copied();
            letters
                .filter(|letter| {
                    self.input.contains(letter) == in_input
                        && self.output.contains(letter) == in_output
                })
                .collect()
        };
        [group(true, true), group(true, false), group(false, true)]
    }

    fn kernel_size(&self, letter: u8, shape: &[usize]) -> usize {
        let axis = position(&self.kernel, letter);
        axis.and_then(|axis| shape.get(axis)).copied().unwrap_or(1)
    }

    /// A label for each of `rank` axes: the letters, and numbers for the axes without one.
    fn labels(&self, letters: &[u8], rank: usize) -> Vec<u8> {
        let elided: Vec<u8> = (0..rank.saturating_sub(letters.len()) as u8).collect();
        if self.elided_right {
            [letters, &elided[..]].concat()
        } else {
            [&elided[..], letters].concat()
        }
    }
}

/// The sum of products of the elements of `first` and `others` by `equation`.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_keras_nn::einsum::einsum;
///
/// fn forward(a: Tensor<3>, b: Tensor<3>) -> Tensor<3> {
///     einsum(a, b, "abc,adc->abd")
/// }
/// ```
///
/// # Panics
///
/// If ranks or sizes do not fit the equation.
pub fn einsum<const A: usize, const B: usize, const D: usize, K: Numeric>(
    a: Tensor<A, K>,
    b: Tensor<B, K>,
    equation: &str,
) -> Tensor<D, K> {
    Tensor::einsum(equation, [a.into(), b.into()])
}

/// The sum of the elements of one tensor by `equation`.
pub fn einsum_of_one<const A: usize, const D: usize, K: Numeric>(
    a: Tensor<A, K>,
    equation: &str,
) -> Tensor<D, K> {
    Tensor::einsum(equation, [a.into()])
}

#[cfg(test)]
mod tests;

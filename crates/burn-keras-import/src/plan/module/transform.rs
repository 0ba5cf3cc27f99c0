//! From Keras's layout of a weight to Burn's.

use keras_ir::layer::einsum::Equation;

/// From Keras's layout to Burn's, the same for a weight and for its optimizer slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transform {
    /// As it is.
    None,
    /// All elements in one row.
    Flatten,
    /// Axes in another order.
    Permute(Vec<usize>),
    /// Axes in another order, then the first two become one and a second axis of size 1 follows:
    /// a depthwise kernel.
    Depthwise(Vec<usize>),
    /// Axes in another order, then neighbours become one.
    Merged {
        /// The order.
        axes: Vec<usize>,
        /// How many axes become one, for each axis in Burn; 0 is a new axis of size 1.
        groups: Vec<usize>,
    },
    /// A vector as a matrix of that many rows.
    Rows(usize),
    /// The kernel of a recurrent layer with that many gates, which cuDNN stores gate by gate, each
    /// transposed.
    CuDnnKernel(usize),
    /// The sum of the two halves of a vector: the biases of cuDNN, one for the input and one for
    /// the state.
    SumOfHalves,
}

impl Transform {
    /// Neighbours become one, in the order in which they are.
    pub(super) fn merged(groups: &[usize]) -> Self {
        Self::Merged {
            axes: (0..groups.iter().sum()).collect(),
            groups: groups.to_vec(),
        }
    }

    /// The permutation of the axes, if that is all, apart from the shape.
    pub fn permutation(&self) -> Option<&[usize]> {
        match self {
            Self::Permute(axes) | Self::Depthwise(axes) | Self::Merged { axes, .. } => Some(axes),
            _ => None,
        }
    }

    /// The number of axes of a weight that can be transformed; `None` for any.
    pub fn rank(&self) -> Option<usize> {
        match self {
            Self::None | Self::Flatten => None,
            Self::Permute(axes) | Self::Depthwise(axes) | Self::Merged { axes, .. } => {
                Some(axes.len())
            }
            Self::Rows(_) | Self::SumOfHalves => Some(1),
            Self::CuDnnKernel(_) => Some(2),
        }
    }

    /// The shape in Burn of a weight of Keras's shape `shape`, which has the right
    /// [`rank`](Self::rank).
    pub fn shape(&self, shape: &[usize]) -> Vec<usize> {
        match self {
            Self::None | Self::CuDnnKernel(_) => shape.to_vec(),
            Self::Flatten => vec![shape.iter().product()],
            Self::Rows(rows) => vec![*rows, shape[0] / rows],
            Self::SumOfHalves => vec![shape[0] / 2],
            Self::Permute(axes) => axes.iter().map(|axis| shape[*axis]).collect(),
            Self::Depthwise(axes) => {
                let permuted: Vec<usize> = axes.iter().map(|axis| shape[*axis]).collect();
                let mut merged = vec![permuted[0] * permuted[1], 1];
                merged.extend(&permuted[2..]);
                merged
            }
            Self::Merged { axes, groups } => {
                let mut sizes = axes.iter().map(|axis| shape[*axis]);
                groups
                    .iter()
                    .map(|count| sizes.by_ref().take(*count).product())
                    .collect()
            }
        }
    }
}

/// Keras: spatial axes, input, output; Burn: output, input, spatial axes. In a transposed
/// convolution both have input and output the other way round.
pub(super) fn swapped_kernel(spatial: usize) -> Transform {
    Transform::Permute(
        [spatial + 1, spatial]
            .into_iter()
            .chain(0..spatial)
            .collect(),
    )
}

/// Keras: spatial axes, channels, multiplier; Burn: both as one, 1, spatial axes.
pub(super) fn depthwise_kernel(spatial: usize) -> Transform {
    Transform::Depthwise(
        [spatial, spatial + 1]
            .into_iter()
            .chain(0..spatial)
            .collect(),
    )
}

/// The order of a kernel's axes as `burn_keras_nn::einsum` wants them, and how many each group has:
/// those of input and output, of the input alone, of the output alone.
pub(super) fn kernel_order(equation: &Equation) -> [Vec<usize>; 2] {
    let group = |in_input: bool, in_output: bool| -> Vec<usize> {
        let kernel = equation.kernel.iter().enumerate();
        kernel
            .filter(|(_, letter)| {
                equation.input.contains(letter) == in_input
                    && equation.output.contains(letter) == in_output
            })
            .map(|(axis, _)| axis)
            .collect()
    };
    let groups = [group(true, true), group(true, false), group(false, true)];
    let counts = groups.iter().map(Vec::len).collect();
    [groups.concat(), counts]
}

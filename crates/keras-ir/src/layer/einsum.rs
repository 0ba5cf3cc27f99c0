//! `EinsumDense` and its equations.

use super::config::Config;
use super::{KerasLayer, MaskRule, Mismatch, WeightSpec, single};
use crate::activation::Activation;
use crate::shape::Spec;

/// An equation `[input],[kernel]->[output]`: every axis has a letter, and `...` stands for axes
/// that input and output have in common, at the start or at the end of both.
///
/// Letters in the kernel are of one of three kinds: those of the input alone are summed over,
/// those of the output alone are new axes, and those of both pick a kernel for each place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equation {
    /// As it stands in the config.
    pub text: String,
    /// The letters of the input.
    pub input: Vec<char>,
    /// The letters of the kernel.
    pub kernel: Vec<char>,
    /// The letters of the output.
    pub output: Vec<char>,
    /// Where the axes without letters are.
    pub elided: Elided,
}

/// Where an [`Equation`] has `...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elided {
    /// Nowhere.
    Nowhere,
    /// Before the letters.
    Left,
    /// Behind the letters.
    Right,
}

impl Equation {
    /// Reads an equation; `None` for one that Keras does not take, and for repeated letters.
    pub fn read(text: &str) -> Option<Self> {
        let (operands, output) = text.split_once("->")?;
        let (input, kernel) = operands.split_once(',')?;
        let (input, elided) = letters(input)?;
        let (kernel, of_kernel) = letters(kernel)?;
        let (output, of_output) = letters(output)?;
        let known = |letter: &char, others: &[char]| others.contains(letter);
        let is_valid = elided == of_output
            && of_kernel == Elided::Nowhere
            && kernel.iter().all(|k| known(k, &input) || known(k, &output))
            && output.iter().all(|o| known(o, &input) || known(o, &kernel))
            // Keras takes the batch axis for the first letter where it has no `...` before it.
            && (elided == Elided::Left || input.first() == output.first());
        is_valid.then(|| Self {
            text: text.to_owned(),
            input,
            kernel,
            output,
            elided,
        })
    }

    /// How many axes of an input of `rank` axes have no letter; `None` if the rank does not fit.
    fn count_elided(&self, rank: usize) -> Option<usize> {
        let count = rank.checked_sub(self.input.len())?;
        (count == 0 || self.elided != Elided::Nowhere).then_some(count)
    }
}

/// The letters of one side, and where it has `...`.
fn letters(text: &str) -> Option<(Vec<char>, Elided)> {
    let (text, elided) = if let Some(rest) = text.strip_prefix("...") {
        (rest, Elided::Left)
    } else if let Some(rest) = text.strip_suffix("...") {
        (rest, Elided::Right)
    } else {
        (text, Elided::Nowhere)
    };
    let letters: Vec<char> = text.chars().collect();
    let differ = letters
        .iter()
        .enumerate()
        .all(|(at, letter)| letter.is_ascii_alphabetic() && !letters[..at].contains(letter));
    (differ && !letters.is_empty()).then_some((letters, elided))
}

/// The shape in which Keras 3 on TensorFlow adds a bias of shape `bias` to something of shape
/// `output`.
///
/// A bias that varies along one axis alone is taken for one of channels wherever its size is that
/// of the last axis or else of axis 1, whatever its own axis is (Keras 3.15,
/// `backend.tensorflow.numpy.add`).
pub fn added_shape(bias: &[usize], output: &[Option<usize>]) -> Vec<usize> {
    let mut sizes = bias.iter().copied().filter(|size| *size > 1);
    let (Some(size), None) = (sizes.next(), sizes.next()) else {
        return bias.to_vec();
    };
    let rank = output.len();
    if rank < 2 {
        bias.to_vec()
    } else if output[rank - 1] == Some(size) {
        vec![size]
    } else if output[1] == Some(size) {
        let behind = std::iter::repeat_n(1, rank - 2);
        std::iter::once(size).chain(behind).collect()
    } else {
        bias.to_vec()
    }
}

/// `EinsumDense`: `activation(einsum(equation, x, kernel) + bias)`.
#[derive(Clone, Debug, PartialEq)]
pub struct EinsumDense {
    /// What is multiplied and summed.
    pub equation: Equation,
    /// Sizes of the output's letters, without a batch axis that is one of them; there may be more.
    pub output_shape: Vec<Option<usize>>,
    /// The output's letters along which the bias varies.
    pub bias_axes: Option<Vec<char>>,
    /// Applied to the result.
    pub activation: Activation,
}

impl KerasLayer for EinsumDense {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        let equation = Equation::read(config.string("equation")).unwrap_or_else(|| {
            config.unsupported(
                "equation",
                "an equation [X],[Y]->[Z], ...[X],[Y]->...[Z] or [X]...,[Y]->[Z]... that keeps the \
                 batch axis in front",
            );
            Equation {
                text: String::new(),
                input: Vec::new(),
                kernel: Vec::new(),
                output: Vec::new(),
                elided: Elided::Nowhere,
            }
        });
        let bias_axes = config
            .value("bias_axes")
            .and_then(serde_json::Value::as_str);
        let bias_axes: Option<Vec<char>> = bias_axes.map(|axes| axes.chars().collect());
        if bias_axes.as_ref().is_some_and(|axes| {
            axes.is_empty() || axes.iter().any(|axis| !equation.output.contains(axis))
        }) {
            config.unsupported("bias_axes", "letters of the output");
        }
        Self {
            equation,
            output_shape: config.dims("output_shape"),
            bias_axes,
            activation: config.activation("activation"),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let sizes = self.sizes(inputs)?;
        let output = self.equation.output.iter();
        let mut shape: Vec<Option<usize>> = output.map(|letter| sizes.of(*letter)).collect();
        match self.equation.elided {
            Elided::Left => shape.splice(0..0, sizes.elided),
            _ => shape.splice(shape.len().., sizes.elided),
        };
        Ok(vec![Spec::float(shape)])
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let sizes = self.sizes(inputs)?;
        let kernel = self.equation.kernel.iter();
        let kernel = kernel.map(|letter| sizes.of(*letter)).collect();
        let mut weights = vec![WeightSpec::trained("kernel", kernel)];
        if let Some(axes) = &self.bias_axes {
            // From the first of its axes on, with size 1 along the others.
            let output = self.equation.output.iter();
            let from_first = output.skip_while(|letter| !axes.contains(letter));
            let mut bias: Vec<Option<usize>> = from_first
                .map(|letter| match axes.contains(letter) {
                    true => sizes.of(*letter),
                    false => Some(1),
                })
                .collect();
            if self.equation.elided == Elided::Right {
                bias.extend(sizes.elided.iter().map(|_| Some(1)));
            }
            weights.push(WeightSpec::trained("bias", bias));
        }
        Ok(weights)
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}

/// The sizes of all axes for one input.
struct Sizes<'a> {
    equation: &'a Equation,
    input: Vec<Option<usize>>,
    elided: Vec<Option<usize>>,
    output: Vec<Option<usize>>,
}

impl Sizes<'_> {
    /// The size along a letter: the input's, or the one that the config gives.
    fn of(&self, letter: char) -> Option<usize> {
        let size = |letters: &[char], sizes: &[Option<usize>]| {
            let position = letters.iter().position(|other| *other == letter)?;
            sizes.get(position).copied().flatten()
        };
        size(&self.equation.input, &self.input)
            .or_else(|| size(&self.equation.output, &self.output))
    }
}

impl EinsumDense {
    fn sizes(&self, inputs: &[Spec]) -> Result<Sizes<'_>, Mismatch> {
        let input = single(inputs)?;
        let dims = &input.shape.0;
        let mismatch = || {
            Mismatch::new(
                format!("an input that fits the equation {}", self.equation.text),
                inputs,
            )
        };
        let elided = self
            .equation
            .count_elided(dims.len())
            .ok_or_else(mismatch)?;
        let (input, elided) = match self.equation.elided {
            Elided::Left => (dims[elided..].to_vec(), dims[..elided].to_vec()),
            _ => {
                let letters = dims.len() - elided;
                (dims[..letters].to_vec(), dims[letters..].to_vec())
            }
        };
        let mut output = self.output_shape.clone();
        if self.equation.elided != Elided::Left {
            output.insert(0, dims.first().copied().flatten());
        }
        // Keras looks at no more sizes than there are letters.
        if output.len() < self.equation.output.len() {
            return Err(Mismatch::new(
                format!(
                    "an output_shape of as many sizes as the equation {} asks for",
                    self.equation.text
                ),
                inputs,
            ));
        }
        let sizes = Sizes {
            equation: &self.equation,
            input,
            elided,
            output,
        };
        // Sizes that the config repeats must be the input's.
        let agree = |letter: &char| {
            let stated = self.equation.output.iter().position(|o| o == letter);
            let stated = stated.and_then(|position| sizes.output[position]);
            stated.is_none() || sizes.of(*letter) == stated
        };
        if self.equation.input.iter().all(agree) {
            Ok(sizes)
        } else {
            Err(mismatch())
        }
    }
}

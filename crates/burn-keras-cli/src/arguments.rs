//! The command line.

use std::fmt;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use keras_ir::ReadOptions;

use crate::edits::{Edits, GROUP, HEADING};

/// Trained Keras models, in Rust, exactly.
///
/// Exit status: 0 done and equal, 1 differs, 2 bad arguments or bad input.
#[derive(Debug, Parser)]
#[command(name = "burn-keras", version, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make Rust source, a weights record and an optimizer record from a Keras model
    Import(Import),
    /// Print Keras's table of layers
    Summary(Summary),
    /// Draw a model: a box per layer, an edge per tensor
    Plot(Plot),
    /// Say what a file is and holds, and everything that stops an import
    Inspect(Inspect),
    /// Show the state of an optimizer, or move it to another model
    #[command(subcommand)]
    Optimizer(OptimizerCommand),
    /// Write a trained record into a copy of the Keras file that it was imported from, or a part of a
    /// model as a Keras model
    Export(Export),
    /// Compute a model's outputs
    Run(Run),
    /// Compare a model's outputs with those that Keras computed
    Verify(Verify),
}

/// The model of a command.
#[derive(Args, Debug)]
pub struct Model {
    /// The Keras model: .keras, .h5, a SavedModel, or an unpacked .keras folder
    #[arg(value_name = "MODEL")]
    pub path: PathBuf,
    /// The file with the weights, if MODEL has the architecture alone (.json, .yaml), or others
    #[arg(long, value_name = "FILE", conflicts_with = "architecture")]
    pub weights: Option<PathBuf>,
    /// The file with the architecture, if MODEL has the weights alone (.weights.h5, .h5)
    #[arg(long, value_name = "FILE")]
    pub architecture: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)] // its help is that of its own fields
    pub part: Part,
}

impl Model {
    /// How the model is read.
    pub fn read_options(&self) -> ReadOptions {
        ReadOptions {
            weights: self.weights.clone(),
            architecture: self.architecture.clone(),
            ..self.part.read_options()
        }
    }
}

/// What of the model is taken, and what is changed in it.
#[derive(Args, Debug)]
pub struct Part {
    /// New inputs in place of these tensors: layer, layer:node or layer:node:tensor, with / into
    /// nested models, and :mask for the mask that it carries
    #[arg(long, value_name = "T,…", value_delimiter = ',', help_heading = HEADING)]
    pub from: Vec<String>,
    /// These tensors as outputs
    #[arg(long, value_name = "T,…", value_delimiter = ',', help_heading = HEADING)]
    pub to: Vec<String>,
    #[command(flatten)]
    #[allow(missing_docs)] // its help is that of its own options
    pub edits: Edits,
    /// What the weights of new layers are made from
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = HEADING)]
    pub seed: u64,
}

impl Part {
    /// The options that take this part of a model.
    pub fn read_options(&self) -> ReadOptions {
        ReadOptions {
            from: self.from.clone(),
            to: self.to.clone(),
            edits: self.edits.0.clone(),
            seed: self.seed,
            ..ReadOptions::default()
        }
    }
}

/// Arguments of `import`.
#[derive(Args, Debug)]
pub struct Import {
    #[command(flatten)]
    #[allow(missing_docs)] // its help is that of its own fields
    pub model: Model,
    /// The folder to write to
    #[arg(short, long, value_name = "DIR", default_value = "models/generated")]
    pub out_dir: PathBuf,
    /// The name of the module, its files and the namespace of its parameters [default: from the
    /// file's name]
    #[arg(long)]
    pub name: Option<String>,
    /// Keep layers apart that look shared between models although the file does not say so
    #[arg(long)]
    pub untie: bool,
    /// Leave the optimizer out
    #[arg(long)]
    pub no_optimizer: bool,
    /// Start the optimizer anew: its options are kept, its state is left out
    #[arg(long, conflicts_with = "no_optimizer")]
    pub fresh_optimizer: bool,
    /// Make the weights a part of the program
    #[arg(long)]
    pub embed: bool,
}

/// Arguments of `summary`.
#[derive(Args, Debug)]
pub struct Summary {
    #[command(flatten)]
    #[allow(missing_docs)] // its help is that of its own fields
    pub model: Model,
    /// The width of the table
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(40..))]
    pub line_length: Option<u16>,
    /// Show the layers of nested models too
    #[arg(long)]
    pub expand_nested: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `plot`.
#[derive(Args, Debug)]
pub struct Plot {
    #[command(flatten)]
    #[allow(missing_docs)] // its help is that of its own fields
    pub model: Model,
    /// The file to write: .svg, .dot for Graphviz, or .html, a page with configs and weights
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Show the layers of nested models too
    #[arg(long)]
    pub expand_nested: bool,
    /// Which way it runs: from top to bottom, or from left to right
    #[arg(
        long,
        value_name = "TB|LR",
        default_value = "TB",
        hide_possible_values = true
    )]
    #[arg(ignore_case = true)]
    pub direction: DirectionName,
    /// Leave the shapes out
    #[arg(long)]
    pub no_shapes: bool,
}

/// The ways that a drawing can run, by Keras's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DirectionName {
    /// From top to bottom
    #[value(name = "TB")]
    TopToBottom,
    /// From left to right
    #[value(name = "LR")]
    LeftToRight,
}

/// Arguments of `inspect`.
#[derive(Args, Debug)]
pub struct Inspect {
    #[command(flatten)]
    #[allow(missing_docs)] // its help is that of its own fields
    pub model: Model,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The commands of `optimizer`.
#[derive(Debug, Subcommand)]
pub enum OptimizerCommand {
    /// Print the state by the paths of the weights
    Show(Show),
    /// Write the optimizer record of another model with the state of this one
    ///
    /// Weights are matched by name, and by their place in the graph where the names differ. What
    /// several weights could be, or none, is refused.
    Transfer(Transfer),
}

/// Arguments of `optimizer show`.
#[derive(Args, Debug)]
pub struct Show {
    #[command(flatten)]
    #[allow(missing_docs)] // its help is that of its own fields
    pub model: Model,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `optimizer transfer`.
#[derive(Args, Debug)]
pub struct Transfer {
    /// The Keras model that was trained
    #[arg(value_name = "FROM")]
    pub from: PathBuf,
    /// The Keras model that will be trained on
    #[arg(value_name = "TO")]
    pub to: PathBuf,
    /// The record to write
    #[arg(short, long, value_name = "OUT.optimizer.bpk")]
    pub output: PathBuf,
    /// The name that TO is imported under [default: from the file's name]
    #[arg(long)]
    pub name: Option<String>,
    /// Let weights without a counterpart start anew, and leave out state without a place
    #[arg(long)]
    pub partial: bool,
}

/// Arguments of `export`.
#[derive(Args, Debug)]
pub struct Export {
    /// The record of the weights, as `import` or Burn wrote it; without it MODEL itself is written anew
    #[arg(value_name = "RECORD.bpk", conflicts_with_all = ["from", "to", "seed", GROUP])]
    pub record: Option<PathBuf>,
    /// The record of the optimizer's state; without it the original's stays
    #[arg(long, value_name = "RECORD.bpk", requires = "record", conflicts_with_all = ["from", "to", "seed", GROUP])]
    pub optimizer: Option<PathBuf>,
    /// The Keras file that it was imported from: .keras, .h5 or .weights.h5; without a record, any
    /// model
    #[arg(long, value_name = "MODEL")]
    pub like: PathBuf,
    /// The file with the architecture, if MODEL has the weights alone
    #[arg(long, value_name = "FILE")]
    pub architecture: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)] // its help is that of its own fields
    pub part: Part,
    /// The file to write, with the ending of MODEL; of a .keras also .weights.h5, the weights alone.
    /// Without a record: .keras (Keras 3) or .h5
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// As at the import: layers stay apart that look shared although the file does not say so
    #[arg(long)]
    pub untie: bool,
}

/// Arguments of `run`.
#[derive(Args, Debug)]
pub struct Run {
    #[command(flatten)]
    #[allow(missing_docs)] // its help is that of its own fields
    pub model: Model,
    /// The inputs: arrays `input_0`, `input_1`, … or by the names of the input layers
    #[arg(value_name = "IN.npz")]
    pub inputs: PathBuf,
    /// Where the outputs go: arrays `output_0`, `output_1`, …
    #[arg(short, long, value_name = "OUT.npz")]
    pub output: PathBuf,
    /// Where to compute [default: the first of these that is built in]
    #[arg(long)]
    pub device: Option<DeviceName>,
}

/// Arguments of `verify`.
#[derive(Args, Debug)]
pub struct Verify {
    #[command(flatten)]
    #[allow(missing_docs)] // its help is that of its own fields
    pub model: Model,
    /// Inputs and outputs: arrays `input_0`, …, `output_0`, … or by the names of the input layers
    /// and outputs
    #[arg(value_name = "CASE.npz")]
    pub case: PathBuf,
    /// Where to compute [default: the first of these that is built in]
    #[arg(long)]
    pub device: Option<DeviceName>,
    /// The difference that is accepted, as a share of the largest reference value of the output
    #[arg(long, default_value_t = 1e-4, value_parser = tolerance)]
    pub rtol: f64,
    /// The difference that is accepted on top
    #[arg(long, default_value_t = 1e-5, value_parser = tolerance)]
    pub atol: f64,
}

fn tolerance(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if value.is_finite() && value >= 0.0 {
        Ok(value)
    } else {
        Err("must be zero or more".to_owned())
    }
}

/// A device that `run` and `verify` can compute on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeviceName {
    /// The CPU, fast
    Flex,
    /// The CPU, the reference
    Ndarray,
    /// The GPU, through Vulkan, Metal, DirectX or WebGPU
    Wgpu,
    /// The GPU, through CUDA
    Cuda,
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flex => "flex",
            Self::Ndarray => "ndarray",
            Self::Wgpu => "wgpu",
            Self::Cuda => "cuda",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn tolerances_are_numbers_from_zero_on() {
        assert_eq!(tolerance("1e-3"), Ok(1e-3));
        for text in ["-1", "nan", "inf", "x"] {
            assert!(tolerance(text).is_err(), "{text}");
        }
    }
}

//! Operations: what `x * 2 + y`, slices, `keras.ops.*` and TensorFlow's functions leave in a config.
//!
//! Keras 3 writes a node of an `Operation` class for each, tf.keras a layer that holds the name of
//! a TensorFlow function (`TFOpLambda`, `SlicingOpLambda`) or a node of a TensorFlow graph
//! (`TensorFlowOpLayer`). All are read as one vocabulary, that of Keras 3: one row per operation,
//! in tables by family. [`tensorflow`] says which function is which operation.

mod arguments;
mod call;
pub mod elementwise;
pub mod indexing;
pub mod linear;
mod module;
pub mod neural;
mod node_def;
mod operator;
mod output;
pub mod reduction;
pub mod shaping;
mod sorting;
pub mod tensorflow;

use serde_json::{Map, Value};

use crate::layer::Mismatch;
use crate::problem::Problem;
use crate::shape::Spec;

pub use arguments::Arguments;
pub use call::{Argument, Call, Constant, Written};
pub use node_def::operations as nodes;
pub use operator::Operator;
pub use output::broadcast;
use shaping::Order;

/// Who named an operation: names and defaults differ here and there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// A class of Keras 3.
    Keras,
    /// A function of TensorFlow.
    TensorFlow,
    /// A node of a TensorFlow graph.
    TensorFlowNode,
}

/// What an operation works on.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A tensor, by its position among the inputs.
    Tensor(usize),
    /// A number or an array.
    Constant(Constant),
}

/// An operation with everything that is no tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Keras's name of it.
    pub name: &'static str,
    /// Who wrote it.
    pub family: Family,
    /// What it does.
    pub operator: Operator,
    /// What it works on, in the order of its parameters.
    pub operands: Vec<Operand>,
    /// The same in the words of its file.
    pub written: Written,
}

/// One operation of the vocabulary.
pub(super) struct Row {
    /// Keras's class.
    class: &'static str,
    /// The parameters of its `call`, in order.
    call: &'static [&'static str],
    /// Takes operands and options.
    read: fn(&mut Arguments) -> Operator,
    /// Whether TensorFlow alone has it.
    only_tensorflow: bool,
}

const fn row(
    class: &'static str,
    call: &'static [&'static str],
    read: fn(&mut Arguments) -> Operator,
) -> Row {
    Row {
        class,
        call,
        read,
        only_tensorflow: false,
    }
}

impl Row {
    const fn of_tensorflow(self) -> Self {
        Self {
            only_tensorflow: true,
            ..self
        }
    }
}

/// All tables.
const TABLES: &[&[Row]] = &[
    elementwise::ROWS,
    reduction::ROWS,
    shaping::ROWS,
    indexing::ROWS,
    linear::ROWS,
    sorting::ROWS,
    neural::ROWS,
];

fn rows() -> impl Iterator<Item = &'static Row> {
    TABLES.iter().copied().flatten()
}

fn find(class: &str) -> Option<&'static Row> {
    rows().find(|row| row.class == class)
}

/// Every class of Keras 3's operations that can be read.
pub fn classes() -> impl Iterator<Item = &'static str> {
    let rows = rows().filter(|row| !row.only_tensorflow);
    rows.map(|row| row.class)
}

/// Every class of tf.keras that holds an operation.
pub const WRAPPERS: &[&str] = &[
    "TFOpLambda",
    "SlicingOpLambda",
    "TensorFlowOpLayer",
    "ClassMethod",
    "InstanceMethod",
    "InstanceProperty",
];

/// An operation, or what is wrong with it.
pub type Read = Result<Operation, Vec<Problem>>;

impl Operation {
    /// Reads a call of Keras 3's operation `class`, which is in `module` if the file says so; `None`
    /// for an unknown class.
    pub fn of_keras(
        class: &str,
        module: Option<&str>,
        config: &Map<String, Value>,
        call: &Call,
    ) -> Option<Read> {
        let row = find(class).filter(|row| !row.only_tensorflow)?;
        let options = config.iter().filter(|(key, _)| *key != "name");
        let options = options.map(|(key, value)| (key.clone(), Argument::Literal(value.clone())));
        let read = Self::of_row(row, Family::Keras, options.collect(), call);
        let module = module.unwrap_or_else(|| module::of(class));
        Some(read.map(|operation| operation.written(Some(module), call)))
    }

    /// Reads a call of the class `class` of tf.keras; `None` for a function that is not known.
    pub fn of_tensorflow(class: &str, config: &Map<String, Value>, call: &Call) -> Option<Read> {
        let read = match class {
            "TFOpLambda" | "SlicingOpLambda" => {
                tensorflow::read(config.get("function")?.as_str()?, call)
            }
            "TensorFlowOpLayer" => node_def::read(config, call),
            _ => None,
        }?;
        Some(read.map(|operation| operation.written(None, call)))
    }

    /// The operation as its file writes it, before its call is in Keras 3's words.
    fn written(self, module: Option<&str>, call: &Call) -> Self {
        let written = Written {
            module: module.map(str::to_owned),
            call: call.clone(),
        };
        Self { written, ..self }
    }

    fn of_row(row: &Row, family: Family, options: Vec<(String, Argument)>, call: &Call) -> Read {
        let mut arguments = Arguments::new(family, options, call, row.call);
        let operator = (row.read)(&mut arguments);
        let (operands, problems) = arguments.finish();
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            name: row.class,
            family,
            operator,
            operands,
            written: Written::default(),
        })
    }

    /// The outputs for these inputs, in Keras's flattened order.
    ///
    /// # Errors
    ///
    /// When the operation cannot take the inputs.
    pub fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let operands = self.operands.iter().map(|operand| match operand {
            Operand::Tensor(index) => inputs.get(*index).cloned(),
            Operand::Constant(constant) => Some(Spec {
                shape: crate::shape::Shape(
                    { constant.shape.iter() }.map(|size| Some(*size)).collect(),
                ),
                kind: constant.kind,
            }),
        });
        match operands.collect::<Option<Vec<Spec>>>() {
            Some(operands) => self.operator.outputs(&operands),
            None => Err(Mismatch::new("the operands of its call", inputs)),
        }
    }

    /// Whether the very tensor that comes in is given, and its mask with it: in Keras a mask is an
    /// attribute of a tensor object (Keras 3.15 and tf.keras on TensorFlow, by experiment).
    pub fn is_nothing(&self, inputs: &[Spec]) -> bool {
        let [input] = inputs else { return false };
        match &self.operator {
            Operator::Identity => matches!(
                self.name,
                "ConvertToTensor" | "Array" | "Real" | "Conjugate" | "Conj"
            ),
            Operator::Cast(kind) => *kind == input.kind,
            Operator::AddN => true,
            Operator::Transpose(order @ (Order::Swap(..) | Order::Move(..))) => {
                let rank = input.shape.rank();
                let axes = order.positions(rank);
                axes.is_some_and(|axes| axes.into_iter().eq(0..rank))
            }
            _ => false,
        }
    }

    /// What the operation is called in its file.
    pub fn title(class: &str, config: &Map<String, Value>) -> String {
        let name = match class {
            "TFOpLambda" | "SlicingOpLambda" => config.get("function"),
            "TensorFlowOpLayer" => config.get("node_def").and_then(|node| node.get("op")),
            "ClassMethod" => config.get("method_name"),
            "InstanceMethod" | "InstanceProperty" => config.get("attr_name"),
            _ => None,
        };
        match name.and_then(Value::as_str) {
            Some(name) => format!("{class} {name}"),
            None => class.to_owned(),
        }
    }
}

/// The size that two sizes have together: 1 gives way to others; `None` if they do not fit.
fn joined(a: Option<usize>, b: Option<usize>) -> Option<Option<usize>> {
    match (a, b) {
        (Some(1), other) | (other, Some(1)) => Some(other),
        (Some(a), Some(b)) => (a == b).then_some(Some(a)),
        (Some(known), None) | (None, Some(known)) => Some(Some(known)),
        (None, None) => Some(None),
    }
}

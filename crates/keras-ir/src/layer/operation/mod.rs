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
mod output;
pub mod reduction;
pub mod shaping;
mod sorting;
pub mod tensorflow;

use serde_json::{Map, Value};

use crate::activation::Activation;
use crate::layer::Mismatch;
use crate::layer::config::DataFormat;
use crate::layer::resizing::Interpolation;
use crate::problem::Problem;
use crate::shape::{Kind, Spec};

pub use arguments::Arguments;
pub use call::{Argument, Call, Constant, Written};
use elementwise::{Binary, Comparison, Logic, Test, Unary};
use indexing::Index;
use linear::Product;
use neural::{Along, Sliding, Statistics};
pub use node_def::operations as nodes;
pub use output::broadcast;
use reduction::Reduction;
use shaping::{Border, Order, Parts, Size};

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

/// What an operation does.
#[derive(Clone, Debug, PartialEq)]
pub enum Operator {
    /// Nothing.
    Identity,
    /// To another kind.
    Cast(Kind),
    /// A function of each element.
    Unary(Unary),
    /// A function of the elements of two tensors.
    Binary(Binary),
    /// The sum of several tensors of one shape.
    AddN,
    /// A comparison of the elements of two tensors.
    Compare(Comparison),
    /// A function of two truths.
    Logic(Logic),
    /// The other truth.
    Not,
    /// A question about each element.
    Test(Test),
    /// Elements of the second operand where the first is true, else of the third.
    Where,
    /// Bounded from both sides.
    Clip {
        /// The lower bound.
        least: f64,
        /// The upper bound.
        most: f64,
    },
    /// Numbers instead of what is none.
    NanToNum {
        /// For what is not a number.
        nan: f64,
        /// For infinity.
        infinity: f64,
        /// For minus infinity.
        minus_infinity: f64,
    },
    /// An activation of each element.
    Activation(Activation),
    /// A function along axes.
    Along {
        /// Which.
        which: Along,
        /// Keras's axes.
        axes: Vec<i64>,
    },
    /// Scaled to length 1.
    Normalize {
        /// Keras's axes; all if there are none.
        axes: Option<Vec<i64>>,
        /// The order of the norm.
        order: f64,
        /// The least length that is divided by.
        least: f64,
    },
    /// Fewer elements of many.
    Reduce {
        /// What is made of them.
        reduction: Reduction,
        /// Keras's axes; all if there are none.
        axes: Option<Vec<i64>>,
        /// Whether the axes stay with size 1.
        keepdims: bool,
    },
    /// The mean, weighted by the second operand if there is one.
    Average {
        /// Keras's axis; all if there is none.
        axis: Option<i64>,
    },
    /// Mean and variance.
    Moments {
        /// Keras's axes.
        axes: Vec<i64>,
        /// Whether the axes stay with size 1.
        keepdims: bool,
    },
    /// The place of the largest or the smallest element.
    ArgReduce {
        /// Whether of the largest.
        largest: bool,
        /// Keras's axis; of all elements in a row if there is none.
        axis: Option<i64>,
        /// Whether the axis stays with size 1.
        keepdims: bool,
    },
    /// Sums or products of each element and all before it.
    Cumulative {
        /// Whether products.
        product: bool,
        /// Keras's axis; of all elements in a row if there is none.
        axis: Option<i64>,
        /// Whether each is without its own element.
        exclusive: bool,
        /// Whether from the end.
        reverse: bool,
    },
    /// In another shape.
    Reshape(Vec<Size>),
    /// All axes but the first as one.
    BatchFlatten,
    /// The axes in another order.
    Transpose(Order),
    /// With new axes of size 1.
    ExpandDims(Vec<i64>),
    /// Without axes of size 1: these, or all.
    Squeeze(Option<Vec<i64>>),
    /// Joined along an axis.
    Concatenate(i64),
    /// Joined along a new axis.
    Stack(i64),
    /// Joined along the second axis; the first of vectors.
    Hstack,
    /// Joined along the first axis; vectors as rows.
    Vstack,
    /// Cut along an axis.
    Split {
        /// Into which parts.
        parts: Parts,
        /// Keras's axis.
        axis: i64,
    },
    /// Cut into its elements along an axis.
    Unstack {
        /// How many there are, if the file says so.
        count: Option<usize>,
        /// Keras's axis.
        axis: i64,
    },
    /// Repeated as a whole, so often along each axis.
    Tile(Vec<Size>),
    /// Each element so often.
    Repeat {
        /// For all elements along the axis, or for each.
        counts: Vec<usize>,
        /// Keras's axis; of all elements in a row if there is none.
        axis: Option<i64>,
    },
    /// Elements moved on, those at the end to the start.
    Roll {
        /// How far.
        shifts: Vec<i64>,
        /// Along which axes; of all elements in a row if there are none.
        axes: Option<Vec<i64>>,
    },
    /// Backwards along these axes, or all.
    Flip(Option<Vec<i64>>),
    /// Repeated to a shape.
    BroadcastTo(Vec<Size>),
    /// With something around it.
    Pad {
        /// How much before and after, for all axes or for each.
        widths: Vec<(usize, usize)>,
        /// What.
        border: Border,
    },
    /// The part of matrices on one side of a diagonal.
    Triangle {
        /// Whether the upper one.
        upper: bool,
        /// Which diagonal.
        diagonal: i64,
    },
    /// A diagonal of matrices.
    Diagonal {
        /// Which.
        offset: i64,
        /// Keras's axes of the matrices.
        axes: [i64; 2],
    },
    /// The sum of a diagonal.
    Trace {
        /// Which.
        offset: i64,
        /// Keras's axes of the matrices.
        axes: [i64; 2],
    },
    /// The sizes of the axes.
    Shape,
    /// How many elements there are.
    Size,
    /// Channels to pixels.
    DepthToSpace(usize),
    /// Pixels to channels.
    SpaceToDepth(usize),
    /// `x[…]`
    GetItem(Vec<Index>),
    /// Elements by their places along an axis.
    Take {
        /// Keras's axis; of all elements in a row if there is none.
        axis: Option<i64>,
        /// How many first axes tensor and places share.
        batch_dims: usize,
    },
    /// For each place its own element along an axis.
    TakeAlong(Option<i64>),
    /// A number at each class, another elsewhere.
    OneHot {
        /// How many classes.
        classes: usize,
        /// Where their axis comes.
        axis: i64,
        /// The kind of the result.
        kind: Kind,
        /// The number at the class.
        on: f64,
        /// The number elsewhere.
        off: f64,
    },
    /// 1 at each of several classes.
    MultiHot {
        /// How many classes.
        classes: usize,
        /// Where their axis comes.
        axis: i64,
        /// The kind of the result.
        kind: Kind,
    },
    /// One number in the shape of the operand.
    FullLike {
        /// The number.
        value: f64,
        /// The kind, if not that of the operand.
        kind: Option<Kind>,
    },
    /// One number in a shape.
    Create {
        /// The shape.
        sizes: Vec<Size>,
        /// The number.
        value: f64,
        /// Its kind.
        kind: Kind,
    },
    /// Matrices, multiplied.
    Matmul {
        /// Whether each is transposed first.
        transpose: [bool; 2],
    },
    /// A sum of products.
    Product(Product),
    /// In order along an axis.
    Sort {
        /// Keras's axis.
        axis: i64,
        /// Whether the largest comes first.
        descending: bool,
    },
    /// The places of the elements in order.
    Argsort {
        /// Keras's axis.
        axis: i64,
        /// Whether the largest comes first.
        descending: bool,
    },
    /// The largest elements of the last axis, and their places.
    TopK(usize),
    /// Where each element of the first operand belongs in the second, which is in order.
    SearchSorted {
        /// Whether behind equal elements.
        right: bool,
    },
    /// Pooling.
    Pool {
        /// Whether the mean, else the largest.
        average: bool,
        /// The window.
        window: Sliding,
    },
    /// By mean and variance.
    BatchNorm {
        /// Keras's axis of the features.
        axis: i64,
        /// Added to the variance.
        epsilon: f64,
        /// Whether there is an offset.
        offset: bool,
        /// Whether there is a scale.
        scale: bool,
    },
    /// By mean and variance, or by the mean square alone, along axes.
    Normalization {
        /// Keras's axes.
        axes: Vec<i64>,
        /// Added to what is divided by.
        epsilon: f64,
        /// What is taken off, and what is divided by.
        statistics: Statistics,
        /// Whether there is a scale.
        scale: bool,
        /// Whether there is an offset.
        offset: bool,
    },
    /// Values, weighted by products of queries and keys.
    Attention {
        /// The scale of the products; the inverse root of the number of features if there is none.
        scale: Option<f64>,
        /// Whether no query sees a later key.
        causal: bool,
        /// Whether something is added to the products.
        bias: bool,
        /// Whether a mask says which products count.
        mask: bool,
    },
    /// Differences of neighbours along an axis.
    Diff {
        /// How often.
        times: usize,
        /// Keras's axis.
        axis: i64,
    },
    /// An image in another size.
    Resize {
        /// Height and width.
        size: Vec<usize>,
        /// How values between pixels are found.
        interpolation: Interpolation,
        /// Whether more pixels are looked at when the image becomes smaller.
        antialias: bool,
        /// Where the channels are.
        data_format: DataFormat,
    },
    /// Red, green and blue as one channel.
    Grayscale(DataFormat),
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

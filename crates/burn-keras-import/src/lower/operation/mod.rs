//! Operations: `x * 2 + y`, slices, `keras.ops.*`, TensorFlow's functions.
//!
//! Each becomes steps of few kinds: what Keras computes of others is made of those here as well.

mod elementwise;
mod indexing;
mod linear;
mod neural;
mod reduction;
mod shaping;
mod sorting;

use keras_ir::Problem;
use keras_ir::layer::operation::{Constant, Operand, Operation, Operator, broadcast};
use keras_ir::shape::{Kind, Shape, Spec};

use super::LayerCall;
use crate::plan::{Function, Operation as Step, ValueId};

/// A call of an operation: its operands and what it gives.
pub(super) struct Context<'c, 'a, 'g> {
    pub call: &'c mut LayerCall<'a, 'g>,
    /// The operands, each with its spec in Keras: a number has no axes there.
    operands: Vec<(Given, Spec)>,
    /// What Keras knows of the outputs.
    pub outputs: Vec<Spec>,
}

/// An operand.
#[derive(Clone, Debug)]
enum Given {
    Value(ValueId),
    Constant(Constant),
}

/// The steps of one call; the values of its outputs.
pub(super) fn lower(
    operation: &Operation,
    call: &mut LayerCall<'_, '_>,
) -> Result<Vec<ValueId>, Problem> {
    let inputs = call.inputs();
    let specs = call.known_inputs();
    if inputs.is_empty() || inputs.len() != specs.len() {
        return Err(call.unsupported("inputs", "a tensor", "none"));
    }
    let outputs = match operation.outputs(&specs) {
        Ok(outputs) => outputs,
        Err(m) => return Err(call.unsupported("inputs", &m.expected, &m.found)),
    };
    let operands = operation.operands.iter().map(|operand| match operand {
        Operand::Tensor(index) => Some((
            Given::Value(*inputs.get(*index)?),
            specs.get(*index)?.clone(),
        )),
        Operand::Constant(constant) => Some((Given::Constant(constant.clone()), spec_of(constant))),
    });
    let Some(operands) = operands.collect() else {
        return Err(call.unsupported("inputs", "a tensor for each operand", "fewer"));
    };
    let mut context = Context {
        call,
        operands,
        outputs,
    };
    context.lower(&operation.operator)
}

fn spec_of(constant: &Constant) -> Spec {
    Spec {
        shape: Shape({ constant.shape.iter() }.map(|size| Some(*size)).collect()),
        kind: constant.kind,
    }
}

/// `spec` as Burn has it, which knows no tensor without axes.
fn in_burn(spec: &Spec) -> Spec {
    if spec.shape.rank() == 0 {
        spec.with_shape(vec![Some(1)])
    } else {
        spec.clone()
    }
}

impl Context<'_, '_, '_> {
    fn lower(&mut self, operator: &Operator) -> Result<Vec<ValueId>, Problem> {
        let one = |value: ValueId| Ok(vec![value]);
        match operator {
            Operator::Identity => one(self.value(0)),
            Operator::Cast(kind) => {
                let input = self.value(0);
                one(self.call.cast(input, *kind))
            }
            Operator::Unary(unary) => one(self.unary(*unary)),
            Operator::Binary(binary) => one(self.binary(*binary)),
            Operator::AddN => one(self.add_all()),
            Operator::Compare(comparison) => one(self.compare(*comparison)),
            Operator::Logic(logic) => one(self.logic(*logic)),
            Operator::Not => {
                let input = self.value_as(0, Kind::Bool);
                one(self.call.map(Function::Not, input))
            }
            Operator::Test(test) => one(self.test(*test)),
            Operator::Where => one(self.select()),
            Operator::Clip { least, most } => one(self.clip(*least, *most)),
            Operator::NanToNum {
                nan,
                infinity,
                minus_infinity,
            } => one(self.nan_to_num([*nan, *infinity, *minus_infinity])),
            Operator::Activation(activation) => one(self.activation(*activation)),
            Operator::Along { which, axes } => self.along(*which, axes).map(|value| vec![value]),
            Operator::Normalize { axes, order, least } => {
                one(self.normalize(axes.as_deref(), *order, *least))
            }
            Operator::Reduce {
                reduction,
                axes,
                keepdims,
            } => {
                let input = self.value(0);
                let axes = self.axes(0, axes.as_deref());
                let value = self.reduce(*reduction, input, &axes, *keepdims)?;
                one(value)
            }
            Operator::Average { axis } => self.average(*axis).map(|value| vec![value]),
            Operator::Moments { axes, keepdims } => self.moments(axes, *keepdims),
            Operator::ArgReduce {
                largest,
                axis,
                keepdims,
            } => one(self.arg_reduce(*largest, *axis, *keepdims)),
            Operator::Cumulative {
                product,
                axis,
                exclusive,
                reverse,
            } => one(self.cumulative(*product, *axis, *exclusive, *reverse)),
            Operator::GetItem(indices) => self.get_item(indices).map(|value| vec![value]),
            Operator::Take { axis, batch_dims } => {
                self.take(*axis, *batch_dims).map(|value| vec![value])
            }
            Operator::TakeAlong(axis) => one(self.take_along(*axis)),
            Operator::OneHot {
                classes,
                axis,
                kind,
                on,
                off,
            } => one(self.one_hot(*classes, *axis, *kind, [*on, *off])),
            Operator::MultiHot {
                classes,
                axis,
                kind,
            } => one(self.multi_hot(*classes, *axis, *kind)),
            Operator::FullLike { value, kind } => one(self.full_like(*value, *kind)),
            Operator::Create { sizes, value, kind } => one(self.create(sizes, *value, *kind)),
            Operator::Matmul { transpose } => one(self.matmul(*transpose)),
            Operator::Product(product) => self.product(product).map(|value| vec![value]),
            Operator::Sort { axis, descending } => one(self.sort(*axis, *descending)),
            Operator::Argsort { axis, descending } => one(self.argsort(*axis, *descending)),
            Operator::TopK(count) => Ok(self.top_k(*count)),
            Operator::SearchSorted { right } => self.search_sorted(*right).map(|value| vec![value]),
            Operator::Pool { average, window } => self.pool(*average, window).map(|v| vec![v]),
            Operator::BatchNorm {
                axis,
                epsilon,
                offset,
                scale,
            } => one(self.batch_norm(*axis, *epsilon, *offset, *scale)),
            Operator::Normalization {
                axes,
                epsilon,
                statistics,
                scale,
                offset,
            } => self
                .normalization(axes, *epsilon, *statistics, [*scale, *offset])
                .map(|value| vec![value]),
            Operator::Attention {
                scale,
                causal,
                bias,
                mask,
            } => self
                .attention(*scale, *causal, [*bias, *mask])
                .map(|value| vec![value]),
            Operator::Diff { times, axis } => one(self.diff(*times, *axis)),
            Operator::Resize {
                size,
                interpolation,
                antialias,
                data_format,
            } => one(self.resize(size, *interpolation, *antialias, *data_format)),
            Operator::Grayscale(data_format) => one(self.grayscale(*data_format)),
            shaping => self.shaped(shaping),
        }
    }

    /// A problem of this call.
    fn unsupported<T>(&self, expected: &str, found: &str) -> Result<T, Problem> {
        Err(self.call.unsupported("inputs", expected, found))
    }

    /// How many operands there are.
    fn count(&self) -> usize {
        self.operands.len()
    }

    /// What Keras knows of an operand.
    fn known(&self, operand: usize) -> &Spec {
        &self.operands[operand].1
    }

    /// What Keras knows of the first output.
    fn output(&self) -> Spec {
        self.outputs[0].clone()
    }

    /// The number that an operand is, if it is one.
    fn number(&self, operand: usize) -> Option<f64> {
        match &self.operands[operand].0 {
            Given::Constant(constant) if constant.shape.is_empty() => constant.single(),
            _ => None,
        }
    }

    /// An operand as a value; constants are made.
    fn value(&mut self, operand: usize) -> ValueId {
        match self.operands[operand].0.clone() {
            Given::Value(value) => value,
            Given::Constant(constant) => self.constant(constant),
        }
    }

    /// An operand in another kind.
    fn value_as(&mut self, operand: usize, kind: Kind) -> ValueId {
        if let Given::Constant(constant) = &mut self.operands[operand].0
            && kind != Kind::Bool
        {
            constant.kind = kind;
            if kind == Kind::Int {
                for value in &mut constant.values {
                    *value = value.trunc();
                }
            }
        }
        let value = self.value(operand);
        self.call.cast(value, kind)
    }

    /// Numbers on the device of the call's first input.
    fn constant(&mut self, constant: Constant) -> ValueId {
        let mut constant = constant;
        if constant.shape.is_empty() {
            constant.shape.push(1);
        }
        let spec = spec_of(&constant);
        let like = self.call.input();
        self.step(Function::Constant(constant), vec![like], spec)
    }

    /// One number as a tensor of `rank` axes.
    fn filled(&mut self, value: f64, kind: Kind, rank: usize) -> ValueId {
        self.constant(Constant {
            shape: vec![1; rank.max(1)],
            kind,
            values: vec![value],
        })
    }

    fn step(&mut self, function: Function, inputs: Vec<ValueId>, spec: Spec) -> ValueId {
        self.call
            .step(Step::Function(function), inputs, in_burn(&spec))
    }

    fn function(&mut self, function: Function, input: ValueId, spec: Spec) -> ValueId {
        self.step(function, vec![input], spec)
    }

    fn spec(&self, value: ValueId) -> Spec {
        self.call.spec(value).clone()
    }

    /// `value` with new axes of size 1 in front, so that it has `rank`.
    fn with_rank(&mut self, value: ValueId, rank: usize) -> ValueId {
        let spec = self.spec(value);
        let missing = rank.saturating_sub(spec.shape.rank());
        if missing == 0 {
            return value;
        }
        let mut shape = vec![Some(1); missing];
        shape.extend(&spec.shape.0);
        let axes = (0..missing).collect();
        self.function(Function::ExpandDims(axes), value, spec.with_shape(shape))
    }

    /// All of one rank.
    fn aligned(&mut self, values: Vec<ValueId>) -> Vec<ValueId> {
        let rank = values.iter().map(|value| self.call.rank(*value)).max();
        let values = values.into_iter();
        values
            .map(|value| self.with_rank(value, rank.unwrap_or(0)))
            .collect()
    }

    /// The shape that values of one rank have together.
    fn together(&self, values: &[ValueId]) -> Shape {
        let shapes: Vec<Shape> = { values.iter() }
            .map(|value| self.spec(*value).shape)
            .collect();
        let shapes: Vec<&Shape> = shapes.iter().collect();
        broadcast(&shapes).unwrap_or_default()
    }

    /// The positions of Keras's axes in an operand; all, if none are named.
    fn axes(&self, operand: usize, axes: Option<&[i64]>) -> Vec<usize> {
        let shape = &self.known(operand).shape;
        keras_ir::layer::operation::reduction::positions(shape, axes).unwrap_or_default()
    }

    /// The position of Keras's axis in an operand.
    fn axis(&self, operand: usize, axis: i64) -> usize {
        self.known(operand).shape.axis(axis).unwrap_or(0)
    }

    /// All elements in a row.
    fn ravel(&mut self, value: ValueId) -> ValueId {
        let spec = self.spec(value);
        if spec.shape.rank() == 1 {
            return value;
        }
        let elements = { spec.shape.0.iter() }.try_fold(1_usize, |n, size| n.checked_mul((*size)?));
        let spec = spec.with_shape(vec![elements]);
        self.function(Function::Reshape(vec![-1]), value, spec)
    }
}

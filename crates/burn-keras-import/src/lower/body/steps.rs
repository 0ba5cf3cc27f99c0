//! What a lowering adds: steps, each with the shape and kind of what it gives.

use keras_ir::Activation;
use keras_ir::layer::config::DataFormat;
use keras_ir::shape::{Kind, Spec};

use super::LayerCall;
use crate::plan::{Function, Operation, Step, ValueId};

impl LayerCall<'_, '_> {
    /// Adds a step that gives `spec`.
    pub fn step(&mut self, operation: Operation, inputs: Vec<ValueId>, spec: Spec) -> ValueId {
        let layer = self.layer;
        self.builder.step(&layer.name, operation, inputs, spec)
    }

    /// Adds a step with several outputs.
    pub fn steps(
        &mut self,
        operation: Operation,
        inputs: Vec<ValueId>,
        specs: Vec<Spec>,
    ) -> Vec<ValueId> {
        let name = &self.layer.name;
        let outputs: Vec<ValueId> = specs
            .into_iter()
            .map(|spec| self.builder.value(name, spec))
            .collect();
        self.builder.body.steps.push(Step {
            operation,
            inputs,
            outputs: outputs.clone(),
            layer: name.clone(),
        });
        outputs
    }

    /// Calls a function on one value.
    pub fn function(&mut self, function: Function, input: ValueId, spec: Spec) -> ValueId {
        self.step(Operation::Function(function), vec![input], spec)
    }

    /// Calls a function that changes neither shape nor kind.
    pub fn map(&mut self, function: Function, input: ValueId) -> ValueId {
        let spec = self.spec(input).clone();
        self.function(function, input, spec)
    }

    /// The value in another kind.
    pub fn cast(&mut self, value: ValueId, kind: Kind) -> ValueId {
        let spec = self.spec(value);
        if spec.kind == kind {
            return value;
        }
        let function = match kind {
            Kind::Float => Function::ToFloat,
            Kind::Int => Function::ToInt,
            Kind::Bool => Function::ToBool,
        };
        let spec = spec.with_kind(kind);
        self.function(function, value, spec)
    }

    /// Axes in another order: `axes[i]` is the old position of axis `i`.
    pub fn permute(&mut self, value: ValueId, axes: Vec<usize>) -> ValueId {
        if axes.iter().copied().eq(0..axes.len()) {
            return value;
        }
        let spec = self.spec(value);
        let shape = axes.iter().map(|axis| spec.shape.0[*axis]).collect();
        let spec = spec.with_shape(shape);
        self.function(Function::Permute(axes), value, spec)
    }

    /// The value with its channels on axis 1.
    pub fn channels_first(&mut self, value: ValueId, format: DataFormat) -> ValueId {
        let rank = self.rank(value);
        let axes = axis_to_one(rank, format.channel_axis(rank));
        self.permute(value, axes)
    }

    /// Back from channels on axis 1 to `format`.
    pub fn restore_channels(&mut self, value: ValueId, format: DataFormat) -> ValueId {
        let rank = self.rank(value);
        let axes = invert(&axis_to_one(rank, format.channel_axis(rank)));
        self.permute(value, axes)
    }

    /// `(batch, steps, …)` as one batch: `(batch * steps, …)`.
    pub fn fold_steps(&mut self, value: ValueId) -> ValueId {
        let spec = self.spec(value);
        let batch = match (spec.shape.dim(0), spec.shape.dim(1)) {
            (Some(batch), Some(steps)) => batch.checked_mul(steps),
            _ => None,
        };
        let mut shape = vec![batch];
        shape.extend(&spec.shape.0[2..]);
        let spec = spec.with_shape(shape);
        self.function(Function::FoldSteps, value, spec)
    }

    /// `value` with its first axis in two, as `like` has them.
    pub fn unfold_steps(&mut self, value: ValueId, like: ValueId) -> ValueId {
        let mut shape = self.spec(like).shape.0[..2].to_vec();
        let spec = self.spec(value);
        shape.extend(&spec.shape.0[1..]);
        let spec = spec.with_shape(shape);
        let operation = Operation::Function(Function::UnfoldSteps);
        self.step(operation, vec![value, like], spec)
    }

    /// Applies an activation.
    pub fn activate(&mut self, value: ValueId, activation: Activation) -> ValueId {
        let last = self.rank(value).saturating_sub(1);
        match activation {
            Activation::Linear => value,
            Activation::Softmax => self.map(Function::Softmax(last), value),
            Activation::SoftmaxAlong(axis) => {
                let axis = self.spec(value).shape.axis(axis).unwrap_or(last);
                self.map(Function::Softmax(axis), value)
            }
            Activation::LogSoftmax => self.map(Function::LogSoftmax(last), value),
            Activation::Sparsemax => self.map(Function::Sparsemax(last), value),
            Activation::Glu => {
                let mut spec = self.spec(value).clone();
                if let Some(size) = spec.shape.0.last_mut() {
                    *size = size.map(|size| size / 2);
                }
                self.function(Function::Glu(last), value, spec)
            }
            elementwise => self.map(Function::Activation(elementwise), value),
        }
    }
}

/// The permutation that moves `axis` to position 1.
pub(crate) fn axis_to_one(rank: usize, axis: usize) -> Vec<usize> {
    let mut axes: Vec<usize> = (0..rank).filter(|position| *position != axis).collect();
    axes.insert(axes.len().min(1), axis);
    axes
}

/// The permutation that undoes `axes`.
pub(crate) fn invert(axes: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; axes.len()];
    for (position, axis) in axes.iter().enumerate() {
        inverse[*axis] = position;
    }
    inverse
}

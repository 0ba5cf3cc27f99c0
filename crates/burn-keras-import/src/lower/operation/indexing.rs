//! Operations that pick elements, and those that make tensors.

use keras_ir::Problem;
use keras_ir::layer::operation::elementwise::Binary;
use keras_ir::layer::operation::indexing::{Index, Selection};
use keras_ir::layer::operation::shaping::Size;
use keras_ir::shape::{Kind, Spec};

use super::Context;
use crate::plan::{Function, ValueId};

impl Context<'_, '_, '_> {
    pub(super) fn get_item(&mut self, indices: &[Index]) -> Result<ValueId, Problem> {
        let known = self.known(0).clone();
        let selection = match Selection::new(&known, indices) {
            Ok(selection) => selection,
            Err(m) => return Err(self.call.unsupported("inputs", &m.expected, &m.found)),
        };
        let mut value = self.value(0);
        if !selection.ranges.iter().all(|range| range.is_whole()) {
            let mut spec = self.spec(value);
            let sizes = spec.shape.0.iter_mut().zip(&selection.ranges);
            for (axis, (size, range)) in sizes.enumerate() {
                *size = match selection.dropped.contains(&axis) {
                    true => Some(1),
                    false => size.map(|size| range.len(size)),
                };
            }
            let function = Function::Slice(selection.ranges.clone());
            value = self.function(function, value, spec);
        }
        let mut shape = selection.shape.clone();
        for added in selection.added.iter().rev() {
            shape.remove(*added);
        }
        let spec = known.with_shape(shape);
        // Without any axis left, one stays in Burn, and the first new one is there already.
        let is_number = spec.shape.rank() == 0;
        value = self.squeeze(value, selection.dropped, spec);
        let mut added = selection.added;
        if is_number && !added.is_empty() {
            added.remove(0);
        }
        let output = self.output();
        Ok(self.expand(value, added, output))
    }

    pub(super) fn take(
        &mut self,
        axis: Option<i64>,
        batch_dims: usize,
    ) -> Result<ValueId, Problem> {
        let spec = self.output();
        let mut x = self.value(0);
        let places = self.value_as(1, Kind::Int);
        let axis = match axis {
            Some(axis) => self.axis(0, axis),
            None => {
                x = self.ravel(x);
                0
            }
        };
        let kind = spec.kind.max(Kind::Int);
        x = self.call.cast(x, kind);
        let of_places = self.known(1).shape.rank();
        if batch_dims > 0 {
            // For each sample its own places: the same for all axes behind.
            if axis != batch_dims || of_places != batch_dims + 1 {
                return self.unsupported(
                    "one row of places for each sample, along the next axis",
                    &self.known(1).shape.to_string(),
                );
            }
            let rank = self.call.rank(x);
            let mut shape = self.spec(places);
            shape.shape.0.resize(rank, Some(1));
            let places = self.expand(places, (of_places..rank).collect(), shape);
            let value = self.step(
                Function::TakeAlong(axis),
                vec![x, places],
                spec.with_kind(kind),
            );
            return Ok(self.call.cast(value, spec.kind));
        }
        let of_taken = spec.with_kind(kind);
        let value = if of_places == 0 {
            // One element; its axis goes.
            let mut kept = self.spec(x);
            kept.shape.0[axis] = Some(1);
            let value = self.step(Function::Take(axis), vec![x, places], kept);
            self.squeeze(value, vec![axis], of_taken)
        } else {
            self.step(Function::Take(axis), vec![x, places], of_taken)
        };
        Ok(self.call.cast(value, spec.kind))
    }

    pub(super) fn take_along(&mut self, axis: Option<i64>) -> ValueId {
        let spec = self.output();
        let kind = spec.kind.max(Kind::Int);
        let mut x = self.value_as(0, kind);
        let mut places = self.value_as(1, Kind::Int);
        let axis = match axis {
            Some(axis) => self.axis(0, axis),
            None => {
                x = self.ravel(x);
                places = self.ravel(places);
                0
            }
        };
        let of_taken = spec.with_kind(kind);
        let value = self.step(Function::TakeAlong(axis), vec![x, places], of_taken);
        self.call.cast(value, spec.kind)
    }

    /// Whether each class is the one that is named.
    fn is_class(&mut self, classes: usize, axis: i64) -> ValueId {
        let input = self.value_as(0, Kind::Int);
        let known = self.known(0).shape.0.clone();
        let rank = known.len();
        let axis = keras_ir::shape::normalize_axis(axis, rank + 1).unwrap_or(rank);
        let mut shape = known;
        shape.insert(axis, Some(classes));
        if rank == 0 {
            // A number has an axis in Burn already.
            let spec = Spec {
                shape: keras_ir::shape::Shape(vec![Some(1), Some(classes)]),
                kind: Kind::Bool,
            };
            let function = Function::OneHot { classes, axis: 1 };
            let value = self.function(function, input, spec.clone());
            return self.squeeze(value, vec![0], spec.with_shape(vec![Some(classes)]));
        }
        let spec = self.spec(input).with_kind(Kind::Bool).with_shape(shape);
        self.function(Function::OneHot { classes, axis }, input, spec)
    }

    pub(super) fn one_hot(
        &mut self,
        classes: usize,
        axis: i64,
        kind: Kind,
        [on, off]: [f64; 2],
    ) -> ValueId {
        let value = self.is_class(classes, axis);
        let mut value = self.call.cast(value, kind);
        if kind != Kind::Bool && (on, off) != (1.0, 0.0) {
            let scale = Function::Scalar(Binary::Multiply, on - off);
            value = self.call.map(scale, value);
            value = self.call.map(Function::Scalar(Binary::Add, off), value);
        }
        value
    }

    pub(super) fn multi_hot(&mut self, classes: usize, axis: i64, kind: Kind) -> ValueId {
        let spec = self.output().with_kind(Kind::Bool);
        let rank = self.known(0).shape.rank();
        let value = self.is_class(classes, axis);
        let any = Function::Any {
            axis: usize::from(rank > 1),
            keepdims: false,
        };
        let value = self.function(any, value, spec);
        self.call.cast(value, kind)
    }

    pub(super) fn full_like(&mut self, number: f64, kind: Option<Kind>) -> ValueId {
        let input = self.value(0);
        let spec = self.spec(input);
        let kind = kind.unwrap_or(spec.kind);
        if kind == Kind::Bool {
            let function = match number == 0.0 {
                true => Function::ZerosMask,
                false => Function::OnesMask(spec.shape.rank()),
            };
            return self.function(function, input, spec.with_kind(Kind::Bool));
        }
        let input = self.call.cast(input, kind);
        self.call.map(Function::Full(number), input)
    }

    pub(super) fn create(&mut self, sizes: &[Size], number: f64, kind: Kind) -> ValueId {
        let spec = self.output();
        let mut tensors = Vec::new();
        let mut shape = Vec::with_capacity(sizes.len());
        for size in sizes {
            match size {
                Size::Known(size) => shape.push(i64::try_from(*size).unwrap_or(i64::MAX)),
                Size::Rest => shape.push(1),
                Size::Operand(operand) => {
                    tensors.push(self.value_as(*operand, Kind::Int));
                    shape.push(-2);
                }
            }
        }
        if tensors.is_empty() || shape.is_empty() {
            let value = self.filled(number, Kind::Float, shape.len());
            let float = spec.with_kind(Kind::Float);
            let value = match shape.is_empty() {
                true => value,
                false => self.function(Function::Expand(shape), value, float),
            };
            return self.call.cast(value, kind);
        }
        let function = Function::FullBy {
            sizes: shape,
            value: number,
        };
        let value = self.step(function, tensors, spec.with_kind(Kind::Float));
        self.call.cast(value, kind)
    }
}

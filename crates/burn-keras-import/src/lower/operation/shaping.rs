//! Operations that give elements other places.

use keras_ir::Problem;
use keras_ir::layer::operation::Operator;
use keras_ir::layer::operation::elementwise::Binary;
use keras_ir::layer::operation::indexing::Range;
use keras_ir::layer::operation::linear::Equation;
use keras_ir::layer::operation::reduction::Reduction;
use keras_ir::layer::operation::shaping::{Border, Order, Parts, Size, new_axes, squeezed};
use keras_ir::shape::{Kind, Shape, Spec};

use super::Context;
use crate::plan::{Function, ValueId};

fn integer(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

impl Context<'_, '_, '_> {
    pub(super) fn shaped(&mut self, operator: &Operator) -> Result<Vec<ValueId>, Problem> {
        let spec = self.output();
        let kind = spec.kind;
        let value = match operator {
            Operator::Reshape(sizes) => self.reshape(sizes),
            Operator::BatchFlatten => {
                let input = self.value(0);
                self.function(Function::Reshape(vec![0, -1]), input, spec)
            }
            Operator::Transpose(order) => {
                let input = self.value(0);
                let rank = self.known(0).shape.rank();
                self.transpose(input, order, rank)
            }
            Operator::ExpandDims(axes) => {
                let input = self.value(0);
                let rank = self.known(0).shape.rank();
                match new_axes(axes, rank).unwrap_or_default() {
                    // A number has an axis in Burn already.
                    places if rank == 0 => {
                        let others = (1..places.len()).collect();
                        self.expand(input, others, spec)
                    }
                    places => self.expand(input, places, spec),
                }
            }
            Operator::Squeeze(axes) => {
                let input = self.value(0);
                let gone = squeezed(&self.known(0).shape, axes.as_deref()).unwrap_or_default();
                self.squeeze(input, gone, spec)
            }
            Operator::Concatenate(axis) => {
                let values = self.values_as(kind);
                let axis = spec.shape.axis(*axis).unwrap_or(0);
                self.join(values, axis, spec)
            }
            Operator::Hstack => {
                let values = self.values_as(kind);
                let axis = usize::from(spec.shape.rank() > 1);
                self.join(values, axis, spec)
            }
            Operator::Vstack if self.known(0).shape.rank() > 1 => {
                let values = self.values_as(kind);
                self.join(values, 0, spec)
            }
            Operator::Vstack => self.stack(0),
            Operator::Stack(axis) => self.stack(*axis),
            Operator::Split { parts, axis } => return Ok(self.split(parts, *axis)),
            Operator::Unstack { axis, .. } => return Ok(self.unstack(*axis)),
            Operator::Tile(counts) => self.tile(counts)?,
            Operator::Repeat { counts, axis } => self.repeat(counts, *axis),
            Operator::Roll { shifts, axes } => self.roll(shifts, axes.as_deref()),
            Operator::Flip(axes) => {
                let mut value = self.value(0);
                for axis in self.axes(0, axes.as_deref()) {
                    value = self.call.map(Function::Reverse(axis), value);
                }
                value
            }
            Operator::BroadcastTo(sizes) => self.broadcast_to(sizes)?,
            Operator::Pad { widths, border } => self.pad(widths, *border)?,
            Operator::Triangle { upper, diagonal } => {
                let kind = kind.max(Kind::Int);
                let input = self.value_as(0, kind);
                let function = Function::Triangle {
                    upper: *upper,
                    diagonal: *diagonal,
                };
                let value = self.call.map(function, input);
                self.call.cast(value, spec.kind)
            }
            Operator::Diagonal { offset, axes } => self.diagonal(*offset, *axes)?,
            Operator::Trace { offset, axes } => {
                let value = self.diagonal(*offset, *axes)?;
                let last = self.call.rank(value) - 1;
                self.reduce(Reduction::Sum, value, &[last], false)?
            }
            Operator::Shape => {
                let input = self.value(0);
                self.function(Function::Sizes, input, spec)
            }
            Operator::Size => {
                let input = self.value(0);
                let sizes = Spec {
                    shape: Shape(vec![Some(self.known(0).shape.rank())]),
                    kind: Kind::Int,
                };
                let sizes = self.function(Function::Sizes, input, sizes);
                self.reduce(Reduction::Product, sizes, &[0], false)?
            }
            Operator::DepthToSpace(block) => {
                let input = self.value(0);
                self.function(Function::DepthToSpace(*block), input, spec)
            }
            Operator::SpaceToDepth(block) => {
                let input = self.value(0);
                self.function(Function::SpaceToDepth(*block), input, spec)
            }
            other => return self.unsupported("an operation", &format!("{other:?}")),
        };
        Ok(vec![value])
    }

    /// All operands in one kind.
    fn values_as(&mut self, kind: Kind) -> Vec<ValueId> {
        (0..self.count())
            .map(|operand| self.value_as(operand, kind))
            .collect()
    }

    fn reshape(&mut self, sizes: &[Size]) -> ValueId {
        let input = self.value(0);
        let spec = self.output();
        if sizes.is_empty() {
            // A number.
            return self.function(Function::Reshape(vec![1]), input, spec);
        }
        let tensors: Vec<usize> = { sizes.iter() }
            .filter_map(|size| match size {
                Size::Operand(operand) => Some(*operand),
                _ => None,
            })
            .collect();
        let has_rest = sizes.contains(&Size::Rest);
        let target = |of_tensor: i64| -> Vec<i64> {
            { sizes.iter() }
                .map(|size| match size {
                    Size::Known(size) => integer(*size),
                    Size::Rest => -1,
                    Size::Operand(_) => of_tensor,
                })
                .collect()
        };
        // One open size is what is left, whoever knows it.
        if tensors.len() + usize::from(has_rest) < 2 {
            return self.function(Function::Reshape(target(-1)), input, spec);
        }
        let mut inputs = vec![input];
        for operand in tensors {
            inputs.push(self.value_as(operand, Kind::Int));
        }
        self.step(Function::ReshapeBy(target(-2)), inputs, spec)
    }

    fn transpose(&mut self, input: ValueId, order: &Order, rank: usize) -> ValueId {
        match order.positions(rank) {
            Some(axes) if rank > 1 => self.call.permute(input, axes),
            _ => input,
        }
    }

    pub(super) fn expand(&mut self, input: ValueId, places: Vec<usize>, spec: Spec) -> ValueId {
        if places.is_empty() {
            return input;
        }
        self.function(Function::ExpandDims(places), input, spec)
    }

    pub(super) fn squeeze(&mut self, input: ValueId, gone: Vec<usize>, spec: Spec) -> ValueId {
        let mut gone = gone;
        if spec.shape.rank() == 0 {
            // One axis stays in Burn.
            gone.pop();
        }
        if gone.is_empty() {
            return input;
        }
        self.function(Function::Squeeze(gone), input, spec)
    }

    fn join(&mut self, values: Vec<ValueId>, axis: usize, spec: Spec) -> ValueId {
        match values.as_slice() {
            [one] => *one,
            _ => self.step(Function::Concatenate(axis), values, spec),
        }
    }

    fn stack(&mut self, axis: i64) -> ValueId {
        let spec = self.output();
        let place = spec.shape.axis(axis).unwrap_or(0);
        // Numbers have an axis in Burn already.
        let are_numbers = spec.shape.rank() == 1;
        let values = self.values_as(spec.kind).into_iter();
        let values: Vec<ValueId> = values
            .map(|value| {
                if are_numbers {
                    return value;
                }
                let mut of_part = self.spec(value);
                of_part.shape.0.insert(place, Some(1));
                self.expand(value, vec![place], of_part)
            })
            .collect();
        self.join(values, place, spec)
    }

    /// `start..end` of `axis`.
    pub(super) fn part(
        &mut self,
        value: ValueId,
        axis: usize,
        range: Range,
        size: Option<usize>,
    ) -> ValueId {
        let mut spec = self.spec(value);
        if range.is_whole() {
            return value;
        }
        let mut ranges = vec![Range::default(); spec.shape.rank()];
        ranges[axis] = range;
        spec.shape.0[axis] = size;
        self.function(Function::Slice(ranges), value, spec)
    }

    fn split(&mut self, parts: &Parts, axis: i64) -> Vec<ValueId> {
        let input = self.value(0);
        let axis = self.axis(0, axis);
        let size = self.known(0).shape.dim(axis);
        let bounds = parts.bounds(size).unwrap_or_default().into_iter();
        let parts = bounds.map(|(start, end)| {
            let range = Range::between(start, end);
            self.part(input, axis, range, Some(end - start))
        });
        parts.collect()
    }

    fn unstack(&mut self, axis: i64) -> Vec<ValueId> {
        let input = self.value(0);
        let axis = self.axis(0, axis);
        let outputs = self.outputs.clone().into_iter().enumerate();
        let parts = outputs.map(|(index, spec)| {
            let range = Range::between(index, index + 1);
            let part = self.part(input, axis, range, Some(1));
            self.squeeze(part, vec![axis], spec)
        });
        parts.collect()
    }

    fn tile(&mut self, counts: &[Size]) -> Result<ValueId, Problem> {
        let spec = self.output();
        let rank = spec.shape.rank();
        let input = self.value(0);
        let input = self.with_rank(input, rank);
        let mut all = vec![1; rank - counts.len()];
        for count in counts {
            match count {
                Size::Known(count) => all.push(*count),
                _ => return self.unsupported("numbers of repetitions", "a tensor"),
            }
        }
        if all.iter().all(|count| *count == 1) {
            return Ok(input);
        }
        Ok(self.function(Function::Tile(all), input, spec))
    }

    fn repeat(&mut self, counts: &[usize], axis: Option<i64>) -> ValueId {
        let spec = self.output();
        let mut input = self.value(0);
        if axis.is_none() {
            input = self.ravel(input);
        }
        let axis = axis.map_or(0, |axis| self.axis(0, axis));
        if let [count] = counts {
            let mut factors = vec![1; spec.shape.rank().max(1)];
            factors[axis] = *count;
            return self.function(Function::Repeat(factors), input, spec);
        }
        // Each element by its place.
        let places = counts.iter().enumerate();
        let places = places.flat_map(|(place, count)| std::iter::repeat_n(place, *count));
        let values: Vec<f64> = places.map(|place| integer(place) as f64).collect();
        let places = self.constant(keras_ir::layer::operation::Constant {
            shape: vec![values.len()],
            kind: Kind::Int,
            values,
        });
        self.step(Function::Take(axis), vec![input, places], spec)
    }

    fn roll(&mut self, shifts: &[i64], axes: Option<&[i64]>) -> ValueId {
        let input = self.value(0);
        let spec = self.spec(input);
        let Some(axes) = axes else {
            let row = self.ravel(input);
            let rolled = self.roll_axis(row, shifts[0], 0);
            let sizes = { spec.shape.0.iter() }.map(|size| size.map_or(-1, integer));
            let sizes: Vec<i64> = sizes.collect();
            let first = self.known(0).shape.rank() <= 1;
            return if first {
                rolled
            } else {
                self.function(Function::Reshape(sizes), rolled, spec)
            };
        };
        let mut value = input;
        for (index, axis) in axes.iter().enumerate() {
            let shift = shifts.get(index).or(shifts.first()).copied().unwrap_or(0);
            let axis = self.axis(0, *axis);
            value = self.roll_axis(value, shift, axis);
        }
        value
    }

    /// The elements behind the last `shift` ones come first.
    fn roll_axis(&mut self, value: ValueId, shift: i64, axis: usize) -> ValueId {
        let spec = self.spec(value);
        let size = spec.shape.dim(axis);
        let shift = match size.map(integer) {
            Some(size) if size > 0 => shift.rem_euclid(size),
            _ => shift,
        };
        if shift == 0 {
            return value;
        }
        let cut = Some(shift.saturating_neg());
        let last = Range {
            start: cut,
            ..Range::default()
        };
        let first = Range {
            stop: cut,
            ..Range::default()
        };
        let parts = [last, first].map(|range| {
            let size = size.map(|size| range.len(size));
            self.part(value, axis, range, size)
        });
        self.step(Function::Concatenate(axis), parts.into(), spec)
    }

    pub(super) fn diff(&mut self, times: usize, axis: i64) -> ValueId {
        let mut value = self.value(0);
        let axis = self.axis(0, axis);
        for _ in 0..times {
            let size = self.spec(value).shape.dim(axis);
            let less = size.map(|size| size.saturating_sub(1));
            let later = Range {
                start: Some(1),
                ..Range::default()
            };
            let earlier = Range {
                stop: Some(-1),
                ..Range::default()
            };
            let [later, earlier] =
                [later, earlier].map(|range| self.part(value, axis, range, less));
            value = self.pair(Function::Binary(Binary::Subtract), later, earlier);
        }
        value
    }

    fn broadcast_to(&mut self, sizes: &[Size]) -> Result<ValueId, Problem> {
        let spec = self.output();
        let input = self.value(0);
        let input = self.with_rank(input, spec.shape.rank());
        let mut target = Vec::with_capacity(sizes.len());
        for size in sizes {
            match size {
                Size::Known(size) => target.push(integer(*size)),
                Size::Rest => target.push(-1),
                Size::Operand(_) => return self.unsupported("sizes", "a tensor"),
            }
        }
        if target.is_empty() {
            return Ok(input);
        }
        Ok(self.function(Function::Expand(target), input, spec))
    }

    fn pad(&mut self, widths: &[(usize, usize)], border: Border) -> Result<ValueId, Problem> {
        let spec = self.output();
        let kind = spec.kind.max(Kind::Int);
        let rank = spec.shape.rank();
        let mut value = self.value_as(0, kind);
        let widths: Vec<(usize, usize)> = widths.iter().copied().cycle().take(rank).collect();
        if let Border::Constant(number) = border {
            let function = match (number == 0.0, kind) {
                (true, Kind::Float) => Function::Pad(widths),
                _ => Function::PadWith {
                    widths,
                    value: number,
                },
            };
            let value = self.function(function, value, spec.with_kind(kind));
            return Ok(self.call.cast(value, spec.kind));
        }
        for (axis, (before, after)) in widths.into_iter().enumerate() {
            value = self.mirror(value, axis, [before, after], border)?;
        }
        Ok(self.call.cast(value, spec.kind))
    }

    /// Elements of `value` itself before and after it along `axis`.
    fn mirror(
        &mut self,
        value: ValueId,
        axis: usize,
        [before, after]: [usize; 2],
        border: Border,
    ) -> Result<ValueId, Problem> {
        if before == 0 && after == 0 {
            return Ok(value);
        }
        let mut spec = self.spec(value);
        let size = spec.shape.dim(axis);
        let most = match border {
            Border::Reflect => size.map(|size| size.saturating_sub(1)),
            Border::Symmetric => size,
            _ => None,
        };
        if most.is_some_and(|most| before > most || after > most) {
            return self.unsupported("borders within the tensor", &spec.shape.to_string());
        }
        // How many of the outermost elements are left out.
        let skipped = integer(usize::from(border == Border::Reflect));
        let border_part = |context: &mut Self, width: usize, at_start: bool| {
            if width == 0 {
                return None;
            }
            let wide = integer(width);
            if border == Border::Edge {
                let edge = match at_start {
                    true => Range::between(0, 1),
                    false => Range {
                        start: Some(-1),
                        ..Range::default()
                    },
                };
                let edge = context.part(value, axis, edge, Some(1));
                let mut spec = context.spec(edge);
                spec.shape.0[axis] = Some(width);
                let mut factors = vec![1; spec.shape.rank()];
                factors[axis] = width;
                return Some(context.function(Function::Repeat(factors), edge, spec));
            }
            let range = match at_start {
                true => Range {
                    start: Some(skipped),
                    stop: Some(skipped + wide),
                    step: None,
                },
                false => Range {
                    start: Some(-skipped - wide),
                    stop: (skipped > 0).then_some(-skipped),
                    step: None,
                },
            };
            let part = context.part(value, axis, range, Some(width));
            Some(context.call.map(Function::Reverse(axis), part))
        };
        let first = border_part(self, before, true);
        let last = border_part(self, after, false);
        let parts = first.into_iter().chain([value]).chain(last).collect();
        spec.shape.0[axis] = size.map(|size| size + before + after);
        Ok(self.step(Function::Concatenate(axis), parts, spec))
    }

    /// The diagonal of matrices on two axes, as the last axis.
    fn diagonal(&mut self, offset: i64, axes: [i64; 2]) -> Result<ValueId, Problem> {
        let spec = self.known(0).clone();
        let kind = spec.kind.max(Kind::Int);
        let [row, column] = axes.map(|axis| spec.shape.axis(axis).unwrap_or(0));
        let gap = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
        let [below, above] = if offset < 0 { [gap, 0] } else { [0, gap] };
        let (Some(rows), Some(columns)) = (spec.shape.dim(row), spec.shape.dim(column)) else {
            return self.unsupported("matrices of known size", &spec.shape.to_string());
        };
        let length = rows
            .saturating_sub(below)
            .min(columns.saturating_sub(above));
        if length == 0 {
            return self.unsupported("a diagonal inside of the matrices", &offset.to_string());
        }
        let value = self.value_as(0, kind);
        let of_rows = Range::between(below, below + length);
        let value = self.part(value, row, of_rows, Some(length));
        let of_columns = Range::between(above, above + length);
        let value = self.part(value, column, of_columns, Some(length));
        // The same letter twice, and at the end of the result.
        let letters = ('a'..='z').take(spec.shape.rank());
        let letters: Vec<char> = letters
            .enumerate()
            .map(|(axis, letter)| match axis {
                axis if axis == row || axis == column => 'z',
                _ => letter,
            })
            .collect();
        let output = letters
            .iter()
            .filter(|letter| **letter != 'z')
            .chain(&['z']);
        let equation = Equation {
            operands: vec![letters.iter().collect()],
            output: output.collect(),
        };
        let mut shape: Vec<Option<usize>> = { spec.shape.0.iter().enumerate() }
            .filter(|(axis, _)| *axis != row && *axis != column)
            .map(|(_, size)| *size)
            .collect();
        shape.push(Some(length));
        let found = self.spec(value).with_shape(shape);
        let value = self.function(Function::Einsum(equation.to_string()), value, found);
        Ok(self.call.cast(value, spec.kind))
    }
}

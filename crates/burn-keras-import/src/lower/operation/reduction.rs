//! Operations that make fewer elements of many, and those that run along an axis.

use keras_ir::Problem;
use keras_ir::layer::operation::elementwise::{Binary, Comparison, Unary};
use keras_ir::layer::operation::indexing::Range;
use keras_ir::layer::operation::reduction::Reduction;
use keras_ir::shape::{Kind, Spec};

use super::Context;
use crate::plan::{Function, ReducedAxes, ValueId};

impl Context<'_, '_, '_> {
    /// `spec` without `axes`, or with 1 there.
    fn reduced(spec: &Spec, axes: &[usize], keepdims: bool) -> Spec {
        let sizes = spec.shape.0.iter().enumerate();
        let sizes = sizes.filter_map(|(axis, size)| match axes.contains(&axis) {
            true => keepdims.then_some(Some(1)),
            false => Some(*size),
        });
        spec.with_shape(sizes.collect())
    }

    /// A reduction that `burn-keras-nn` has.
    fn plain(
        &mut self,
        reduction: Reduction,
        value: ValueId,
        axes: &[usize],
        keepdims: bool,
    ) -> ValueId {
        let spec = self.spec(value);
        // A tensor of one element stays as it is.
        let nothing_left = !keepdims && axes.len() == spec.shape.rank();
        let spec = Self::reduced(&spec, axes, keepdims);
        let axes = ReducedAxes {
            axes: axes.to_vec(),
            keepdims: keepdims || (nothing_left && axes.len() == 1),
        };
        self.function(Function::Reduce { reduction, axes }, value, spec)
    }

    pub(super) fn reduce(
        &mut self,
        reduction: Reduction,
        value: ValueId,
        axes: &[usize],
        keepdims: bool,
    ) -> Result<ValueId, Problem> {
        let spec = self.spec(value);
        let Some(kind) = reduction.kind(spec.kind) else {
            return self.unsupported("numbers", "truths");
        };
        if axes.is_empty() {
            return self.reduce_nothing(reduction, value);
        }
        let float = |context: &mut Self| context.call.cast(value, Kind::Float);
        Ok(match reduction {
            Reduction::Sum | Reduction::Product | Reduction::Max | Reduction::Min => {
                let value = self.call.cast(value, kind);
                self.plain(reduction, value, axes, keepdims)
            }
            Reduction::Mean | Reduction::WholeMean => {
                let value = float(self);
                self.plain(Reduction::Mean, value, axes, keepdims)
            }
            Reduction::LogSumExp => {
                let value = float(self);
                self.plain(reduction, value, axes, keepdims)
            }
            Reduction::Any => {
                let value = self.call.cast(value, Kind::Bool);
                self.any(value, axes, keepdims)
            }
            Reduction::All => {
                let value = self.call.cast(value, Kind::Bool);
                let value = self.call.map(Function::Not, value);
                let value = self.any(value, axes, keepdims);
                self.call.map(Function::Not, value)
            }
            Reduction::CountNonzero => {
                let value = self.call.cast(value, Kind::Bool);
                let value = self.call.cast(value, Kind::Int);
                self.plain(Reduction::Sum, value, axes, keepdims)
            }
            Reduction::Variance => {
                let value = float(self);
                self.variance(value, axes, keepdims)
            }
            Reduction::Deviation => {
                let value = float(self);
                let value = self.variance(value, axes, keepdims);
                self.call.map(Function::Unary(Unary::Sqrt), value)
            }
            Reduction::Span => {
                let largest = self.plain(Reduction::Max, value, axes, keepdims);
                let smallest = self.plain(Reduction::Min, value, axes, keepdims);
                self.pair(Function::Binary(Binary::Subtract), largest, smallest)
            }
            Reduction::Norm(order) => {
                let value = float(self);
                self.norm(value, order, axes, keepdims)
            }
            Reduction::Median => {
                let value = float(self);
                match axes {
                    [_] => self.plain(reduction, value, axes, keepdims),
                    _ if axes.len() == spec.shape.rank() && !keepdims => {
                        let value = self.ravel(value);
                        self.plain(reduction, value, &[0], false)
                    }
                    _ => return self.unsupported("a median along one axis or all", "several"),
                }
            }
        })
    }

    /// Over no axes at all, each element is what is reduced.
    fn reduce_nothing(&mut self, reduction: Reduction, value: ValueId) -> Result<ValueId, Problem> {
        match reduction {
            Reduction::Sum | Reduction::Product | Reduction::Max | Reduction::Min => Ok(value),
            Reduction::Mean | Reduction::WholeMean | Reduction::LogSumExp | Reduction::Median => {
                Ok(self.call.cast(value, Kind::Float))
            }
            Reduction::Any | Reduction::All => Ok(self.call.cast(value, Kind::Bool)),
            _ => self.unsupported("axes to reduce", "none"),
        }
    }

    /// Whether any element of a mask is true, one axis after the other.
    fn any(&mut self, value: ValueId, axes: &[usize], keepdims: bool) -> ValueId {
        let mut value = value;
        for axis in axes.iter().rev() {
            let spec = self.spec(value);
            let keepdims = keepdims || spec.shape.rank() == 1;
            let function = Function::Any {
                axis: *axis,
                keepdims,
            };
            value = self.function(function, value, Self::reduced(&spec, &[*axis], keepdims));
        }
        value
    }

    fn variance(&mut self, value: ValueId, axes: &[usize], keepdims: bool) -> ValueId {
        let mean = self.plain(Reduction::Mean, value, axes, true);
        let distance = self.pair(Function::Binary(Binary::Subtract), value, mean);
        let square = self.call.map(Function::Unary(Unary::Square), distance);
        self.plain(Reduction::Mean, square, axes, keepdims)
    }

    pub(super) fn norm(
        &mut self,
        value: ValueId,
        order: f64,
        axes: &[usize],
        keepdims: bool,
    ) -> ValueId {
        if order == 2.0 {
            let square = self.call.map(Function::Unary(Unary::Square), value);
            let sum = self.plain(Reduction::Sum, square, axes, keepdims);
            return self.call.map(Function::Unary(Unary::Sqrt), sum);
        }
        let size = self.call.map(Function::Unary(Unary::Absolute), value);
        if order.is_infinite() {
            let reduction = if order > 0.0 {
                Reduction::Max
            } else {
                Reduction::Min
            };
            return self.plain(reduction, size, axes, keepdims);
        }
        if order == 1.0 {
            return self.plain(Reduction::Sum, size, axes, keepdims);
        }
        let power = self.call.map(Function::Scalar(Binary::Power, order), size);
        let sum = self.plain(Reduction::Sum, power, axes, keepdims);
        let root = Function::Scalar(Binary::Power, 1.0 / order);
        self.call.map(root, sum)
    }

    pub(super) fn average(&mut self, axis: Option<i64>) -> Result<ValueId, Problem> {
        let x = self.value_as(0, Kind::Float);
        let axes = axis.map(|axis| vec![axis]);
        let axes = self.axes(0, axes.as_deref());
        if self.count() == 1 {
            return self.reduce(Reduction::Mean, x, &axes, false);
        }
        let mut weights = self.value_as(1, Kind::Float);
        let rank = self.call.rank(x);
        if let ([axis], true) = (axes.as_slice(), self.call.rank(weights) < rank) {
            weights = self.along_axis(weights, *axis, rank);
        }
        let weighted = self.pair(Function::Binary(Binary::Multiply), x, weights);
        let sum = self.plain(Reduction::Sum, weighted, &axes, false);
        let total = self.plain(Reduction::Sum, weights, &axes, false);
        Ok(self.pair(Function::Binary(Binary::Divide), sum, total))
    }

    /// A vector along `axis` of a tensor of `rank`.
    pub(super) fn along_axis(&mut self, vector: ValueId, axis: usize, rank: usize) -> ValueId {
        let spec = self.spec(vector);
        let mut shape = vec![Some(1); rank];
        shape[axis] = spec.shape.dim(0);
        let axes: Vec<usize> = (0..rank).filter(|at| *at != axis).collect();
        if axes.is_empty() {
            return vector;
        }
        self.function(Function::ExpandDims(axes), vector, spec.with_shape(shape))
    }

    pub(super) fn moments(
        &mut self,
        axes: &[i64],
        keepdims: bool,
    ) -> Result<Vec<ValueId>, Problem> {
        let x = self.value_as(0, Kind::Float);
        let axes = self.axes(0, Some(axes));
        if axes.is_empty() {
            return self.unsupported("axes to reduce", "none");
        }
        let mean = self.plain(Reduction::Mean, x, &axes, keepdims);
        Ok(vec![mean, self.variance(x, &axes, keepdims)])
    }

    pub(super) fn arg_reduce(
        &mut self,
        largest: bool,
        axis: Option<i64>,
        keepdims: bool,
    ) -> ValueId {
        let rank = self.known(0).shape.rank();
        let mut input = self.value(0);
        let axis = match axis {
            Some(axis) => self.axis(0, axis),
            None => {
                input = self.ravel(input);
                0
            }
        };
        let spec = self.spec(input).with_kind(Kind::Int);
        let spec = Self::reduced(&spec, &[axis], true);
        let place = self.function(Function::ArgReduce { largest, axis }, input, spec.clone());
        let output = self.output();
        match (keepdims, spec.shape.rank()) {
            // The place among all elements, with as many axes as they had.
            (true, 1) => self.with_rank(place, rank),
            (true, _) | (false, 1) => place,
            _ => self.function(Function::Squeeze(vec![axis]), place, output),
        }
    }

    pub(super) fn cumulative(
        &mut self,
        product: bool,
        axis: Option<i64>,
        exclusive: bool,
        reverse: bool,
    ) -> ValueId {
        let kind = self.output().kind;
        let mut value = self.value_as(0, kind);
        let axis = match axis {
            Some(axis) => self.axis(0, axis),
            None => {
                value = self.ravel(value);
                0
            }
        };
        if reverse {
            value = self.call.map(Function::Reverse(axis), value);
        }
        if exclusive {
            // Without its own element: what is neutral comes first, the last one goes.
            let spec = self.spec(value);
            let rank = spec.shape.rank();
            let mut widths = vec![(0, 0); rank];
            widths[axis] = (1, 0);
            let mut longer = spec.clone();
            longer.shape.0[axis] = longer.shape.0[axis].map(|size| size + 1);
            let pad = Function::PadWith {
                widths,
                value: f64::from(u8::from(product)),
            };
            value = self.function(pad, value, longer);
            let mut ranges = vec![Range::default(); rank];
            ranges[axis].stop = Some(-1);
            value = self.function(Function::Slice(ranges), value, spec);
        }
        value = self.call.map(Function::Cumulative { product, axis }, value);
        if reverse {
            value = self.call.map(Function::Reverse(axis), value);
        }
        value
    }

    /// How many elements are greater than, or as great as, each of others.
    pub(super) fn count_true(
        &mut self,
        comparison: Comparison,
        a: ValueId,
        b: ValueId,
        axis: usize,
    ) -> ValueId {
        let values = self.aligned(vec![a, b]);
        let spec = Spec {
            shape: self.together(&values),
            kind: Kind::Bool,
        };
        let truths = self.step(Function::Compare(comparison), values, spec);
        let numbers = self.call.cast(truths, Kind::Int);
        self.plain(Reduction::Sum, numbers, &[axis], false)
    }
}

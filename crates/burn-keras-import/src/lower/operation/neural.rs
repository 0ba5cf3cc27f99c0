//! Operations of networks that work along axes or over windows.

use keras_ir::Problem;
use keras_ir::layer::config::DataFormat;
use keras_ir::layer::operation::Constant;
use keras_ir::layer::operation::elementwise::{Binary, Unary};
use keras_ir::layer::operation::neural::{Along, Sliding};
use keras_ir::layer::operation::reduction::Reduction;
use keras_ir::layer::resizing::Interpolation;
use keras_ir::shape::Kind;

use super::super::pooling::channels_first;
use super::Context;
use crate::plan::{Function, PoolWindow, ValueId};

impl Context<'_, '_, '_> {
    pub(super) fn along(&mut self, which: Along, axes: &[i64]) -> Result<ValueId, Problem> {
        let spec = self.output();
        let input = self.value_as(0, Kind::Float);
        let axes = self.axes(0, Some(axes));
        let function = match (which, axes.as_slice()) {
            (Along::Softmax, [axis]) => Function::Softmax(*axis),
            (Along::LogSoftmax, [axis]) => Function::LogSoftmax(*axis),
            (Along::Sparsemax, [axis]) => Function::Sparsemax(*axis),
            (Along::Glu, [axis]) => Function::Glu(*axis),
            (Along::Softmax, axes) if !axes.is_empty() => Function::SoftmaxAxes(axes.to_vec()),
            _ => return self.unsupported("axes", "none"),
        };
        Ok(self.function(function, input, spec))
    }

    pub(super) fn normalize(&mut self, axes: Option<&[i64]>, order: f64, least: f64) -> ValueId {
        let input = self.value_as(0, Kind::Float);
        let axes = self.axes(0, axes);
        if order == 2.0 {
            let least_square = least * least;
            return self
                .call
                .map(Function::L2Normalize { axes, least_square }, input);
        }
        let norm = self.norm(input, order, &axes, true);
        let rank = self.call.rank(norm);
        let least = self.filled(least, Kind::Float, rank);
        let norm = self.pair(Function::Binary(Binary::Maximum), norm, least);
        self.pair(Function::Binary(Binary::Divide), input, norm)
    }

    pub(super) fn pool(&mut self, average: bool, window: &Sliding) -> Result<ValueId, Problem> {
        let output = self.output();
        let input = self.value_as(0, Kind::Float);
        let format = window.data_format;
        let Some((size, strides)) = window.expanded(output.shape.rank()) else {
            return self.unsupported("an image", &output.shape.to_string());
        };
        let window = PoolWindow {
            size,
            strides,
            same: window.same,
        };
        let function = match average {
            true => Function::AveragePool(window),
            false => Function::MaxPool(window),
        };
        let value = self.call.channels_first(input, format);
        let value = self.function(function, value, channels_first(output, format));
        Ok(self.call.restore_channels(value, format))
    }

    pub(super) fn batch_norm(
        &mut self,
        axis: i64,
        epsilon: f64,
        offset: bool,
        scale: bool,
    ) -> ValueId {
        let x = self.value_as(0, Kind::Float);
        let rank = self.call.rank(x);
        let axis = self.axis(0, axis);
        let mut of_axis = |operand: usize| {
            let value = self.value_as(operand, Kind::Float);
            self.along_axis(value, axis, rank)
        };
        let (mean, variance) = (of_axis(1), of_axis(2));
        let scale_value = scale.then(|| of_axis(if offset { 4 } else { 3 }));
        let offset_value = offset.then(|| of_axis(3));
        let variance = self
            .call
            .map(Function::Scalar(Binary::Add, epsilon), variance);
        let mut factor = self.call.map(Function::Unary(Unary::Rsqrt), variance);
        if let Some(scale) = scale_value {
            factor = self.pair(Function::Binary(Binary::Multiply), factor, scale);
        }
        let distance = self.pair(Function::Binary(Binary::Subtract), x, mean);
        let value = self.pair(Function::Binary(Binary::Multiply), distance, factor);
        match offset_value {
            Some(offset) => self.pair(Function::Binary(Binary::Add), value, offset),
            None => value,
        }
    }

    pub(super) fn resize(
        &mut self,
        size: &[usize],
        interpolation: Interpolation,
        antialias: bool,
        format: DataFormat,
    ) -> ValueId {
        let output = self.output();
        let input = self.value_as(0, Kind::Float);
        let value = self.call.channels_first(input, format);
        let function = Function::Resize {
            size: size.to_vec(),
            interpolation,
            antialias,
        };
        let value = self.function(function, value, channels_first(output, format));
        self.call.restore_channels(value, format)
    }

    /// The brightness of red, green and blue: TensorFlow's weights.
    pub(super) fn grayscale(&mut self, format: DataFormat) -> ValueId {
        let input = self.value_as(0, Kind::Float);
        let rank = self.call.rank(input);
        let channels = format.channel_axis(rank);
        let mut shape = vec![1; rank];
        shape[channels] = 3;
        let weights = self.constant(Constant {
            shape,
            kind: Kind::Float,
            values: vec![0.2989, 0.587, 0.114],
        });
        let weighted = self.pair(Function::Binary(Binary::Multiply), input, weights);
        self.sum_of(weighted, channels)
    }

    /// The sum along `axis`, which stays.
    fn sum_of(&mut self, value: ValueId, axis: usize) -> ValueId {
        let reduced = self.reduce(Reduction::Sum, value, &[axis], true);
        reduced.unwrap_or(value)
    }
}

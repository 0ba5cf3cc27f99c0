//! Operations of networks that work along axes or over windows.

use keras_ir::Problem;
use keras_ir::layer::config::DataFormat;
use keras_ir::layer::convolution::Padding;
use keras_ir::layer::operation::Constant;
use keras_ir::layer::operation::elementwise::{Binary, Unary};
use keras_ir::layer::operation::neural::{Along, Sliding, Statistics};
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
            padding: match window.same {
                true => Padding::Same,
                false => Padding::Valid,
            },
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

    pub(super) fn normalization(
        &mut self,
        axes: &[i64],
        epsilon: f64,
        statistics: Statistics,
        [scale, offset]: [bool; 2],
    ) -> Result<ValueId, Problem> {
        let mut value = self.value_as(0, Kind::Float);
        let axes = self.axes(0, Some(axes));
        let square = match statistics {
            Statistics::MeanSquare => {
                let square = self.call.map(Function::Unary(Unary::Square), value);
                self.reduce(Reduction::Mean, square, &axes, true)?
            }
            _ => self.reduce(Reduction::Variance, value, &axes, true)?,
        };
        if statistics == Statistics::MeanAndVariance {
            let mean = self.reduce(Reduction::Mean, value, &axes, true)?;
            value = self.pair(Function::Binary(Binary::Subtract), value, mean);
        }
        let square = self
            .call
            .map(Function::Scalar(Binary::Add, epsilon), square);
        let factor = self.call.map(Function::Unary(Unary::Rsqrt), square);
        value = self.pair(Function::Binary(Binary::Multiply), value, factor);
        if scale {
            let scale = self.along_axes(1, &axes)?;
            value = self.pair(Function::Binary(Binary::Multiply), value, scale);
        }
        if offset {
            let offset = self.along_axes(1 + usize::from(scale), &axes)?;
            value = self.pair(Function::Binary(Binary::Add), value, offset);
        }
        Ok(value)
    }

    /// An operand with an axis for each of `axes` of the first operand.
    fn along_axes(&mut self, operand: usize, axes: &[usize]) -> Result<ValueId, Problem> {
        let value = self.value_as(operand, Kind::Float);
        let rank = self.known(0).shape.rank();
        let spec = self.spec(value);
        let own = spec.shape.rank();
        let behind = axes.iter().copied().eq(rank.saturating_sub(own)..rank);
        if own == rank || behind {
            return Ok(value);
        }
        if own != axes.len() {
            return self.unsupported("a number for each feature", &spec.shape.to_string());
        }
        let mut shape = vec![Some(1); rank];
        for (axis, size) in axes.iter().zip(&spec.shape.0) {
            shape[*axis] = *size;
        }
        let new = (0..rank).filter(|axis| !axes.contains(axis)).collect();
        Ok(self.expand(value, new, spec.with_shape(shape)))
    }

    /// Softmax of the products of queries and keys `(batch, steps, heads, features)`, times values.
    pub(super) fn attention(
        &mut self,
        scale: Option<f64>,
        causal: bool,
        [bias, mask]: [bool; 2],
    ) -> Result<ValueId, Problem> {
        let output = self.output();
        let [query, key, value] = [0, 1, 2].map(|operand| self.value_as(operand, Kind::Float));
        let features = self.known(0).shape.last();
        let Some(scale) = scale.or_else(|| features.map(|features| 1.0 / (features as f64).sqrt()))
        else {
            return self.unsupported("a known number of features", "none");
        };
        let (of_query, of_key) = (self.known(0).shape.clone(), self.known(1).shape.clone());
        let products = output.with_shape(vec![
            of_query.dim(0),
            of_query.dim(2),
            of_query.dim(1),
            of_key.dim(1),
        ]);
        let equation = Function::Einsum("btnh,bsnh->bnts".into());
        let mut logits = self.step(equation, vec![query, key], products.clone());
        logits = self
            .call
            .map(Function::Scalar(Binary::Multiply, scale), logits);
        if bias {
            let bias = self.value_as(3, Kind::Float);
            logits = self.pair(Function::Binary(Binary::Add), logits, bias);
        }
        let mut keep = mask.then(|| self.value_as(3 + usize::from(bias), Kind::Bool));
        if causal {
            let sizes = vec![Some(1), of_query.dim(1), of_key.dim(1)];
            let spec = products.with_shape(sizes).with_kind(Kind::Bool);
            let earlier = self.step(Function::Causal(1), vec![query, key], spec);
            keep = Some(match keep {
                Some(keep) => {
                    let [keep, earlier] = [keep, earlier].map(|mask| self.with_rank(mask, 4));
                    self.truths(Function::And, keep, earlier)
                }
                None => earlier,
            });
        }
        if let Some(keep) = keep {
            // Keras 3.15, `_apply_masks`.
            let low = self.filled(-0.7 * f64::from(f32::MAX), Kind::Float, 4);
            logits = self.choose(keep, logits, low);
        }
        let weights = self.call.map(Function::Softmax(3), logits);
        let equation = Function::Einsum("bnts,bsnh->btnh".into());
        Ok(self.step(equation, vec![weights, value], output))
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

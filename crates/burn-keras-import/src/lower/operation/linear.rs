//! Products of tensors.

use keras_ir::Problem;
use keras_ir::layer::operation::linear::Product;
use keras_ir::shape::Shape;

use super::Context;
use crate::plan::{Function, ValueId};

impl Context<'_, '_, '_> {
    pub(super) fn matmul(&mut self, transpose: [bool; 2]) -> ValueId {
        let output = self.output();
        let kind = output.kind;
        let mut sides = [0, 1].map(|operand| {
            let value = self.value_as(operand, kind);
            let rank = self.call.rank(value);
            if transpose[operand] && rank > 1 {
                let mut axes: Vec<usize> = (0..rank).collect();
                axes.swap(rank - 1, rank - 2);
                self.call.permute(value, axes)
            } else {
                value
            }
        });
        // A vector is a row in front and a column behind.
        let is_vector = sides.map(|value| self.call.rank(value) == 1);
        for (operand, place) in [(0, 0), (1, 1)] {
            if is_vector[operand] {
                let mut spec = self.spec(sides[operand]);
                spec.shape.0.insert(place, Some(1));
                sides[operand] = self.expand(sides[operand], vec![place], spec);
            }
        }
        let sides = self.aligned(sides.into());
        let [a, b] = [0, 1].map(|side| self.spec(sides[side]).shape.0);
        let batch = a.len() - 2;
        let of_batch = [Shape(a[..batch].to_vec()), Shape(b[..batch].to_vec())];
        let together = keras_ir::layer::operation::broadcast(&[&of_batch[0], &of_batch[1]]);
        let mut shape = together.unwrap_or_default().0;
        shape.extend([a[batch], b[batch + 1]]);
        let value = self.step(Function::Matmul, sides, output.with_shape(shape));
        let gone = [(0, batch), (1, batch + 1)].into_iter();
        let gone = gone.filter(|(operand, _)| is_vector[*operand]);
        let gone = gone.map(|(_, axis)| axis).collect();
        self.squeeze(value, gone, output)
    }

    pub(super) fn product(&mut self, product: &Product) -> Result<ValueId, Problem> {
        let output = self.output();
        let ranks: Vec<usize> = (0..self.count())
            .map(|operand| self.known(operand).shape.rank())
            .collect();
        let Some(equation) = product.equation(&ranks).filter(|_| ranks.len() < 3) else {
            return self.unsupported("one tensor or two", "others");
        };
        let values = (0..self.count())
            .map(|operand| self.value_as(operand, output.kind))
            .collect();
        Ok(self.step(Function::Einsum(equation.to_string()), values, output))
    }
}

//! Operations that put elements in order, or find their places.

use keras_ir::Problem;
use keras_ir::layer::operation::elementwise::Comparison;
use keras_ir::layer::operation::indexing::Range;
use keras_ir::shape::Kind;

use super::Context;
use crate::plan::{Function, ValueId};

impl Context<'_, '_, '_> {
    pub(super) fn sort(&mut self, axis: i64, descending: bool) -> ValueId {
        let input = self.value(0);
        let axis = self.axis(0, axis);
        self.call.map(Function::Sort { axis, descending }, input)
    }

    pub(super) fn argsort(&mut self, axis: i64, descending: bool) -> ValueId {
        let input = self.value(0);
        let axis = self.axis(0, axis);
        let spec = self.spec(input).with_kind(Kind::Int);
        self.function(Function::Argsort { axis, descending }, input, spec)
    }

    pub(super) fn top_k(&mut self, count: usize) -> Vec<ValueId> {
        let sorted = [self.sort(-1, true), self.argsort(-1, true)];
        let axis = self.axis(0, -1);
        let range = Range::between(0, count);
        let best = sorted.map(|value| self.part(value, axis, range, Some(count)));
        best.into()
    }

    pub(super) fn search_sorted(&mut self, right: bool) -> Result<ValueId, Problem> {
        let rank = self.known(0).shape.rank();
        if rank == 0 {
            return self.unsupported("a tensor", "a number");
        }
        let kind = self.known(0).kind.max(self.known(1).kind);
        let [x, sorted] = [0, 1].map(|operand| self.value_as(operand, kind));
        let mut spec = self.spec(x);
        spec.shape.0.push(Some(1));
        let x = self.expand(x, vec![rank], spec);
        let comparison = if right {
            Comparison::GreaterEqual
        } else {
            Comparison::Greater
        };
        Ok(self.count_true(comparison, x, sorted, rank))
    }
}

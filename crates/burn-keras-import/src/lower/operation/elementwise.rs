//! Operations that work element by element.

use keras_ir::Activation;
use keras_ir::layer::operation::elementwise::{Binary, Comparison, Logic, Test, Unary};
use keras_ir::shape::{Kind, Spec};

use super::Context;
use crate::plan::{Function, ValueId, has_scalar};

impl Context<'_, '_, '_> {
    pub(super) fn unary(&mut self, unary: Unary) -> ValueId {
        let kind = self.output().kind;
        let input = self.value_as(0, kind);
        if kind == Kind::Int && matches!(unary, Unary::Round | Unary::Trunc) {
            return input;
        }
        self.call.map(Function::Unary(unary), input)
    }

    /// `function` of two values of one kind, whose sizes are broadcast.
    pub(super) fn pair(&mut self, function: Function, a: ValueId, b: ValueId) -> ValueId {
        let values = self.aligned(vec![a, b]);
        let spec = Spec {
            shape: self.together(&values),
            kind: self.spec(a).kind,
        };
        self.step(function, values, spec)
    }

    /// `function` of two values, which gives truths.
    pub(super) fn truths(&mut self, function: Function, a: ValueId, b: ValueId) -> ValueId {
        let values = self.aligned(vec![a, b]);
        let spec = Spec {
            shape: self.together(&values),
            kind: Kind::Bool,
        };
        self.step(function, values, spec)
    }

    pub(super) fn binary(&mut self, binary: Binary) -> ValueId {
        let kind = self.output().kind;
        if kind == Kind::Bool {
            // Sums and maxima of truths are whether either is true, the others whether both are.
            let [a, b] = [0, 1].map(|operand| self.value(operand));
            let function = match binary {
                Binary::Add | Binary::Maximum => Function::Or,
                _ => Function::And,
            };
            return self.truths(function, a, b);
        }
        match (self.number(0), self.number(1)) {
            (None, Some(number)) if has_scalar(binary, kind) => {
                let input = self.value_as(0, kind);
                self.call.map(Function::Scalar(binary, number), input)
            }
            (Some(number), None) if matches!(binary, Binary::Add | Binary::Multiply) => {
                let input = self.value_as(1, kind);
                self.call.map(Function::Scalar(binary, number), input)
            }
            (Some(number), None) if binary == Binary::Subtract => {
                let input = self.value_as(1, kind);
                let input = self.call.map(Function::Unary(Unary::Negative), input);
                self.call.map(Function::Scalar(Binary::Add, number), input)
            }
            _ => {
                let [a, b] = [0, 1].map(|operand| self.value_as(operand, kind));
                self.pair(Function::Binary(binary), a, b)
            }
        }
    }

    pub(super) fn add_all(&mut self) -> ValueId {
        let kind = self.output().kind;
        let mut sum = self.value_as(0, kind);
        for operand in 1..self.count() {
            let other = self.value_as(operand, kind);
            sum = self.pair(Function::Binary(Binary::Add), sum, other);
        }
        sum
    }

    pub(super) fn compare(&mut self, comparison: Comparison) -> ValueId {
        // Truths are compared as numbers.
        let kind = { [0, 1].into_iter() }
            .map(|operand| self.known(operand).kind)
            .max();
        let kind = kind.unwrap_or(Kind::Float).max(Kind::Int);
        if let (None, Some(number)) = (self.number(0), self.number(1)) {
            let input = self.value_as(0, kind);
            let spec = self.spec(input).with_kind(Kind::Bool);
            // A mask of ids or features.
            let function = match comparison {
                Comparison::NotEqual => Function::NotEqual(number),
                _ => Function::CompareScalar(comparison, number),
            };
            return self.function(function, input, spec);
        }
        let [a, b] = [0, 1].map(|operand| self.value_as(operand, kind));
        self.truths(Function::Compare(comparison), a, b)
    }

    pub(super) fn logic(&mut self, logic: Logic) -> ValueId {
        let [a, b] = [0, 1].map(|operand| self.value_as(operand, Kind::Bool));
        let function = match logic {
            Logic::And => Function::And,
            Logic::Or => Function::Or,
            Logic::Xor => Function::Xor,
        };
        self.truths(function, a, b)
    }

    pub(super) fn test(&mut self, test: Test) -> ValueId {
        let input = self.value_as(0, Kind::Float);
        let spec = self.spec(input).with_kind(Kind::Bool);
        self.function(Function::Test(test), input, spec)
    }

    /// `x` where `keep` is true, else `other`; all are broadcast.
    pub(super) fn choose(&mut self, keep: ValueId, x: ValueId, other: ValueId) -> ValueId {
        let kind = self.spec(x).kind;
        let values = self.aligned(vec![x, keep, other]);
        let spec = Spec {
            shape: self.together(&values),
            kind,
        };
        self.step(Function::Where, values, spec)
    }

    pub(super) fn select(&mut self) -> ValueId {
        let kind = self.output().kind;
        let keep = self.value_as(0, Kind::Bool);
        let [x, other] = [1, 2].map(|operand| self.value_as(operand, kind));
        self.choose(keep, x, other)
    }

    pub(super) fn clip(&mut self, least: f64, most: f64) -> ValueId {
        let kind = self.output().kind;
        let input = self.value_as(0, kind);
        let bound = |value: f64| value.is_finite().then_some(value);
        let function = Function::Clip {
            least: bound(least),
            most: bound(most),
        };
        self.call.map(function, input)
    }

    pub(super) fn nan_to_num(&mut self, [nan, infinity, minus_infinity]: [f64; 3]) -> ValueId {
        let input = self.value(0);
        let spec = self.spec(input);
        if spec.kind != Kind::Float {
            return input;
        }
        let truth = spec.with_kind(Kind::Bool);
        let rank = spec.shape.rank();
        let mut value = input;
        for (function, number) in [
            (Function::Test(Test::Nan), nan),
            (
                Function::CompareScalar(Comparison::Equal, f64::INFINITY),
                infinity,
            ),
            (
                Function::CompareScalar(Comparison::Equal, f64::NEG_INFINITY),
                minus_infinity,
            ),
        ] {
            let is_found = self.function(function, input, truth.clone());
            let number = self.filled(number, Kind::Float, rank);
            value = self.choose(is_found, number, value);
        }
        value
    }

    pub(super) fn activation(&mut self, activation: Activation) -> ValueId {
        let kind = self.output().kind;
        let input = self.value_as(0, kind);
        if kind == Kind::Int {
            let most = (activation == Activation::Relu6).then_some(6.0);
            let least = Some(0.0);
            return self.call.map(Function::Clip { least, most }, input);
        }
        self.call.activate(input, activation)
    }
}

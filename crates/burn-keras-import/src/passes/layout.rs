//! Where axes are permuted.
//!
//! Lowering puts a permutation before and after everything that Burn wants channels-first. This
//! pass carries permutations forward instead of doing them: a value is kept as it lies in memory,
//! with the permutation that would make it what Keras means. Permutations that meet cancel;
//! functions that work element by element, or along axes that can be renamed, take the value as it
//! lies; only what depends on the order of axes makes it be done. A network of convolutions is
//! channels-first from its first to its last one.

use std::collections::HashMap;

use keras_ir::layer::operation::reduction::Reduction;
use keras_ir::shape::Spec;

use crate::plan::{Body, Function, Module, Operation, ReducedAxes, Step, Value, ValueId};

/// A value of the old body in the new one: axis `i` of what is meant is axis `axes[i]` of `value`.
#[derive(Clone)]
struct Lying {
    value: ValueId,
    axes: Vec<usize>,
}

impl Lying {
    fn is_straight(&self) -> bool {
        self.axes.iter().copied().eq(0..self.axes.len())
    }
}

/// How a step takes permuted inputs.
enum Rule {
    /// All inputs in the same order, and the output in it too; axes in the function are renamed.
    Carries(Operation),
    /// One input; these axes are reduced.
    Reduces(ReducedAxes, Box<dyn Fn(ReducedAxes) -> Function>),
    /// As Keras means them.
    Fixed,
}

/// Moves and cancels the permutations of `body`.
pub(crate) fn layout(body: &mut Body, is_elementwise: &dyn Fn(&Operation) -> bool) {
    let old = std::mem::take(body);
    let mut pass = Pass {
        values: Vec::with_capacity(old.values.len()),
        steps: Vec::with_capacity(old.steps.len()),
        lying: HashMap::with_capacity(old.values.len()),
        is_elementwise,
    };
    let inputs = old.inputs.iter().map(|id| pass.keep(&old, *id)).collect();
    let input_masks = old
        .input_masks
        .iter()
        .map(|id| id.map(|id| pass.keep(&old, id)))
        .collect();
    let states = old.states.iter().map(|state| state.input);
    let kept_states: HashMap<ValueId, ValueId> =
        states.map(|id| (id, pass.keep(&old, id))).collect();
    for step in &old.steps {
        pass.step(&old, step);
    }
    let mut outputs = old.outputs.clone();
    for output in &mut outputs {
        output.value = pass.straight(output.value, &output.keras_name);
        output.mask = output
            .mask
            .map(|mask| pass.straight(mask, &output.keras_name));
    }
    let mut states = old.states.clone();
    for state in &mut states {
        state.input = kept_states[&state.input];
        state.output = pass.straight(state.output, &state.keras_name);
    }
    *body = Body {
        name: old.name,
        inputs,
        input_names: old.input_names,
        input_masks,
        values: pass.values,
        steps: pass.steps,
        outputs,
        states,
        training: old.training,
    };
}

struct Pass<'a> {
    values: Vec<Value>,
    steps: Vec<Step>,
    lying: HashMap<ValueId, Lying>,
    is_elementwise: &'a dyn Fn(&Operation) -> bool,
}

impl Pass<'_> {
    fn value(&mut self, name: &str, spec: Spec) -> ValueId {
        self.values.push(Value {
            name: name.to_owned(),
            spec,
        });
        ValueId(self.values.len() - 1)
    }

    /// A value of the old body as it is, straight.
    fn keep(&mut self, old: &Body, id: ValueId) -> ValueId {
        let of_old = old.value(id);
        let value = self.value(&of_old.name, of_old.spec.clone());
        let axes = (0..of_old.rank()).collect();
        self.lying.insert(id, Lying { value, axes });
        value
    }

    /// The new value of `id` with its axes as Keras means them.
    fn straight(&mut self, id: ValueId, layer: &str) -> ValueId {
        let lying = self.lying[&id].clone();
        if lying.is_straight() {
            return lying.value;
        }
        let value = self.permuted(&lying, &lying.axes.clone(), layer);
        // Whoever needs it next finds it done.
        let axes = (0..lying.axes.len()).collect();
        self.lying.insert(id, Lying { value, axes });
        value
    }

    /// A step that permutes `lying.value` by `axes`.
    fn permuted(&mut self, lying: &Lying, axes: &[usize], layer: &str) -> ValueId {
        let of_value = &self.values[lying.value.0];
        let name = of_value.name.clone();
        let shape = axes
            .iter()
            .map(|axis| of_value.spec.shape.0[*axis])
            .collect();
        let spec = of_value.spec.with_shape(shape);
        let value = self.value(&name, spec);
        self.steps.push(Step {
            operation: Operation::Function(Function::Permute(axes.to_vec())),
            inputs: vec![lying.value],
            outputs: vec![value],
            layer: layer.to_owned(),
        });
        value
    }

    fn step(&mut self, old: &Body, step: &Step) {
        if let Operation::Function(Function::Permute(axes)) = &step.operation {
            let lying = &self.lying[&step.inputs[0]];
            let axes = axes.iter().map(|axis| lying.axes[*axis]).collect();
            let value = lying.value;
            self.lying.insert(step.outputs[0], Lying { value, axes });
            return;
        }
        // The order of the first input that does not lie straight is taken for all.
        let order = step
            .inputs
            .iter()
            .map(|input| &self.lying[input])
            .find(|lying| !lying.is_straight())
            .map(|lying| lying.axes.clone());
        let rule = match &order {
            Some(axes) => self.rule(&step.operation, axes),
            None => Rule::Fixed,
        };
        match (rule, order) {
            (Rule::Carries(operation), Some(axes)) => self.carry(old, step, operation, &axes),
            (Rule::Reduces(reduced, function), Some(axes)) => {
                self.reduce(old, step, reduced, &*function, &axes);
            }
            _ => {
                let inputs = step.inputs.iter();
                let inputs = inputs.map(|id| self.straight(*id, &step.layer)).collect();
                let outputs = step.outputs.iter().map(|id| self.keep(old, *id)).collect();
                self.steps.push(Step {
                    operation: step.operation.clone(),
                    inputs,
                    outputs,
                    layer: step.layer.clone(),
                });
            }
        }
    }

    fn rule(&self, operation: &Operation, axes: &[usize]) -> Rule {
        let Operation::Function(function) = operation else {
            return if (self.is_elementwise)(operation) {
                Rule::Carries(operation.clone())
            } else {
                Rule::Fixed
            };
        };
        let renamed = match function {
            Function::Activation(_)
            | Function::ToFloat
            | Function::ToInt
            | Function::ToBool
            | Function::Scale(_)
            | Function::Shift(_)
            | Function::Add
            | Function::Subtract
            | Function::Multiply
            | Function::Maximum
            | Function::Minimum
            | Function::Average
            | Function::LowerMasked
            | Function::NotEqual(_)
            | Function::Above(_)
            | Function::ZerosMask
            | Function::And
            | Function::Or
            | Function::Unary(_)
            | Function::Binary(_)
            | Function::Scalar(..)
            | Function::Compare(_)
            | Function::CompareScalar(..)
            | Function::Xor
            | Function::Not
            | Function::Test(_)
            | Function::Where
            | Function::Clip { .. }
            | Function::Full(_) => function.clone(),
            Function::Softmax(axis) => Function::Softmax(axes[*axis]),
            Function::LogSoftmax(axis) => Function::LogSoftmax(axes[*axis]),
            Function::Sparsemax(axis) => Function::Sparsemax(axes[*axis]),
            Function::Glu(axis) => Function::Glu(axes[*axis]),
            Function::SoftmaxAxes(list) => {
                let mut list: Vec<usize> = list.iter().map(|axis| axes[*axis]).collect();
                list.sort_unstable();
                Function::SoftmaxAxes(list)
            }
            Function::L2Normalize {
                axes: list,
                least_square,
            } => {
                let mut list: Vec<usize> = list.iter().map(|axis| axes[*axis]).collect();
                list.sort_unstable();
                Function::L2Normalize {
                    axes: list,
                    least_square: *least_square,
                }
            }
            Function::Concatenate(axis) => Function::Concatenate(axes[*axis]),
            Function::Reverse(axis) => Function::Reverse(axes[*axis]),
            Function::Pad(padding) => Function::Pad(lying(padding, axes)),
            Function::Crop(cropping) => Function::Crop(lying(cropping, axes)),
            Function::Repeat(factors) => Function::Repeat(lying(factors, axes)),
            Function::Slice(ranges) => Function::Slice(lying(ranges, axes)),
            Function::Tile(counts) => Function::Tile(lying(counts, axes)),
            Function::PadWith { widths, value } => Function::PadWith {
                widths: lying(widths, axes),
                value: *value,
            },
            Function::Cumulative { product, axis } => Function::Cumulative {
                product: *product,
                axis: axes[*axis],
            },
            Function::Reduce {
                reduction,
                axes: reduced,
            } if *reduction != Reduction::Median => {
                let reduction = *reduction;
                return Rule::Reduces(
                    reduced.clone(),
                    Box::new(move |axes| Function::Reduce { reduction, axes }),
                );
            }
            Function::GlobalMaxPool(reduced) => {
                return Rule::Reduces(reduced.clone(), Box::new(Function::GlobalMaxPool));
            }
            Function::GlobalAveragePool(reduced) => {
                return Rule::Reduces(reduced.clone(), Box::new(Function::GlobalAveragePool));
            }
            // All others depend on the order of axes.
            _ => return Rule::Fixed,
        };
        Rule::Carries(Operation::Function(renamed))
    }

    /// All inputs in the order `axes`, the output too.
    fn carry(&mut self, old: &Body, step: &Step, operation: Operation, axes: &[usize]) {
        let mut inputs = Vec::with_capacity(step.inputs.len());
        for id in &step.inputs {
            let lying = self.lying[id].clone();
            if lying.axes == axes {
                inputs.push(lying.value);
                continue;
            }
            // From its own order to what is meant, from there to `axes`.
            let mut turn = vec![0; axes.len()];
            for (own, wanted) in lying.axes.iter().zip(axes) {
                turn[*wanted] = *own;
            }
            let value = self.permuted(&lying, &turn, &step.layer);
            inputs.push(value);
        }
        let output = step.outputs[0];
        let value = self.lie(old, output, axes);
        self.lying.insert(
            output,
            Lying {
                value,
                axes: axes.to_vec(),
            },
        );
        self.steps.push(Step {
            operation,
            inputs,
            outputs: vec![value],
            layer: step.layer.clone(),
        });
    }

    fn reduce(
        &mut self,
        old: &Body,
        step: &Step,
        reduced: ReducedAxes,
        function: &dyn Fn(ReducedAxes) -> Function,
        axes: &[usize],
    ) {
        let input = self.lying[&step.inputs[0]].value;
        let mut renamed: Vec<usize> = reduced.axes.iter().map(|axis| axes[*axis]).collect();
        renamed.sort_unstable();
        let kept: Vec<usize> = if reduced.keepdims {
            axes.to_vec()
        } else {
            // The axes that stay, renumbered without the gaps.
            (0..axes.len())
                .filter(|axis| !reduced.axes.contains(axis))
                .map(|axis| {
                    let lying = axes[axis];
                    lying - renamed.iter().filter(|gone| **gone < lying).count()
                })
                .collect()
        };
        let output = step.outputs[0];
        let value = self.lie(old, output, &kept);
        self.lying.insert(output, Lying { value, axes: kept });
        self.steps.push(Step {
            operation: Operation::Function(function(ReducedAxes {
                axes: renamed,
                keepdims: reduced.keepdims,
            })),
            inputs: vec![input],
            outputs: vec![value],
            layer: step.layer.clone(),
        });
    }

    /// A new value for `id`, with its axes lying as `axes` says.
    fn lie(&mut self, old: &Body, id: ValueId, axes: &[usize]) -> ValueId {
        let of_old = old.value(id);
        let mut shape = of_old.spec.shape.0.clone();
        for (meant, axis) in axes.iter().enumerate() {
            shape[*axis] = of_old.spec.shape.0[meant];
        }
        self.value(&of_old.name, of_old.spec.with_shape(shape))
    }
}

/// What belongs to each axis, in the order in which the axes lie.
fn lying<T: Clone>(meant: &[T], axes: &[usize]) -> Vec<T> {
    let mut lying = meant.to_vec();
    for (item, axis) in meant.iter().zip(axes) {
        lying[*axis] = item.clone();
    }
    lying
}

/// Whether a module works element by element.
pub(crate) fn is_elementwise(module: &Module) -> bool {
    match module {
        Module::Dropout { .. } | Module::GaussianDropout { .. } | Module::GaussianNoise { .. } => {
            true
        }
        Module::AlphaDropout { noise_shape, .. } => noise_shape.is_none(),
        _ => false,
    }
}

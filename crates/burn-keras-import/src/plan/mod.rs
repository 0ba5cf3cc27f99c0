//! The plan of a Burn model: modules, calls and tensor operations, every rank, kind and layout
//! settled.
//!
//! Source and run-time model are two printers of the same plan. A [`Step`] is a call of a module,
//! of a nested model, or of one named [`Function`] of `burn` or `burn-keras-nn`; the printers
//! choose ranks and arguments, and no formula lives in either.

mod function;
mod literal;
mod module;
mod ownership;
mod training;

use std::fmt;

use keras_ir::graph::{LayerId, ModelId, WeightRef};
use keras_ir::shape::Spec;

pub(crate) use function::has_scalar;
pub use function::{Expression, Function, PoolWindow, ReducedAxes};
pub use literal::{Fields, Literal};
pub use module::{Construction, Maker, Module, Param, ParamKind, Source, Transform};
pub(crate) use ownership::Ownership;
pub use training::{Training, TrainingOutputs};

/// The index of a [`Value`] in its [`Body`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub usize);

/// The plan of a whole model.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it is called: the stem of its files, the namespace of its parameter ids.
    pub name: String,
    /// The Keras file, by its name alone.
    pub source: String,
    /// The version of Keras that wrote it.
    pub keras_version: String,
    /// All models, nested ones before those that call them; the last is the root.
    pub models: Vec<ModelPlan>,
    /// Every parameter, in the order in which modules are visited.
    pub parameters: Vec<Parameter>,
    /// How it is trained: what it was compiled with.
    pub training: Option<Training>,
    /// What users should know.
    pub notes: Vec<String>,
}

impl Plan {
    /// The outermost model.
    pub fn root(&self) -> &ModelPlan {
        &self.models[self.models.len() - 1]
    }

    /// The position of the outermost model.
    pub fn root_index(&self) -> usize {
        self.models.len() - 1
    }

    /// A hash of everything that decides what the records mean: it stands in the source and in the
    /// records, so that one is not used with another's.
    pub fn digest(&self) -> String {
        let mut text = String::new();
        for model in &self.models {
            text.push_str(&model.type_name);
            for field in &model.fields {
                let Field {
                    name, kind, frozen, ..
                } = field;
                text.push_str(&format!("{name}{kind:?}{frozen}"));
            }
            for borrow in &model.borrows {
                text.push_str(&format!("{}{:?}", borrow.name, borrow.kind));
            }
            // What a training step looks at besides decides nothing of the records.
            let bodies = model.bodies.iter();
            let bodies = bodies.filter(|body| body.training.is_none());
            for step in bodies.flat_map(|body| &body.steps) {
                let Step {
                    operation,
                    inputs,
                    outputs,
                    ..
                } = step;
                text.push_str(&format!("{operation:?}{inputs:?}{outputs:?}"));
            }
        }
        for parameter in &self.parameters {
            let Parameter {
                path, param, shape, ..
            } = parameter;
            text.push_str(&format!("{path}{param:?}{shape:?}"));
        }
        format!("{:016x}", rapidhash::v3::rapidhash_v3(text.as_bytes()))
    }
}

/// One model: a Rust struct.
#[derive(Clone, Debug)]
pub struct ModelPlan {
    /// The model in the graph.
    pub id: ModelId,
    /// Keras's name.
    pub keras_name: String,
    /// The struct's name.
    pub type_name: String,
    /// The layers and models that it owns.
    pub fields: Vec<Field>,
    /// Those that a model around it owns and that it calls.
    pub borrows: Vec<Borrow>,
    /// The ways in which it is called, one per signature.
    pub bodies: Vec<Body>,
}

/// A layer or model that a model owns.
#[derive(Clone, Debug)]
pub struct Field {
    /// The layer in the graph.
    pub layer: LayerId,
    /// The field's name.
    pub name: String,
    /// Keras's name.
    pub keras_name: String,
    /// Keras's class.
    pub class: String,
    /// What it is.
    pub kind: FieldKind,
    /// Whether Keras does not train it.
    pub frozen: bool,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldKind {
    /// A module of `burn` or `burn-keras-nn`.
    Module(Module),
    /// A nested model, by its position in [`Plan::models`].
    Model(usize),
}

/// Something that a model calls and does not own; handed to its `forward` by reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Borrow {
    /// The layer in the graph.
    pub layer: LayerId,
    /// The argument's name.
    pub name: String,
    /// What it is.
    pub kind: FieldKind,
}

/// Where a step finds the module that it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ModuleRef {
    /// A field, by position.
    Own(usize),
    /// A borrow, by position.
    Borrowed(usize),
}

/// One `forward` of a model.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// The method's name.
    pub name: String,
    /// The inputs, flattened as Keras flattens them.
    pub inputs: Vec<ValueId>,
    /// Keras's names of the inputs.
    pub input_names: Vec<String>,
    /// The masks of the inputs that have one.
    pub input_masks: Vec<Option<ValueId>>,
    /// All values.
    pub values: Vec<Value>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// The outputs, flattened as Keras flattens them.
    pub outputs: Vec<Output>,
    /// The states that go in and come out: in a body that goes on where another call stopped.
    pub states: Vec<State>,
    /// What stands among the outputs behind Keras's, in a body for a training step.
    pub training: Option<TrainingOutputs>,
}

impl Body {
    /// The value `id`.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    /// The inputs, behind them the masks, and then the states: what the method takes.
    pub fn arguments(&self) -> Vec<ValueId> {
        let masks = self.input_masks.iter().flatten();
        let states = self.states.iter().map(|state| &state.input);
        let inputs = self.inputs.iter().chain(masks);
        inputs.chain(states).copied().collect()
    }

    /// The outputs, behind them the masks, and then the states: what the method gives back.
    pub fn results(&self) -> Vec<ValueId> {
        let values = self.outputs.iter().map(|output| output.value);
        let masks = self.outputs.iter().filter_map(|output| output.mask);
        let states = self.states.iter().map(|state| state.output);
        values.chain(masks).chain(states).collect()
    }

    /// For each step, the inputs that no later step and no output needs any more.
    pub fn last_uses(&self) -> Vec<Vec<ValueId>> {
        let mut needed: Vec<bool> = vec![false; self.values.len()];
        for id in self.results() {
            needed[id.0] = true;
        }
        let mut last_uses = vec![Vec::new(); self.steps.len()];
        for (step, last) in self.steps.iter().zip(&mut last_uses).rev() {
            for input in &step.inputs {
                if !std::mem::replace(&mut needed[input.0], true) {
                    last.push(*input);
                }
            }
        }
        last_uses
    }
}

/// An output of a body.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Keras's name.
    pub keras_name: String,
    /// The field of the struct of outputs, if there are several.
    pub name: String,
    /// The value.
    pub value: ValueId,
    /// Its mask, where a caller may need it.
    pub mask: Option<ValueId>,
}

/// A state that a stateful layer carries from one call to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Keras's name of the layer.
    pub keras_name: String,
    /// The field of the struct of states.
    pub name: String,
    /// The state before the call.
    pub input: ValueId,
    /// The state after it.
    pub output: ValueId,
}

/// A tensor in a body.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// What to call it: the name of the layer that made it.
    pub name: String,
    /// Shape (unknown sizes allowed, the rank never) and kind.
    pub spec: Spec,
}

impl Value {
    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.spec.shape.rank()
    }
}

/// One thing that a body does.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is called.
    pub operation: Operation,
    /// The tensors that go in.
    pub inputs: Vec<ValueId>,
    /// The tensors that come out.
    pub outputs: Vec<ValueId>,
    /// The Keras layer that this is a part of.
    pub layer: String,
}

/// What a step calls.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// A function.
    Function(Function),
    /// `forward` of a module with one input and one output.
    Module(ModuleRef),
    /// A lookup in the table of a [`Module::Embedding`], for ids of any rank.
    Lookup(ModuleRef),
    /// The scores of all rows in the table of a [`Module::Embedding`], for features of any rank.
    Project(ModuleRef),
    /// `forward` of a module that takes or gives more than one tensor.
    Apply {
        /// The module.
        module: ModuleRef,
        /// What it takes, in the order of its arguments.
        arguments: Vec<Argument>,
        /// The fields of what it gives that are looked at, one per output; none if it gives a
        /// tensor.
        results: Vec<&'static str>,
    },
    /// A body of a nested model.
    Model {
        /// The model.
        module: ModuleRef,
        /// Which of its bodies.
        body: usize,
    },
}

/// An argument of a module's `forward`.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// The next input of the step.
    Tensor,
    /// `Some` of the next input, or `None`.
    Optional(bool),
    /// `Some` of an array of the next inputs, as many as that, or `None` for 0.
    Several(usize),
    /// Something that is no tensor.
    Literal(Literal),
}

/// A parameter of the whole model.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The path in Burn: field names joined with dots.
    pub path: String,
    /// What the module says of it.
    pub param: Param,
    /// The Keras weight that it holds.
    pub weight: WeightRef,
    /// Keras's path: layer path and weight name.
    pub keras_path: String,
    /// Shape in Burn.
    pub shape: Vec<usize>,
    /// Whether an optimizer updates it: not for statistics, nor in frozen layers.
    pub trained: bool,
}

impl Parameter {
    /// The id that the parameter has in the namespace of the plan's name.
    pub fn id(&self, namespace: &str) -> u64 {
        param_id(namespace, &self.path)
    }
}

/// The stable id of a parameter: the same function as `burn_keras_nn::param_id`.
pub fn param_id(namespace: &str, path: &str) -> u64 {
    rapidhash::v3::rapidhash_v3(format!("{namespace}/{path}").as_bytes())
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for model in &self.models {
            writeln!(f, "{}", model.type_name)?;
            for body in &model.bodies {
                writeln!(f, "  {}{:?}", body.name, body.arguments())?;
                for step in &body.steps {
                    writeln!(
                        f,
                        "    {:?} = {:?} {:?}  # {}",
                        step.outputs, step.operation, step.inputs, step.layer
                    )?;
                }
            }
        }
        Ok(())
    }
}

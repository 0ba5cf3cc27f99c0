//! Running a plan: each step is one call, values are moved at their last use.

use burn::tensor::Tensor;
use burn_keras_import::plan::{FieldKind, ModuleRef, Operation, Step, ValueId};
use burn_keras_nn::einsum::EinsumDense;
use burn_keras_nn::embedding::{embedding, project};

use crate::apply::{self, Arguments};
use crate::layer::{Layer, Submodel};
use crate::program::{Extra, Program, kind_of};
use crate::rank::at_rank;
use crate::value::Erased;
use crate::{Error, Value, fit, function};

/// A call of a body: the model's own modules and those that it borrows.
pub(crate) struct Frame<'a> {
    pub program: &'a Program,
    pub model: usize,
    pub body: usize,
    pub own: &'a Submodel,
    pub borrowed: Vec<&'a Layer>,
}

impl<'a> Frame<'a> {
    /// Runs the body: inputs and behind them masks go in, outputs and behind them masks come out.
    pub fn run(&self, arguments: Vec<Value>) -> Result<Vec<Value>, Error> {
        let (_, body, routine) = self
            .program
            .body(self.model, self.body)
            .ok_or_else(|| self.broken("there is no such body"))?;
        let ids = body.arguments();
        if ids.len() != arguments.len() {
            return Err(self.broken("a call with another number of arguments"));
        }
        let mut values: Vec<Option<Value>> = vec![None; body.values.len()];
        for (id, argument) in ids.into_iter().zip(arguments) {
            values[id.0] = Some(argument);
        }
        for (step, extra) in body.steps.iter().zip(&routine.steps) {
            let inputs = self.inputs(step, &extra.last_uses, &mut values)?;
            let ranks = step.outputs.iter().map(|id| body.value(*id).rank());
            let outputs = self.step(step, extra, inputs, &ranks.collect::<Vec<_>>())?;
            if outputs.len() != step.outputs.len() {
                return Err(broken(step, "it gives another number of tensors"));
            }
            for (id, output) in step.outputs.iter().zip(outputs) {
                let spec = &body.value(*id).spec;
                if (output.rank(), output.kind()) != (spec.shape.rank(), spec.kind) {
                    let reason = format!("it gives {output} for {:?} {}", spec.kind, spec.shape);
                    return Err(broken(step, &reason));
                }
                values[id.0] = Some(output);
            }
        }
        let results = body.results();
        let results = results.into_iter().map(|id| values[id.0].clone());
        let results: Option<Vec<Value>> = results.collect();
        results.ok_or_else(|| self.broken("an output is never made"))
    }

    /// The inputs of a step, moved where it is the last to need them.
    fn inputs(
        &self,
        step: &Step,
        last_uses: &[ValueId],
        values: &mut [Option<Value>],
    ) -> Result<Vec<Value>, Error> {
        let ids = step.inputs.iter().enumerate();
        let inputs = ids.map(|(position, id)| {
            let again = step.inputs[position + 1..].contains(id);
            let value = if last_uses.contains(id) && !again {
                values[id.0].take()
            } else {
                values[id.0].clone()
            };
            value.ok_or_else(|| broken(step, "it needs a tensor that is not made yet"))
        });
        inputs.collect()
    }

    fn step(
        &self,
        step: &Step,
        extra: &Extra,
        inputs: Vec<Value>,
        ranks: &[usize],
    ) -> Result<Vec<Value>, Error> {
        let shapes: Vec<Vec<usize>> = inputs.iter().map(Value::shape).collect();
        let misfit = |reason| Error::Shape {
            layer: step.layer.clone(),
            reason,
        };
        let failed = |error| match error {
            Error::Data(reason) => broken(step, &reason),
            error => error,
        };
        match &step.operation {
            Operation::Function(called) => {
                fit::function(called, &shapes).map_err(misfit)?;
                let rank = ranks.first().copied().unwrap_or_default();
                let output = function::call(called, inputs, rank).map_err(failed)?;
                Ok(vec![output])
            }
            Operation::Model { module, body } => self.nested(step, *module, *body, extra, inputs),
            Operation::Module(module)
            | Operation::Lookup(module)
            | Operation::Project(module)
            | Operation::Apply { module, .. } => {
                let layer = self
                    .layer(*module)
                    .ok_or_else(|| broken(step, "its module is not there"))?;
                fit::module(layer, &step.operation, &shapes).map_err(misfit)?;
                match &step.operation {
                    Operation::Apply {
                        arguments, results, ..
                    } => apply::apply(layer, Arguments::new(arguments, inputs), results),
                    Operation::Lookup(_) => lookup(layer, inputs).map(|y| vec![y]),
                    Operation::Project(_) => projected(layer, inputs).map(|y| vec![y]),
                    _ => {
                        let rank = ranks.first().copied().unwrap_or_default();
                        module_forward(layer, inputs, rank).map(|y| vec![y])
                    }
                }
                .map_err(failed)
            }
        }
    }

    fn nested(
        &self,
        step: &Step,
        module: ModuleRef,
        body: usize,
        extra: &Extra,
        inputs: Vec<Value>,
    ) -> Result<Vec<Value>, Error> {
        let plan = self.program.plan.models.get(self.model);
        let kind = plan.and_then(|plan| kind_of(plan, module));
        let (Some(FieldKind::Model(model)), Some(Layer::Model(own))) = (kind, self.layer(module))
        else {
            return Err(broken(step, "its model is not there"));
        };
        let borrowed: Option<Vec<&Layer>> = extra
            .borrows
            .iter()
            .map(|borrow| self.layer(*borrow))
            .collect();
        let frame = Frame {
            program: self.program,
            model: *model,
            body,
            own,
            borrowed: borrowed.ok_or_else(|| broken(step, "a shared module is not there"))?,
        };
        frame.run(inputs)
    }

    fn layer(&self, module: ModuleRef) -> Option<&'a Layer> {
        match module {
            ModuleRef::Own(index) => self.own.layer(index),
            ModuleRef::Borrowed(index) => self.borrowed.get(index).copied(),
        }
    }

    fn broken(&self, reason: &str) -> Error {
        Error::Plan {
            place: self.own.type_name().to_owned(),
            reason: reason.to_owned(),
        }
    }
}

fn broken(step: &Step, reason: &str) -> Error {
    Error::Plan {
        place: step.layer.clone(),
        reason: reason.to_owned(),
    }
}

pub(crate) fn wrong_module() -> Error {
    Error::Data("its module is of another type".into())
}

fn module_forward(layer: &Layer, inputs: Vec<Value>, rank: usize) -> Result<Value, Error> {
    let [x] = function::take(inputs)?;
    match layer {
        Layer::MaxoutDense(dense) => return Ok(dense.forward(x.try_into()?).into()),
        Layer::Highway(highway) => return Ok(highway.forward(x.try_into()?).into()),
        Layer::EinsumDense(module) => return einsum_dense(module, x, rank),
        Layer::Conv1d(conv) => return Ok(conv.forward(x.try_into()?).into()),
        Layer::Conv2d(conv) => return Ok(conv.forward(x.try_into()?).into()),
        Layer::Conv3d(conv) => return Ok(conv.forward(x.try_into()?).into()),
        Layer::SeparableConv1d(conv) => return Ok(conv.forward(x.try_into()?).into()),
        Layer::SeparableConv2d(conv) => return Ok(conv.forward(x.try_into()?).into()),
        Layer::ConvTranspose1d(conv) => return Ok(conv.forward(x.try_into()?).into()),
        Layer::ConvTranspose2d(conv) => return Ok(conv.forward(x.try_into()?).into()),
        Layer::ConvTranspose3d(conv) => return Ok(conv.forward(x.try_into()?).into()),
        _ => {}
    }
    let rank = x.rank();
    at_rank!(rank, D => any_rank::<D>(layer, x), else Err(wrong_module()))
}

fn einsum_dense(module: &EinsumDense, x: Value, rank: usize) -> Result<Value, Error> {
    let of_input = x.rank();
    at_rank!(of_input, D => at_rank!(rank, D2 => {
        Ok(module.forward::<D, D2>(Tensor::restore(x)?).erase())
    }, else Err(wrong_module())), else Err(wrong_module()))
}

/// The modules that take tensors of any rank.
fn any_rank<const D: usize>(layer: &Layer, x: Value) -> Result<Value, Error>
where
    Tensor<D>: Erased,
{
    let x = Tensor::<D>::restore(x)?;
    let y = match layer {
        Layer::Linear(module) => module.forward(x),
        Layer::BatchNorm(module) => module.forward(x),
        Layer::BatchNormalization(module) => module.forward(x),
        Layer::BatchRenormalization(module) => module.forward(x),
        Layer::LayerNorm(module) => module.forward(x),
        Layer::LayerNormalization(module) => module.forward(x),
        Layer::RmsNormalization(module) => module.forward(x),
        Layer::GroupNormalization(module) => module.forward(x),
        Layer::Normalization(module) => module.forward(x),
        Layer::EarlyBatchNormalization(module) => module.forward(x),
        Layer::PRelu(module) => module.forward(x),
        Layer::Bias(module) => module.forward(x),
        Layer::ParametricSoftplus(module) => module.forward(x),
        Layer::SRelu(module) => module.forward(x),
        Layer::Dropout(module) => module.forward(x),
        Layer::NoiseDropout(module) => module.forward(x),
        Layer::SpatialDropout(module) => module.forward(x),
        Layer::AlphaDropout(module) => module.forward(x),
        Layer::GaussianDropout(module) => module.forward(x),
        Layer::GaussianNoise(module) => module.forward(x),
        _ => return Err(wrong_module()),
    };
    Ok(y.erase())
}

fn projected(layer: &Layer, inputs: Vec<Value>) -> Result<Value, Error> {
    let [x] = function::take(inputs)?;
    let Layer::Embedding(table) = layer else {
        return Err(wrong_module());
    };
    let weight = table.weight.val();
    macro_rules! scores {
        ($($rank:literal)*) => {
            match x.rank() {
                $($rank => Ok(project::<$rank>(weight, x.try_into()?).into()),)*
                rank => Err(Error::Data(format!("features of {rank} axes"))),
            }
        };
    }
    scores!(1 2 3 4 5 6)
}

fn lookup(layer: &Layer, inputs: Vec<Value>) -> Result<Value, Error> {
    let [ids] = function::take(inputs)?;
    let Layer::Embedding(table) = layer else {
        return Err(wrong_module());
    };
    let weight = table.weight.val();
    macro_rules! rows {
        ($($rank:literal)*) => {
            match ids.rank() {
                $($rank => Ok(embedding::<$rank, { $rank + 1 }>(weight, ids.try_into()?).into()),)*
                rank => Err(Error::Data(format!("ids of {rank} axes"))),
            }
        };
    }
    rows!(1 2 3 4 5)
}

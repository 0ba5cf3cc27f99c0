//! Modules whose `forward` takes or gives more than one tensor.

use std::slice::Iter;
use std::vec::IntoIter;

use burn::tensor::{Bool, Tensor};
use burn_keras_import::plan::Argument;
use burn_keras_nn::attention::Attention;
use burn_keras_nn::recurrent::{LstmOutput, RnnOutput};

use crate::execute::wrong_module;
use crate::layer::Layer;
use crate::rank::at_rank;
use crate::value::Erased;
use crate::{Error, Value};

/// The arguments of a `forward`, taken one after the other.
pub(crate) struct Arguments<'a> {
    arguments: Iter<'a, Argument>,
    inputs: IntoIter<Value>,
}

impl<'a> Arguments<'a> {
    pub fn new(arguments: &'a [Argument], inputs: Vec<Value>) -> Self {
        Self {
            arguments: arguments.iter(),
            inputs: inputs.into_iter(),
        }
    }

    fn next(&mut self) -> Result<&'a Argument, Error> {
        let argument = self.arguments.next();
        argument.ok_or_else(|| Error::Data("too few arguments".into()))
    }

    fn input<T: TryFrom<Value, Error = Error>>(&mut self) -> Result<T, Error> {
        let input = self.inputs.next();
        input
            .ok_or_else(|| Error::Data("too few inputs".into()))?
            .try_into()
    }

    /// A tensor.
    pub fn tensor<T: TryFrom<Value, Error = Error>>(&mut self) -> Result<T, Error> {
        match self.next()? {
            Argument::Tensor => self.input(),
            other => Err(unexpected(other)),
        }
    }

    /// `N` tensors, each an argument of its own.
    pub fn tensors<T: TryFrom<Value, Error = Error>, const N: usize>(
        &mut self,
    ) -> Result<[T; N], Error> {
        let tensors = (0..N).map(|_| self.tensor());
        let tensors = tensors.collect::<Result<Vec<T>, Error>>()?;
        tensors
            .try_into()
            .map_err(|_| Error::Data("too few arguments".into()))
    }

    /// A tensor or none.
    pub fn optional<T: TryFrom<Value, Error = Error>>(&mut self) -> Result<Option<T>, Error> {
        match self.next()? {
            Argument::Optional(true) => self.input().map(Some),
            Argument::Optional(false) => Ok(None),
            other => Err(unexpected(other)),
        }
    }

    /// `N` tensors or none.
    pub fn several<T: TryFrom<Value, Error = Error>, const N: usize>(
        &mut self,
    ) -> Result<Option<[T; N]>, Error> {
        match self.next()? {
            Argument::Several(0) => Ok(None),
            Argument::Several(count) if *count == N => {
                let tensors = (0..N).map(|_| self.input());
                let tensors = tensors.collect::<Result<Vec<T>, Error>>()?;
                Ok(tensors.try_into().ok())
            }
            other => Err(unexpected(other)),
        }
    }
}

fn unexpected(argument: &Argument) -> Error {
    Error::Data(format!("an unexpected argument {argument:?}"))
}

/// Calls `forward` of a layer's module, and picks `results` of what it gives.
pub(crate) fn apply(
    layer: &Layer,
    arguments: Arguments<'_>,
    results: &[&'static str],
) -> Result<Vec<Value>, Error> {
    let mut arguments = arguments;
    match layer {
        Layer::SimpleRnn(module) => {
            let x = arguments.tensor()?;
            let mask = arguments.optional()?;
            rnn(module.forward(x, mask, arguments.optional()?), results)
        }
        Layer::Gru(module) => {
            let x = arguments.tensor()?;
            let mask = arguments.optional()?;
            rnn(module.forward(x, mask, arguments.optional()?), results)
        }
        Layer::Lstm(module) => {
            let x = arguments.tensor()?;
            let mask = arguments.optional()?;
            lstm(module.forward(x, mask, arguments.several()?), results)
        }
        Layer::MultiHeadAttention(module) => {
            let mut arguments = arguments;
            let [query, value, key] = arguments.tensors()?;
            let output = module.forward(query, value, key, arguments.optional()?);
            pick(results, |field| match field {
                "output" => Some(output.output.clone().into()),
                "scores" => Some(output.scores.clone().into()),
                _ => None,
            })
        }
        Layer::Attention(module) => {
            let rank = arguments.inputs.as_slice().first().map_or(0, Value::rank);
            at_rank!(rank, D => attention::<D>(module, arguments, results), else Err(wrong_module()))
        }
        _ => Err(wrong_module()),
    }
}

fn attention<const D: usize>(
    module: &Attention,
    mut arguments: Arguments<'_>,
    results: &[&'static str],
) -> Result<Vec<Value>, Error>
where
    Tensor<D>: TryFrom<Value, Error = Error> + Erased,
    Tensor<D, Bool>: TryFrom<Value, Error = Error>,
{
    let [query, value, key] = arguments.tensors()?;
    let output = module.forward::<D>(query, value, key, arguments.optional()?);
    pick(results, |field| match field {
        "output" => Some(output.output.clone().erase()),
        "scores" => Some(output.scores.clone().erase()),
        _ => None,
    })
}

fn rnn(output: RnnOutput, results: &[&'static str]) -> Result<Vec<Value>, Error> {
    pick(results, |field| match field {
        "sequence" => Some(output.sequence.clone().into()),
        "last" => Some(output.last.clone().into()),
        "hidden" => Some(output.hidden.clone().into()),
        _ => None,
    })
}

fn lstm(output: LstmOutput, results: &[&'static str]) -> Result<Vec<Value>, Error> {
    pick(results, |field| match field {
        "sequence" => Some(output.sequence.clone().into()),
        "last" => Some(output.last.clone().into()),
        "hidden" => Some(output.hidden.clone().into()),
        "cell" => Some(output.cell.clone().into()),
        _ => None,
    })
}

/// The fields `results` of what a module gives.
fn pick(
    results: &[&'static str],
    field: impl Fn(&str) -> Option<Value>,
) -> Result<Vec<Value>, Error> {
    let values = results.iter().map(|name| {
        let value = field(name);
        value.ok_or_else(|| Error::Data(format!("the module gives no {name}")))
    });
    values.collect()
}

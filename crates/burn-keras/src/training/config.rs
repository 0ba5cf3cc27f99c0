//! Values of `burn-keras-nn` from the literals of a plan, which generated source spells out.

use burn::serde::Serialize;
use burn::serde::de::DeserializeOwned;
use burn_keras_import::plan::Literal;
use burn_keras_nn::loss::LossFunction;
use burn_keras_nn::training::{Compiled, OutputLoss, OutputMetric};
use serde_json::{Map, Number, Value};

use crate::Error;

/// The value that `literal` stands for.
pub(super) fn value<T: DeserializeOwned>(literal: &Literal) -> Result<T, Error> {
    serde_json::from_value(json(literal)?).map_err(|error| broken(&error.to_string()))
}

fn broken(reason: &str) -> Error {
    Error::Data(format!("the training config of the plan: {reason}"))
}

fn json(literal: &Literal) -> Result<Value, Error> {
    let all = |items: &[Literal]| {
        items
            .iter()
            .map(json)
            .collect::<Result<Vec<Value>, Error>>()
    };
    Ok(match literal {
        Literal::Size(value) => (*value).into(),
        Literal::Integer(value) => (*value).into(),
        Literal::Float(value) => Number::from_f64(*value)
            .ok_or_else(|| broken(&format!("{value} is no number that can be written")))?
            .into(),
        Literal::Bool(value) => (*value).into(),
        Literal::Text(text) | Literal::String(text) => text.as_str().into(),
        Literal::Option(None) => Value::Null,
        Literal::Option(Some(value)) => json(value)?,
        Literal::Array(items)
        | Literal::Slice(items)
        | Literal::Vec(items)
        | Literal::Tuple(items) => all(items)?.into(),
        Literal::Variant(_, variant, fields) if fields.is_empty() => (*variant).into(),
        Literal::Variant(_, variant, fields) => only(variant, object(fields)?.into()),
        Literal::TupleVariant(_, variant, items) => match items.as_slice() {
            [one] => only(variant, json(one)?),
            several => only(variant, all(several)?.into()),
        },
        Literal::Struct(_, fields) => object(fields)?.into(),
        Literal::Map(entries) => {
            let entries = entries.iter();
            let entries = entries.map(|(name, value)| Ok((name.clone(), json(value)?)));
            entries.collect::<Result<Map<_, _>, Error>>()?.into()
        }
        Literal::Config(ty, arguments, options) => {
            let mut config = defaults(ty)?;
            config.extend(object(arguments)?);
            config.extend(object(options)?);
            config.into()
        }
    })
}

fn only(name: &str, value: Value) -> Value {
    Map::from_iter([(name.to_owned(), value)]).into()
}

fn object(fields: &[(&'static str, Literal)]) -> Result<Map<String, Value>, Error> {
    let fields = fields.iter();
    fields
        .map(|(name, value)| Ok(((*name).to_owned(), json(value)?)))
        .collect()
}

/// The fields of a configuration as its `new` leaves them.
fn defaults(ty: &str) -> Result<Map<String, Value>, Error> {
    let function = LossFunction::MeanSquaredError;
    match ty {
        "Compiled" => fields(&Compiled::new([], [])),
        "OutputLoss" => fields(&OutputLoss::new(0, "", function)),
        "OutputMetric" => {
            let metric = burn_keras_nn::metric::MetricFunction::Loss(function);
            fields(&OutputMetric::new(0, "", metric))
        }
        #[cfg(feature = "optim")]
        ty => super::optimizer::defaults(ty),
        #[cfg(not(feature = "optim"))]
        ty => Err(broken(&format!("{ty} needs the feature optim"))),
    }
}

/// The fields of a configuration.
pub(super) fn fields<T: Serialize>(config: &T) -> Result<Map<String, Value>, Error> {
    match serde_json::to_value(config) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(other) => Err(broken(&format!("{other} is no configuration"))),
        Err(error) => Err(broken(&error.to_string())),
    }
}

//! `Merge`, one class for what Keras 2 has many for.

use serde_json::{Map, Value, json};

use super::Origin;
use crate::json;
use crate::problem::{Problem, ProblemKind};

/// A `Merge` in the words of Keras 2.
pub(super) fn layer(
    config: &Map<String, Value>,
    origin: &Origin,
) -> Result<(&'static str, Map<String, Value>), Problem> {
    let none = Value::Null;
    let get = |key: &str| config.get(key).unwrap_or(&none);
    let unsupported = |key: &str, expected: &str| {
        Problem::new(ProblemKind::UnsupportedOption)
            .key(key)
            .expected(expected)
            .found(json::brief(get(key)))
    };
    if !matches!(get("mode_type").as_str(), None | Some("raw")) {
        return Err(unsupported("mode_type", "a mode with a name")
            .help("Python functions of a file are never run"));
    }
    let mut merged = Map::new();
    if let Some(name) = config.get("name") {
        merged.insert("name".into(), name.clone());
    }
    let mut with = |key: &str, value: &Value| merged.insert(key.into(), value.clone());
    let class = match get("mode").as_str() {
        Some("sum") => "Add",
        Some("mul") => "Multiply",
        Some("ave") => "Average",
        Some("max") => "Maximum",
        Some("concat") => {
            with("axis", get("concat_axis"));
            "Concatenate"
        }
        Some("dot") => {
            with("theano", &origin.theano.into());
            with("axes", get("dot_axes"));
            with("normalize", &json!(false));
            "Dot"
        }
        Some("cos") => {
            // Not `Dot` with `normalize`, whose smallest norms and whose shape are others.
            with("mode", get("mode"));
            with("dot_axes", get("dot_axes"));
            "keras1:Merge"
        }
        _ => {
            let modes = "one of sum, mul, ave, max, concat, dot, cos";
            return Err(unsupported("mode", modes));
        }
    };
    Ok((class, merged))
}

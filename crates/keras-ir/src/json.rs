//! JSON as Python writes it.
//!
//! Python's `json` module prints the tokens `NaN`, `Infinity` and `-Infinity`, which JSON does not
//! have and which Keras configs contain (`max_value`, `mask_value`, learning rates). They are read
//! as strings here, and [`number`] turns them back.

use serde_json::Value;

/// Parses `text`, accepting Python's three extra tokens.
///
/// # Errors
///
/// What `serde_json` says of malformed text, nesting deeper than 128 levels included.
pub fn parse(text: &str) -> Result<Value, serde_json::Error> {
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(_) => serde_json::from_str(&quote_python_tokens(text)),
    }
}

/// The text of `value`, with Python's three tokens where [`parse`] has strings for them: Keras takes no
/// string for a number. A name stays one.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                let shown = match key.as_str() {
                    "name" => value.to_string(),
                    _ => text(value),
                };
                format!("{}:{shown}", Value::from(key.as_str()))
            });
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(text).collect();
            format!("[{}]", items.join(","))
        }
        Value::String(token) if number(value).is_some() => token.clone(),
        other => other.to_string(),
    }
}

/// The number that `value` holds, Python's non-finite tokens included.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(token) => match token.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// The truth that `value` stands for: a boolean, or a number as Python takes it.
pub fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::Number(number) => number.as_f64().map(|number| number != 0.0),
        _ => None,
    }
}

/// Whether an argument is as good as absent: nulls in any structure, or false.
pub fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.iter().all(says_nothing),
        Value::Object(entries) => entries.values().all(says_nothing),
        _ => false,
    }
}

/// A short rendering of `value` for messages.
pub fn brief(value: &Value) -> String {
    const LIMIT: usize = 120;
    let text = value.to_string();
    if text.chars().count() <= LIMIT {
        return text;
    }
    let head: String = text.chars().take(LIMIT).collect();
    format!("{head}…")
}

/// The text with each Python token outside of strings put in quotes.
fn quote_python_tokens(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 64);
    let mut rest = text;
    let mut in_string = false;
    while let Some(first) = rest.chars().next() {
        let token = ["NaN", "Infinity", "-Infinity"]
            .into_iter()
            .find(|token| !in_string && rest.starts_with(token));
        let taken = if let Some(token) = token {
            quoted.push('"');
            quoted.push_str(token);
            quoted.push('"');
            token.len()
        } else if in_string && first == '\\' {
            let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
            quoted.push_str(&rest[..1 + escaped]);
            1 + escaped
        } else {
            in_string ^= first == '"';
            quoted.push(first);
            first.len_utf8()
        };
        rest = &rest[taken..];
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_tokens_are_numbers_and_strings_stay_strings() {
        let value = parse(r#"{"a": NaN, "b": [-Infinity, Infinity], "c": "say \"NaN\" ö"}"#)
            .unwrap_or_default();
        assert!(number(&value["a"]).is_some_and(f64::is_nan));
        assert_eq!(number(&value["b"][0]), Some(f64::NEG_INFINITY));
        assert_eq!(number(&value["b"][1]), Some(f64::INFINITY));
        assert_eq!(value["c"], "say \"NaN\" ö");
    }

    #[test]
    fn python_tokens_are_written_as_they_were() {
        let written = r#"{"a":NaN,"b":[-Infinity,{"Infinity":"x\"y"}],"name":"NaN"}"#;
        let value = parse(written).unwrap_or_default();
        assert_eq!(text(&value), written);
        let plain = serde_json::json!([1, null, 2.5, {"k": [], "l": {}}]);
        assert_eq!(text(&plain), plain.to_string());
    }

    #[test]
    fn deep_nesting_is_an_error() {
        assert!(parse(&"[".repeat(100_000)).is_err());
    }
}

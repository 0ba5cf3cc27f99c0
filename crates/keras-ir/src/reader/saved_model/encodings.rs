//! What JSON has no words for, as the metadata of a SavedModel spells it.

use serde_json::Value;

/// `value` with tuples and shapes as lists, the way all other files of Keras have them.
pub(super) fn decode(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(decode).collect()),
        Value::Object(mut entries) => {
            let inside = match entries.get("class_name").and_then(Value::as_str) {
                Some("__tuple__" | "TensorShape") => entries.remove("items"),
                // The arguments of its constructor: shape, dtype, name.
                Some("TypeSpec") => entries.remove("serialized"),
                Some("__bytes__") => entries.remove("value"),
                _ => None,
            };
            match inside {
                Some(inside) => decode(inside),
                None => {
                    let entries = entries.into_iter();
                    Value::Object(entries.map(|(key, item)| (key, decode(item))).collect())
                }
            }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tuples_and_shapes_become_lists() {
        let tuple = |items: Value| json!({"class_name": "__tuple__", "items": items});
        let shape = json!({"class_name": "TensorShape", "items": [null, 4]});
        let spec = json!({
            "class_name": "TypeSpec",
            "type_spec": "tf.TensorSpec",
            "serialized": tuple(json!([shape, "float32", "x"])),
        });
        let value = json!({"a": [tuple(json!([1, tuple(json!([2]))]))], "spec": spec, "class_name": "Dense"});
        let expected =
            json!({"a": [[1, [2]]], "spec": [[null, 4], "float32", "x"], "class_name": "Dense"});
        assert_eq!(decode(value), expected);
    }
}

//! Names from files as Rust identifiers.

use std::collections::HashSet;

use crate::codegen::imported_types;

/// Words that cannot be field names or variables, with those that generated code uses itself.
const RESERVED: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "union", "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "device", "scope",
    "mapper", "visitor",
];

/// Type names that generated code uses beside those that it imports.
const RESERVED_TYPES: &[&str] = &[
    "Self", "Box", "Err", "Float", "None", "Ok", "Option", "Param", "Result", "Some", "String",
    "Vec", "AsRef", "Aligned", "Into",
];

/// The last part of a path, without directories.
pub(crate) fn file_name(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.to_owned()
}

/// A snake-case identifier for a layer, a tensor or a module: letters, digits and underscores of
/// `name`, everything else as an underscore.
pub fn value_name(name: &str) -> String {
    let mut identifier = String::with_capacity(name.len() + 1);
    let mut after_lower = false;
    for character in name.chars() {
        if character.is_ascii_alphanumeric() {
            if character.is_ascii_uppercase() && after_lower {
                identifier.push('_');
            }
            after_lower = character.is_ascii_lowercase() || character.is_ascii_digit();
            identifier.push(character.to_ascii_lowercase());
        } else {
            after_lower = false;
            if !identifier.ends_with('_') {
                identifier.push('_');
            }
        }
    }
    let trimmed = identifier.trim_matches('_');
    let mut identifier = if trimmed.is_empty() {
        "layer".to_owned()
    } else {
        trimmed.to_owned()
    };
    if identifier.starts_with(|first: char| first.is_ascii_digit()) {
        identifier.insert_str(0, "layer_");
    }
    if RESERVED.contains(&identifier.as_str()) {
        identifier.push('_');
    }
    identifier
}

/// The name of the Rust module, the files and the namespace of a model in a file `name`.
pub fn module_name(name: &str) -> String {
    if !name.contains(|c: char| c.is_ascii_alphanumeric()) {
        return "model".to_owned();
    }
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        return value_name(&format!("model_{name}"));
    }
    value_name(name)
}

/// A camel-case identifier for a struct.
pub fn type_name(name: &str) -> String {
    let mut identifier = String::with_capacity(name.len());
    for part in value_name(name).split('_').filter(|part| !part.is_empty()) {
        let (first, rest) = part.split_at(1);
        identifier.push_str(&first.to_ascii_uppercase());
        identifier.push_str(rest);
    }
    let is_reserved = |name: &str| name == identifier;
    if RESERVED_TYPES
        .iter()
        .copied()
        .chain(imported_types())
        .any(is_reserved)
    {
        identifier.push_str("Model");
    }
    identifier
}

/// Names that are taken: a name that comes again gets a number.
#[derive(Debug, Default)]
pub(crate) struct Names {
    taken: HashSet<String>,
    separator: &'static str,
}

impl Names {
    /// Names of fields and variables.
    pub fn fields() -> Self {
        Self {
            taken: HashSet::new(),
            separator: "_",
        }
    }

    /// Names of types.
    pub fn types() -> Self {
        Self::default()
    }

    /// `name`, or `name` with the first number that makes it unique.
    pub fn unique(&mut self, name: &str) -> String {
        if self.taken.insert(name.to_owned()) {
            return name.to_owned();
        }
        // `type_` and the like already end in the separator.
        let name = name.trim_end_matches('_');
        let mut number = 2_usize;
        loop {
            let candidate = format!("{name}{}{number}", self.separator);
            if self.taken.insert(candidate.clone()) {
                return candidate;
            }
            number += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_identifiers() {
        for (name, expected) in [
            ("dense_1", "dense_1"),
            ("my-layer.1", "my_layer_1"),
            ("type", "type_"),
            ("1st", "layer_1st"),
            ("Größe", "gr_e"),
            ("scope/aa", "scope_aa"),
            ("", "layer"),
            ("re_lu", "re_lu"),
            ("InceptionV3", "inception_v3"),
            ("self", "self_"),
            ("日本", "layer"),
        ] {
            assert_eq!(value_name(name), expected, "{name:?}");
        }
        assert_eq!(type_name("keyword_spotting"), "KeywordSpotting");
        for (name, expected) in [
            ("linear", "LinearModel"),
            ("gru", "GruModel"),
            ("vec", "VecModel"),
        ] {
            assert_eq!(type_name(name), expected);
        }
    }

    #[test]
    fn equal_names_get_numbers() {
        let mut names = Names::fields();
        let mut unique = |name| names.unique(name);
        assert_eq!(unique("a_b"), "a_b");
        assert_eq!(unique("a_b"), "a_b_2");
        assert_eq!(unique("a_b_2"), "a_b_2_2");
        assert_eq!(unique("self_"), "self_");
        assert_eq!(unique("self_"), "self_2");
    }
}

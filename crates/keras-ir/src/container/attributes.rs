//! Attributes of groups and datasets.

use std::collections::BTreeMap;

use super::ContainerError;

/// The value of an attribute, as far as Keras uses any.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// One string or an array of strings.
    Strings(Vec<String>),
    /// One number or an array of numbers, flattened.
    Numbers(Vec<f64>),
    /// Something else, in words.
    Other(String),
}

impl Attribute {
    /// Bytes that the value takes in memory, roughly.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Strings(strings) => strings.iter().map(|s| s.len() + size_of::<String>()).sum(),
            Self::Numbers(numbers) => numbers.len() * size_of::<f64>(),
            Self::Other(words) => words.len(),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Strings(strings) => format!("{} strings", strings.len()),
            Self::Numbers(numbers) => format!("{} numbers", numbers.len()),
            Self::Other(words) => words.clone(),
        }
    }
}

/// All attributes of one object, by name.
pub type Attributes = BTreeMap<String, Attribute>;

/// The string at `name`, for [`Container::string_attribute`](super::Container::string_attribute).
pub(super) fn string(
    attributes: &Attributes,
    file: &str,
    path: &str,
    name: &str,
) -> Result<Option<String>, ContainerError> {
    match attributes.get(name) {
        None => Ok(None),
        Some(Attribute::Strings(strings)) if strings.len() == 1 => Ok(strings.first().cloned()),
        Some(other) => Err(wrong_type(file, path, name, "one string", other)),
    }
}

/// The list at `name`, for
/// [`Container::string_list_attribute`](super::Container::string_list_attribute).
pub(super) fn string_list(
    attributes: &Attributes,
    file: &str,
    path: &str,
    name: &str,
) -> Result<Option<Vec<String>>, ContainerError> {
    if let Some(value) = attributes.get(name) {
        return strings(value)
            .map(|list| Some(list.to_vec()))
            .ok_or_else(|| wrong_type(file, path, name, "a list of strings", value));
    }
    let mut parts: Vec<(usize, &str, &Attribute)> = attributes
        .range(name.to_owned()..)
        .take_while(|(key, _)| key.starts_with(name))
        .filter_map(|(key, value)| Some((part_number(key, name)?, key.as_str(), value)))
        .collect();
    if parts.is_empty() {
        return Ok(None);
    }
    parts.sort_unstable_by_key(|&(number, ..)| number);
    let mut joined = Vec::new();
    for (index, (number, key, value)) in parts.into_iter().enumerate() {
        if number != index {
            return Err(ContainerError::MissingAttribute {
                file: file.to_owned(),
                path: path.to_owned(),
                attribute: format!("{name}{index}"),
            });
        }
        let part = strings(value)
            .ok_or_else(|| wrong_type(file, path, key, "a list of strings", value))?;
        joined.extend_from_slice(part);
    }
    Ok(Some(joined))
}

fn strings(value: &Attribute) -> Option<&[String]> {
    match value {
        Attribute::Strings(strings) => Some(strings),
        Attribute::Numbers(numbers) if numbers.is_empty() => Some(&[]),
        Attribute::Numbers(_) | Attribute::Other(_) => None,
    }
}

/// The `7` of `layer_names7`, written as Keras writes it.
fn part_number(key: &str, name: &str) -> Option<usize> {
    let digits = key.strip_prefix(name)?;
    let number: usize = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

fn wrong_type(
    file: &str,
    path: &str,
    name: &str,
    expected: &'static str,
    found: &Attribute,
) -> ContainerError {
    ContainerError::WrongAttributeType {
        file: file.to_owned(),
        path: path.to_owned(),
        attribute: name.to_owned(),
        expected,
        found: found.describe(),
    }
}

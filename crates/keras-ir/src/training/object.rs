//! Objects of Keras as configs name them: by a function's or a class's name, or by a class and its
//! options.

use serde_json::{Map, Value};

use crate::json;
use crate::problem::{Problem, ProblemKind};

/// An object of Keras with all its options: those of the config, and Keras's defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Keras 3's class.
    pub class: &'static str,
    /// Every option of the class, in the order of its table.
    pub options: Vec<(&'static str, Setting)>,
}

impl Object {
    /// The option `name`.
    pub fn option(&self, name: &str) -> Option<&Setting> {
        let mut options = self.options.iter();
        options
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// True or false.
    Bool(bool),
    /// A whole number, such as an axis.
    Integer(i64),
    /// A count.
    Size(usize),
    /// A number.
    Number(f64),
    /// One of a few words.
    Word(&'static str),
    /// Several values.
    List(Vec<Setting>),
    /// A value that may be `None`.
    Option(Option<Box<Setting>>),
}

/// What values an option takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Bool,
    Integer,
    Size,
    Number,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list; one value alone is a list of one.
    List(&'static Kind),
    /// A value or `None`.
    Optional(&'static Kind),
    /// Nothing but the default can be computed; the option is not handed on.
    Fixed,
}

/// An option: its name, its values, and Keras's default as JSON; empty if it has none.
pub(crate) type Parameter = (&'static str, Kind, &'static str);

/// A class of objects.
pub(crate) struct Class {
    /// The name of the class, and of the object.
    pub name: &'static str,
    /// Other names: of functions, or of the class in other versions.
    pub aliases: &'static [&'static str],
    pub options: &'static [Parameter],
}

/// What a config says an object is, in whichever form.
#[derive(Clone, Debug)]
pub(crate) struct Named<'a> {
    /// The name of a class or function, without a package in front.
    pub name: &'a str,
    /// The options; none for a name alone.
    pub config: Option<&'a Map<String, Value>>,
    /// The function inside a wrapper of functions.
    pub function: Option<&'a str>,
}

impl<'a> Named<'a> {
    /// The name in `value`: a text; a class with a config; a function, in Keras 3's form.
    pub fn of(value: &'a Value) -> Option<Self> {
        let bare = |name: &'a str| name.rsplit('>').next().unwrap_or(name);
        match value {
            Value::String(name) => Some(Self {
                name: bare(name),
                config: None,
                function: None,
            }),
            Value::Object(object) => {
                // Keras 1 has the options beside the name.
                let Some(class) = object.get("class_name").and_then(Value::as_str) else {
                    let name = object.get("name")?.as_str()?;
                    return Some(Self {
                        name,
                        config: Some(object),
                        function: None,
                    });
                };
                match object.get("config") {
                    Some(Value::String(function)) if class == "function" => Some(Self {
                        name: bare(function),
                        config: None,
                        function: None,
                    }),
                    Some(Value::Object(config)) => Some(Self {
                        name: bare(class),
                        config: Some(config),
                        function: config
                            .get("fn")
                            .and_then(|function| Some(Self::of(function)?.name)),
                    }),
                    _ => Some(Self {
                        name: bare(class),
                        config: None,
                        function: None,
                    }),
                }
            }
            _ => None,
        }
    }

    /// A text of the config.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        self.config?.get(key)?.as_str()
    }
}

/// Reads the object that `named` is among `classes`; its class must be one of them by name or
/// alias. `ignored` are keys that others read or that change nothing.
pub(crate) fn read(
    named: &Named<'_>,
    classes: &[&'static [Class]],
    key: &str,
    ignored: &[&str],
) -> Result<Object, Problem> {
    let find = |name: &str| {
        let mut classes = classes.iter().copied().flatten();
        classes.find(|class| class.name == name || class.aliases.contains(&name))
    };
    let class = find(named.name).or_else(|| named.function.and_then(find));
    let Some(class) = class else {
        return Err(Problem::new(ProblemKind::Training)
            .key(key)
            .expected("a function or class of Keras that burn-keras knows")
            .found(named.function.unwrap_or(named.name)));
    };
    let none = Map::new();
    let config = named.config.unwrap_or(&none);
    let known = |name: &str| class.options.iter().any(|(option, ..)| *option == name);
    for (name, value) in config {
        if !known(name) && !ignored.contains(&name.as_str()) && !value.is_null() {
            return Err(Problem::new(ProblemKind::Training)
                .key(format!("{key}: {}: {name}", class.name))
                .expected("an option that burn-keras knows")
                .found(json::brief(value)));
        }
    }
    let mut options = Vec::with_capacity(class.options.len());
    for (name, kind, default) in class.options {
        let value = config.get(*name);
        let default = serde_json::from_str(default).ok();
        let problem = |found: Option<&Value>| {
            Problem::new(ProblemKind::Training)
                .key(format!("{key}: {}: {name}", class.name))
                .expected(kind.description(default.as_ref()))
                .found(found.map_or_else(|| "no such key".to_owned(), json::brief))
        };
        // A null stands for the default where `None` is no value.
        let given = value.filter(|value| matches!(kind, Kind::Optional(_)) || !value.is_null());
        match (kind, given) {
            (Kind::Fixed, Some(value)) if Some(value) != default.as_ref() => {
                return Err(problem(Some(value)));
            }
            (Kind::Fixed, _) => {}
            (kind, given) => {
                let value = given.or(default.as_ref()).ok_or_else(|| problem(None))?;
                let setting = kind.read(value).ok_or_else(|| problem(Some(value)))?;
                options.push((*name, setting));
            }
        }
    }
    Ok(Object {
        class: class.name,
        options,
    })
}

impl Kind {
    fn read(&self, value: &Value) -> Option<Setting> {
        match self {
            Self::Bool => json::truth(value).map(Setting::Bool),
            Self::Integer => value.as_i64().map(Setting::Integer),
            Self::Size => {
                let size = value.as_u64()?;
                usize::try_from(size).ok().map(Setting::Size)
            }
            Self::Number => json::number(value).map(Setting::Number),
            Self::Word(words) => {
                let word = value.as_str()?;
                let mut words = words.iter();
                words
                    .find(|known| **known == word)
                    .copied()
                    .map(Setting::Word)
            }
            Self::List(kind) => {
                let items = match items_of(value) {
                    Some(items) => items.iter().map(|item| kind.read(item)).collect(),
                    None => kind.read(value).map(|item| vec![item]),
                };
                items.map(Setting::List)
            }
            Self::Optional(kind) => Some(Setting::Option(match value {
                Value::Null => None,
                value => Some(Box::new(kind.read(value)?)),
            })),
            Self::Fixed => None,
        }
    }

    fn description(&self, default: Option<&Value>) -> String {
        match self {
            Self::Bool => "true or false".into(),
            Self::Integer => "a whole number".into(),
            Self::Size => "a whole number from 0 on".into(),
            Self::Number => "a number".into(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::List(kind) => format!("a list of which each is {}", kind.description(default)),
            Self::Optional(kind) => format!("{}, or null", kind.description(default)),
            Self::Fixed => default.map_or_else(|| "nothing".into(), json::brief),
        }
    }
}

/// The items of a list, also of a tuple or an array as Keras writes them into configs.
fn items_of(value: &Value) -> Option<&Vec<Value>> {
    if let Some(items) = value.as_array() {
        return Some(items);
    }
    let config = &value["config"];
    config.as_array().or_else(|| config["value"].as_array())
}

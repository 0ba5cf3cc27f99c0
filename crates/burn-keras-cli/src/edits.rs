//! The options that change a model. They are applied in the order in which they are written, which
//! is why they are no fields of a derived struct.

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Args, Command, Error, FromArgMatches};
use keras_ir::surgery::Edit;

/// The changes that a command line asks for, in its order.
#[derive(Clone, Debug, Default)]
pub struct Edits(pub Vec<Edit>);

/// The group of all these options, for others that exclude them.
pub const GROUP: &str = "edits";

/// An option: its name, what it takes, what it does.
struct Flag {
    name: &'static str,
    values: &'static [&'static str],
    help: &'static str,
    edit: fn(&[&str]) -> Result<Edit, String>,
}

const FLAGS: [Flag; 10] = [
    Flag {
        name: "insert-after",
        values: &["T", "LAYER"],
        help: "Put a new layer behind a tensor: Dropout, or with its config Dense{\"units\": 3}",
        edit: |values| {
            let place = text(values, 0);
            layer(values).map(|layer| Edit::InsertAfter { place, layer })
        },
    },
    Flag {
        name: "insert-before",
        values: &["PATH", "LAYER"],
        help: "Put a new layer in front of a layer",
        edit: |values| {
            let path = text(values, 0);
            layer(values).map(|layer| Edit::InsertBefore { path, layer })
        },
    },
    Flag {
        name: "replace",
        values: &["PATH", "LAYER"],
        help: "Put a new layer in the place of a layer",
        edit: |values| {
            let path = text(values, 0);
            layer(values).map(|layer| Edit::Replace { path, layer })
        },
    },
    Flag {
        name: "remove",
        values: &["PATH"],
        help: "Leave a layer out",
        edit: |values| {
            let path = text(values, 0);
            Ok(Edit::Remove { path })
        },
    },
    Flag {
        name: "rename",
        values: &["PATH", "NAME"],
        help: "Give a layer another name",
        edit: |values| {
            let (path, name) = (text(values, 0), text(values, 1));
            Ok(Edit::Rename { path, name })
        },
    },
    Flag {
        name: "tie",
        values: &["PATH", "EMBEDDING"],
        help: "Give a dense layer the transposed table of an embedding for its kernel, by reference",
        edit: |values| {
            let (path, embedding) = (text(values, 0), text(values, 1));
            Ok(Edit::Tie { path, embedding })
        },
    },
    Flag {
        name: "freeze",
        values: &["PATTERN"],
        help: "Do not train the layers whose paths fit: conv[12]_*, encoder/**",
        edit: |values| {
            let pattern = text(values, 0);
            Ok(Edit::Freeze { pattern })
        },
    },
    Flag {
        name: "unfreeze",
        values: &["PATTERN"],
        help: "Train the layers whose paths fit",
        edit: |values| {
            let pattern = text(values, 0);
            Ok(Edit::Unfreeze { pattern })
        },
    },
    Flag {
        name: "fold",
        values: &[],
        help: "Fold BatchNormalization into the layers before it, for inference alone",
        edit: |_| Ok(Edit::FoldBatchNormalization),
    },
    Flag {
        name: "fresh",
        values: &[],
        help: "Make all weights anew, by the initializers of the model",
        edit: |_| Ok(Edit::FreshWeights),
    },
];

fn text(values: &[&str], at: usize) -> String {
    values.get(at).copied().unwrap_or_default().to_owned()
}

fn layer(values: &[&str]) -> Result<keras_ir::surgery::NewLayer, String> {
    let layer = text(values, 1).parse();
    layer.map_err(|error: keras_ir::surgery::NewLayerError| error.to_string())
}

impl Args for Edits {
    fn augment_args(command: Command) -> Command {
        let arguments = FLAGS.iter().map(|flag| {
            let argument = Arg::new(flag.name)
                .long(flag.name)
                .help(flag.help)
                .help_heading(HEADING);
            match flag.values {
                [] => argument.action(ArgAction::SetTrue),
                values => argument
                    .action(ArgAction::Append)
                    .value_names(values.iter().copied())
                    .num_args(values.len()),
            }
        });
        let names = FLAGS.iter().map(|flag| flag.name);
        command
            .args(arguments)
            .group(ArgGroup::new(GROUP).args(names).multiple(true))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// The title of these options in the help.
pub const HEADING: &str = "Surgery, in the order in which it is written, after --from and --to";

impl FromArgMatches for Edits {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut edits: Vec<(usize, Edit)> = Vec::new();
        for flag in &FLAGS {
            for (index, values) in written(matches, flag) {
                let edit = (flag.edit)(&values).map_err(|error| {
                    let message = format!("--{}: {error}\n", flag.name);
                    Error::raw(ErrorKind::ValueValidation, message)
                })?;
                edits.push((index, edit));
            }
        }
        edits.sort_by_key(|(index, _)| *index);
        Ok(Self(edits.into_iter().map(|(_, edit)| edit).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The values of each time that an option is written, with its place on the command line.
fn written<'a>(matches: &'a ArgMatches, flag: &Flag) -> Vec<(usize, Vec<&'a str>)> {
    let mut indices = matches.indices_of(flag.name).into_iter().flatten();
    if flag.values.is_empty() {
        let index = indices.next().filter(|_| matches.get_flag(flag.name));
        return index.map(|index| (index, Vec::new())).into_iter().collect();
    }
    let occurrences = matches.get_occurrences::<String>(flag.name);
    let occurrences = occurrences.into_iter().flatten();
    let occurrences = occurrences.map(|values| values.map(String::as_str).collect());
    indices
        .step_by(flag.values.len())
        .zip(occurrences)
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use clap::Parser;
    use serde_json::json;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        edits: Edits,
    }

    fn parse(arguments: &[&str]) -> Result<Vec<Edit>, Error> {
        let line = Line::try_parse_from([&["burn-keras"], arguments].concat());
        line.map(|line| line.edits.0)
    }

    #[test]
    fn edits_keep_the_order_of_the_command_line() {
        let remove = |path: &str| Edit::Remove { path: path.into() };
        let edits = parse(&[
            "--remove", "b", "--fold", "--remove", "a", "--rename", "x=y", "-z", "--freeze", "*",
        ]);
        assert!(edits.is_err(), "a value that looks like an option");
        let edits = parse(&[
            "--remove", "b", "--fold", "--remove", "a", "--rename", "x=y", "z,w", "--freeze", "*",
        ]);
        let expected = [
            remove("b"),
            Edit::FoldBatchNormalization,
            remove("a"),
            Edit::Rename {
                path: "x=y".into(),
                name: "z,w".into(),
            },
            Edit::Freeze {
                pattern: "*".into(),
            },
        ];
        assert_eq!(edits.unwrap(), expected);
    }

    #[test]
    fn a_new_layer_is_checked_with_the_line() {
        let edits = parse(&["--replace", "head", r#"Dense{"units": 3}"#]).unwrap();
        let layer = keras_ir::surgery::NewLayer::new("Dense", json!({"units": 3}));
        let path = "head".into();
        assert_eq!(edits, [Edit::Replace { path, layer }]);
        let error = parse(&["--replace", "head", "Dense(3)"]).unwrap_err();
        assert!(error.to_string().contains("--replace: expected a class"));
    }
}

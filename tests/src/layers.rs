//! `docs/layers.md`: every class of layers, how far it is from Keras, on each backend.
//!
//! The conformance tests of each backend hold its two columns against what they see. With
//! `UPDATE_DOCS=1` they write them instead.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use keras_ir::Generation;

use crate::conformance::outcomes;
use crate::{Backend, Difference};

/// A class as one generation of Keras writes it.
type Key = (String, Generation);

/// The differences of the run-time model and of the source.
type Pair = (Difference, Difference);

const COLUMNS: [(Backend, &str); 3] = [
    (Backend::Flex, "flex"),
    (Backend::NdArray, "ndarray"),
    (Backend::Wgpu, "wgpu"),
];

/// A cell is a bound that was seen once, rounded up. On another machine sums come in another
/// order: a figure that is ten times as large is a change, as is one above this that had none.
const NOISE: f64 = 1e-6;

/// The table as text, by row and column.
struct Table(BTreeMap<Key, Row>);

#[derive(Default)]
struct Row {
    models: usize,
    cells: [[String; 2]; COLUMNS.len()],
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/layers.md")
}

/// Holds the columns of a backend against what the families show on it.
///
/// # Panics
///
/// When they are not current.
pub fn check(families: &[&str], backend: Backend) {
    let Some(seen) = seen(families, backend) else {
        return;
    };
    let position = COLUMNS.iter().position(|(column, _)| *column == backend);
    let column = position.unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        static FILE: Mutex<()> = Mutex::new(());
        let _guard = FILE.lock().unwrap();
        let mut table = Table::read();
        table.set(column, &seen);
        fs::create_dir_all(path().parent().unwrap()).unwrap();
        fs::write(path(), table.print()).unwrap();
        return;
    }
    let problems = Table::read().compare(column, &seen);
    assert!(
        problems.is_empty(),
        "docs/layers.md is not current; write it with `just layers`\n{}",
        problems.join("\n")
    );
}

/// The largest differences of each class, and how many models have it.
fn seen(families: &[&str], backend: Backend) -> Option<BTreeMap<Key, (usize, Pair)>> {
    let mut seen: BTreeMap<Key, (usize, Pair)> = BTreeMap::new();
    for family in families {
        for (_, outcome) in outcomes(family, backend)?.iter() {
            let Ok(outcome) = outcome else { continue };
            for class in &outcome.classes {
                let key = (class.clone(), outcome.generation);
                let (models, (run_time, source)) = seen.entry(key).or_default();
                *models += 1;
                *run_time = run_time.max(outcome.run_time);
                *source = source.max(outcome.source);
            }
        }
    }
    Some(seen)
}

const GENERATIONS: [Generation; 4] = [
    Generation::Keras1,
    Generation::Keras2,
    Generation::TfKeras,
    Generation::Keras3,
];

/// A difference, rounded up to one digit.
fn bound(difference: Difference) -> String {
    let value = difference.relative;
    if value == 0.0 {
        return "0".into();
    }
    let mut exponent = value.log10().floor() as i32;
    let mut digit = (value / 10_f64.powi(exponent)).ceil() as i32;
    if digit == 10 {
        (digit, exponent) = (1, exponent + 1);
    }
    format!("{digit}e{exponent}")
}

impl Table {
    fn read() -> Self {
        let text = fs::read_to_string(path()).unwrap_or_default();
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        let rows = rows.map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let class = cells[1].trim_matches('`').to_owned();
            let generation = GENERATIONS
                .iter()
                .find(|generation| generation.to_string() == cells[2]);
            let mut row = Row {
                models: cells[3].parse().unwrap(),
                ..Row::default()
            };
            for (index, cell) in row.cells.as_flattened_mut().iter_mut().enumerate() {
                *cell = cells[4 + index].to_owned();
            }
            ((class, *generation.unwrap()), row)
        });
        Self(rows.collect())
    }

    fn set(&mut self, column: usize, seen: &BTreeMap<Key, (usize, Pair)>) {
        self.0.retain(|key, _| seen.contains_key(key));
        for (key, (models, (run_time, source))) in seen {
            let row = self.0.entry(key.clone()).or_default();
            row.models = *models;
            row.cells[column] = [bound(*run_time), bound(*source)];
        }
    }

    fn compare(&self, column: usize, seen: &BTreeMap<Key, (usize, Pair)>) -> Vec<String> {
        let mut problems = Vec::new();
        for (class, generation) in self.0.keys().filter(|key| !seen.contains_key(*key)) {
            problems.push(format!("  {class}, {generation}: no model has it"));
        }
        for ((class, generation), (models, (run_time, source))) in seen {
            let place = format!("  {class}, {generation}");
            let Some(row) = self.0.get(&(class.clone(), *generation)) else {
                problems.push(format!("{place}: not in the table"));
                continue;
            };
            if row.models != *models {
                problems.push(format!("{place}: {models} models, not {}", row.models));
            }
            for (cell, found) in row.cells[column].iter().zip([run_time, source]) {
                let claimed: f64 = cell.parse().unwrap_or(0.0);
                if found.relative > (10.0 * claimed).max(NOISE) {
                    problems.push(format!("{place}: {:.1e}, not {cell}", found.relative));
                }
            }
        }
        problems
    }

    fn print(&self) -> String {
        let mut text = String::from(
            "# Layers\n\n\
             Written by the conformance tests (`just layers`), which hold it against what they see. Every \
             model in\n`models/keras` and `tests/fixtures` was saved by real Keras with random weights; the \
             figures are the largest\ndifference from Keras's outputs, as a share of the largest value of \
             the output, in all models that have\nthe class. A model has several classes, and its figure \
             stands with each.\n\n\
             * **run time**: `burn_keras::Model`; **source**: the generated Rust. On flex both are equal to \
             the bit.\n\
             * The tests fail if a class appears or is lost, or a figure becomes ten times as large (and \
             above 1e-6).\n\n",
        );
        let _ = write!(text, "| class | written by | models |");
        for (_, backend) in COLUMNS {
            let _ = write!(text, " {backend}, run time | {backend}, source |");
        }
        text.push_str("\n|--|--|--:|");
        text.push_str(&"--:|--:|".repeat(COLUMNS.len()));
        text.push('\n');
        for ((class, generation), row) in &self.0 {
            let _ = write!(text, "| `{class}` | {} | {} |", generation, row.models);
            for cell in row.cells.as_flattened() {
                let _ = write!(text, " {cell} |");
            }
            text.push('\n');
        }
        text
    }
}

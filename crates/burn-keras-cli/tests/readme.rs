//! The README says what is there.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use keras_ir::layer::{classes, shown};

const README: &str = include_str!("../../../README.md");

#[test]
fn the_table_of_layers_is_the_registry() {
    let table = README.split("| | layers |").nth(1).unwrap();
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let listed: BTreeSet<&str> = rows
        .flat_map(|row| row.split('`').skip(1).step_by(2))
        .collect();
    let known: BTreeSet<&str> = classes()
        .filter(|class| !class.starts_with("op:"))
        .map(shown)
        .collect();
    assert_eq!(listed, known);
}

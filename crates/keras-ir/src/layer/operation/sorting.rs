//! Operations that put elements in order, or find their places.

use super::{Arguments, Operator, Row, row};

fn descending(a: &mut Arguments) -> bool {
    a.choice("direction", &["ASCENDING", "DESCENDING"]) == 1
}

pub(super) const ROWS: &[Row] = &[
    row("Sort", &["x"], |a| {
        a.operand("x");
        Operator::Sort {
            axis: a.integer("axis", -1),
            descending: descending(a),
        }
    }),
    row("Argsort", &["x"], |a| {
        a.operand("x");
        a.bool("stable", false);
        Operator::Argsort {
            axis: a.integer("axis", -1),
            descending: descending(a),
        }
    }),
    row("TopK", &["x"], |a| {
        a.operand("x");
        a.bool("sorted", true);
        a.kind("index_type");
        a.set_default("k", 1);
        Operator::TopK(a.size("k"))
    }),
    row("Digitize", &["x", "bins"], |a| {
        a.operand("x");
        a.operand("bins");
        Operator::SearchSorted { right: true }
    }),
    row("SearchSorted", &["sorted_sequence", "values"], |a| {
        // The same order of operands as in `Digitize`.
        a.operand("values");
        a.operand("sorted_sequence");
        a.kind("out_type");
        Operator::SearchSorted {
            right: a.choice("side", &["left", "right"]) == 1,
        }
    }),
];

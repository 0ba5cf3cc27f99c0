//! Texts of which nothing but the number of lines is told.

use std::collections::HashMap;

/// How many lines are new and gone.
pub fn changes(old: &str, new: &str) -> String {
    let mut counts: HashMap<&str, i64> = HashMap::new();
    for line in new.lines() {
        *counts.entry(line).or_default() += 1;
    }
    for line in old.lines() {
        *counts.entry(line).or_default() -= 1;
    }
    let more: i64 = counts.values().filter(|count| **count > 0).sum();
    let less: i64 = counts.values().filter(|count| **count < 0).sum();
    let lines = |count: i64, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    match (more, -less) {
        (0, 0) if old == new => "nothing but the header".to_owned(),
        (0, 0) => "the same lines in another order".to_owned(),
        (more, 0) => lines(more, "new line"),
        (0, less) => format!("{} gone", lines(less, "line")),
        (more, less) => format!("{}, {} gone", lines(more, "new line"), lines(less, "line")),
    }
}

#[cfg(test)]
mod tests {
    use super::changes;

    #[test]
    fn lines_are_counted() {
        assert_eq!(changes("a\nb", "a\nb\nb"), "1 new line");
        assert_eq!(changes("a\nb\nc", "c"), "2 lines gone");
        assert_eq!(changes("a\nb", "b\nc"), "1 new line, 1 line gone");
        assert_eq!(changes("a\n", "a\n"), "nothing but the header");
    }
}

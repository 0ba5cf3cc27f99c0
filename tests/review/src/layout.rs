//! Layouts of records, a line for each tensor:
//! `conv1d.weight momentum.moment_1: float32 [8, 4, 3] rank 3 id 5b3e… <- conv1d/kernel momentum`.

use std::collections::HashMap;

use crate::order;

/// A tensor of a record.
#[derive(Debug, PartialEq)]
struct Entry<'a> {
    /// The parameter's path and, for an optimizer's state, the field.
    key: (&'a str, Option<&'a str>),
    /// What is said of it, by title.
    facts: Vec<(&'static str, &'a str)>,
}

/// What is said of Keras's side.
const KERAS: &str = "Keras's side";

/// What has changed, in sentences; `None` if a line is none of a layout.
pub fn changes(old: &str, new: &str) -> Option<Vec<String>> {
    let [old, new] = [old, new].map(|text| {
        let lines = text.lines().filter(|line| !line.is_empty());
        lines.map(Entry::parse).collect::<Option<Vec<Entry<'_>>>>()
    });
    let (mut old, new) = (old?, new?);
    let mut sentences = rename(&mut old, &new);
    let known: HashMap<_, &Entry<'_>> = old.iter().map(|entry| (entry.key, entry)).collect();
    let still: HashMap<_, &Entry<'_>> = new.iter().map(|entry| (entry.key, entry)).collect();
    for entry in old.iter().filter(|entry| !still.contains_key(&entry.key)) {
        sentences.push(format!("{} is gone", entry.name()));
    }
    let pairs: Vec<(&Entry<'_>, &Entry<'_>)> = new
        .iter()
        .filter_map(|entry| Some((*known.get(&entry.key)?, entry)))
        .collect();
    let other_id = |(old, new): &&(&Entry<'_>, &Entry<'_>)| old.fact("id") != new.fact("id");
    let all_ids = pairs.len() > 1 && pairs.iter().filter(other_id).count() == pairs.len();
    if all_ids {
        sentences.push("every id has changed: records that were written before do not fit".into());
    }
    for entry in &new {
        match known.get(&entry.key) {
            None => sentences.push(format!("{} is new", entry.name())),
            Some(old) => sentences.extend(entry.changes(old, all_ids)),
        }
    }
    let [old, new] = [&old, &new].map(|list| list.iter().map(|entry| entry.key).collect());
    let (old, new): (Vec<_>, Vec<_>) = (old, new);
    for (key, from, to) in order::moved(&old, &new) {
        let name = name(*key);
        sentences.push(format!("{name} has moved from place {from} to {to}"));
    }
    Some(sentences)
}

/// Entries that are gone under one path and new under another, for the same weight of Keras; gives
/// them their new path.
fn rename<'a>(old: &mut [Entry<'a>], new: &[Entry<'a>]) -> Vec<String> {
    let mut sentences = Vec::new();
    let known: Vec<_> = old.iter().map(|entry| entry.key).collect();
    for entry in new.iter().filter(|entry| !known.contains(&entry.key)) {
        let same = old.iter_mut().find(|old| {
            let is_gone = new.iter().all(|entry| entry.key != old.key);
            is_gone && old.fact(KERAS).is_some() && old.fact(KERAS) == entry.fact(KERAS)
        });
        if let Some(old) = same {
            sentences.push(format!("{} is now {}", old.name(), entry.name()));
            old.key = entry.key;
        }
    }
    sentences
}

impl<'a> Entry<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (head, rest) = line.split_once(": ")?;
        let key = match head.split_once(' ') {
            Some((path, field)) => (path, Some(field)),
            None => (head, None),
        };
        let (rest, keras) = match rest.split_once(" <- ") {
            Some((rest, keras)) => (rest, Some(keras)),
            None => (rest, None),
        };
        let (dtype, rest) = rest.split_once(' ')?;
        let end = rest.find(']')? + 1;
        let (shape, rest) = rest.split_at(end);
        let mut facts = vec![("dtype", dtype), ("shape", shape)];
        let mut words = rest.split_whitespace();
        while let (Some(title), Some(value)) = (words.next(), words.next()) {
            let title = ["rank", "id"].into_iter().find(|known| *known == title)?;
            facts.push((title, value));
        }
        facts.extend(keras.map(|keras| (KERAS, keras)));
        Some(Self { key, facts })
    }

    fn fact(&self, title: &str) -> Option<&'a str> {
        let mut facts = self.facts.iter();
        facts
            .find(|(known, _)| *known == title)
            .map(|(_, value)| *value)
    }

    fn name(&self) -> String {
        name(self.key)
    }

    /// What is said of the entry otherwise than before.
    fn changes(&self, old: &Self, ids_are_told: bool) -> Option<String> {
        let titles = ["dtype", "shape", "rank", "id", KERAS].into_iter();
        let changed = titles.filter(|title| !(ids_are_told && *title == "id"));
        let changed = changed.filter_map(|title| {
            let [new, old] = [self, old].map(|entry| entry.fact(title));
            (new != old).then(|| {
                let [new, old] = [new, old].map(|value| value.unwrap_or("nothing"));
                format!("{title} now {new}, was {old}")
            })
        });
        let changed: Vec<String> = changed.collect();
        (!changed.is_empty()).then(|| format!("{}: {}", self.name(), changed.join("; ")))
    }
}

fn name((path, field): (&str, Option<&str>)) -> String {
    match field {
        Some(field) => format!("slot {field} of {path}"),
        None => format!("parameter {path}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const OLD: &str = "\
conv.weight: float32 [8, 4, 3] id 5b3ec3f982d5031e <- conv/kernel
conv.bias: float32 [8] id 2c337ce2af38f0ed <- conv/bias
norm.gamma: float32 [8] id 1de13d4fcb87ed35 <- norm/gamma
dense.weight: float32 [8, 3] id a6a18302aaa08f6f <- dense/kernel
";

    fn told(new: &str) -> Vec<String> {
        changes(OLD, new).unwrap()
    }

    #[test]
    fn shape_type_and_id() {
        let new = OLD
            .replace("[8, 4, 3]", "[3, 4, 8]")
            .replace("float32 [8] id 1de13d4fcb87ed35", "float64 [8] id 00")
            .replace("dense/kernel", "dense/other");
        let expected = [
            "parameter conv.weight: shape now [3, 4, 8], was [8, 4, 3]",
            "parameter norm.gamma: dtype now float64, was float32; id now 00, was 1de13d4fcb87ed35",
            "parameter dense.weight: Keras's side now dense/other, was dense/kernel",
        ];
        assert_eq!(told(&new), expected);
    }

    #[test]
    fn what_is_gone_new_renamed_and_moved() {
        let lines: Vec<&str> = OLD.lines().collect();
        let new = [
            lines[3],
            lines[0],
            "inner.gamma: float32 [8] id 77 <- norm/gamma",
            "extra.alpha: float32 [1] id 78 <- extra/alpha",
        ];
        let expected = [
            "parameter norm.gamma is now parameter inner.gamma",
            "parameter conv.bias is gone",
            "parameter inner.gamma: id now 77, was 1de13d4fcb87ed35",
            "parameter extra.alpha is new",
            "parameter dense.weight has moved from place 4 to 1",
        ];
        assert_eq!(told(&new.join("\n")), expected);
    }

    #[test]
    fn every_id_at_once() {
        let new = OLD.replace("id ", "id 0");
        let expected = ["every id has changed: records that were written before do not fit"];
        assert_eq!(told(&new), expected);
    }

    #[test]
    fn slots_of_an_optimizer() {
        let line = |field: &str, slot: &str| {
            format!("a.weight momentum.{field}: float32 [2] rank 1 id 0f <- a/kernel {slot}\n")
        };
        let [first, second] = [line("moment_1", "momentum"), line("moment_2", "velocity")];
        let old = format!("{first}{second}");
        let expected = ["slot momentum.moment_2 of a.weight is gone"];
        assert_eq!(changes(&old, &first).unwrap(), expected);
        let new = old.replacen("rank 1", "rank 2", 1);
        let expected = ["slot momentum.moment_1 of a.weight: rank now 2, was 1"];
        assert_eq!(changes(&old, &new).unwrap(), expected);
    }

    #[test]
    fn other_lines_are_no_layout() {
        assert_eq!(changes(OLD, "something else"), None);
    }
}

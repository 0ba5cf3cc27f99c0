//! Keras's table of layers.

use std::collections::HashMap;

use crate::order;

/// What a table says: its rows by layer, and what stands around them.
struct Summary<'a> {
    rows: Vec<Row<'a>>,
    /// `Total params` and the like.
    totals: Vec<(&'a str, &'a str)>,
}

/// A layer.
struct Row<'a> {
    /// Name and class.
    layer: &'a str,
    /// The other columns, those of the lines below it too.
    cells: Vec<Vec<&'a str>>,
}

/// What has changed, in sentences; none if nothing has but the layout of the table.
pub fn changes(old: &str, new: &str) -> Vec<String> {
    let [old, new] = [old, new].map(Summary::parse);
    let mut sentences = Vec::new();
    let layers = |summary: &Summary<'_>| -> Vec<String> {
        let rows = summary.rows.iter();
        rows.map(|row| row.layer.to_owned()).collect()
    };
    let (old_layers, new_layers) = (layers(&old), layers(&new));
    for layer in old_layers
        .iter()
        .filter(|layer| !new_layers.contains(layer))
    {
        sentences.push(format!("layer {layer} is gone"));
    }
    let known: HashMap<&str, &Row<'_>> = old.rows.iter().map(|row| (row.layer, row)).collect();
    for row in &new.rows {
        match known.get(row.layer) {
            None => sentences.push(format!("layer {} is new", row.layer)),
            Some(old) => sentences.extend(row.changes(old)),
        }
    }
    for (layer, from, to) in order::moved(&old_layers, &new_layers) {
        sentences.push(format!("layer {layer} has moved from row {from} to {to}"));
    }
    let known: HashMap<&str, &str> = old.totals.iter().copied().collect();
    for (title, value) in &new.totals {
        match known.get(title) {
            Some(old) if old == value => {}
            Some(old) => sentences.push(format!("{title} now {value}, was {old}")),
            None => sentences.push(format!("{title} now {value}")),
        }
    }
    for (title, value) in &old.totals {
        if new.totals.iter().all(|(still, _)| still != title) {
            sentences.push(format!("{title} is gone, was {value}"));
        }
    }
    sentences
}

impl<'a> Summary<'a> {
    fn parse(text: &'a str) -> Self {
        let mut summary = Self {
            rows: Vec::new(),
            totals: Vec::new(),
        };
        for line in text.lines() {
            let is_title = line.starts_with("Layer (type)");
            if line.starts_with(['─', '═', '_', '=']) || is_title || line.trim().is_empty() {
                continue;
            }
            let cells = line.split("  ").map(str::trim);
            let mut cells: Vec<&str> = cells.filter(|cell| !cell.is_empty()).collect();
            if line.starts_with("  ") && !summary.rows.is_empty() {
                if let Some(row) = summary.rows.last_mut() {
                    row.cells.push(cells);
                }
            } else if cells.len() > 1 {
                let layer = cells.remove(0);
                let cells = cells.into_iter().map(|cell| vec![cell]);
                let cells = cells.collect();
                summary.rows.push(Row { layer, cells });
            } else if let Some((title, value)) = line.split_once(": ") {
                summary.totals.push((title, value));
            }
        }
        summary
    }
}

impl Row<'_> {
    /// What is said of the layer otherwise than before.
    fn changes(&self, old: &Self) -> Option<String> {
        let text = |row: &Self| {
            let cells = row.cells.iter().flatten().copied();
            cells.collect::<Vec<_>>().join(" | ")
        };
        let (new, old) = (text(self), text(old));
        (new != old).then(|| format!("layer {}: now {new}, was {old}", self.layer))
    }
}

#[cfg(test)]
mod tests {
    use super::changes;

    const OLD: &str = "\
Model: \"functional\"
────────────────────────────────────────────────────────────
Layer (type)         Output Shape      Param #   Connected to
════════════════════════════════════════════════════════════
x (InputLayer)       (None, 32, 4)     0
y (InputLayer)       (None, 32, 4)     0
conv1d (Conv1D)      (None, 30, 8)     104       x[0][0]
add (Add)            (None, 30, 8)     0         conv1d[0][0]
                                                 y[0][0]
════════════════════════════════════════════════════════════
Total params: 104
";

    #[test]
    fn rows_and_totals() {
        let new = OLD
            .replace("(None, 30, 8)     104 ", "(None, 29, 8)     136 ")
            .replace("conv1d[0][0]", "conv1d[1][0]")
            .replace("params: 104", "params: 136");
        let expected = [
            "layer conv1d (Conv1D): now (None, 29, 8) | 136 | x[0][0], \
             was (None, 30, 8) | 104 | x[0][0]",
            "layer add (Add): now (None, 30, 8) | 0 | conv1d[1][0] | y[0][0], \
             was (None, 30, 8) | 0 | conv1d[0][0] | y[0][0]",
            "Total params now 136, was 104",
        ];
        assert_eq!(changes(OLD, &new), expected);
    }

    #[test]
    fn what_is_gone_new_and_moved() {
        let y = "y (InputLayer)       (None, 32, 4)     0\n";
        let new = OLD.replace(y, "").replace(
            "x (InputLayer)",
            &format!("{y}z (InputLayer)       (None, 1)         0\nx (InputLayer)"),
        );
        let expected = [
            "layer z (InputLayer) is new",
            "layer y (InputLayer) has moved from row 2 to 1",
        ];
        assert_eq!(changes(OLD, &new), expected);
        let expected = ["layer y (InputLayer) is gone"];
        assert_eq!(changes(OLD, &OLD.replace(y, "")), expected);
    }

    #[test]
    fn widths_are_no_change() {
        assert!(changes(OLD, &OLD.replace("  0\n", "     0\n")).is_empty());
    }
}

//! Text from a file in comments: whatever it holds, it stays one line of the comment.

use std::fmt::Display;

use keras_ir::shape::Spec;

/// `text` as it may stand in a comment: one line, without characters that turn the direction of
/// text or hide themselves.
pub(super) fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character == ' ' || character.is_ascii_graphic() || character.is_alphanumeric() {
            safe.push(character);
        } else {
            safe.extend(character.escape_unicode());
        }
    }
    safe
}

/// `text` as code in a doc comment: no markup, no links, no way out of the backticks.
pub(super) fn code(text: impl Display) -> String {
    let text = plain(&text.to_string()).replace('`', "'");
    match text.trim() {
        "" => "\"\"".to_owned(),
        text => format!("`{text}`"),
    }
}

/// A word of markup: letters, digits and underscores.
pub(super) fn word(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_alphanumeric() { c } else { '_' })
        .collect()
}

/// The shape of a tensor, with its kind if it holds no floats.
pub(super) fn spec(spec: &Spec) -> String {
    use keras_ir::shape::Kind;
    let kind = match spec.kind {
        Kind::Float => "",
        Kind::Int => " of integers",
        Kind::Bool => " of booleans",
    };
    format!("{}{kind}", code(&spec.shape))
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}

/// `text` in lines of at most `width` characters; code is not cut.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut is_code = false;
    let mut word = String::new();
    let mut end = |word: &mut String| {
        let length = line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && length > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&std::mem::take(word));
    };
    for character in text.chars() {
        is_code ^= character == '`';
        if character == ' ' && !is_code {
            end(&mut word);
        } else {
            word.push(character);
        }
    }
    end(&mut word);
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_comment() {
        assert_eq!(code("a\nb"), r"`a\u{a}b`");
        assert_eq!(code("*/ fn `x` [y]"), "`*/ fn 'x' [y]`");
        assert_eq!(code("\u{202e}x"), r"`\u{202e}x`");
        assert_eq!(code(" "), "\"\"");
        assert_eq!(plain("größe"), "größe");
        assert_eq!(word("My<Layer>"), "My_Layer_");
    }

    #[test]
    fn lines_are_cut_between_words() {
        assert_eq!(wrap("a bc `d e` f", 5), ["a bc", "`d e`", "f"]);
        assert_eq!(wrap("a bc", 5), ["a bc"]);
        assert_eq!(wrap("", 5), [""]);
    }
}

//! What Keras 3 calls the objects of a list where it saves them: by their class, counted.

use std::collections::HashMap;

/// Gives the objects of one list their names.
#[derive(Debug, Default)]
pub(crate) struct ObjectNames {
    counts: HashMap<String, usize>,
}

impl ObjectNames {
    /// The name of the next object of the list, which is of `class`: `dense`, `dense_1`, ….
    pub fn next(&mut self, class: &str) -> String {
        let base = snake_case(class);
        let count = self.counts.entry(base.clone()).or_default();
        let name = numbered(&base, *count);
        *count += 1;
        name
    }
}

/// `base` for the first object, then `base_1`, `base_2`, ….
pub(crate) fn numbered(base: &str, count: usize) -> String {
    match count {
        0 => base.to_owned(),
        count => format!("{base}_{count}"),
    }
}

/// Keras 3.15's `to_snake_case`: `Conv2DTranspose` is `conv2d_transpose`, `PReLU` is `p_re_lu`.
///
/// Objects are named after the classes of Python. One of them has another name in configs.
pub(crate) fn snake_case(class: &str) -> String {
    let class = match class {
        "GroupQueryAttention" => "GroupedQueryAttention",
        class => class,
    };
    let name: Vec<char> = class
        .chars()
        .filter(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    // `(.)([A-Z][a-z]+)`: a word begins.
    let mut words = Vec::with_capacity(name.len());
    let mut at = 0;
    while at < name.len() {
        words.push(name[at]);
        let begins = name.get(at + 1).is_some_and(char::is_ascii_uppercase)
            && name.get(at + 2).is_some_and(char::is_ascii_lowercase);
        at += 1;
        if begins {
            words.push('_');
            words.push(name[at]);
            at += 1;
            while let Some(c) = name.get(at).filter(|c| c.is_ascii_lowercase()) {
                words.push(*c);
                at += 1;
            }
        }
    }
    // `([a-z])([A-Z])`
    let mut snake = String::with_capacity(words.len() + 4);
    for (position, c) in words.iter().enumerate() {
        let after_small = position > 0 && words[position - 1].is_ascii_lowercase();
        if after_small && c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_keras_makes_them() {
        for (class, name) in [
            ("Dense", "dense"),
            ("Conv2D", "conv2d"),
            ("Conv2DTranspose", "conv2d_transpose"),
            ("MaxPooling1D", "max_pooling1d"),
            ("DepthwiseConv2D", "depthwise_conv2d"),
            ("LSTM", "lstm"),
            ("ConvLSTM2D", "conv_lstm2d"),
            ("GRUCell", "gru_cell"),
            ("SimpleRNN", "simple_rnn"),
            ("PReLU", "p_re_lu"),
            ("ReLU", "re_lu"),
            ("LeakyReLU", "leaky_re_lu"),
            ("ELU", "elu"),
            ("StackedRNNCells", "stacked_rnn_cells"),
            ("MultiHeadAttention", "multi_head_attention"),
            ("RMSNormalization", "rms_normalization"),
            ("TFSMLayer", "tfsm_layer"),
        ] {
            assert_eq!(snake_case(class), name, "{class}");
        }
    }
}

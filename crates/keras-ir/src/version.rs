//! Which Keras wrote a file: some formulas and grammars differ between the generations.

use std::fmt;

/// A generation of Keras.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Generation {
    /// Standalone Keras 1.0 to 1.2.2.
    Keras1,
    /// Standalone Keras 2.0 to 2.3.1.
    Keras2,
    /// `tf.keras` of TensorFlow 1.x and 2.x, and `tf_keras`.
    TfKeras,
    /// Keras 3.
    Keras3,
}

/// Who wrote a file, as far as formulas depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Writer {
    /// The generation.
    pub generation: Generation,
    /// Major and minor version.
    pub version: (u32, u32),
}

impl Writer {
    /// Reads the root attribute `keras_version`.
    pub fn of_version(version: Option<&str>) -> Self {
        Self {
            generation: Generation::of_version(version),
            version: numbers(version.unwrap_or_default()),
        }
    }

    /// Whether this is a `tf.keras` before `version`: TensorFlow until 1.12 wrote up to 2.1, 1.13 to 2.1
    /// wrote 2.2.
    pub fn is_tf_keras_before(self, version: (u32, u32)) -> bool {
        self.generation == Generation::TfKeras && self.version < version
    }
}

impl From<Generation> for Writer {
    /// The last of a generation.
    fn from(generation: Generation) -> Self {
        Self {
            generation,
            version: (u32::MAX, 0),
        }
    }
}

/// Major and minor number of a version.
fn numbers(version: &str) -> (u32, u32) {
    let mut numbers = version
        .split(['.', '-'])
        .map(|part| part.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

impl Generation {
    /// Reads the root attribute `keras_version`; a file without one is of Keras 1
    /// (1.0 to 1.0.3 wrote none).
    pub fn of_version(version: Option<&str>) -> Self {
        let Some(version) = version else {
            return Self::Keras1;
        };
        match numbers(version) {
            (0 | 1, _) => Self::Keras1,
            // Standalone Keras ended with 2.3; from 2.4 on only TensorFlow wrote such versions.
            (2, 0..=3) if !version.contains("tf") => Self::Keras2,
            (2, _) => Self::TfKeras,
            _ => Self::Keras3,
        }
    }

    /// Whether this is Keras 3.
    pub fn is_keras3(self) -> bool {
        self == Self::Keras3
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keras1 => "Keras 1",
            Self::Keras2 => "Keras 2",
            Self::TfKeras => "tf.keras",
            Self::Keras3 => "Keras 3",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Generation::{self, *};

    #[test]
    fn versions_tell_generations() {
        for (version, generation) in [
            (None, Keras1),
            (Some("1.2.2"), Keras1),
            (Some("2.0.5"), Keras2),
            (Some("2.3.1"), Keras2),
            (Some("2.2.4-tf"), TfKeras),
            (Some("2.4.0"), TfKeras),
            (Some("2.21.0"), TfKeras),
            (Some("3.15.1"), Keras3),
        ] {
            assert_eq!(Generation::of_version(version), generation, "{version:?}");
        }
    }
}

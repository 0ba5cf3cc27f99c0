//! Layers that add to the borders of the spatial axes, or cut them off.

use serde_json::Value;

use super::config::{Config, DataFormat};
use super::convolution::dimensions;
use super::{KerasLayer, MaskRule, Mismatch, single_of_rank};
use crate::shape::Spec;

/// Steps before and after, per spatial axis.
type Pairs = Vec<(usize, usize)>;

/// Reads one number for all axes, a number or a pair for each axis, or the pair of the only axis.
fn read_pairs(class: &str, config: &mut Config<'_>, key: &'static str, default: usize) -> Pairs {
    let dimensions = dimensions(class);
    let pairs = match config.value(key) {
        None => Some(vec![(default, default); dimensions]),
        Some(value) => pairs(value, dimensions),
    };
    pairs.unwrap_or_else(|| {
        config.unsupported(key, "a number, or a pair for each spatial axis");
        vec![(0, 0); dimensions]
    })
}

fn pairs(value: &Value, dimensions: usize) -> Option<Pairs> {
    let size = |value: &Value| usize::try_from(value.as_u64()?).ok();
    let pair = |value: &Value| match value.as_array()?.as_slice() {
        [before, after] => Some((size(before)?, size(after)?)),
        _ => None,
    };
    if let Some(all) = size(value) {
        return Some(vec![(all, all); dimensions]);
    }
    let items = value.as_array()?;
    if dimensions == 1 && items.len() == 2 {
        return Some(vec![pair(value)?]);
    }
    if items.len() != dimensions {
        return None;
    }
    items
        .iter()
        .map(|item| size(item).map(|both| (both, both)).or_else(|| pair(item)))
        .collect()
}

/// The input's shape with another size of each spatial axis.
fn resize(
    inputs: &[Spec],
    pairs: &Pairs,
    data_format: DataFormat,
    size: impl Fn(usize, (usize, usize)) -> Option<usize>,
) -> Result<Vec<Spec>, Mismatch> {
    let input = single_of_rank(inputs, pairs.len() + 2)?;
    let mut shape = input.shape.0.clone();
    let first = data_format.first_spatial_axis();
    for (dim, pair) in shape[first..].iter_mut().zip(pairs) {
        if let Some(known) = dim {
            *known = size(*known, *pair)
                .ok_or_else(|| Mismatch::new(format!("sizes that fit {pairs:?}"), inputs))?;
        }
    }
    Ok(vec![input.with_shape(shape)])
}

/// `ZeroPadding1D/2D/3D`.
#[derive(Clone, Debug, PartialEq)]
pub struct ZeroPadding {
    /// Zeros before and after, per spatial axis.
    pub padding: Vec<(usize, usize)>,
    /// Where the channels are.
    pub data_format: DataFormat,
}

impl KerasLayer for ZeroPadding {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        Self {
            padding: read_pairs(class, config, "padding", 1),
            data_format: config.data_format(),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        resize(inputs, &self.padding, self.data_format, |size, pair| {
            size.checked_add(pair.0)?.checked_add(pair.1)
        })
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}

/// `Cropping1D/2D/3D`.
#[derive(Clone, Debug, PartialEq)]
pub struct Cropping {
    /// Steps cut off before and after, per spatial axis.
    pub cropping: Vec<(usize, usize)>,
    /// Where the channels are.
    pub data_format: DataFormat,
}

impl KerasLayer for Cropping {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        // Cropping2D is the only one that cuts nothing off by default.
        let default = usize::from(dimensions(class) != 2);
        Self {
            cropping: read_pairs(class, config, "cropping", default),
            data_format: config.data_format(),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        resize(inputs, &self.cropping, self.data_format, |size, pair| {
            let rest = size.checked_sub(pair.0)?.checked_sub(pair.1)?;
            (rest > 0).then_some(rest)
        })
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::version::Generation;

    fn read(class: &str, value: Value) -> (Pairs, usize) {
        let mut map = Map::new();
        map.insert("cropping".into(), value);
        let mut config = Config::new(&map, Generation::Keras3);
        let layer = Cropping::read(class, &mut config);
        (layer.cropping, config.finish().len())
    }

    #[test]
    fn every_form_of_the_pairs_is_read() {
        assert_eq!(read("Cropping1D", json!(2)), (vec![(2, 2)], 0));
        assert_eq!(read("Cropping1D", json!([1, 0])), (vec![(1, 0)], 0));
        assert_eq!(read("Cropping1D", json!([[1, 0]])), (vec![(1, 0)], 0));
        assert_eq!(read("Cropping2D", json!([1, 2])), (vec![(1, 1), (2, 2)], 0));
        let each = json!([[1, 2], [0, 3], [4, 5]]);
        assert_eq!(read("Cropping3D", each), (vec![(1, 2), (0, 3), (4, 5)], 0));
        assert_eq!(read("Cropping1D", json!(null)), (vec![(1, 1)], 0));
        assert_eq!(read("Cropping2D", json!(null)), (vec![(0, 0); 2], 0));
    }

    #[test]
    fn other_forms_are_refused() {
        for value in [json!(-1), json!([1]), json!([1, 2, 3, 4]), json!("1")] {
            assert_eq!(read("Cropping3D", value).1, 1);
        }
    }

    #[test]
    fn something_must_be_left() {
        let layer = Cropping {
            cropping: vec![(2, 3)],
            data_format: DataFormat::ChannelsLast,
        };
        let input = |steps| Spec::float(vec![None, steps, Some(2)]);
        assert!(layer.outputs(&[input(Some(5))]).is_err());
        assert_eq!(
            layer.outputs(&[input(Some(6))]).unwrap()[0].shape.0[1],
            Some(1)
        );
        assert_eq!(layer.outputs(&[input(None)]).unwrap()[0].shape.0[1], None);
    }
}

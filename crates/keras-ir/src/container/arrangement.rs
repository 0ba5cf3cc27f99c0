//! Tensors that are made of others: joined, permuted, turned round.

use super::{ContainerError, StoredTensor};

/// How a tensor is made of others: they are joined along the last axis, then the axes are put into
/// another order, then some are turned round, then some of size 1 are dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrangement {
    /// The source axis of each axis; empty for the order that there is.
    pub permutation: Vec<usize>,
    /// The axes that run backwards, counted behind the permutation.
    pub reversed: Vec<usize>,
    /// The axes of size 1 that are left out, counted behind the permutation.
    pub dropped: Vec<usize>,
}

/// Sources with the arrangement that they fit.
pub(super) struct Arranged {
    sources: Vec<StoredTensor>,
    arrangement: Arrangement,
    /// What the sources have together.
    joined: Vec<usize>,
}

impl Arranged {
    /// The error says what does not fit.
    pub fn new(sources: Vec<StoredTensor>, mut arrangement: Arrangement) -> Result<Self, String> {
        let Some(first) = sources.first() else {
            return Err("there is nothing to join".into());
        };
        let dtype = first.dtype();
        let mut joined = first.shape().to_vec();
        for other in &sources[1..] {
            let shape = other.shape();
            let fits = match (joined.split_last(), shape.split_last()) {
                (Some((_, before)), Some((_, others))) => before == others,
                _ => false,
            };
            if !fits || other.dtype() != dtype {
                return Err(format!(
                    "{} of shape {shape:?} does not continue shape {joined:?}",
                    other.path()
                ));
            }
            let last = joined.len() - 1;
            joined[last] = joined[last].checked_add(shape[last]).ok_or("too large")?;
        }
        let rank = joined.len();
        if arrangement.permutation.is_empty() {
            arrangement.permutation = (0..rank).collect();
        }
        let mut sorted = arrangement.permutation.clone();
        sorted.sort_unstable();
        let is_permutation = sorted.into_iter().eq(0..rank);
        let size = |axis: &usize| joined.get(*arrangement.permutation.get(*axis)?).copied();
        let fits = arrangement.reversed.iter().all(|axis| *axis < rank)
            && arrangement.dropped.iter().all(|axis| size(axis) == Some(1));
        if !is_permutation || !fits {
            return Err(format!("{arrangement:?} does not fit shape {joined:?}"));
        }
        Ok(Self {
            sources,
            arrangement,
            joined,
        })
    }

    pub fn sources(&self) -> &[StoredTensor] {
        &self.sources
    }

    pub fn arrangement(&self) -> &Arrangement {
        &self.arrangement
    }

    /// The shape of the result.
    pub fn shape(&self) -> Vec<usize> {
        let axes = self.arrangement.permutation.iter().enumerate();
        let kept = axes.filter(|(axis, _)| !self.arrangement.dropped.contains(axis));
        kept.map(|(_, source)| self.joined[*source]).collect()
    }

    /// All elements, little-endian and row-major.
    pub fn read(&self) -> Result<Vec<u8>, ContainerError> {
        let bytes = self.join()?;
        let size = self.sources[0].dtype().size();
        if self.keeps_order() {
            return Ok(bytes);
        }
        let mut arranged = Vec::with_capacity(bytes.len());
        gather(&self.axes(), 0, &mut |element| {
            arranged.extend_from_slice(&bytes[element * size..][..size]);
        });
        Ok(arranged)
    }

    /// The elements of each source, of all elements of the result.
    pub fn divide(&self, elements: &[u8]) -> Vec<Vec<u8>> {
        if self.keeps_order() {
            return self.cut(elements);
        }
        let size = self.sources[0].dtype().size();
        let mut joined = vec![0; elements.len()];
        let mut arranged = elements.chunks_exact(size);
        gather(&self.axes(), 0, &mut |element| {
            if let Some(next) = arranged.next() {
                joined[element * size..][..size].copy_from_slice(next);
            }
        });
        self.cut(&joined)
    }

    /// Whether the elements stay in their order.
    fn keeps_order(&self) -> bool {
        self.arrangement.reversed.is_empty() && self.arrangement.permutation.is_sorted()
    }

    /// The axes of the result, those of size 1 that are dropped too: with them the order of the
    /// elements is the same.
    fn axes(&self) -> Vec<Axis> {
        let mut strides = vec![1; self.joined.len()];
        for axis in (1..strides.len()).rev() {
            strides[axis - 1] = strides[axis] * self.joined[axis];
        }
        let axes = self.arrangement.permutation.iter().enumerate();
        axes.map(|(axis, source)| Axis {
            size: self.joined[*source],
            stride: strides[*source],
            reversed: self.arrangement.reversed.contains(&axis),
        })
        .collect()
    }

    /// Bytes of one row of each source.
    fn rows(&self) -> Vec<usize> {
        let sources = self.sources.iter();
        sources
            .map(|source| source.shape().last().copied().unwrap_or(1) * source.dtype().size())
            .collect()
    }

    /// What the sources have, of what they have side by side.
    fn cut(&self, joined: &[u8]) -> Vec<Vec<u8>> {
        if self.sources.len() == 1 {
            return vec![joined.to_vec()];
        }
        let rows = self.rows();
        let mut parts: Vec<Vec<u8>> = self
            .sources
            .iter()
            .map(|source| Vec::with_capacity(source.byte_len()))
            .collect();
        let mut rest = joined;
        while !rest.is_empty() {
            for (part, row) in parts.iter_mut().zip(&rows) {
                let (taken, behind) = rest.split_at((*row).min(rest.len()));
                part.extend_from_slice(taken);
                rest = behind;
            }
        }
        parts
    }

    /// The sources side by side along the last axis.
    fn join(&self) -> Result<Vec<u8>, ContainerError> {
        if let [one] = self.sources.as_slice() {
            return Ok(one.read()?.into_owned());
        }
        let mut parts = Vec::with_capacity(self.sources.len());
        for (source, row) in self.sources.iter().zip(self.rows()) {
            parts.push((source.read()?, row));
        }
        let rows = self.joined[..self.joined.len() - 1].iter().product();
        let length = parts.iter().map(|(bytes, _)| bytes.len()).sum();
        let mut joined = Vec::with_capacity(length);
        for index in 0..rows {
            for (bytes, row) in &parts {
                joined.extend_from_slice(&bytes[index * row..][..*row]);
            }
        }
        Ok(joined)
    }
}

/// An axis of the result: how many steps, how far apart in the source, and which way.
struct Axis {
    size: usize,
    stride: usize,
    reversed: bool,
}

/// The source elements in the order of the result; `start` is that of the axes before.
fn gather(axes: &[Axis], start: usize, take: &mut impl FnMut(usize)) {
    let Some((axis, inner)) = axes.split_first() else {
        take(start);
        return;
    };
    for step in 0..axis.size {
        let step = if axis.reversed {
            axis.size - 1 - step
        } else {
            step
        };
        gather(inner, start + step * axis.stride, take);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::container::Dtype;

    fn tensor(shape: &[usize], start: u8) -> StoredTensor {
        let length = u8::try_from(shape.iter().product::<usize>()).unwrap();
        let bytes = (start..start + length).collect();
        StoredTensor::from_parts(format!("t{start}"), shape, Dtype::U8, bytes).unwrap()
    }

    #[test]
    fn joins_along_the_last_axis() {
        let parts = vec![tensor(&[2, 1], 0), tensor(&[2, 2], 10)];
        let joined = StoredTensor::arranged(parts, Arrangement::default()).unwrap();
        assert_eq!((joined.path(), joined.shape()), ("t0", &[2, 3][..]));
        assert_eq!(joined.read().unwrap().as_ref(), [0, 10, 11, 1, 12, 13]);
        assert_eq!(joined.sources().len(), 2);
        let alike = vec![tensor(&[2, 1], 20), tensor(&[2, 2], 30)];
        let alike = joined.arrange_alike(alike).unwrap();
        assert_eq!(alike.read().unwrap().as_ref(), [20, 30, 31, 21, 32, 33]);
        let parts = joined.divide(vec![20, 30, 31, 21, 32, 33]).unwrap();
        assert_eq!(parts, [vec![20, 21], vec![30, 31, 32, 33]]);
    }

    #[test]
    fn permutes_reverses_and_drops() {
        let arrangement = Arrangement {
            permutation: vec![2, 3, 1, 0],
            reversed: vec![0],
            dropped: vec![1],
        };
        let turned = StoredTensor::arranged(vec![tensor(&[2, 2, 3, 1], 0)], arrangement).unwrap();
        assert_eq!(turned.shape(), [3, 2, 2]);
        let expected = [2, 8, 5, 11, 1, 7, 4, 10, 0, 6, 3, 9];
        assert_eq!(turned.read().unwrap().as_ref(), expected);
        let parts = turned.divide(expected.to_vec()).unwrap();
        assert_eq!(parts, [(0..12).collect::<Vec<u8>>()]);
        assert!(turned.divide(vec![1]).is_err());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let arrange = |sources, permutation, dropped| {
            let arrangement = Arrangement {
                permutation,
                reversed: vec![],
                dropped,
            };
            StoredTensor::arranged(sources, arrangement).is_ok()
        };
        assert!(!arrange(vec![], vec![], vec![]));
        assert!(!arrange(
            vec![tensor(&[2, 2], 0), tensor(&[3, 2], 0)],
            vec![],
            vec![]
        ));
        assert!(!arrange(
            vec![tensor(&[], 0), tensor(&[], 0)],
            vec![],
            vec![]
        ));
        assert!(!arrange(vec![tensor(&[2, 2], 0)], vec![0, 0], vec![]));
        assert!(!arrange(vec![tensor(&[2, 2], 0)], vec![0, 1, 2], vec![]));
        assert!(!arrange(vec![tensor(&[2, 2], 0)], vec![1, 0], vec![0]));
    }
}

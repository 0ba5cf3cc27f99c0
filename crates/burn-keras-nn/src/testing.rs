//! What the unit tests share.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use burn::tensor::{Device, Tensor};

use crate::Generation;
use crate::loss::{Shaped, Target};

/// The backends that every test runs on.
pub fn devices() -> [Device; 2] {
    [Device::flex(), Device::ndarray()]
}

/// The values of a tensor in row-major order.
pub fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.try_into_vec_as().unwrap()
}

/// `|a - b| <= tolerance * (1 + |b|)` everywhere; NaN and infinities must stand at the same places.
#[track_caller]
pub fn close(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    for (at, (a, b)) in found.iter().zip(expected).enumerate() {
        let same = a == b || (a.is_nan() && b.is_nan());
        assert!(
            same || (a - b).abs() <= tolerance * (1.0 + b.abs()),
            "at {at}: found {a}, expected {b}\nfound {found:?}\nexpected {expected:?}"
        );
    }
}

/// `[0, 1, 2, ...]` turned into values between -1 and 1 that look random but are easy to make
/// again in Python: `np.sin(np.arange(n) * 12.9898 + seed)`, in float64, then float32.
pub fn wave<const D: usize>(shape: [usize; D], seed: f64, device: &Device) -> Tensor<D> {
    let n = shape.iter().product::<usize>();
    let data: Vec<f32> = (0..n)
        .map(|i| libm_sin(i as f64 * 12.9898 + seed) as f32)
        .collect();
    Tensor::<1>::from_floats(data.as_slice(), device).reshape(shape)
}

fn libm_sin(x: f64) -> f64 {
    std::primitive::f64::sin(x)
}

/// Arrays and numbers that `tests/fixtures/make_losses.py` has from Keras.
pub struct Reference {
    arrays: BTreeMap<&'static str, (Vec<usize>, Vec<f64>)>,
    cases: BTreeMap<[&'static str; 3], Vec<f32>>,
}

impl Reference {
    /// A line is `array NAME SHAPE VALUES…` or `KIND CASE GENERATION VALUES…`.
    pub fn parse(text: &'static str) -> Self {
        let mut found = Self {
            arrays: BTreeMap::new(),
            cases: BTreeMap::new(),
        };
        for line in text.lines() {
            let mut words = line.split(' ');
            let [kind, name, third] = core::array::from_fn(|_| words.next().unwrap());
            if kind == "array" {
                let shape = third.split(',').map(|n| n.parse().unwrap()).collect();
                let values = words.map(|n| n.parse().unwrap()).collect();
                found.arrays.insert(name, (shape, values));
            } else {
                let values = words.map(|n| n.parse().unwrap()).collect();
                found.cases.insert([kind, name, third], values);
            }
        }
        found
    }

    pub fn shape(&self, name: &str) -> &[usize] {
        &self.arrays[name].0
    }

    pub fn floats<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let (shape, values) = &self.arrays[name];
        let values: Vec<f32> = values.iter().map(|x| *x as f32).collect();
        let shape: [usize; D] = shape.as_slice().try_into().unwrap();
        Tensor::<1>::from_floats(values.as_slice(), device).reshape(shape)
    }

    /// Integers if the name has `ids` in it.
    pub fn target(&self, name: &str, device: &Device) -> Target {
        let (shape, values) = &self.arrays[name];
        if name.contains("ids") {
            let values: Vec<i64> = values.iter().map(|x| *x as i64).collect();
            return Target::Int(Shaped {
                flat: Tensor::from_ints(values.as_slice(), device),
                shape: shape.clone(),
            });
        }
        let values: Vec<f32> = values.iter().map(|x| *x as f32).collect();
        Target::Float(Shaped {
            flat: Tensor::from_floats(values.as_slice(), device),
            shape: shape.clone(),
        })
    }

    /// The numbers of a case; none if the generation has not got it.
    pub fn case(&self, kind: &str, name: &str, generation: Generation) -> Option<&[f32]> {
        let tag = match generation {
            Generation::Keras3 => "k3",
            Generation::TfKeras => "tfk",
        };
        let is_it = |key: &&[&str; 3]| key[0] == kind && key[1] == name;
        let mut found = self.cases.iter().filter(|(key, _)| is_it(key));
        let (_, values) = found.find(|(key, _)| key[2] == "both" || key[2] == tag)?;
        Some(values)
    }

    /// The names of the cases of a kind.
    pub fn names(&self, kind: &str) -> BTreeSet<&'static str> {
        let of_kind = self.cases.keys().filter(|key| key[0] == kind);
        of_kind.map(|key| key[1]).collect()
    }
}

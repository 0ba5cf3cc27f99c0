//! Networks at random: no state goes to another layer.

use std::collections::{HashMap, HashSet};

use keras_ir::graph::{Graph, TensorId};
use keras_ir::optimizer::Optimizer;
use keras_ir::transfer::Entry;

use super::net::Net;
use super::{state, weighted};

/// A generator of numbers, the same ones in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// A network of layers that may be built in any order and under any names.
struct Recipe {
    /// Class and arguments of each step; arguments are the model's two inputs or earlier steps.
    steps: Vec<(&'static str, usize, Vec<usize>)>,
}

impl Recipe {
    fn random(random: &mut Random) -> Self {
        let mut steps = Vec::new();
        for step in 0..4 + random.below(14) {
            let known = step + 2;
            // Mostly what was made last: networks are deep.
            let mut argument = || known - 1 - random.below(known.min(4));
            let arguments = [argument(), argument()];
            steps.push(match random.below(8) {
                0 => ("Add", 0, arguments.to_vec()),
                1 => ("Concatenate", 0, arguments.to_vec()),
                2 => ("Dropout", 0, vec![arguments[0]]),
                // Weights of three shapes.
                kind => ("Dense", kind % 3 + 7, vec![arguments[0]]),
            });
        }
        // What nothing has used are the ends.
        let used: HashSet<usize> = steps
            .iter()
            .flat_map(|(_, _, used)| used)
            .copied()
            .collect();
        let ends = (2..2 + steps.len()).filter(|tensor| !used.contains(tensor));
        let join = ["Add", "Concatenate"][random.below(2)];
        steps.push((join, 0, ends.collect()));
        Self { steps }
    }

    /// The graph; step `n` makes the layer `names[n]`. `padded` puts a layer without weights
    /// behind every step, `left_out` leaves a step out.
    fn build(&self, names: &[String], padded: bool, left_out: Option<usize>) -> Graph {
        let mut net = Net::new();
        let mut tensors = vec![net.input("x"), net.input("y")];
        for (at, (class, size, arguments)) in self.steps.iter().enumerate() {
            let inputs: Vec<TensorId> = arguments.iter().map(|at| tensors[*at]).collect();
            if left_out == Some(at) {
                tensors.push(inputs[0]);
                continue;
            }
            let mut output = if *class == "Dense" {
                let layer = net.dense(&names[at], *size, 8);
                net.call(layer, &inputs)
            } else {
                net.apply(class, &inputs)
            };
            if padded {
                output = net.apply("Dropout", &[output]);
            }
            tensors.push(output);
        }
        let output = *tensors.last().unwrap();
        net.build(&[output])
    }

    /// Automatic names from `first` on, dealt out anew.
    fn names(&self, first: usize, random: &mut Random) -> Vec<String> {
        let mut names: Vec<String> = (first..first + self.steps.len())
            .map(|n| format!("dense_{n}"))
            .collect();
        for at in (1..names.len()).rev() {
            names.swap(at, random.below(at + 1));
        }
        names
    }
}

/// Whatever the names, the order of the list of layers and the layers without weights between:
/// the state of every layer goes to that layer, or the pair is refused.
#[test]
fn no_state_goes_to_another_layer() {
    let mut random = Random(7);
    let (mut whole, mut parts, mut refused) = (0, 0, 0);
    for _ in 0..1500 {
        let recipe = Recipe::random(&mut random);
        let [old, new] = [0, 2].map(|first| recipe.names(first, &mut random));
        let left_out = (random.below(2) == 0).then(|| random.below(recipe.steps.len() - 1));
        // The layer more is in either model.
        let (less, more) = if random.below(2) == 0 {
            (left_out, None)
        } else {
            (None, left_out)
        };
        let from = recipe.build(&old, false, less);
        let mut to = recipe.build(&new, true, more);
        if weighted(&from) == weighted(&to) {
            continue; // equal names decide between twins
        }
        let layers = &mut to.models[0].layers;
        let by = random.below(layers.len());
        layers.rotate_left(by);
        let Ok(transfer) = Optimizer::transfer(&from, &to, left_out.is_some()) else {
            refused += 1;
            continue;
        };
        if left_out.is_some() {
            parts += 1;
        } else {
            whole += 1;
        }
        let truth: HashMap<&String, &String> = new.iter().zip(&old).collect();
        for entry in &transfer.entries {
            if let Entry::Moved { from, to, .. } = entry {
                let layer = |path: &str| path.split('/').next().unwrap().to_owned();
                assert_eq!(
                    *truth[&layer(to)],
                    layer(from),
                    "{transfer}\n{:?} {old:?} {new:?} {left_out:?}",
                    recipe.steps
                );
            }
        }
        if left_out.is_none() {
            let count = state(&from).slots.len();
            assert_eq!(transfer.optimizer.slots.len(), count);
        }
    }
    let counts = format!("{whole} whole, {parts} in part, {refused} refused");
    assert!(whole > 500 && parts > 200 && refused > 300, "{counts}");
}

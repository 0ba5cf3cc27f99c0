//! Models that Keras has trained.

use std::path::Path;

use keras_ir::graph::{Graph, WeightRef};
use keras_ir::optimizer::{Optimizer, Slot};
use keras_ir::transfer::{By, Entry};
use keras_ir::{ReadOptions, read};

use super::{path, state, tensor};

/// The models with an optimizer's state, by file.
fn trained(folder: &str) -> Vec<(String, Graph)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(folder);
    let entries = std::fs::read_dir(here).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "h5"));
    files.sort();
    let models = files.into_iter().filter_map(|file| {
        let graph = read(&file, ReadOptions::default()).ok()?;
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let has_state = matches!(&graph.optimizer, Ok(Some(state)) if !state.slots.is_empty());
        has_state.then_some((name, graph))
    });
    models.collect()
}

#[test]
fn a_model_s_state_fits_itself_and_the_same_model_of_the_other_keras() {
    let mut pairs = 0;
    for folder in ["models/keras", "tests/fixtures/optimizers"] {
        let models = trained(folder);
        for (name, graph) in &models {
            let same = Optimizer::transfer(graph, graph, false).unwrap();
            let key = |slot: &Slot| (slot.weight, slot.name, slot.tensor.path().to_owned());
            let [found, expected] = [&same.optimizer, state(graph)].map(|state| {
                let mut slots: Vec<_> = state.slots.iter().map(key).collect();
                slots.sort();
                slots
            });
            assert_eq!(found, expected, "{name}");
            let by_name = |entry: &Entry| matches!(entry, Entry::Moved { by: By::Name, .. });
            assert!(same.entries.iter().all(by_name), "{name}: {same}");

            let Some(other) = name.strip_suffix("_k2").map(|case| format!("{case}_k3")) else {
                continue;
            };
            let Some((_, other)) = models.iter().find(|(name, _)| *name == other) else {
                continue;
            };
            // Weights have other shapes in the other Keras, or are frozen there alone.
            if ["normalization_k2", "recurrent_k2"].contains(&name.as_str()) {
                assert!(Optimizer::transfer(graph, other, false).is_err());
                continue;
            }
            let transfer = Optimizer::transfer(graph, other, false)
                .unwrap_or_else(|report| panic!("{name}: {report}"));
            assert_eq!(transfer.entries.len(), other.trainable_variables().len());
            pairs += 1;
        }
    }
    assert!(pairs > 10, "only {pairs} pairs");
}

fn fixture(name: &str) -> Graph {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = here.join("../../tests/fixtures/transfer").join(name);
    read(file, ReadOptions::default()).unwrap_or_else(|report| panic!("{report}"))
}

/// Two branches, one of them with a ZeroPadding1D more in the second model: other names, and
/// another order, in which lists of variables do not fit, or fit the wrong variables.
#[test]
fn two_branches_of_which_one_is_padded() {
    for tag in ["k2", "k3"] {
        let from = fixture(&format!("from_{tag}.h5"));
        let to = fixture(&format!("to_{tag}.h5"));
        let transfer = Optimizer::transfer(&from, &to, false).unwrap();
        let expected = "\
            conv1d/kernel -> conv1d_2/kernel (by place)\n\
            conv1d/bias -> conv1d_2/bias (by place)\n\
            batch_normalization/gamma -> batch_normalization_2/gamma (by place)\n\
            batch_normalization/beta -> batch_normalization_2/beta (by place)\n\
            conv1d_1/kernel -> conv1d_3/kernel (by place)\n\
            conv1d_1/bias -> conv1d_3/bias (by place)\n\
            batch_normalization_1/gamma -> batch_normalization_3/gamma (by place)\n\
            batch_normalization_1/beta -> batch_normalization_3/beta (by place)\n\
            dense/kernel -> dense_1/kernel (by place)\n\
            dense/bias -> dense_1/bias (by place)\n";
        assert_eq!(transfer.to_string(), expected, "{tag}");

        // In the first model's list, another variable stands at the place of the third.
        let listed = |graph: &Graph| {
            tensor(graph, graph.trainable_variables()[2])
                .shape()
                .to_vec()
        };
        assert_eq!((listed(&from), listed(&to)), (vec![20, 4, 4], vec![4]));

        // The values are those that Keras has for the same variables.
        let slots = &transfer.optimizer.slots;
        assert_eq!(slots.len(), 20);
        let old = |slot: &Slot| {
            let path = path(&to, slot.weight);
            let line = expected
                .lines()
                .find(|line| line.contains(&format!("-> {path} ")));
            line.unwrap().split(' ').next().unwrap().to_owned()
        };
        for slot in slots {
            let before = state(&from).slots.iter();
            let before = before
                .filter(|before| before.name == slot.name)
                .find(|before| path(&from, before.weight) == old(slot))
                .unwrap();
            assert_eq!(slot.tensor.read().unwrap(), before.tensor.read().unwrap());
        }
        let variables: Vec<WeightRef> = slots.iter().map(|slot| slot.weight).collect();
        let order = to.trainable_variables().into_iter();
        assert_eq!(
            variables,
            order.flat_map(|weight| [weight; 2]).collect::<Vec<_>>()
        );
        assert_eq!(transfer.optimizer.iterations, Some(3));
    }
}

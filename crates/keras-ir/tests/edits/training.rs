//! What training has of a model that was changed.

use keras_ir::ProblemKind;
use keras_ir::graph::Graph;
use serde_json::Value;

use super::{NONE, diamond, names, new, refused, sample};

#[test]
fn losses_of_other_outputs_are_left_out() {
    let graph = sample("sgd_k3.h5");
    let training = |graph: &Graph| graph.training_config.clone().unwrap_or_default();
    assert!(training(&graph)["loss"] != Value::Null);
    let first = names(&graph)[1].clone();
    let head = graph.extract(&[first.as_str()]).unwrap();
    assert_eq!(training(&head)["loss"], Value::Null);
    assert_eq!(
        training(&head)["optimizer_config"],
        training(&graph)["optimizer_config"]
    );
    let tail = graph.split(&[first.as_str()], NONE).unwrap();
    assert_eq!(training(&tail), training(&graph));
}

/// A head with other units is trained as the one before it; without its activation it is another.
#[test]
fn losses_of_a_new_head_stay_if_it_says_the_same() {
    let graph = sample("sgd_k3.h5");
    let last = graph.root().layers.last().unwrap();
    let mut config = graph.layer(*last).config.clone();
    let name = graph.layer(*last).name.clone();
    let loss = |graph: &Graph| graph.training_config.clone().unwrap_or_default()["loss"].clone();
    config.insert("units".into(), 5.into());
    let wider = new("Dense", Value::Object(config.clone()));
    let wider = graph.replace(&name, &wider, 0).unwrap();
    assert_eq!(loss(&wider), loss(&graph));
    config.insert("activation".into(), "gelu".into());
    let other = new("Dense", Value::Object(config));
    let other = graph.replace(&name, &other, 0).unwrap();
    assert_eq!(loss(&other), Value::Null);
}

#[test]
fn slots_go_with_their_weights() {
    let graph = sample("branches_k3.h5");
    let slots = |graph: &Graph| -> Vec<String> {
        let optimizer = graph.optimizer.as_ref().unwrap().as_ref().unwrap();
        let slots = optimizer.slots.iter().map(|slot| {
            let layer = graph.layer(slot.weight.layer);
            let weight = &layer.weights[slot.weight.index];
            format!(
                "{} {} {} {}",
                layer.name,
                weight.name,
                slot.name.as_str(),
                slot.tensor.path()
            )
        });
        slots.collect()
    };
    let head = graph.extract(&["activation"]).unwrap();
    let expected: Vec<String> = slots(&graph)
        .into_iter()
        .filter(|slot| slot.starts_with("conv1d ") || slot.starts_with("batch_normalization "))
        .collect();
    assert!(expected.len() >= 4);
    assert_eq!(slots(&head), expected);
}

/// What is frozen in a model: Keras 3 asks the layers, Keras before the model too.
#[test]
fn freezing_a_model_freezes_what_is_in_it() {
    for (name, still_frozen) in [("nested_k3.h5", false), ("nested_k2.h5", true)] {
        let graph = sample(name);
        let frozen = graph.freeze("mid").unwrap();
        let trained = |graph: &Graph| -> Vec<String> {
            let weights = graph.trainable_variables().into_iter();
            weights
                .map(|weight| graph.layer(weight.layer).path.clone())
                .collect()
        };
        let inside = |path: &String| path.starts_with("mid/");
        assert!(trained(&graph).iter().any(inside), "{name}");
        assert!(!trained(&frozen).iter().any(inside), "{name}");
        let thawed = frozen.unfreeze("mid/**").unwrap();
        assert_eq!(!trained(&thawed).iter().any(inside), still_frozen, "{name}");
        frozen.validate().unwrap();
        thawed.validate().unwrap();
    }
    refused(diamond().freeze("what*"), ProblemKind::Place, &["what*"]);
    refused(diamond().freeze("[a"), ProblemKind::Place, &["a pattern"]);
}

#[test]
fn what_is_trained_anew_has_fresh_slots() {
    let graph = sample("branches_k3.h5");
    let count = |graph: &Graph| {
        graph
            .optimizer
            .as_ref()
            .unwrap()
            .as_ref()
            .unwrap()
            .slots
            .len()
    };
    let frozen = graph.freeze("conv1d*").unwrap();
    assert_eq!(count(&frozen), count(&graph) - 2 * 2 * 2);
    let thawed = frozen.unfreeze("conv1d*").unwrap();
    assert_eq!(count(&thawed), count(&graph));
    thawed.validate().unwrap();
    assert!(
        thawed
            .notes
            .iter()
            .any(|note| note.starts_with("conv1d: the optimizer"))
    );
}

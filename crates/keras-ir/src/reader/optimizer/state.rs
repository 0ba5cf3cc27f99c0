//! What a file holds of an optimizer, as it is there.

use crate::container::{Container, StoredTensor};
use crate::problem::{Problem, ProblemKind};
use crate::reader::Weights;
use crate::reader::weights::SavedObjects;

/// A variable, under the name that the file has for it.
pub(super) type Named = (String, StoredTensor);

/// The saved state of an optimizer.
pub(super) struct State {
    /// Numbers that stand by themselves, by the names of the optimizer's attributes.
    pub scalars: Vec<Named>,
    pub variables: Variables,
    /// Variables that the file holds a second time, each by the path of the first.
    pub copies: Vec<(String, StoredTensor)>,
}

/// The variables of an optimizer.
pub(super) enum Variables {
    /// A list, the slots behind numbers.
    Listed(Vec<Named>),
    /// Slots of which each names its weight.
    Placed(Vec<PlacedSlot>),
}

/// A slot that names its weight.
pub(super) struct PlacedSlot {
    /// The path of the weight's tensor.
    pub weight: String,
    /// What the optimizer calls the slot.
    pub name: String,
    pub tensor: StoredTensor,
}

impl State {
    /// Reads the state; `None` if the file has none.
    pub(super) fn read(saved: Weights<'_>) -> Result<Option<Self>, Problem> {
        let (listed, copies) = match saved {
            Weights::Groups(file, _) => (of_list(file)?, Vec::new()),
            Weights::Tree(file) => of_tree(file)?,
            Weights::Objects(saved) => return of_objects(saved),
        };
        Ok((!listed.is_empty()).then_some(Self {
            scalars: Vec::new(),
            variables: Variables::Listed(listed),
            copies,
        }))
    }

    /// All variables, under the names that the file has for them.
    pub(super) fn into_named(self) -> Vec<Named> {
        let mut all = self.scalars;
        match self.variables {
            Variables::Listed(list) => all.extend(list),
            Variables::Placed(slots) => {
                let slots = slots.into_iter();
                all.extend(
                    slots.map(|slot| (format!("{}/{}", slot.weight, slot.name), slot.tensor)),
                );
            }
        }
        all
    }
}

/// The group `optimizer_weights` of a legacy file.
fn of_list(file: &dyn Container) -> Result<Vec<Named>, Problem> {
    const GROUP: &str = "optimizer_weights";
    if !file.has_group(GROUP) {
        return Ok(Vec::new());
    }
    let names = file
        .string_list_attribute(GROUP, "weight_names")
        .map_err(|error| unreadable(&error))?
        .unwrap_or_default();
    let tensors = names.into_iter().map(|name| {
        let tensor = file.tensor(&format!("{GROUP}/{name}"));
        tensor.map(|tensor| (name, tensor))
    });
    let tensors: Result<Vec<_>, _> = tensors.collect();
    tensors.map_err(|error| unreadable(&error))
}

/// The optimizer's object in Keras 3's tree, numbers for names, and the copies that it has of some.
fn of_tree(file: &dyn Container) -> Result<(Vec<Named>, Vec<Named>), Problem> {
    let tensors = numbered(file, "optimizer/vars")?;
    let inner = numbered(file, "optimizer/inner_optimizer/vars")?;
    agree(&tensors, &inner)?;
    let behind = tensors.len() - inner.len();
    let copies = tensors.iter().skip(behind).zip(inner);
    let copies = copies
        .map(|(outer, inner)| (outer.path().to_owned(), inner))
        .collect();
    let named = tensors.into_iter().enumerate().map(|(index, tensor)| {
        let is_scalar = tensor.shape().is_empty();
        let name = match index {
            0 => "iteration".to_owned(),
            1 if is_scalar && tensor.dtype().is_float() => "learning_rate".to_owned(),
            index => index.to_string(),
        };
        (name, tensor)
    });
    Ok((named.collect(), copies))
}

fn numbered(file: &dyn Container, group: &str) -> Result<Vec<StoredTensor>, Problem> {
    if !file.has_group(group) {
        return Ok(Vec::new());
    }
    let children = file.children(group).map_err(|error| unreadable(&error))?;
    let indices = 0..children.datasets.len();
    let tensors = indices.map(|index| file.tensor(&format!("{group}/{index}")));
    let tensors: Result<Vec<_>, _> = tensors.collect();
    tensors.map_err(|error| unreadable(&error))
}

/// `LossScaleOptimizer` is saved with the variables of the optimizer inside behind its own, and that
/// optimizer by itself too.
fn agree(all: &[StoredTensor], inner: &[StoredTensor]) -> Result<(), Problem> {
    let own = all.len().checked_sub(inner.len()).ok_or_else(|| {
        Problem::new(ProblemKind::Optimizer)
            .key("optimizer/inner_optimizer/vars")
            .expected(format!(
                "at most the {} variables of optimizer/vars",
                all.len()
            ))
            .found(format!("{} variables", inner.len()))
    })?;
    for (outer, inner) in all.iter().skip(own).zip(inner) {
        let same = outer.shape() == inner.shape()
            && outer.dtype() == inner.dtype()
            && outer.read().map_err(|error| unreadable(&error))?
                == inner.read().map_err(|error| unreadable(&error))?;
        if !same {
            return Err(Problem::new(ProblemKind::Optimizer)
                .key(inner.path())
                .expected(format!("what {} holds", outer.path()))
                .found("other values")
                .help(super::FRESH));
        }
    }
    Ok(())
}

/// The object `optimizer` of a SavedModel.
fn of_objects(saved: &SavedObjects) -> Result<Option<State>, Problem> {
    let objects = saved.checkpoint.objects();
    // `tf.train.Checkpoint` may have it beside the model.
    let mut owners = [saved.model, 0].into_iter();
    let optimizer = owners.find_map(|owner| objects.child(owner, "optimizer"));
    let Some(optimizer) = optimizer else {
        return Ok(None);
    };
    let mut scalars = Vec::new();
    let loss_scale = objects.child(optimizer, "loss_scale");
    for (owner, names) in [
        (Some(optimizer), SCALARS),
        (loss_scale, &["current_loss_scale", "good_steps"]),
    ] {
        for name in names {
            let node = owner.and_then(|owner| objects.child(owner, name));
            // The learning rate may be a schedule.
            if let Some(node) = node.filter(|node| objects.variable(*node).is_some()) {
                scalars.push(((*name).to_owned(), saved.tensor(node)?));
            }
        }
    }
    let variables = if let Some(list) = objects.child(optimizer, "_variables") {
        let named = objects.members(list).into_iter().map(|node| {
            let name = objects.variable(node).map(|variable| &variable.full_name);
            Ok((name.cloned().unwrap_or_default(), saved.tensor(node)?))
        });
        Variables::Listed(named.collect::<Result<_, Problem>>()?)
    } else {
        let slots = objects.get(optimizer);
        let slots = slots.map_or(&[][..], |object| &object.slots).iter();
        let slots = slots.map(|slot| {
            let weight = objects.variable(slot.of).map(|variable| &variable.key);
            Ok(PlacedSlot {
                weight: weight.cloned().unwrap_or_default(),
                name: slot.name.clone(),
                tensor: saved.tensor(slot.variable)?,
            })
        });
        Variables::Placed(slots.collect::<Result<_, Problem>>()?)
    };
    Ok(Some(State {
        scalars,
        variables,
        copies: Vec::new(),
    }))
}

/// Attributes of the optimizers of tf.keras: legacy ones, then those that new ones keep outside of
/// their list.
const SCALARS: &[&str] = &[
    "iter",
    "learning_rate",
    "momentum_cache",
    "_learning_rate",
    "_u_product",
];

pub(super) fn unreadable(error: &dyn std::error::Error) -> Problem {
    Problem::new(ProblemKind::Optimizer)
        .key("optimizer_weights")
        .found(error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::container::Dtype;

    fn tensor(index: usize, value: f32) -> StoredTensor {
        let bytes = value.to_le_bytes().to_vec();
        StoredTensor::from_parts(format!("vars/{index}"), [1], Dtype::F32, bytes).unwrap()
    }

    #[test]
    fn both_trees_of_a_loss_scale_optimizer_hold_the_same() {
        let all = [1.0, 2.0, 3.0].map(|value| tensor(0, value));
        let inner = |values: &[f32]| -> Result<(), String> {
            let inner: Vec<_> = values.iter().map(|value| tensor(7, *value)).collect();
            agree(&all, &inner).map_err(|problem| problem.to_string())
        };
        assert_eq!(inner(&[]), Ok(()));
        assert_eq!(inner(&[2.0, 3.0]), Ok(()));
        assert_eq!(inner(&[1.0, 2.0, 3.0]), Ok(()));
        assert!(inner(&[2.0, 4.0]).unwrap_err().contains("vars/7"));
        assert!(inner(&[0.0; 4]).unwrap_err().contains("at most the 3"));
    }
}

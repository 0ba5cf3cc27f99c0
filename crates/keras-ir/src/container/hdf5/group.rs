//! Finding groups, their members and their attributes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};

use hdf5::{AttrValue, Error, Group};

use super::Inner;
use super::dataset::{DatasetNode, words};
use super::meter::Budget;
use crate::container::{Attribute, Attributes, Children, ContainerError};

/// Deeper than any Keras model nests; a path comes from the file and could walk in circles.
const DEEPEST_PATH: usize = 256;
/// Looking one member up reads the whole group, so a group that is asked more often is listed.
const LOOKUPS_BEFORE_LISTING: usize = 8;
/// Bytes of attributes that are remembered. What is beyond is read again each time.
const REMEMBERED_ATTRIBUTES: usize = 64 << 20;
/// Group members that are remembered.
const REMEMBERED_MEMBERS: usize = 1 << 18;

/// A group that has been found.
pub(super) struct GroupNode {
    group: Group,
    groups: Members<Group>,
    datasets: Members<Arc<DatasetNode>>,
    attributes: OnceLock<Arc<Attributes>>,
}

impl GroupNode {
    fn new(group: Group) -> Self {
        Self {
            group,
            groups: Members::default(),
            datasets: Members::default(),
            attributes: OnceLock::new(),
        }
    }

    pub(super) fn group(&self) -> &Group {
        &self.group
    }
}

/// The members of one kind of a group, once listing them pays.
struct Members<T> {
    lookups: AtomicUsize,
    /// `None` inside where the group cannot be listed.
    listed: OnceLock<Option<HashMap<String, T>>>,
}

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self {
            lookups: AtomicUsize::new(0),
            listed: OnceLock::new(),
        }
    }
}

impl<T: Clone> Members<T> {
    /// The member `name`: `Some(None)` where there is none, `None` where that is not known.
    fn find(
        &self,
        name: &str,
        total: &AtomicUsize,
        list: impl FnOnce() -> Option<Vec<(String, T)>>,
    ) -> Option<Option<T>> {
        if self.listed.get().is_none()
            && self.lookups.fetch_add(1, Ordering::Relaxed) < LOOKUPS_BEFORE_LISTING
        {
            return None;
        }
        let listed = self.listed.get_or_init(|| {
            let list = list()?;
            let before = total.fetch_add(list.len(), Ordering::Relaxed);
            if before.saturating_add(list.len()) > REMEMBERED_MEMBERS {
                return None;
            }
            let mut members = HashMap::with_capacity(list.len());
            for (name, member) in list {
                members.entry(name).or_insert(member);
            }
            Some(members)
        });
        Some(listed.as_ref()?.get(name).cloned())
    }
}

impl Inner {
    /// The group at `path`.
    pub(super) fn group(&self, path: &str) -> Result<Arc<GroupNode>, ContainerError> {
        self.walk(path, &self.parts(path)?)
    }

    /// The dataset at `path`.
    pub(super) fn dataset(&self, path: &str) -> Result<Arc<DatasetNode>, ContainerError> {
        let (parent, name) = self.parent(path)?;
        let list = || {
            let node = |(name, dataset)| (name, Arc::new(DatasetNode::new(dataset)));
            let list = || Ok(parent.group.iter_datasets()?.map(node).collect());
            self.list(path, list).ok()
        };
        match parent.datasets.find(name, &self.listed, list) {
            Some(found) => found.ok_or_else(|| self.missing(path, "dataset")),
            None => self.run(path, "dataset", || {
                Ok(Arc::new(DatasetNode::new(parent.group.dataset(name)?)))
            }),
        }
    }

    /// The group that holds the dataset at `path`, and its name there.
    fn parent<'p>(&self, path: &'p str) -> Result<(Arc<GroupNode>, &'p str), ContainerError> {
        match self.parts(path)?.split_last() {
            Some((&name, parents)) => Ok((self.walk(path, parents)?, name)),
            None => Err(self.missing(path, "dataset")),
        }
    }

    /// The members of the group at `path`.
    pub(super) fn children(&self, path: &str) -> Result<Children, ContainerError> {
        let node = self.group(path)?;
        let mut groups = self.list(path, || node.group.groups())?;
        let mut datasets = self.list(path, || node.group.datasets())?;
        groups.sort_unstable();
        datasets.sort_unstable();
        Ok(Children { groups, datasets })
    }

    /// The attributes of the group or dataset at `path`.
    pub(super) fn attributes(&self, path: &str) -> Result<Arc<Attributes>, ContainerError> {
        let budget = Budget::attributes(self.bytes.len());
        let node = match self.group(path) {
            Ok(node) => node,
            Err(ContainerError::MissingObject { .. }) => {
                let (parent, name) = self.parent(path)?;
                let read = || {
                    let dataset = parent.group.dataset(name)?;
                    Ok(convert(dataset.attr_datatypes()?, dataset.attrs()?))
                };
                let attributes = self.run_within(budget, path, "group or dataset", read)?;
                return Ok(Arc::new(attributes));
            }
            Err(error) => return Err(error),
        };
        if let Some(attributes) = node.attributes.get() {
            return Ok(Arc::clone(attributes));
        }
        let read = || Ok(convert(node.group.attr_datatypes()?, node.group.attrs()?));
        let attributes = Arc::new(self.run_within(budget, path, "group", read)?);
        let weight = attributes
            .iter()
            .map(|(name, value)| name.len().saturating_add(value.weight()))
            .sum();
        let before = self.remembered.fetch_add(weight, Ordering::Relaxed);
        if before.saturating_add(weight) <= REMEMBERED_ATTRIBUTES {
            return Ok(Arc::clone(node.attributes.get_or_init(|| attributes)));
        }
        self.remembered.fetch_sub(weight, Ordering::Relaxed);
        Ok(attributes)
    }

    /// The parts of a path, without empty ones.
    fn parts<'p>(&self, path: &'p str) -> Result<Vec<&'p str>, ContainerError> {
        let mut parts = Vec::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if parts.len() == DEEPEST_PATH {
                return Err(self.malformed(path, "the path is too long"));
            }
            parts.push(part);
        }
        Ok(parts)
    }

    /// The group at the end of `parts`, which lead to or towards `path`.
    fn walk(&self, path: &str, parts: &[&str]) -> Result<Arc<GroupNode>, ContainerError> {
        let whole = parts.join("/");
        let mut known = whole.as_str();
        let mut node = loop {
            if let Some(node) = self.groups().get(known) {
                break Arc::clone(node);
            }
            if known.is_empty() {
                break self.remember(known, self.file.root());
            }
            known = known.rsplit_once('/').map_or("", |(parent, _)| parent);
        };
        while known.len() < whole.len() {
            let start = if known.is_empty() { 0 } else { known.len() + 1 };
            let rest = whole.get(start..).unwrap_or_default();
            let name = rest.split_once('/').map_or(rest, |(name, _)| name);
            known = whole.get(..start + name.len()).unwrap_or(&whole);
            let group = self.member_group(path, &node, name)?;
            node = self.remember(known, group);
        }
        Ok(node)
    }

    fn member_group(
        &self,
        path: &str,
        parent: &GroupNode,
        name: &str,
    ) -> Result<Group, ContainerError> {
        let list = || {
            let list = || Ok(parent.group.iter_groups()?.collect());
            self.list(path, list).ok()
        };
        match parent.groups.find(name, &self.listed, list) {
            Some(found) => found.ok_or_else(|| self.missing(path, "group")),
            None => self.run(path, "group", || parent.group.group(name)),
        }
    }

    fn list<R: Send>(
        &self,
        path: &str,
        call: impl Fn() -> Result<R, Error> + Sync,
    ) -> Result<R, ContainerError> {
        self.run_within(Budget::listing(self.bytes.len()), path, "group", call)
    }

    fn remember(&self, path: &str, group: Group) -> Arc<GroupNode> {
        let mut groups = self.groups();
        if groups.len() >= REMEMBERED_MEMBERS {
            return Arc::new(GroupNode::new(group));
        }
        let node = groups
            .entry(path.to_owned())
            .or_insert_with(|| Arc::new(GroupNode::new(group)));
        Arc::clone(node)
    }

    fn groups(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<GroupNode>>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Attributes as Keras means them. `types` has those too that the HDF5 crate leaves out of
/// `values` because it cannot read them.
fn convert(
    types: HashMap<String, hdf5::Datatype>,
    values: HashMap<String, AttrValue>,
) -> Attributes {
    let mut attributes: Attributes = types
        .into_iter()
        .map(|(name, datatype)| {
            let words = words(&datatype);
            (
                name,
                Attribute::Other(format!("an unreadable value of type {words}")),
            )
        })
        .collect();
    for (name, value) in values {
        let attribute = match (value.as_strings(), numbers(&value)) {
            (Some(strings), _) => Attribute::Strings(terminated(strings, &value)),
            (None, Some(numbers)) => Attribute::Numbers(numbers),
            (None, None) => Attribute::Other(value.type_name().to_owned()),
        };
        attributes.insert(name, attribute);
    }
    attributes
}

#[allow(clippy::cast_precision_loss)]
fn numbers(value: &AttrValue) -> Option<Vec<f64>> {
    let signed = || Some(value.to_i64s()?.into_iter().map(|v| v as f64).collect());
    let unsigned = || Some(value.to_u64s()?.into_iter().map(|v| v as f64).collect());
    value.to_f64s().or_else(signed).or_else(unsigned)
}

/// Strings of variable length end at a NUL for every reader in C and Python.
fn terminated(strings: &[String], value: &AttrValue) -> Vec<String> {
    let variable = matches!(
        value,
        AttrValue::VarLenString(_)
            | AttrValue::VarLenStringArray(_)
            | AttrValue::VarLenAsciiString(_)
            | AttrValue::VarLenAsciiStringArray(_)
            | AttrValue::VarLenAsciiCharArray(_)
    );
    strings
        .iter()
        .map(|string| match string.split_once('\0') {
            Some((text, _)) if variable => text.to_owned(),
            _ => string.clone(),
        })
        .collect()
}

//! Names of variables: that of the layer, again and again while nobody else needs it.

use std::collections::{BTreeMap, HashSet};

use crate::plan::ValueId;

/// The variables of one method, as they are at one place in it.
#[derive(Debug, Default)]
pub(super) struct Variables {
    /// Who has a name: a value, or something that stays for ever.
    holders: BTreeMap<String, Option<ValueId>>,
    names: BTreeMap<ValueId, String>,
    dead: HashSet<ValueId>,
}

impl Variables {
    /// A name that nothing else will get.
    pub fn reserve(&mut self, base: &str) -> String {
        let name = self.free(base);
        self.holders.insert(name.clone(), None);
        name
    }

    /// The name of a new value.
    pub fn bind(&mut self, id: ValueId, base: &str) -> String {
        let name = self.free(base);
        self.holders.insert(name.clone(), Some(id));
        self.names.insert(id, name.clone());
        name
    }

    /// Nobody needs the value any more: its name is free.
    pub fn kill(&mut self, id: ValueId) {
        self.dead.insert(id);
    }

    /// The name of a value.
    pub fn get(&self, id: ValueId) -> &str {
        self.names.get(&id).map_or("missing", String::as_str)
    }

    fn free(&self, base: &str) -> String {
        let is_free = |name: &str| match self.holders.get(name) {
            None => true,
            Some(None) => false,
            Some(Some(holder)) => self.dead.contains(holder),
        };
        if is_free(base) {
            return base.to_owned();
        }
        let stem = base.trim_end_matches('_');
        let mut number = 2_usize;
        loop {
            let candidate = format!("{stem}_{number}");
            if is_free(&candidate) {
                return candidate;
            }
            number += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_used_again_when_its_value_is_dead() {
        let mut variables = Variables::default();
        assert_eq!(variables.reserve("shared"), "shared");
        assert_eq!(variables.bind(ValueId(0), "x"), "x");
        assert_eq!(variables.bind(ValueId(1), "x"), "x_2");
        variables.kill(ValueId(0));
        assert_eq!(variables.bind(ValueId(2), "x"), "x");
        assert_eq!(variables.bind(ValueId(3), "shared"), "shared_2");
        assert_eq!(variables.get(ValueId(1)), "x_2");
        assert_eq!(variables.bind(ValueId(4), "type_"), "type_");
        assert_eq!(variables.bind(ValueId(5), "type_"), "type_2");
    }
}

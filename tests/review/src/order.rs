//! What has moved in a list.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// The items of `old` and `new` that stand in another order, with their places in both, from 1 on:
/// the fewest without which the order is the same. Items are taken for unique.
pub fn moved<'a, T: Eq + Hash>(old: &'a [T], new: &'a [T]) -> Vec<(&'a T, usize, usize)> {
    let places: HashMap<&T, usize> = old
        .iter()
        .enumerate()
        .map(|(at, item)| (item, at))
        .collect();
    let common = new.iter().enumerate();
    let common: Vec<(&T, usize, usize)> = common
        .filter_map(|(at, item)| Some((item, *places.get(item)?, at)))
        .collect();
    // The longest run of rising places in `old`: how long it is up to each, and what is before it.
    let mut runs: Vec<(usize, Option<usize>)> = Vec::with_capacity(common.len());
    for (at, (_, place, _)) in common.iter().enumerate() {
        let before = (0..at).filter(|earlier| common[*earlier].1 < *place);
        let best = before.max_by_key(|earlier| runs[*earlier].0);
        runs.push((best.map_or(1, |best| runs[best].0 + 1), best));
    }
    let mut stays = HashSet::new();
    let mut end = (0..runs.len()).max_by_key(|at| runs[*at].0);
    while let Some(at) = end {
        stays.insert(at);
        end = runs[at].1;
    }
    let moved = common.into_iter().enumerate();
    let moved = moved.filter(|(at, _)| !stays.contains(at));
    moved
        .map(|(_, (item, old, new))| (item, old + 1, new + 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::moved;

    #[test]
    fn what_is_pushed_aside_has_not_moved() {
        assert_eq!(moved(&["a", "b", "c"], &["new", "a", "b", "c"]), []);
        assert_eq!(
            moved(&["a", "b", "c", "d"], &["a", "c", "d", "b"]),
            [(&"b", 2, 4)]
        );
        assert_eq!(moved(&["gone", "a", "b"], &["b", "a"]).len(), 1);
    }
}

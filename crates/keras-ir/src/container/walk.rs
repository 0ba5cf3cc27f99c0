//! Walking over all groups of a file.

use super::{Children, Container, ContainerError};

/// Models are no deeper inside of each other: each has two groups.
const DEEPEST: usize = 512;

/// No model has more objects.
const MOST_GROUPS: usize = 1 << 18;

/// The group `root` and all groups inside, each with its members: those in front first. Paths have no
/// slash in front; what is in a group that `enter` refuses is left out.
pub(crate) fn groups(
    file: &dyn Container,
    root: &str,
    enter: impl Fn(&str) -> bool,
) -> Result<Vec<(String, Children)>, ContainerError> {
    let mut found = Vec::new();
    let mut open = vec![(root.to_owned(), 0)];
    while let Some((group, depth)) = open.pop() {
        // In a file of a stranger a group may hold itself.
        if depth > DEEPEST || found.len() >= MOST_GROUPS {
            return Err(ContainerError::Malformed {
                file: file.name().to_owned(),
                path: group.chars().take(200).collect(),
                reason: "more groups inside of each other than any model has".into(),
            });
        }
        let children = file.children(&group)?;
        let inside = children.groups.iter().map(|name| join(&group, name));
        // The first is the next.
        let inside = inside.filter(|path| enter(path)).rev();
        open.extend(inside.map(|path| (path, depth + 1)));
        found.push((group, children));
    }
    Ok(found)
}

/// The path of a member of `group`.
pub(crate) fn join(group: &str, name: &str) -> String {
    match group {
        "" => name.to_owned(),
        group => format!("{group}/{name}"),
    }
}

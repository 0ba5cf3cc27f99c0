//! Steps whose results nobody needs: masks that no layer looks at.

use crate::plan::Body;

/// Removes the steps that no output needs.
pub(crate) fn prune(body: &mut Body) {
    let mut needed = vec![false; body.values.len()];
    for id in body.results() {
        needed[id.0] = true;
    }
    let mut kept = vec![false; body.steps.len()];
    for (index, step) in body.steps.iter().enumerate().rev() {
        if step.outputs.iter().any(|output| needed[output.0]) {
            kept[index] = true;
            for input in &step.inputs {
                needed[input.0] = true;
            }
        }
    }
    let mut kept = kept.into_iter();
    body.steps.retain(|_| kept.next().unwrap_or(true));
}

//! `TimeDistributed`: a layer or model that is called with each step by itself.

use super::{Failure, KerasWrapper, Part, PartOutputs, part};
use crate::layer::config::Config;
use crate::layer::{Mismatch, single};
use crate::shape::Spec;

/// `TimeDistributed`, whose only part is the layer that it wraps.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeDistributed;

impl TimeDistributed {
    pub(super) fn read(config: &mut Config<'_>) -> (Self, Vec<Part>) {
        (Self, vec![part(config, "layer", "")])
    }
}

impl KerasWrapper for TimeDistributed {
    fn outputs(&self, inputs: &[Spec], part: &mut PartOutputs<'_>) -> Result<Vec<Spec>, Failure> {
        let input = single(inputs)?;
        let dims = &input.shape.0;
        if dims.len() < 3 {
            let expected = "an input of at least 3 axes, batch and steps included";
            return Err(Mismatch::new(expected, inputs).into());
        }
        let folded = fold(input);
        let mut outputs = part(0, &[folded])?;
        for output in &mut outputs {
            output.shape.0.splice(..1, [dims[0], dims[1]]);
        }
        Ok(outputs)
    }

    fn part_paths(&self) -> Vec<String> {
        vec!["layer".to_owned()]
    }
}

/// What the part is given: all steps of all samples as one batch.
fn fold(spec: &Spec) -> Spec {
    let dims = &spec.shape.0;
    let batch = match (dims[0], dims[1]) {
        (Some(batch), Some(steps)) => batch.checked_mul(steps),
        _ => None,
    };
    let mut folded = vec![batch];
    folded.extend(&dims[2..]);
    spec.with_shape(folded)
}

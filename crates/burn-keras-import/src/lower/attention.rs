//! Attention layers.

use keras_ir::Problem;
use keras_ir::layer::KerasLayer;
use keras_ir::layer::attention::{Attention, MultiHeadAttention};
use keras_ir::layer::einsum::added_shape;
use keras_ir::shape::{Kind, Shape, Spec};

use super::{LayerCall, LayerView, Lower};
use crate::plan::{Argument, Function, Module, Operation, ValueId};

/// The outputs of a layer for the call's inputs.
fn outputs(layer: &dyn KerasLayer, call: &LayerCall<'_, '_>) -> Result<Vec<Spec>, Problem> {
    let inputs = call.inputs();
    let specs: Vec<Spec> = inputs.iter().map(|id| call.spec(*id).clone()).collect();
    layer
        .outputs(&specs)
        .map_err(|m| call.unsupported("inputs", &m.expected, &m.found))
}

/// What all backends can compute with.
const MOST_AXES: usize = 6;

/// Query, value and key as floats; the value is the key too where there is none.
fn attended(call: &mut LayerCall<'_, '_>) -> [ValueId; 3] {
    let inputs = call.inputs();
    let [query, value] = [inputs[0], inputs[1]].map(|id| call.cast(id, Kind::Float));
    let key = inputs.get(2).map(|key| call.cast(*key, Kind::Float));
    [query, value, key.unwrap_or(value)]
}

/// The arguments of all attention modules: query, value, key, and the mask if there is one.
fn arguments(mask: Option<ValueId>) -> Vec<Argument> {
    let masked = Argument::Optional(mask.is_some());
    vec![Argument::Tensor, Argument::Tensor, Argument::Tensor, masked]
}

/// `mask` with new axes of size 1 at these positions of the result.
fn expand(call: &mut LayerCall<'_, '_>, mask: ValueId, axes: Vec<usize>) -> ValueId {
    if axes.is_empty() {
        return mask;
    }
    let spec = call.spec(mask);
    let mut shape = spec.shape.0.clone();
    for axis in &axes {
        shape.insert(*axis, Some(1));
    }
    let spec = spec.with_shape(shape);
    call.function(Function::ExpandDims(axes), mask, spec)
}

/// `mask` with axes of size 1 in front, up to `rank`.
fn with_rank(call: &mut LayerCall<'_, '_>, mask: ValueId, rank: usize) -> ValueId {
    let missing = rank.saturating_sub(call.rank(mask));
    expand(call, mask, (0..missing).collect())
}

/// Both masks, if there are two; sizes and ranks are broadcast as in NumPy.
fn both(call: &mut LayerCall<'_, '_>, a: Option<ValueId>, b: Option<ValueId>) -> Option<ValueId> {
    let (Some(a), Some(b)) = (a, b) else {
        return a.or(b);
    };
    let rank = call.rank(a).max(call.rank(b));
    let [a, b] = [a, b].map(|mask| with_rank(call, mask, rank));
    let sizes = call.spec(a).shape.0.iter().zip(&call.spec(b).shape.0);
    let shape = sizes.map(|(a, b)| if *a == Some(1) { *b } else { *a });
    let spec = Spec {
        shape: Shape(shape.collect()),
        kind: Kind::Bool,
    };
    Some(call.step(Operation::Function(Function::And), vec![a, b], spec))
}

/// A mask `[1, queries, keys]` of positions.
fn positions(
    call: &mut LayerCall<'_, '_>,
    function: Function,
    axis: usize,
    query: ValueId,
    key: ValueId,
) -> ValueId {
    let steps = [query, key].map(|id| call.spec(id).shape.dim(axis));
    let spec = Spec {
        shape: Shape(vec![Some(1), steps[0], steps[1]]),
        kind: Kind::Bool,
    };
    call.step(Operation::Function(function), vec![query, key], spec)
}

impl Lower for Attention {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        Some(Module::Attention {
            score: self.score,
            features: layer.calls.first()?.first()?.shape.last()?,
            scale: self.use_scale,
            dropout: self.dropout,
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let specs = outputs(self, call)?;
        let [query, value, key] = attended(call);
        let rank = call.rank(query);
        let masks = call.masks();
        let mask = |at: usize| masks.get(at).copied().flatten();

        let causal = self.causal || call.flag("use_causal_mask");
        let causal = causal.then(|| {
            let steps = rank - 2;
            positions(call, Function::Causal(steps), steps, query, key)
        });
        // Keras 3 takes a mask of more than two axes for one of the scores, if nothing else
        // masks them.
        let of_scores = |call: &LayerCall<'_, '_>, mask: ValueId| {
            call.generation().is_keras3() && causal.is_none() && call.rank(mask) > 2
        };
        let of_value = mask(1).map(|mask| {
            if of_scores(call, mask) {
                mask
            } else {
                let behind = call.rank(mask) - 1;
                expand(call, mask, vec![behind])
            }
        });
        let keep = both(call, of_value, causal);
        let keep = keep.map(|mask| with_rank(call, mask, rank));
        if let Some(mask) = keep.filter(|mask| call.rank(*mask) > rank) {
            let found = format!("a mask of {} axes", call.rank(mask));
            return Err(call.unsupported("mask", "masks of the scores' axes", &found));
        }

        let operation = Operation::Apply {
            module: call.module()?,
            arguments: arguments(keep),
            results: ["output", "scores"].into_iter().take(call.count).collect(),
        };
        let inputs = [query, value, key].into_iter().chain(keep).collect();
        let specs: Vec<Spec> = specs.into_iter().take(call.count).collect();
        let mut results = call.steps(operation, inputs, specs);
        if let Some(mask) = mask(0) {
            if call.rank(mask) + 1 != rank {
                let found = format!("a mask of {} axes", call.rank(mask));
                return Err(call.unsupported("mask", "a mask of the query's steps", &found));
            }
            // Queries that are masked give zeros.
            let spec = call.spec(results[0]).clone();
            let fill = Operation::Function(Function::Fill(0.0));
            results[0] = call.step(fill, vec![mask, results[0]], spec);
        }
        for result in results {
            call.output(result);
        }
        Ok(())
    }
}

impl Lower for MultiHeadAttention {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        let features = |name: &str| layer.weight(name).first().copied();
        let query = layer.calls.first()?.first()?;
        Some(Module::MultiHeadAttention {
            inputs: [
                features("query/kernel")?,
                features("value/kernel")?,
                features("key/kernel")?,
            ],
            output: layer.weight("attention_output/kernel").get(2..)?.to_vec(),
            heads: [self.heads, self.key_value_heads],
            sizes: [self.key_dim, self.value_dim],
            bias: self.use_bias,
            gate: self.use_gate,
            masked_rows: self.masked_rows(query, layer.flag("return_attention_scores")),
            dropout: self.dropout,
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let specs = outputs(self, call)?;
        let [query, value, key] = attended(call);
        let rank = call.rank(query);
        let axes = self.axes(call.spec(query)).unwrap_or_default();
        if let Some(spec) = specs
            .iter()
            .take(call.count)
            .find(|s| s.shape.rank() > MOST_AXES)
        {
            let found = format!("an output of shape {}", spec.shape);
            return Err(call.unsupported("attention_axes", "outputs of at most 6 axes", &found));
        }
        let mask = mask_of(self, call, query, value);
        if mask.is_some() {
            check_rows(self, call, query)?;
        }
        check_biases(self, call, [query, value, key])?;
        let mask = mask
            .map(|mask| spread(call, mask, query, key, &axes))
            .transpose()?;

        let fold = |call: &mut LayerCall<'_, '_>, id| fold(call, id, &axes);
        let folded = [query, value, key].map(|id| if rank == 3 { id } else { fold(call, id) });
        let steps = folded.map(|id| call.spec(id).shape.0.clone());
        let features = match self.output_shape.as_slice() {
            [] => call.spec(query).shape.last(),
            sizes => Some(sizes.iter().product()),
        };
        let (batch, heads) = (steps[0][0], Some(self.heads));
        let operation = Operation::Apply {
            module: call.module()?,
            arguments: arguments(mask),
            results: ["output", "scores"].into_iter().take(call.count).collect(),
        };
        let results = [
            Spec::float(vec![batch, steps[0][1], features]),
            Spec::float(vec![batch, heads, steps[0][1], steps[1][1]]),
        ];
        let results = results.into_iter().take(call.count).collect();
        let inputs = folded.into_iter().chain(mask).collect();
        let results = call.steps(operation, inputs, results);

        let mut output = results[0];
        if rank > 3 {
            let mut shape = call.spec(query).shape.0.clone();
            shape[rank - 1] = features;
            let unfold = Operation::Function(Function::UnfoldAxes(axes.clone()));
            output = call.step(unfold, vec![output, query], Spec::float(shape));
        }
        if self.output_shape.len() > 1 {
            let sizes = self.output_shape.iter();
            let sizes = sizes.map(|size| i64::try_from(*size).unwrap_or(i64::MAX));
            let shape = std::iter::repeat_n(0, rank - 1).chain(sizes).collect();
            output = call.function(Function::Reshape(shape), output, specs[0].clone());
        }
        call.output(output);
        if let Some(scores) = results.get(1).copied() {
            let scores = if rank == 3 {
                scores
            } else {
                let unfold = Operation::Function(Function::UnfoldScores(axes));
                call.step(unfold, vec![scores, query, key], specs[1].clone())
            };
            call.output(scores);
        }
        Ok(())
    }
}

fn fold(call: &mut LayerCall<'_, '_>, id: ValueId, axes: &[usize]) -> ValueId {
    let dims = &call.spec(id).shape.0;
    let last = dims.len() - 1;
    let product = |kept: &dyn Fn(&usize) -> bool| {
        let mut sizes = (0..last).filter(|axis| kept(axis)).map(|axis| dims[axis]);
        sizes.try_fold(1_usize, |product, size| product.checked_mul(size?))
    };
    let batch = product(&|axis| !axes.contains(axis));
    let steps = product(&|axis| axes.contains(axis));
    let spec = Spec::float(vec![batch, steps, dims[last]]);
    call.function(Function::FoldAxes(axes.to_vec()), id, spec)
}

/// A mask of the scores' last axes, as `MultiHeadAttention` takes it: `[batch, heads, queries,
/// keys]`. Keras inserts the axes that are missing before those of the steps.
fn spread(
    call: &mut LayerCall<'_, '_>,
    mask: ValueId,
    query: ValueId,
    key: ValueId,
    axes: &[usize],
) -> Result<ValueId, Problem> {
    let (rank, of_mask) = (call.rank(query), call.rank(mask));
    let steps = 2 * axes.len();
    let scores = rank + axes.len();
    if of_mask < steps || of_mask > scores.min(MOST_AXES) {
        let expected = format!("a mask of {steps} to {} axes", scores.min(MOST_AXES));
        let found = format!("one of {of_mask} axes");
        return Err(call.unsupported("attention_mask", &expected, &found));
    }
    if rank == 3 {
        let before = of_mask - steps;
        return Ok(expand(call, mask, (before..scores - steps).collect()));
    }
    let spec = Spec {
        shape: Shape(vec![None; 4]),
        kind: Kind::Bool,
    };
    let function = Operation::Function(Function::FoldMask(axes.to_vec()));
    Ok(call.step(function, vec![mask, query, key], spec))
}

/// Everything that masks scores, before axes of batch and heads are inserted.
fn mask_of(
    layer: &MultiHeadAttention,
    call: &mut LayerCall<'_, '_>,
    query: ValueId,
    value: ValueId,
) -> Option<ValueId> {
    let keras3 = call.generation().is_keras3();
    let implicit = call.input_masks();
    let mut named = |name: &str| call.named_values(name)?.first().copied();
    let explicit = ["query_mask", "value_mask", "key_mask"].map(&mut named);
    let of_scores = named("attention_mask");
    let mut of_inputs = [0, 1, 2].map(|at| {
        // Keras 3.15 looks at the query's own mask, whatever `query_mask` is.
        let explicit = explicit[at].filter(|_| at > 0 || !layer.is_multi_head);
        explicit.or_else(|| implicit.get(at).copied().flatten())
    });
    // tf.keras puts the new axis at a fixed place, Keras 3 next to the last one.
    for (at, mask) in of_inputs.iter_mut().enumerate() {
        *mask = mask.map(|mask| {
            let rank = call.rank(mask);
            let axis = match (at, keras3) {
                (0, true) => rank,
                (0, false) => 2,
                (_, true) => rank - 1,
                (_, false) => 1,
            };
            expand(call, mask, vec![axis])
        });
    }
    let mut mask = of_inputs
        .into_iter()
        .fold(None, |all, mask| both(call, all, mask));
    // Positions are those along the first axis behind the batch, whatever the axes attended to.
    if call.flag("use_causal_mask") {
        let causal = positions(call, Function::Causal(1), 1, query, value);
        mask = both(call, mask, Some(causal));
    }
    if let Some(size) = layer.sliding_window {
        let window = Function::Window { axis: 1, size };
        let window = positions(call, window, 1, query, value);
        mask = both(call, mask, Some(window));
    }
    both(call, of_scores, mask)
}

/// What a query without keys gives depends on the call, and there is one module for all calls.
fn check_rows(
    layer: &MultiHeadAttention,
    call: &LayerCall<'_, '_>,
    query: ValueId,
) -> Result<(), Problem> {
    let rows = layer.masked_rows(call.spec(query), call.flag("return_attention_scores"));
    match call.module_config() {
        Some(Module::MultiHeadAttention { masked_rows, .. }) if *masked_rows != rows => Err(call
            .unsupported(
                "return_attention_scores",
                "masked calls that all return scores, or none, and of as many axes",
                "calls of both kinds",
            )),
        _ => Ok(()),
    }
}

/// The biases of heads of size 1 are those that Keras 3 may add along the steps.
fn check_biases(
    layer: &MultiHeadAttention,
    call: &LayerCall<'_, '_>,
    inputs: [ValueId; 3],
) -> Result<(), Problem> {
    let projections = [
        (inputs[0], layer.heads, layer.key_dim),
        (inputs[1], layer.key_value_heads, layer.value_dim),
        (inputs[2], layer.key_value_heads, layer.key_dim),
        (inputs[0], layer.heads, layer.value_dim),
    ];
    for (input, heads, size) in projections {
        let mut shape = call.spec(input).shape.0.clone();
        shape.pop();
        shape.extend([Some(heads), Some(size)]);
        let added = added_shape(&[heads, size], &shape);
        if layer.use_bias && call.generation().is_keras3() && added.len() > 2 {
            let found = format!("{heads} heads of size 1 for {heads} steps");
            let expected = "biases that Keras 3 adds along the heads";
            return Err(call.unsupported("key_dim", expected, &found));
        }
    }
    Ok(())
}

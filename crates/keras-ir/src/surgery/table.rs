//! Tied layers as files have them, with the table as an input (see [`tied`](crate::layer::tied)), and back.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Map;

use crate::activation::Activation;
use crate::graph::{Call, Graph, Layer, LayerId, LayerKind, Model, ModelClass, ModelId};
use crate::graph::{Tensor, TensorId};
use crate::layer::tied::{DenseOnTable, TableRows};
use crate::layer::wrapper::TiedDense;
use crate::layer::{LayerKind as Class, Wrapper};
use crate::problem::{Problem, ProblemKind, Report};
use crate::shape::Spec;

use super::names::{set_name, unique_name};
use super::place::layers;
use super::settle::{makers, settle};
use super::tie::{CLASS, bias};

/// The graph with the table of each tied layer as an input. A Sequential with such a layer is no chain
/// then, and becomes a functional model.
///
/// # Errors
///
/// A layer that would compute something else in Keras.
pub(crate) fn with_tables(graph: &Graph) -> Result<Cow<'_, Graph>, Report> {
    let is_tied =
        |layer: &Layer| matches!(layer.kind, LayerKind::Wrapper(Wrapper::TiedDense(_), _));
    if !graph.layers.iter().any(is_tied) {
        return Ok(Cow::Borrowed(graph));
    }
    let mut plain = graph.clone();
    let mut tied = BTreeMap::new();
    let mut problems = Vec::new();
    for id in (0..graph.layers.len()).map(LayerId) {
        let LayerKind::Wrapper(Wrapper::TiedDense(options), parts) = &graph.layer(id).kind else {
            continue;
        };
        let Some(embedding) = parts.first() else {
            continue;
        };
        problems.extend(difference(graph, id, options, *embedding));
        let dense = parts.get(1).copied().unwrap_or(id);
        let layer = graph.layer(id);
        let trainable = layer.trainable && graph.layer(dense).trainable;
        let mut config = layer.config.clone();
        config.insert("trainable".into(), trainable.into());
        plain.layers[dense.0] = Layer {
            kind: LayerKind::Layer(Class::DenseOnTable(DenseOnTable {
                use_bias: options.use_bias,
                activation: options.activation,
            })),
            trainable,
            config,
            weights: graph.layer(dense).weights.clone(),
            ..layer.clone()
        };
        tied.insert(id, (dense, *embedding, options.units));
    }
    if problems.is_empty() {
        for id in graph.callees_first() {
            add_tables(&mut plain, id, &tied);
        }
        for (_, embedding, _) in tied.values() {
            name_apart(&mut plain, *embedding);
        }
        plain = settle(plain, graph)?;
        problems.extend(homeless(&plain));
    }
    match problems.is_empty() {
        true => Ok(Cow::Owned(plain)),
        false => Err(Report {
            file: graph.file.clone(),
            problems,
        }),
    }
}

/// What a tied layer would not be in Keras.
fn difference(
    graph: &Graph,
    id: LayerId,
    options: &TiedDense,
    embedding: LayerId,
) -> Option<Problem> {
    let layer = graph.layer(id);
    let problem = Problem::new(ProblemKind::Writing).at(&layer.path, &layer.class);
    if options.activation != Activation::Linear && !layer.config.contains_key("activation") {
        let problem = problem.key("activation");
        let problem = problem.expected("an activation that Keras has a name for");
        return Some(problem.found(format!("{:?}", options.activation)));
    }
    // Its penalty is of what each call gives, and the table is one more.
    let penalty = graph.activity_regularizer(embedding);
    (!matches!(penalty, Ok(None))).then(|| {
        let problem = problem.key("activity_regularizer");
        let problem = problem.expected("an embedding without a penalty of what it gives");
        problem.found(&graph.layer(embedding).path)
    })
}

/// Gives the tied layers of a model their tables.
fn add_tables(graph: &mut Graph, id: ModelId, tied: &BTreeMap<LayerId, (LayerId, LayerId, usize)>) {
    let mut rows_of: HashMap<LayerId, LayerId> = HashMap::new();
    for position in 0..graph.model(id).calls.len() {
        let layer = graph.model(id).calls[position].layer;
        let Some((dense, embedding, units)) = tied.get(&layer).copied() else {
            continue;
        };
        let rows = match rows_of.get(&layer) {
            Some(rows) => *rows,
            None => {
                let rows = add_rows(graph, id, dense, units);
                rows_of.insert(layer, rows);
                rows
            }
        };
        let model = &mut graph.models[id.0];
        let input = model.calls[position].inputs.clone();
        let rows = call(model, rows, input);
        let table = call(model, embedding, vec![rows]);
        let tied = &mut model.calls[position];
        tied.layer = dense;
        tied.inputs.push(table);
        tied.order.clone_from(&tied.inputs);
        model.class = ModelClass::Functional;
        model.deferred = false;
    }
}

/// The layer of the numbers of rows for the table of `dense`; not yet called.
fn add_rows(graph: &mut Graph, model: ModelId, dense: LayerId, rows: usize) -> LayerId {
    let wanted = format!("{}_rows", graph.layer(dense).name);
    let name = unique_name(&wanted, |name| {
        layers(graph.model(model)).any(|id| graph.layer(id).name == name)
    });
    let mut config = Map::new();
    config.insert("name".into(), name.as_str().into());
    config.insert("trainable".into(), true.into());
    config.insert("rows".into(), rows.into());
    graph.layers.push(Layer {
        path: name.clone(),
        name,
        class: "TableRows".to_owned(),
        kind: LayerKind::Layer(Class::TableRows(TableRows { rows })),
        trainable: true,
        config,
        shared_object_id: None,
        weights: Vec::new(),
    });
    LayerId(graph.layers.len() - 1)
}

/// Gives an embedding another name if a model that calls it has a layer of that name: an input, say, where
/// the embedding was cut off.
fn name_apart(graph: &mut Graph, embedding: LayerId) {
    let calls_it = |model: &&Model| model.calls.iter().any(|call| call.layer == embedding);
    let models = graph.models.iter().filter(calls_it);
    let others = models.flat_map(|model| layers(model).collect::<Vec<_>>());
    let others = others.filter(|other| *other != embedding);
    let taken: HashSet<&str> = others
        .map(|other| graph.layer(other).name.as_str())
        .collect();
    let name = unique_name(&graph.layer(embedding).name, |name| taken.contains(name));
    set_name(graph, embedding, &name);
}

/// Calls a layer, after all its other calls; shapes are inferred later.
fn call(model: &mut Model, layer: LayerId, inputs: Vec<TensorId>) -> TensorId {
    let node = model.calls.len();
    model.tensors.push(Tensor {
        layer,
        node,
        index: 0,
        spec: Spec::float(Vec::new()),
    });
    let output = TensorId(model.tensors.len() - 1);
    model.calls.push(Call {
        layer,
        node,
        order: inputs.clone(),
        inputs,
        named: Vec::new(),
        literals: Vec::new(),
        outputs: vec![output],
    });
    output
}

/// Tied layers with an embedding that stands in several models. Keras 3.15 and tf_keras 2.21 read it as one of
/// each: the former does not follow its own marks, the latter forgets them with each model that it has read.
fn homeless(graph: &Graph) -> Vec<Problem> {
    let mut problems = Vec::new();
    let models = graph.callees_first();
    for model in models.iter().map(|id| graph.model(*id)) {
        let makers = makers(model);
        for of_tied in &model.calls {
            let layer = graph.layer(of_tied.layer);
            let Some(table) = table(graph, model, &makers, of_tied) else {
                continue;
            };
            let has = |model: &&ModelId| graph.model(**model).layers.contains(&table);
            let homes = models.iter().filter(has).count();
            if homes > 1 {
                problems.push(
                    Problem::new(ProblemKind::Writing)
                        .at(&layer.path, &layer.class)
                        .expected("an embedding in the same model, and in no other")
                        .found(format!("{} in {homes}", graph.layer(table).name))
                        .help("Keras reads a layer that stands in two models as two layers"),
                );
            }
        }
    }
    problems
}

/// The embedding whose table a call of a tied layer has for its second input.
fn table(
    graph: &Graph,
    model: &Model,
    makers: &HashMap<TensorId, usize>,
    of_tied: &Call,
) -> Option<LayerId> {
    let kind = |call: &Call| match &graph.layer(call.layer).kind {
        LayerKind::Layer(kind) => Some(kind),
        _ => None,
    };
    let maker = |tensor: &TensorId| makers.get(tensor).map(|position| &model.calls[*position]);
    let (Some(Class::DenseOnTable(_)), [_, table]) = (kind(of_tied), of_tied.inputs.as_slice())
    else {
        return None;
    };
    let lookup = maker(table)?;
    let rows = maker(lookup.inputs.first()?)?;
    match (kind(lookup)?, kind(rows)?) {
        (Class::Embedding(table), Class::TableRows(rows)) if table.input_dim == rows.rows => {
            Some(lookup.layer)
        }
        _ => None,
    }
}

/// The graph with tied layers in the place of those that take their tables as inputs.
///
/// # Errors
///
/// A table that is not that of an embedding.
pub(crate) fn tie_tables(graph: Graph) -> Result<Graph, Report> {
    let is_rows = |layer: &Layer| matches!(layer.kind, LayerKind::Layer(Class::TableRows(_)));
    let is_dense = |layer: &Layer| matches!(layer.kind, LayerKind::Layer(Class::DenseOnTable(_)));
    let mut layers = graph.layers.iter();
    if !layers.any(|layer| is_rows(layer) || is_dense(layer)) {
        return Ok(graph);
    }
    let mut tied = graph.clone();
    // The new layers, with their embeddings.
    let mut found: HashMap<LayerId, (LayerId, LayerId)> = HashMap::new();
    let mut problems = Vec::new();
    for id in graph.callees_first() {
        let model = graph.model(id);
        let makers = makers(model);
        let calls = model.calls.iter().enumerate();
        for (position, call) in calls.filter(|(_, call)| is_dense(graph.layer(call.layer))) {
            let of_call = table(&graph, model, &makers, call);
            let new = of_call.map(|embedding| {
                *found
                    .entry(call.layer)
                    .or_insert_with(|| (tie(&mut tied, call.layer, embedding), embedding))
            });
            match new {
                Some((layer, embedding)) if of_call == Some(embedding) => {
                    let call = &mut tied.models[id.0].calls[position];
                    call.layer = layer;
                    call.inputs.truncate(1);
                    call.order.clone_from(&call.inputs);
                }
                _ => problems.push(untied(graph.layer(call.layer))),
            }
        }
    }
    if problems.is_empty() {
        tied = settle(tied, &graph)?;
        let left = tied.layers.iter().filter(|layer| is_rows(layer));
        problems.extend(left.map(untied));
    }
    match problems.is_empty() {
        true => Ok(tied),
        false => Err(Report {
            file: graph.file,
            problems,
        }),
    }
}

fn untied(layer: &Layer) -> Problem {
    Problem::new(ProblemKind::BrokenConnection)
        .at(&layer.path, &layer.class)
        .key("inbound_nodes")
        .expected(
            "TableRows, one Embedding with as many rows, and TiedDense, each behind the other",
        )
        .found("other layers, or another Embedding in another call")
}

/// The tied layer for one that takes its table as an input, whose weights become those of its bias.
fn tie(graph: &mut Graph, dense: LayerId, embedding: LayerId) -> LayerId {
    let layer = graph.layer(dense).clone();
    let (LayerKind::Layer(Class::DenseOnTable(options)), LayerKind::Layer(Class::Embedding(table))) =
        (&layer.kind, &graph.layer(embedding).kind)
    else {
        return dense;
    };
    let options = TiedDense {
        units: table.input_dim,
        use_bias: options.use_bias,
        activation: options.activation,
    };
    let mut parts = vec![embedding];
    let mut id = dense;
    if options.use_bias {
        graph.layers[dense.0] = Layer {
            trainable: layer.trainable,
            ..bias(&layer.name, options.units, layer.weights.clone())
        };
        parts.push(dense);
        id = LayerId(graph.layers.len());
        graph.layers.push(layer.clone());
    }
    graph.layers[id.0] = Layer {
        class: CLASS.to_owned(),
        kind: LayerKind::Wrapper(Wrapper::TiedDense(options), parts),
        weights: Vec::new(),
        ..layer
    };
    id
}

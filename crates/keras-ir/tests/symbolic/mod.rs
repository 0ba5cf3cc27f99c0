//! What a model computes, as expressions: equal ones have the same number. Nested models are walked
//! each time that they are called, so that structure, names and order play no part.

use std::collections::HashMap;

use keras_ir::graph::{Call, Graph, LayerId, LayerKind, ModelId, TensorId};
use keras_ir::layer::MaskRule;
use keras_ir::shape::Spec;

/// A tensor with its mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol {
    pub value: usize,
    pub mask: Option<usize>,
}

/// The tensors of the outermost model, and those of nested ones by the calls that led there.
pub type Symbols = HashMap<(Vec<usize>, TensorId), Symbol>;

#[derive(Default)]
pub struct Symbolic {
    numbers: HashMap<String, usize>,
}

impl Symbolic {
    fn number(&mut self, text: String) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(text).or_insert(next)
    }

    /// Inputs by their positions.
    pub fn inputs(&mut self, graph: &Graph) -> Vec<Symbol> {
        let names = graph.input_names(graph.root());
        let inputs = names.iter().map(|name| Symbol {
            value: self.number(format!("input {name}")),
            mask: None,
        });
        inputs.collect()
    }

    /// Everything that the graph computes of these inputs.
    pub fn run(&mut self, graph: &Graph, inputs: &[Symbol]) -> (Vec<usize>, Symbols) {
        let mut symbols = Symbols::new();
        let outputs = self.model(graph, graph.root, inputs, &mut Vec::new(), &mut symbols);
        (outputs.iter().map(|output| output.value).collect(), symbols)
    }

    fn model(
        &mut self,
        graph: &Graph,
        id: ModelId,
        inputs: &[Symbol],
        path: &mut Vec<usize>,
        symbols: &mut Symbols,
    ) -> Vec<Symbol> {
        let model = graph.model(id);
        let cleared = graph.cleared_masks(id);
        let mut bound: HashMap<TensorId, Symbol> = HashMap::new();
        bound.extend(model.inputs.iter().copied().zip(inputs.iter().copied()));
        for (position, call) in model.calls.iter().enumerate() {
            path.push(position);
            let gone = &cleared.at_calls[position];
            let inputs = call.inputs.iter().map(|tensor| {
                let mut symbol = bound[tensor];
                symbol.mask = symbol.mask.filter(|_| !gone.contains(tensor));
                (symbol, model.tensors[tensor.0].spec.clone())
            });
            let (inputs, specs): (Vec<Symbol>, Vec<Spec>) = inputs.unzip();
            let outputs = self.call(graph, call, (&inputs, &specs), &bound, path, symbols);
            path.pop();
            bound.extend(call.outputs.iter().copied().zip(outputs));
        }
        symbols.extend(
            bound
                .iter()
                .map(|(tensor, symbol)| ((path.clone(), *tensor), *symbol)),
        );
        let outputs = model.outputs.iter().map(|tensor| {
            let mut symbol = bound[tensor];
            symbol.mask = symbol.mask.filter(|_| !cleared.at_end.contains(tensor));
            symbol
        });
        outputs.collect()
    }

    fn call(
        &mut self,
        graph: &Graph,
        call: &Call,
        (inputs, specs): (&[Symbol], &[Spec]),
        bound: &HashMap<TensorId, Symbol>,
        path: &mut Vec<usize>,
        symbols: &mut Symbols,
    ) -> Vec<Symbol> {
        let named: Vec<(String, Vec<Option<usize>>)> = call
            .named
            .iter()
            .map(|(name, tensors)| {
                let values = tensors.iter().map(|tensor| tensor.map(|t| bound[&t].value));
                (name.clone(), values.collect())
            })
            .collect();
        let explicit = named.iter().find(|(name, _)| name == "mask");
        let masks: Vec<Option<usize>> = match explicit {
            Some((_, masks)) => masks
                .iter()
                .map(|mask| mask.map(|value| self.number(format!("mask of {value}"))))
                .collect(),
            None => inputs.iter().map(|input| input.mask).collect(),
        };
        if let LayerKind::Model(inner) = graph.layer(call.layer).kind {
            let inputs: Vec<Symbol> = inputs
                .iter()
                .enumerate()
                .map(|(index, input)| Symbol {
                    mask: masks.get(index).copied().flatten(),
                    ..*input
                })
                .collect();
            let mut outputs = self.model(graph, inner, &inputs, path, symbols);
            outputs.truncate(call.outputs.len());
            return outputs;
        }
        let values: Vec<usize> = inputs.iter().map(|input| input.value).collect();
        // What carries a mask over a cut computes nothing.
        match graph.layer(call.layer).class.as_str() {
            "GetMask" => {
                let value = masks[0].unwrap();
                return vec![Symbol { value, mask: None }];
            }
            "SetMask" => {
                let (value, mask) = (values[0], Some(values[1]));
                return vec![Symbol { value, mask }];
            }
            _ => {}
        }
        let who = identity(graph, call.layer);
        let seen = if looks(graph, call.layer) {
            masks.as_slice()
        } else {
            &[]
        };
        let value = self.number(format!(
            "{who} {values:?} {named:?} {:?} {seen:?}",
            call.literals
        ));
        let mask = match &graph.layer(call.layer).kind {
            // What gives the very tensor that it gets.
            LayerKind::Operation(operation) if operation.is_nothing(specs) => {
                masks.first().copied().flatten()
            }
            _ => self.mask(graph, call.layer, &who, &values, &masks),
        };
        let outputs = (0..call.outputs.len()).map(|index| Symbol {
            value: self.number(format!("{value}[{index}]")),
            mask: mask.filter(|_| index == 0),
        });
        outputs.collect()
    }

    fn mask(
        &mut self,
        graph: &Graph,
        layer: LayerId,
        who: &str,
        values: &[usize],
        masks: &[Option<usize>],
    ) -> Option<usize> {
        let any = masks.iter().any(Option::is_some);
        let all = any && masks.iter().all(Option::is_some);
        let mut made = || Some(self.number(format!("mask by {who} {values:?} {masks:?}")));
        match &graph.layer(layer).kind {
            LayerKind::Layer(kind) => match kind.layer().mask_rule() {
                MaskRule::Pass => masks.first().copied().flatten(),
                MaskRule::Stop => None,
                MaskRule::NotZero | MaskRule::NotValue(_) => made(),
                MaskRule::Combine if graph.generation.is_keras3() && !all => None,
                MaskRule::Combine | MaskRule::Join(_) if !any => None,
                MaskRule::Combine | MaskRule::Join(_) => made(),
                MaskRule::Second => values.get(1).copied(),
            },
            LayerKind::Wrapper(_, parts) => {
                // The layer inside may make one where none comes in.
                let makes = |part: &LayerId| match &graph.layer(*part).kind {
                    LayerKind::Layer(kind) => {
                        matches!(
                            kind.layer().mask_rule(),
                            MaskRule::NotZero | MaskRule::NotValue(_)
                        )
                    }
                    _ => false,
                };
                (any || parts.iter().any(makes)).then(made).flatten()
            }
            _ => None,
        }
    }
}

fn looks(graph: &Graph, layer: LayerId) -> bool {
    match &graph.layer(layer).kind {
        LayerKind::Layer(kind) => kind.layer().looks_at_masks(),
        LayerKind::Wrapper(..) => true,
        _ => false,
    }
}

/// A layer by what it does and the weights that it does it with.
fn identity(graph: &Graph, id: LayerId) -> String {
    let layer = graph.layer(id);
    let weights = layer.weights.iter();
    let weights: Vec<String> = weights
        .map(|weight| format!("{}@{}", weight.name, weight.tensor.path()))
        .collect();
    match &layer.kind {
        LayerKind::Wrapper(wrapper, parts) => {
            let parts: Vec<String> = parts.iter().map(|part| identity(graph, *part)).collect();
            format!("{wrapper:?} {parts:?}")
        }
        LayerKind::Model(inner) => {
            let layers = &graph.model(*inner).layers;
            let layers: Vec<String> = layers.iter().map(|id| identity(graph, *id)).collect();
            format!("model {layers:?}")
        }
        kind => format!("{kind:?} {weights:?}"),
    }
}

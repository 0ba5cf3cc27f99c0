//! Graphs to match: built as Keras's functional API does.

use keras_ir::container::{Dtype, StoredTensor};
use keras_ir::graph::{
    Call, Graph, Layer, LayerId, LayerKind, Model, ModelClass, ModelId, Tensor, TensorId, Weight,
};
use keras_ir::optimizer::{Optimizer, Slot, SlotName};
use keras_ir::shape::{Kind, Shape, Spec};
use keras_ir::training::optimizer::OptimizerConfig;
use keras_ir::{Generation, layer};
use serde_json::json;

use super::{path, tensor};

/// Builds graphs as Keras's functional API does: the shapes of the weights are given, those of the
/// tensors are of no interest here.
pub struct Net {
    models: Vec<Model>,
    layers: Vec<Layer>,
    /// The model that is being built.
    model: Model,
}

impl Net {
    pub fn new() -> Self {
        Self {
            models: Vec::new(),
            layers: Vec::new(),
            model: empty("model"),
        }
    }

    fn add_layer(&mut self, layer: Layer) -> LayerId {
        self.layers.push(layer);
        LayerId(self.layers.len() - 1)
    }

    fn tensor(&mut self, layer: LayerId, node: usize) -> TensorId {
        self.model.tensors.push(Tensor {
            layer,
            node,
            index: 0,
            spec: Spec {
                shape: Shape(vec![None, Some(8)]),
                kind: Kind::Float,
            },
        });
        TensorId(self.model.tensors.len() - 1)
    }

    pub fn input(&mut self, name: &str) -> TensorId {
        let id = self.add_layer(named(name, "InputLayer", LayerKind::Input, &[]));
        let tensor = self.tensor(id, 0);
        self.model.layers.push(id);
        self.model.input_layers.push(id);
        self.model.inputs.push(tensor);
        tensor
    }

    /// A layer of its own, with weights of these shapes.
    pub fn layer(&mut self, class: &str, name: &str, shapes: &[&[usize]]) -> LayerId {
        let config = json!({"units": 8, "filters": 8, "kernel_size": [3], "activation": "relu"});
        let (kind, _) =
            layer::LayerKind::read(class, config.as_object().unwrap(), Generation::Keras3).unwrap();
        self.add_layer(named(name, class, LayerKind::Layer(kind), shapes))
    }

    /// A Dense from `n` to `m`.
    pub fn dense(&mut self, name: &str, n: usize, m: usize) -> LayerId {
        self.layer("Dense", name, &[&[n, m], &[m]])
    }

    pub fn call(&mut self, layer: LayerId, inputs: &[TensorId]) -> TensorId {
        if !self.model.layers.contains(&layer) {
            self.model.layers.push(layer);
        }
        let calls = self.model.calls.iter();
        let node = calls.filter(|call| call.layer == layer).count();
        let output = self.tensor(layer, node);
        self.model.calls.push(Call {
            layer,
            node,
            inputs: inputs.to_vec(),
            named: Vec::new(),
            order: inputs.to_vec(),
            literals: Vec::new(),
            outputs: vec![output],
        });
        output
    }

    /// A new layer without weights, called once.
    pub fn apply(&mut self, class: &str, inputs: &[TensorId]) -> TensorId {
        let name = format!("{}_{}", class.to_lowercase(), self.layers.len());
        let layer = self.layer(class, &name, &[]);
        self.call(layer, inputs)
    }

    /// Ends the model that is being built, as a layer of the next one.
    pub fn nest(&mut self, name: &str, output: TensorId) -> LayerId {
        let mut inner = std::mem::replace(&mut self.model, empty("model"));
        inner.name = name.to_owned();
        inner.outputs = vec![output];
        for id in &inner.layers {
            let layer = &mut self.layers[id.0];
            if !layer.path.contains('/') {
                layer.path = format!("{name}/{}", layer.name);
            }
        }
        self.models.push(inner);
        let kind = LayerKind::Model(ModelId(self.models.len() - 1));
        self.add_layer(named(name, "Functional", kind, &[]))
    }

    pub fn freeze(&mut self, layer: LayerId) {
        self.layers[layer.0].trainable = false;
    }

    /// The graph, and Adam's state after 7 steps, each slot with a value of its own.
    pub fn build(mut self, outputs: &[TensorId]) -> Graph {
        self.model.outputs = outputs.to_vec();
        self.models.push(self.model);
        let mut graph = Graph {
            file: "net.keras".into(),
            generation: Generation::Keras3,
            keras_version: None,
            root: ModelId(self.models.len() - 1),
            models: self.models,
            layers: self.layers,
            training_config: None,
            optimizer: Ok(None),
            notes: Vec::new(),
        };
        let mut slots = Vec::new();
        for weight in graph.trainable_variables() {
            for name in [SlotName::Momentum, SlotName::Velocity] {
                let shape = tensor(&graph, weight).shape().to_vec();
                let path = format!("{} {}", path(&graph, weight), name.as_str());
                let bytes = vec![0; 4 * shape.iter().product::<usize>()];
                let tensor = StoredTensor::from_parts(path, shape, Dtype::F32, bytes).unwrap();
                slots.push(Slot {
                    weight,
                    name,
                    tensor,
                });
            }
        }
        let adam = json!({"class_name": "Adam", "config": {"learning_rate": 0.01}});
        graph.optimizer = Ok(Some(Optimizer {
            options: OptimizerConfig::read(&adam, Generation::Keras3.into()).unwrap(),
            config: adam["config"].clone(),
            iterations: Some(7),
            learning_rate: Some(0.01),
            loss_scale: None,
            u_product: None,
            slots,
            numbers: Vec::new(),
            copies: Vec::new(),
        }));
        graph
    }
}

fn empty(name: &str) -> Model {
    Model {
        name: name.into(),
        class: ModelClass::Functional,
        trainable: true,
        layers: Vec::new(),
        calls: Vec::new(),
        tensors: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        input_layers: Vec::new(),
        output_keys: Vec::new(),
        deferred: false,
    }
}

fn named(name: &str, class: &str, kind: LayerKind, shapes: &[&[usize]]) -> Layer {
    let names = ["kernel", "bias", "third"];
    let weights = names.into_iter().zip(shapes).map(|(weight, shape)| {
        let bytes = vec![0; 4 * shape.iter().product::<usize>()];
        let tensor = StoredTensor::from_parts(weight, *shape, Dtype::F32, bytes).unwrap();
        Weight {
            name: weight,
            trainable: true,
            tensor,
            copies: Vec::new(),
        }
    });
    Layer {
        name: name.into(),
        path: name.into(),
        class: class.into(),
        kind,
        trainable: true,
        config: serde_json::Map::new(),
        shared_object_id: None,
        weights: weights.collect(),
    }
}

/// Two inputs, each with a Dense of its own, joined by `join`, and a head.
pub fn branches(names: [&str; 3], join: &str, crossed: bool) -> Graph {
    let mut net = Net::new();
    let x = [net.input("x"), net.input("y")];
    let [a, b] = [net.dense(names[0], 8, 8), net.dense(names[1], 8, 8)];
    let ends = if crossed {
        [net.call(b, &[x[0]]), net.call(a, &[x[1]])]
    } else {
        [net.call(a, &[x[0]]), net.call(b, &[x[1]])]
    };
    let joined = net.apply(join, &ends);
    let head = net.dense(names[2], 8, 2);
    let output = net.call(head, &[joined]);
    net.build(&[output])
}

/// A chain of Dense layers, from `sizes[0]` on.
pub fn chain(names: &[&str], sizes: &[usize]) -> Graph {
    let mut net = Net::new();
    let mut y = net.input("x");
    for (name, pair) in names.iter().zip(sizes.windows(2)) {
        let layer = net.dense(name, pair[0], pair[1]);
        y = net.call(layer, &[y]);
        y = net.apply("Dropout", &[y]);
    }
    net.build(&[y])
}

/// Two branches from one input.
pub fn twins(names: [&str; 2], join: &str) -> Graph {
    let mut net = Net::new();
    let x = net.input("x");
    let pair = names.map(|name| net.dense(name, 8, 8));
    let ends = pair.map(|layer| net.call(layer, &[x]));
    let joined = net.apply(join, &ends);
    let head = net.dense("head", 8, 2);
    let output = net.call(head, &[joined]);
    net.build(&[output])
}

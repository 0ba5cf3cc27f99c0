//! Batch normalization folded into the layer before it, for inference.

use crate::activation::Activation;
use crate::container::{ContainerError, Dtype, StoredTensor};
use crate::graph::{Graph, Layer, LayerId, LayerKind, ModelId, Weight};
use crate::layer::normalization::BatchNormalization;
use crate::layer::{LayerKind as Class, config::DataFormat};
use crate::problem::{Problem, ProblemKind, Report};
use crate::shape::Spec;

use super::insert::calls_of_layers;
use super::settle::{each_use, needs, settle};

impl Graph {
    /// The model whose `BatchNormalization` layers are folded into the convolutions and dense layers
    /// before them, wherever nothing else looks between the two, and the paths of those that are
    /// gone. For inference alone: what is folded is not trained as before, so the optimizer's state
    /// and the training config are left out.
    ///
    /// The new weights are computed in double precision: outputs differ from those of the whole by
    /// rounding.
    ///
    /// ```no_run
    /// let graph = keras_ir::read("resnet50.h5", keras_ir::ReadOptions::default())?;
    /// let (graph, folded) = graph.fold_batch_normalization()?;
    /// println!("{} layers less", folded.len());
    /// # Ok::<(), keras_ir::Report>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Weights that cannot be read.
    pub fn fold_batch_normalization(&self) -> Result<(Self, Vec<String>), Report> {
        let mut graph = self.clone();
        let mut folded = Vec::new();
        while let Some(pair) = find(&graph) {
            let bn = graph.layer(pair.normalization);
            folded.push(bn.path.clone());
            let note = format!(
                "{} is folded into {}: for inference alone",
                bn.path,
                graph.layer(pair.into).path
            );
            let refuse = |error: &ContainerError| {
                let problem = Problem::new(ProblemKind::Container).found(error.to_string());
                self.refuse(problem.at(&bn.path, &bn.class))
            };
            let layer = pair.layer(&graph).map_err(|error| refuse(&error))?;
            graph.layers[pair.into.0] = layer;
            pair.bypass(&mut graph);
            graph.notes.push(note);
        }
        if folded.is_empty() {
            return Ok((graph, folded));
        }
        graph.optimizer = Ok(None);
        graph.training_config = None;
        Ok((settle(graph, self)?, folded))
    }
}

/// A layer and the normalization behind it.
struct Pair {
    model: ModelId,
    into: LayerId,
    normalization: LayerId,
    /// The position of the normalization's call.
    call: usize,
}

/// The next pair that can be folded.
fn find(graph: &Graph) -> Option<Pair> {
    let calls = calls_of_layers(graph);
    let once = |layer: LayerId| calls.get(&layer).is_some_and(|calls| calls.len() == 1);
    graph.callees_first().into_iter().find_map(|id| {
        let model = graph.model(id);
        model.calls.iter().enumerate().find_map(|(position, call)| {
            let LayerKind::Layer(Class::BatchNormalization(bn)) = &graph.layer(call.layer).kind
            else {
                return None;
            };
            let [input] = call.order.as_slice() else {
                return None;
            };
            let into = model.tensors[input.0].layer;
            let users = model
                .calls
                .iter()
                .filter(|call| needs(call).any(|t| t == *input));
            let fits = once(into)
                && once(call.layer)
                && users.count() == 1
                && !model.outputs.contains(input)
                && model.tensors[input.0].index == 0
                && Kernel::of(graph.layer(into), bn, &model.tensors[input.0].spec).is_some();
            fits.then_some(Pair {
                model: id,
                into,
                normalization: call.layer,
                call: position,
            })
        })
    })
}

impl Pair {
    /// The layer with the normalization in its weights.
    fn layer(&self, graph: &Graph) -> Result<Layer, ContainerError> {
        let normalization = graph.layer(self.normalization);
        let mut layer = graph.layer(self.into).clone();
        let read = |name: &str| {
            let mut weights = normalization.weights.iter();
            let weight = weights.find(|weight| weight.name == name);
            weight.map(|weight| weight.tensor.read_f64()).transpose()
        };
        let LayerKind::Layer(Class::BatchNormalization(options)) = &normalization.kind else {
            return Ok(layer);
        };
        let mean = read("moving_mean")?.unwrap_or_default();
        let variance = read("moving_variance")?.unwrap_or_default();
        let gamma = read("gamma")?.unwrap_or_else(|| vec![1.0; mean.len()]);
        let beta = read("beta")?.unwrap_or_else(|| vec![0.0; mean.len()]);
        let scale: Vec<f64> = gamma
            .iter()
            .zip(&variance)
            .map(|(gamma, variance)| gamma / (variance + options.epsilon).sqrt())
            .collect();
        let kernel = Kernel::of_class(&layer.kind);
        let Some(kernel) = kernel else {
            return Ok(layer);
        };
        let mut bias = vec![0.0; scale.len()];
        for weight in &mut layer.weights {
            if weight.name == kernel.name {
                let mut values = weight.tensor.read_f64()?;
                let channels = kernel.channels(weight.tensor.shape());
                for (at, value) in values.iter_mut().enumerate() {
                    *value *= scale.get(channels.of(at)).copied().unwrap_or(f64::NAN);
                }
                weight.tensor = stored(&layer.path, weight.name, weight.tensor.shape(), &values)?;
                weight.copies.clear();
            } else if weight.name == "bias" {
                bias = weight.tensor.read_f64()?;
            }
        }
        let shifted = bias.iter().zip(&mean).zip(&scale).zip(&beta);
        let bias: Vec<f64> = shifted
            .map(|(((bias, mean), scale), beta)| (bias - mean) * scale + beta)
            .collect();
        let tensor = stored(&layer.path, "bias", &[bias.len()], &bias)?;
        layer.weights.retain(|weight| weight.name != "bias");
        layer.weights.push(Weight {
            name: "bias",
            trainable: true,
            tensor,
            copies: Vec::new(),
        });
        with_bias(&mut layer);
        Ok(layer)
    }

    /// Lets what took the normalization's output take that of the layer.
    fn bypass(&self, graph: &mut Graph) {
        let model = &mut graph.models[self.model.0];
        let call = model.calls.remove(self.call);
        if let (Some(input), Some(output)) = (call.inputs.first(), call.outputs.first()) {
            each_use(model, &mut |tensor| {
                if tensor == output {
                    *tensor = *input;
                }
            });
        }
    }
}

fn stored(
    path: &str,
    name: &str,
    shape: &[usize],
    values: &[f64],
) -> Result<StoredTensor, ContainerError> {
    #[expect(clippy::cast_possible_truncation, reason = "weights are float32")]
    let bytes = values
        .iter()
        .flat_map(|value| (*value as f32).to_le_bytes());
    StoredTensor::from_parts(format!("{path}/{name}"), shape, Dtype::F32, bytes.collect())
}

/// A layer that has a bias from now on.
fn with_bias(layer: &mut Layer) {
    if let LayerKind::Layer(kind) = &mut layer.kind {
        match kind {
            Class::Dense(dense) => dense.use_bias = true,
            Class::Conv(conv) => conv.use_bias = true,
            Class::DepthwiseConv(conv) => conv.use_bias = true,
            Class::SeparableConv(conv) => conv.use_bias = true,
            Class::ConvTranspose(conv) => conv.use_bias = true,
            _ => {}
        }
    }
    layer.config.insert("use_bias".into(), true.into());
}

/// The weight that holds the output's channels.
struct Kernel {
    name: &'static str,
    axes: Axes,
}

/// Where the channels of the output are in a kernel.
#[derive(Clone, Copy)]
enum Axes {
    Last,
    /// Transposed convolutions.
    BeforeLast,
    /// Depthwise convolutions: channels, and how often each is multiplied.
    LastTwo,
}

struct Channels {
    axes: Axes,
    last: usize,
    before: usize,
}

impl Channels {
    /// The channel of the element at a position.
    fn of(&self, at: usize) -> usize {
        let last = self.last.max(1);
        match self.axes {
            Axes::Last => at % last,
            Axes::BeforeLast => at / last % self.before.max(1),
            Axes::LastTwo => at % (last * self.before.max(1)),
        }
    }
}

impl Kernel {
    /// The kernel of a layer that a normalization can be folded into.
    fn of(layer: &Layer, bn: &BatchNormalization, output: &Spec) -> Option<Self> {
        let kernel = Self::of_class(&layer.kind)?;
        let axis = Self::channel_axis(&layer.kind, output.shape.rank())?;
        let fits = bn.positions(output)? == [axis]
            && layer
                .weights
                .iter()
                .any(|weight| weight.name == kernel.name);
        fits.then_some(kernel)
    }

    fn of_class(kind: &LayerKind) -> Option<Self> {
        let LayerKind::Layer(kind) = kind else {
            return None;
        };
        let (name, axes, activation) = match kind {
            Class::Dense(dense) => ("kernel", Axes::Last, &dense.activation),
            Class::Conv(conv) => ("kernel", Axes::Last, &conv.activation),
            Class::ConvTranspose(conv) => ("kernel", Axes::BeforeLast, &conv.activation),
            Class::DepthwiseConv(conv) => ("depthwise_kernel", Axes::LastTwo, &conv.activation),
            Class::SeparableConv(conv) => ("pointwise_kernel", Axes::Last, &conv.activation),
            _ => return None,
        };
        (*activation == Activation::Linear).then_some(Self { name, axes })
    }

    fn channel_axis(kind: &LayerKind, rank: usize) -> Option<usize> {
        let LayerKind::Layer(kind) = kind else {
            return None;
        };
        let format: DataFormat = match kind {
            Class::Dense(_) => return rank.checked_sub(1),
            Class::Conv(conv) => conv.window.data_format,
            Class::ConvTranspose(conv) => conv.window.data_format,
            Class::DepthwiseConv(conv) => conv.window.data_format,
            Class::SeparableConv(conv) => conv.window.data_format,
            _ => return None,
        };
        Some(format.channel_axis(rank))
    }

    fn channels(&self, shape: &[usize]) -> Channels {
        let mut sizes = shape.iter().rev().copied();
        let last = sizes.next().unwrap_or(1);
        Channels {
            axes: self.axes,
            last,
            before: sizes.next().unwrap_or(1),
        }
    }
}

//! The drawing of a model, as Keras's `plot_model` makes it: one box per layer, however often it is
//! called, and an edge per tensor that goes into a call.
//!
//! ```text
//! graph ──► scene    boxes, groups, edges: plain data
//!             ├──► dot                  for Graphviz, which lays it out itself
//!             └──► layout ──┬──► svg
//!                           └──► html   the svg, with what each layer is behind its box
//! ```
//!
//! Names come from files of strangers: each printer escapes them for what it prints, and cuts long
//! ones. The same graph gives the same bytes.

mod dot;
mod html;
mod layout;
mod scene;
mod svg;
#[cfg(test)]
mod tests;
mod text;

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use crate::graph::Graph;
use crate::problem::{Problem, ProblemKind};
use crate::shape::Shape;
use crate::writer::{WriteError, replace};

/// Which way the edges of a drawing run; Keras's `rankdir`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// From top to bottom.
    #[default]
    TopToBottom,
    /// From left to right.
    LeftToRight,
}

/// What a drawing shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlotOptions {
    /// Whether nested models are groups with their layers inside, or boxes like others.
    pub expand_nested: bool,
    /// Which way the edges run.
    pub direction: Direction,
    /// Whether boxes say the shapes of inputs and outputs.
    pub shapes: bool,
}

impl Default for PlotOptions {
    fn default() -> Self {
        Self {
            expand_nested: false,
            direction: Direction::default(),
            shapes: true,
        }
    }
}

/// The drawing of a model.
///
/// ```
/// use keras_ir::plot::{Plot, PlotOptions};
/// use keras_ir::surgery::{Builder, NewLayer};
/// use serde_json::json;
///
/// let mut builder = Builder::new("twice");
/// let image = builder.input("image", &[None, Some(8)], "float32")?;
/// let dense = builder.layer(&NewLayer::new("Dense", json!({"name": "dense", "units": 8})))?;
/// let hidden = builder.call(dense, &[image])?;
/// let hidden = builder.call(dense, &hidden)?;
/// let graph = builder.finish(&hidden)?;
///
/// let plot = Plot::new(&graph, &PlotOptions::default());
/// let names: Vec<&str> = plot.nodes.iter().map(|node| node.name.as_str()).collect();
/// assert_eq!(names, ["image", "dense"]);
/// assert_eq!(plot.edges.len(), 2);
/// assert!(plot.to_dot().starts_with("digraph \"twice\" {\n"));
/// assert!(plot.to_svg().starts_with("<svg "));
/// # Ok::<(), keras_ir::Report>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Plot {
    /// The model's name.
    pub name: String,
    /// Boxes and groups, each after the group that it is in, and beside each other in Keras's order.
    pub nodes: Vec<Node>,
    /// What goes from box to box.
    pub edges: Vec<Edge>,
    /// What a reader of the model should know.
    pub notes: Vec<String>,
    /// What is shown, and how.
    pub options: PlotOptions,
}

/// A layer in a drawing.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Node {
    /// The layer's name.
    pub name: String,
    /// The name with those of the models around it.
    pub path: String,
    /// The layer's class, with that of what it wraps: `Bidirectional(LSTM)`.
    pub class: String,
    /// What kind of layer it is.
    pub kind: NodeKind,
    /// The group that it is in, by its position among the nodes; `None` for the outermost model.
    pub group: Option<usize>,
    /// The shapes of each call.
    pub calls: Vec<Signature>,
    /// The layer's dtype, or its policy.
    pub dtype: Option<String>,
    /// The layer's activation, unless it is linear.
    pub activation: Option<String>,
    /// Parameters.
    pub params: usize,
    /// Those that are trained.
    pub trainable_params: usize,
    /// Whether nothing is trained that could be.
    pub frozen: bool,
    /// The outputs of the model that it makes: the key of a dict, the call.
    pub outputs: Vec<String>,
    /// The weights; those of a group are with the nodes in it.
    pub weights: Vec<NodeWeight>,
    /// Keras's config; that of a model is with the nodes in it.
    pub config: Map<String, Value>,
}

/// What kind of layer a [`Node`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeKind {
    /// An input.
    Input,
    /// A layer.
    Layer,
    /// An operation, such as `x * 2`.
    Operation,
    /// A model used as a layer, as one box.
    Model,
    /// A model used as a layer, with its layers inside.
    Group,
}

/// The shapes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signature {
    /// Of its inputs.
    pub inputs: Vec<Shape>,
    /// Of its outputs.
    pub outputs: Vec<Shape>,
}

/// A weight in a drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeWeight {
    /// Its path.
    pub path: String,
    /// Its shape, as Keras has it.
    pub shape: Vec<usize>,
    /// The type of its elements, as it is stored.
    pub dtype: String,
    /// Whether it is trained.
    pub trainable: bool,
}

/// A tensor that goes from one box to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Edge {
    /// The node that makes it.
    pub from: usize,
    /// The node that takes it.
    pub to: usize,
    /// Which call and which output of it, where there are several: `:1`, `:0:2`.
    pub tail: String,
    /// Which call takes it, where there are several, and under which name, if it is passed by name.
    pub head: String,
    /// Whether it is passed as a mask.
    pub is_mask: bool,
}

impl Plot {
    /// The drawing of `graph`.
    pub fn new(graph: &Graph, options: &PlotOptions) -> Self {
        scene::draw(graph, *options)
    }

    /// The drawing in Graphviz's language.
    pub fn to_dot(&self) -> String {
        dot::print(self)
    }

    /// The drawing as an SVG image.
    ///
    /// A large model is drawn in full. Its edges keep clear of boxes that they go by as long as there are
    /// not more than 100,000 such places in a model; otherwise the longest are drawn right across, behind
    /// the boxes.
    pub fn to_svg(&self) -> String {
        svg::print(self)
    }

    /// The drawing as a page that needs nothing else: it can be zoomed and moved, and a click on a box
    /// shows the layer's config and weights.
    pub fn to_html(&self) -> String {
        html::print(self)
    }

    /// Writes the drawing as what the name at `path` ends in: `.svg`, `.dot` or `.html`. What is there is
    /// replaced once the new file is complete.
    ///
    /// # Errors
    ///
    /// Another ending, or a file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), WriteError> {
        let text = match path.extension().and_then(|ending| ending.to_str()) {
            Some("svg") => self.to_svg(),
            Some("dot") => self.to_dot(),
            Some("html") => self.to_html(),
            _ => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let problem = Problem::new(ProblemKind::Output)
                    .expected("a name that ends in .svg, .dot or .html")
                    .found(name);
                return Err(problem.in_file(path.display().to_string()).into());
            }
        };
        replace(path, |staged| {
            fs::write(staged, text).map_err(|source| WriteError::Io {
                path: staged.to_owned(),
                source,
            })
        })
    }
}

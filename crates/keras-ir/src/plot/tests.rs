#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::json;

use super::*;
use crate::ReadOptions;
use crate::surgery::{Builder, NewLayer};

const HOSTILE: &str =
    "</title><script>alert(\"1\")</script>]]>-->&lt;'\\N\\\n\u{0}\u{1b}\u{202e}\u{ffff}";

fn sample(name: &str) -> Graph {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join(name);
    crate::read(path, ReadOptions::default()).unwrap_or_else(|report| panic!("{report}"))
}

fn expanded(graph: &Graph) -> Plot {
    let options = PlotOptions {
        expand_nested: true,
        ..PlotOptions::default()
    };
    Plot::new(graph, &options)
}

/// Boxes of these names, and edges between them by position.
fn plain(names: &[&str], edges: &[(usize, usize)]) -> Plot {
    let node = |name: &&str| Node {
        name: (*name).to_owned(),
        path: (*name).to_owned(),
        class: "Layer".to_owned(),
        kind: NodeKind::Layer,
        group: None,
        calls: Vec::new(),
        dtype: None,
        activation: None,
        params: 0,
        trainable_params: 0,
        frozen: false,
        outputs: Vec::new(),
        weights: Vec::new(),
        config: Map::new(),
    };
    let edge = |(from, to): &(usize, usize)| Edge {
        from: *from,
        to: *to,
        tail: String::new(),
        head: String::new(),
        is_mask: false,
    };
    Plot {
        name: "plain".to_owned(),
        nodes: names.iter().map(node).collect(),
        edges: edges.iter().map(edge).collect(),
        notes: Vec::new(),
        options: PlotOptions::default(),
    }
}

fn node<'a>(plot: &'a Plot, name: &str) -> (usize, &'a Node) {
    let mut nodes = plot.nodes.iter().enumerate();
    let found = nodes.find(|(_, node)| node.name == name);
    found.unwrap_or_else(|| panic!("no {name}"))
}

/// Edges as `from:tail -> head:to`.
fn edges(plot: &Plot) -> Vec<String> {
    let name = |position: usize| &plot.nodes[position].name;
    let edges = plot.edges.iter();
    edges
        .map(|edge| {
            let Edge {
                from,
                to,
                tail,
                head,
                ..
            } = edge;
            format!(
                "{}{tail} -> {}{}{head}",
                name(*from),
                name(*to),
                if head.contains(':') { "" } else { " " }
            )
            .trim_end()
            .to_owned()
        })
        .collect()
}

#[test]
fn a_layer_is_one_box_however_often_it_is_called() {
    let plot = Plot::new(
        &sample("models/keras/siamese_k3.h5"),
        &PlotOptions::default(),
    );
    let names: Vec<&str> = plot.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "input_layer",
            "input_layer_1",
            "embedding",
            "not_equal",
            "not_equal_1",
            "lstm",
            "concatenate",
            "dense"
        ]
    );
    assert_eq!(
        edges(&plot),
        [
            "input_layer -> embedding:0",
            "input_layer -> not_equal",
            "embedding:0 -> lstm:0",
            "not_equal -> lstm:0 mask",
            "input_layer_1 -> embedding:1",
            "input_layer_1 -> not_equal_1",
            "embedding:1 -> lstm:1",
            "not_equal_1 -> lstm:1 mask",
            "lstm:0 -> concatenate",
            "lstm:1 -> concatenate",
            "concatenate -> dense",
        ]
    );
    let masks = plot.edges.iter().filter(|edge| edge.is_mask);
    assert_eq!(masks.count(), 2);
    let (_, dense) = node(&plot, "dense");
    assert_eq!(dense.outputs, [""]);
    assert_eq!(dense.activation.as_deref(), Some("sigmoid"));
    let (_, not_equal) = node(&plot, "not_equal");
    assert_eq!(not_equal.class, "NotEqual(·, 0)");
    assert_eq!(not_equal.kind, NodeKind::Operation);
}

#[test]
fn outputs_of_a_call_are_told_apart_and_wrappers_say_what_is_inside() {
    let mut builder = Builder::new("states");
    let steps = builder
        .input("steps", &[None, None, Some(3)], "float32")
        .unwrap();
    let lstm = json!({"name": "lstm", "units": 2, "return_state": true});
    let lstm = builder.layer(&NewLayer::new("LSTM", lstm)).unwrap();
    let of_lstm = builder.call(lstm, &[steps]).unwrap();
    let inside =
        json!({"class_name": "GRU", "config": {"name": "gru", "trainable": true, "units": 2}});
    let around = json!({"name": "both", "layer": inside});
    let both = builder
        .layer(&NewLayer::new("Bidirectional", around))
        .unwrap();
    let of_both = builder.call(both, &[steps]).unwrap();
    let graph = builder.finish(&[of_lstm[2], of_both[0]]).unwrap();
    let plot = Plot::new(&graph.freeze("lstm").unwrap(), &PlotOptions::default());
    let (_, lstm) = node(&plot, "lstm");
    assert_eq!(lstm.outputs, [":0:2"]);
    assert!(lstm.frozen);
    let (_, both) = node(&plot, "both");
    assert_eq!(both.class, "Bidirectional(GRU)");
    assert!(!both.frozen);
    assert_eq!(both.weights.len(), 6);
}

/// `outer(left, right) = inner(left) + inner(right)`.
fn nested() -> Graph {
    let mut builder = Builder::new("inner");
    let x = builder.input("x", &[None, Some(4)], "float32").unwrap();
    let dense = json!({"name": "dense", "units": 4});
    let dense = builder.layer(&NewLayer::new("Dense", dense)).unwrap();
    let hidden = builder.call(dense, &[x]).unwrap();
    let inner = builder.finish(&hidden).unwrap();
    let mut builder = Builder::new("outer");
    let x = builder.input("left", &[None, Some(4)], "float32").unwrap();
    let y = builder.input("right", &[None, Some(4)], "float32").unwrap();
    let inner = builder.model(&inner, "inner").unwrap();
    let left = builder.call(inner, &[x]).unwrap()[0];
    let right = builder.call(inner, &[y]).unwrap()[0];
    let sum = builder
        .layer(&NewLayer::new("Add", json!({"name": "sum"})))
        .unwrap();
    let sum = builder.call(sum, &[left, right]).unwrap();
    builder.finish(&sum).unwrap()
}

#[test]
fn a_nested_model_is_a_box_or_a_group() {
    let graph = nested();
    let plot = Plot::new(&graph, &PlotOptions::default());
    let (_, inner) = node(&plot, "inner");
    assert_eq!((inner.kind, inner.params), (NodeKind::Model, 20));
    assert_eq!(inner.weights[0].path, "inner/dense/kernel");
    assert_eq!(
        edges(&plot),
        [
            "left -> inner:0",
            "right -> inner:1",
            "inner:0 -> sum",
            "inner:1 -> sum"
        ]
    );

    let plot = expanded(&graph);
    let (group, inner) = node(&plot, "inner");
    assert_eq!((inner.kind, inner.params), (NodeKind::Group, 20));
    assert_eq!(node(&plot, "dense").1.group, Some(group));
    assert_eq!(
        edges(&plot),
        [
            "left -> x:0",
            "right -> x:1",
            "dense:0 -> sum",
            "dense:1 -> sum",
            "x -> dense"
        ]
    );
    let dot = plot.to_dot();
    assert!(
        dot.contains(&format!(
            "  subgraph cluster_{group} {{\n    label=\"inner (Functional)\\n20 params\";"
        )),
        "{dot}"
    );
}

/// The layer `in_two` is in two models, and in neither of them when they are drawn.
#[test]
fn a_layer_of_several_models_is_around_all_of_them() {
    let plot = expanded(&sample("models/keras/nested_k3.h5"));
    let groups: Vec<(&str, Option<&str>)> = plot
        .nodes
        .iter()
        .map(|node| {
            let group = node.group.map(|group| plot.nodes[group].name.as_str());
            (node.name.as_str(), group)
        })
        .filter(|(name, _)| ["in_outer", "in_two", "mid", "inner", "other"].contains(name))
        .collect();
    assert_eq!(
        groups,
        [
            ("in_outer", None),
            ("mid", None),
            ("other", None),
            ("in_two", None),
            ("inner", Some("mid")),
        ]
    );
    let edges = edges(&plot);
    for edge in [
        "x -> in_outer:0",
        "in_outer:0 -> x:1",
        "x -> in_outermid:0",
        "in_outermid:0 -> dense_1",
    ] {
        assert!(edges.iter().any(|known| known == edge), "{edges:?}");
    }
}

#[test]
fn the_same_graph_gives_the_same_bytes() {
    let print = || {
        let plot = expanded(&sample("models/keras/nested_k3.h5"));
        [plot.to_dot(), plot.to_svg(), plot.to_html()]
    };
    assert_eq!(print(), print());
}

#[test]
fn names_of_strangers_stay_text() {
    let mut plot = plain(&[HOSTILE, "b"], &[(0, 1), (1, 0)]);
    plot.name = HOSTILE.to_owned();
    plot.notes = vec![HOSTILE.to_owned()];
    for node in &mut plot.nodes {
        let fact = || Some(HOSTILE.to_owned());
        (node.class, node.dtype, node.activation) = (HOSTILE.to_owned(), fact(), fact());
        node.outputs = vec![HOSTILE.to_owned()];
        node.config.insert(HOSTILE.to_owned(), HOSTILE.into());
        node.weights.push(NodeWeight {
            path: HOSTILE.to_owned(),
            shape: vec![1],
            dtype: HOSTILE.to_owned(),
            trainable: true,
        });
    }
    plot.edges[0].tail = HOSTILE.to_owned();
    for kind in [NodeKind::Layer, NodeKind::Group] {
        plot.nodes[1].kind = kind;
        let is_fit =
            |char: char| char == '\n' || !char.is_control() && !"\u{202e}\u{ffff}".contains(char);
        for text in [plot.to_svg(), plot.to_html()] {
            assert!(text.chars().all(is_fit));
            assert!(
                !text.contains("<script>alert") && !text.contains("]]>") && !text.contains("-->")
            );
            assert!(!text.contains("&lt;'"), "entities are escaped again");
            assert!(text.contains("&lt;/title&gt;&lt;script&gt;alert(&quot;1&quot;)"));
        }
        let dot = plot.to_dot();
        assert!(dot.chars().all(is_fit));
        // Without what is escaped, quotes are those of strings, each of which is in one line.
        let bare = dot.replace("\\\\", "").replace("\\\"", "");
        for line in bare.lines() {
            assert!(line.matches('"').count().is_multiple_of(2), "{line}");
            let outside: String = line.split('"').step_by(2).collect();
            assert!(!outside.contains("script"), "{line}");
        }
        assert!(dot.contains("&amp;lt;'\\\\N\\\\ "), "{dot}");
    }
}

#[test]
fn long_names_and_many_shapes_are_cut() {
    let name = "é".repeat(1_000_000);
    let mut plot = plain(&[&name], &[]);
    let shapes = vec![Shape(vec![None, Some(3)]); 1000];
    plot.nodes[0].calls = (1..1000)
        .map(|count| Signature {
            inputs: shapes[..count].to_vec(),
            outputs: shapes.clone(),
        })
        .collect();
    let dot = plot.to_dot();
    assert!(dot.len() < 2000, "{}", dot.len());
    let svg = plot.to_svg();
    let start = svg.split_once("width=\"").unwrap().1;
    let width: f64 = start.split_once('"').unwrap().0.parse().unwrap();
    assert!(width < 2000.0, "{width}");
}

#[test]
fn other_endings_are_refused_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let plot = plain(&["a"], &[]);
    let error = plot.write(&folder.path().join("graph.png")).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("a name that ends in .svg, .dot or .html"),
        "{error}"
    );
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    for (name, text) in [
        ("a.svg", plot.to_svg()),
        ("a.dot", plot.to_dot()),
        ("a.html", plot.to_html()),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, "before").unwrap();
        plot.write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 3);
    assert!(
        plot.write(&folder.path().join("no such folder/a.svg"))
            .is_err()
    );
}

#[test]
fn large_models_are_drawn() {
    let names = vec!["layer"; 5000];
    let chain: Vec<(usize, usize)> = (1..names.len()).map(|to| (to - 1, to)).collect();
    let wide: Vec<(usize, usize)> = (1..names.len() - 1)
        .flat_map(|between| [(0, between), (between, names.len() - 1)])
        .collect();
    // Every layer takes what all before it give: too many edges to lead around all boxes.
    let dense: Vec<(usize, usize)> = (1..200)
        .flat_map(|to| (0..to).map(move |from| (from, to)))
        .collect();
    // All of it again in circles.
    let circles: Vec<(usize, usize)> = (0..2000).map(|at| (at * 7 % 1000, at * 13 % 997)).collect();
    for edges in [chain, wide, dense, circles] {
        let plot = plain(&names, &edges);
        let svg = plot.to_svg();
        assert_eq!(svg.matches("<path class=\"edge").count(), edges.len());
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}

//! Surgery against Keras: cuts and what Keras makes of the same cuts by hand, halves that compose to
//! the whole to the bit, folded normalization. `make_surgery.py` describes the arrays.

#[path = "../crates/keras-ir/tests/frontiers/mod.rs"]
mod frontiers;

use std::path::{Path, PathBuf};

use burn::module::Module as _;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use burn_keras::{Model, Value};
use burn_keras_import::lower::lower;
use burn_keras_nn::record::to_bytes;
use burn_keras_tests::arrays::{Array, Arrays, Npz};
use burn_keras_tests::conformance::cases;
use burn_keras_tests::resume::tensors;
use burn_keras_tests::{Backend, Tolerance, compare};
use frontiers::frontiers;
use keras_ir::container::{Dtype, StoredTensor};
use keras_ir::summary::Summary;
use keras_ir::surgery::{Builder, NewLayer};
use keras_ir::{Activation, Graph, ProblemKind, ReadOptions, read};
use serde_json::{Value as Json, json};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/surgery");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "h5"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 12);
    files
}

fn open(path: &Path) -> Graph {
    read(path, ReadOptions::default()).unwrap_or_else(|report| panic!("{report}"))
}

fn predict(graph: &Graph, inputs: &[Value], device: &Device, what: &str) -> Vec<Value> {
    let model = Model::from_graph(graph, "net", device);
    let outputs = model.and_then(|model| model.predict(inputs.to_vec()));
    outputs.unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// A cut, as `make_surgery.py` lists it.
struct Cut {
    what: String,
    from: Vec<String>,
    to: Vec<String>,
    /// The rest of what is said of it.
    entry: Json,
    inputs: Vec<Array>,
    outputs: Vec<Array>,
}

fn cuts(path: &Path) -> Vec<Cut> {
    let text = std::fs::read_to_string(path.with_extension("cuts.json")).unwrap();
    let entries: Vec<Json> = serde_json::from_str(&text).unwrap();
    let arrays = Npz::open(&path.with_extension("cuts.npz"));
    let cuts = entries.into_iter().enumerate().map(|(position, entry)| {
        let places = |key: &str| -> Vec<String> {
            let places = entry[key].as_array().unwrap().iter();
            places
                .map(|place| place.as_str().unwrap().to_owned())
                .collect()
        };
        Cut {
            what: format!("{} {} → {}", path.display(), entry["from"], entry["to"]),
            from: places("from"),
            to: places("to"),
            inputs: arrays.numbered(&format!("{position}_input")),
            outputs: arrays.numbered(&format!("{position}_output")),
            entry,
        }
    });
    cuts.collect()
}

/// The rows as the fixtures have them: the names of new inputs are Keras's to choose.
fn rows(graph: &Graph, cut: &Graph) -> Vec<Json> {
    let old = graph.input_names(graph.root());
    let rows = Summary::new(cut).layers.into_iter();
    rows.map(|row| {
        let is_new = row.class == "InputLayer" && !old.contains(&row.name);
        let name = (!is_new).then_some(row.name);
        json!([name, row.class, row.params])
    })
    .collect()
}

#[test]
fn cuts_are_those_that_keras_makes_by_hand() {
    let device = Backend::Flex.device().unwrap();
    for path in files() {
        let graph = open(&path);
        for cut in cuts(&path) {
            let Cut { what, entry, .. } = &cut;
            let found = graph.split(&cut.from, &cut.to);
            let found = found.unwrap_or_else(|report| panic!("{what}: {report}"));
            found
                .validate()
                .unwrap_or_else(|report| panic!("{what}: {report}"));
            let summary = Summary::new(&found);
            assert_eq!(entry["params"], summary.params, "{what}");
            assert_eq!(
                entry["trainable_params"], summary.trainable_params,
                "{what}"
            );
            if let Some(expected) = entry["layers"].as_array() {
                assert_eq!(&rows(&graph, &found), expected, "{what}");
            }
            let inputs: Vec<Value> = cut
                .inputs
                .iter()
                .map(|input| input.value(&device))
                .collect();
            let outputs = predict(&found, &inputs, &device, what);
            assert_eq!(outputs.len(), cut.outputs.len(), "{what}");
            for (output, expected) in outputs.iter().zip(&cut.outputs) {
                near(output, (&expected.shape(), &expected.values()), what);
            }
        }
    }
}

fn near(found: &Value, expected: (&[usize], &[f64]), what: &str) {
    let values: Vec<f64> = found.to_data().unwrap().iter::<f64>().collect();
    let difference = compare((&found.shape(), &values), expected, Tolerance::default());
    difference.unwrap_or_else(|difference| panic!("{what}: {difference}"));
}

/// The bits of all outputs.
fn bits(outputs: &[Value]) -> Vec<(Vec<usize>, Vec<u32>)> {
    let bits = outputs.iter().map(|output| {
        let data = output.to_data().unwrap();
        (
            output.shape(),
            data.iter::<f32>().map(f32::to_bits).collect(),
        )
    });
    bits.collect()
}

#[test]
fn halves_give_the_bits_of_the_whole_at_every_frontier() {
    let device = Backend::Flex.device().unwrap();
    let mut count = 0;
    for path in files() {
        let graph = open(&path);
        let inputs: Vec<Value> = graph
            .root()
            .inputs
            .iter()
            .enumerate()
            .map(|(position, tensor)| {
                numbers(
                    &graph.root().tensors[tensor.0].spec.shape.0,
                    position,
                    &device,
                )
            })
            .collect();
        let name = path.display().to_string();
        let whole = bits(&predict(&graph, &inputs, &device, &name));
        let all = frontiers(&graph, 1000);
        assert!(all.len() < 1000, "{name}");
        for frontier in all {
            count += 1;
            let names: Vec<String> = frontier
                .iter()
                .map(|place| graph.place_name(place))
                .collect();
            let what = format!("{name} at {}", names.join(", "));
            let head = graph.cut(&[], &frontier);
            let head = head.unwrap_or_else(|report| panic!("{what}: {report}"));
            let tail = graph.cut(&frontier, &[]);
            let tail = tail.unwrap_or_else(|report| panic!("{what}: {report}"));
            // Of several inputs the head keeps those that it needs.
            let of_graph = graph.input_names(graph.root());
            let of_head: Vec<Value> = head
                .input_names(head.root())
                .iter()
                .map(|name| {
                    inputs[of_graph.iter().position(|other| other == name).unwrap()].clone()
                })
                .collect();
            let between = predict(&head, &of_head, &device, &what);
            let outputs = predict(&tail, &between, &device, &what);
            assert_eq!(bits(&outputs), whole, "{what}");
            let again = head.compose(&tail);
            let again = again.unwrap_or_else(|report| panic!("{what}: {report}"));
            assert_eq!(
                bits(&predict(&again, &inputs, &device, &what)),
                whole,
                "{what}"
            );
        }
    }
    assert!(count > 120, "{count} frontiers");
}

/// Masks that cross a cut are tensors of their own: with them halves of masked models give the bits of
/// the whole as well, on both backends of the CPU.
#[test]
fn masks_cross_cuts_as_tensors() {
    const FAMILIES: [&str; 9] = [
        "bidirectional",
        "embedding",
        "lstm",
        "mask_merge",
        "mask_propagation",
        "masking",
        "multi_head_attention",
        "nested_mask",
        "time_distributed",
    ];
    const NONE: &[&str] = &[];
    for backend in [Backend::Flex, Backend::NdArray] {
        let device = backend.device().unwrap();
        let mut count = 0;
        for case in FAMILIES.iter().flat_map(|family| cases(family)) {
            let graph = open(&case.model);
            let name = case.model.display().to_string();
            let inputs = Arrays::open(&case.arrays).inputs;
            let inputs: Vec<Value> = inputs.iter().map(|input| input.value(&device)).collect();
            let whole = bits(&predict(&graph, &inputs, &device, &name));
            for frontier in frontiers(&graph, 6) {
                let mut names: Vec<String> = frontier
                    .iter()
                    .map(|place| graph.place_name(place))
                    .collect();
                let Err(refused) = graph.split(&names, NONE) else {
                    continue;
                };
                if refused.problems[0].kind != ProblemKind::Mask {
                    continue;
                }
                let masks: Vec<String> = names
                    .iter()
                    .map(|name| format!("{name}:mask"))
                    .filter(|mask| graph.extract(&[mask]).is_ok())
                    .collect();
                names.extend(masks);
                let what = format!("{name} at {}", names.join(", "));
                let head = graph.split(NONE, &names);
                let head = head.unwrap_or_else(|report| panic!("{what}: {report}"));
                let tail = graph.split(&names, NONE);
                let tail = tail.unwrap_or_else(|report| panic!("{what}: {report}"));
                let of_graph = graph.input_names(graph.root());
                let of_head = head.input_names(head.root());
                let of_head = of_head.iter().map(|name| {
                    inputs[of_graph.iter().position(|other| other == name).unwrap()].clone()
                });
                let between = predict(&head, &of_head.collect::<Vec<_>>(), &device, &what);
                let outputs = predict(&tail, &between, &device, &what);
                assert_eq!(bits(&outputs), whole, "{what}");
                count += 1;
            }
        }
        assert!(count > 160, "{count} masked frontiers");
    }
}

/// A batch of three with numbers between −1 and 1.
fn numbers(shape: &[Option<usize>], seed: usize, device: &Device) -> Value {
    let shape: Vec<usize> = shape.iter().map(|size| size.unwrap_or(3)).collect();
    let count = shape.iter().product();
    let numbers = (0..count).map(|at: usize| ((at * 37 + seed * 11) % 101) as f32 / 50.0 - 1.0);
    Value::from_elements(numbers.collect(), &shape, device).unwrap()
}

#[test]
fn folded_normalization_gives_the_same_outputs() {
    let device = Backend::Flex.device().unwrap();
    let mut count = 0;
    for path in files() {
        let graph = open(&path);
        let (folded, gone) = graph.fold_batch_normalization().unwrap();
        if gone.is_empty() {
            continue;
        }
        count += gone.len();
        let name = path.display().to_string();
        let shape = graph.root().tensors[graph.root().inputs[0].0]
            .spec
            .shape
            .0
            .clone();
        let inputs = [numbers(&shape, 0, &device)];
        let before = predict(&graph, &inputs, &device, &name);
        let after = predict(&folded, &inputs, &device, &name);
        for (found, expected) in after.iter().zip(&before) {
            let values: Vec<f64> = expected.to_data().unwrap().iter::<f64>().collect();
            near(found, (&expected.shape(), &values), &name);
        }
    }
    assert_eq!(count, 2 * 5, "the normalizations of the residual network");
}

/// The model of `tied_k3.npz` as the builder makes it, with the weights from before the ten steps.
fn tied(arrays: &Npz) -> Graph {
    let mut builder = Builder::new("tied");
    let ids = builder.input("ids", &[None, Some(5)], "int32").unwrap();
    let words = json!({"name": "words", "input_dim": 9, "output_dim": 4});
    let words = builder.layer(&NewLayer::new("Embedding", words)).unwrap();
    let x = builder.call(words, &[ids]).unwrap();
    let hidden = json!({"name": "hidden", "units": 4, "activation": "tanh"});
    let hidden = builder.layer(&NewLayer::new("Dense", hidden)).unwrap();
    let x = builder.call(hidden, &x).unwrap();
    let logits = builder.tied_dense("logits", words, Some(Activation::Softmax), true);
    let x = builder.call(logits.unwrap(), &x).unwrap();
    let mut graph = builder.finish(&x).unwrap();
    let weights: Vec<StoredTensor> = graph
        .get_weights("")
        .unwrap()
        .into_iter()
        .map(|(path, tensor)| {
            let values = arrays
                .array(&format!("before_{}", path.replace('/', ".")))
                .values();
            let bytes = values
                .iter()
                .flat_map(|value| (*value as f32).to_le_bytes());
            StoredTensor::from_parts(path, tensor.shape(), Dtype::F32, bytes.collect()).unwrap()
        })
        .collect();
    graph = graph.set_weights("", &weights).unwrap();
    graph.training_config = Some(json!({
        "loss": "mse",
        "optimizer_config": {"class_name": "Adam", "config": {
            "name": "adam", "learning_rate": 0.01, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7
        }},
    }));
    graph
}

/// Against a model in Keras whose last layer takes the embedding's variable.
#[test]
fn a_tied_layer_trains_as_in_keras() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/surgery/tied_k3.npz");
    let arrays = Npz::open(&path);
    let graph = tied(&arrays);
    let plan = lower(&graph, "net").unwrap_or_else(|report| panic!("{report}"));
    let paths: Vec<&str> = plan
        .parameters
        .iter()
        .map(|p| p.keras_path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "words/embeddings",
            "hidden/kernel",
            "hidden/bias",
            "logits/bias/bias"
        ]
    );
    let device = Backend::Flex.device().unwrap().autodiff();
    let mut model = Model::from_graph(&graph, "net", &device).unwrap();
    let mut optimizer = model.optimizer_of(&graph).unwrap();
    let batch = |name: &str, step: usize| arrays.array(&format!("{name}{step}")).value(&device);
    let output = model.predict([batch("x", 0)]).unwrap().remove(0);
    let expected = arrays.array("output");
    near(&output, (&expected.shape(), &expected.values()), "before");
    for step in 0..10 {
        let targets = Tensor::<3>::try_from(batch("y", step)).unwrap();
        let loss = model.loss(vec![batch("x", step)], targets).unwrap();
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        model = optimizer.step(model, gradients);
    }
    let weights = tensors(&to_bytes(&model.valid()).unwrap());
    assert_eq!(weights.len(), 4, "one table, in one place");
    for parameter in &plan.parameters {
        let name = parameter.keras_path.replace('/', ".");
        let expected = arrays.array(&format!("after_{name}")).values();
        let found = &weights[&parameter.path];
        let off = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        assert!(
            off.fold(0.0, f64::max) < 1e-5,
            "{name}: {found:?}, Keras has {expected:?}"
        );
    }
    let state = tensors(&optimizer.save_bytes().unwrap());
    let moments = state
        .keys()
        .filter(|name| name.ends_with("moment_1"))
        .count();
    assert_eq!(moments, 4, "{:?}", state.keys());
}

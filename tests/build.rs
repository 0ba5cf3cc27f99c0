//! Generates the source of every sample and fixture, with an adapter that calls it with values of
//! any rank, so that the tests can hold the source against run time and Keras.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use burn_keras_import::codegen::{CodegenOptions, generate};
use burn_keras_import::lower::lower;
use burn_keras_import::names::value_name;
use burn_keras_import::plan::Plan;
use keras_ir::{ReadOptions, read};

fn main() {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap());
    let out = PathBuf::from(env::var("OUT_DIR").unwrap());
    let mut modules = String::new();
    let mut cases = String::new();
    let mut families = String::new();
    for folder in folders(&here) {
        let family = stem(&folder);
        let family = if family == "keras" { "samples" } else { family };
        write!(families, " {family}").unwrap();
        println!("cargo::rerun-if-changed={}", folder.display());
        for path in models(&folder) {
            let case = stem(&path);
            let name = value_name(&format!("{}_{case}", stem(&folder)));
            let Ok(graph) = read(&path, ReadOptions::default()) else {
                continue; // the conformance tests say which models must be readable
            };
            let plan = lower(&graph, &name).unwrap_or_else(|report| panic!("{report}"));
            let source = generate(&plan, &CodegenOptions::default());
            fs::write(out.join(format!("{name}.rs")), source).unwrap();
            let module = format!("source_{}", plan.name);
            writeln!(
                modules,
                "#[path = {:?}]\nmod {module};",
                out.join(format!("{name}.rs"))
            )
            .unwrap();
            cases.push_str(&adapter(&plan, &module, &path));
        }
    }
    let mut trained = String::new();
    for path in trained_models(&here) {
        println!("cargo::rerun-if-changed={}", path.display());
        let name = value_name(&format!("resume_{}", stem(&path)));
        let graph = read(&path, ReadOptions::default()).unwrap_or_else(|report| panic!("{report}"));
        let plan = lower(&graph, &name).unwrap_or_else(|report| panic!("{report}"));
        let source = generate(&plan, &CodegenOptions::default());
        let file = out.join(format!("{name}.rs"));
        fs::write(&file, source).unwrap();
        writeln!(modules, "#[path = {file:?}]\nmod source_{name};").unwrap();
        trained.push_str(&training(&plan, &format!("source_{name}"), &path));
    }
    let trained = format!(
        "/// Generated models that train.\npub const TRAINED: &[Trained] = &[\n{trained}];\n"
    );
    fs::write(out.join("trained.rs"), trained).unwrap();
    let source = format!(
        "{modules}\n/// Every generated model, with an adapter.\npub const SOURCES: &[Source] = &[\n{cases}];\n"
    );
    fs::write(out.join("sources.rs"), source).unwrap();
    let families = format!(
        "/// [`conformance!`] of all families.\n#[macro_export]\nmacro_rules! all_families {{\n    \
         ($backend:expr) => {{\n        $crate::conformance! {{ $backend;{families} }}\n    }};\n}}\n"
    );
    fs::write(out.join("families.rs"), families).unwrap();
}

/// The entry of one model: its file and a function that runs its source.
fn adapter(plan: &Plan, module: &str, path: &Path) -> String {
    let root = plan.root();
    let body = &root.bodies[0];
    let inputs = body.inputs.iter().map(|_| "next(&mut inputs)?");
    let inputs: Vec<&str> = inputs.collect();
    let outputs: Vec<String> = match body.outputs.len() {
        1 => vec!["output.into()".into()],
        _ => body
            .outputs
            .iter()
            .map(|output| format!("output.{}.into()", output.name))
            .collect(),
    };
    let (inputs, outputs) = (inputs.join(", "), outputs.join(", "));
    let has_state = root.bodies.iter().any(|body| !body.states.is_empty());
    let run_on = if has_state {
        format!(
            "Some(|record, batch, calls, device| {{
            let model = {module}::{ty}::from_bytes(record, device)?;
            let mut state = {module}::{ty}State::zeros(batch, device);
            let mut results = Vec::new();
            for mut inputs in calls {{
                let output;
                (output, state) = model.forward_with_state({inputs}, state);
                results.push(vec![{outputs}]);
            }}
            Ok(results)
        }})",
            ty = root.type_name,
        )
    } else {
        "None".to_owned()
    };
    format!(
        "    Source {{
        path: {:?},
        name: {:?},
        run: |record, mut inputs, device| {{
            let model = {module}::{}::from_bytes(record, device)?;
            let output = model.forward({inputs});
            Ok(vec![{outputs}])
        }},
        run_on: {run_on},
    }},\n",
        path, plan.name, root.type_name,
    )
}

/// Models whose source is trained: every form of an optimizer, a loss and what else a training step
/// looks at.
fn trained_models(here: &Path) -> impl Iterator<Item = PathBuf> {
    let folder = here.join("fixtures/resume");
    [
        "adafactor_k3.keras",
        "adagrad_legacy.h5",
        "adam_amsgrad_k3.h5",
        "decay_legacy.h5",
        "ema_k3.h5",
        "ftrl_k2.h5",
        "global_clipnorm_k3.h5",
        "loss_classes_k3.h5",
        "loss_mask_weight_k3.keras",
        "loss_of_logits_k3.h5",
        "loss_scale_k2.h5",
        "muon_k3.h5",
        "nested_activity_k3.keras",
        "norms_k2.h5",
        "rare_ids_sgd_legacy.h5",
        "recurrent_regularizers_k3.keras",
        "regularizers_k3.h5",
        "rmsprop_centered_k2.h5",
        "schedule_cosine_k3.keras",
        "weight_decay_k3.h5",
    ]
    .into_iter()
    .map(move |name| folder.join(name))
}

/// The entry of one model that trains.
fn training(plan: &Plan, module: &str, path: &Path) -> String {
    let root = plan.root();
    let inputs = root.bodies[0].inputs.iter().map(|_| "next(&mut inputs)?");
    let inputs: Vec<&str> = inputs.collect();
    format!(
        "    Trained {{
        path: {path:?},
        name: {:?},
        train: |weights, state, batches, device| {{
            let mut model = {module}::{ty}::from_bytes(weights, device)?;
            let mut optimizer = {module}::{ty}::optimizer_config().resume_bytes(&model, state)?;
            for (mut inputs, targets) in batches {{
                let loss = optimizer.scale_loss(model.loss({}, targets)?);
                let gradients = GradientsParams::from_grads(loss.backward(), &model);
                model = optimizer.step(model, gradients);
            }}
            Ok((record::to_bytes(&model.valid())?, optimizer.save_bytes()?))
        }},
    }},\n",
        plan.name,
        inputs.join(", "),
        ty = root.type_name,
    )
}

fn folders(here: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(here.join("fixtures"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() && !path.ends_with("errors") && !models(path).is_empty())
        .collect();
    folders.sort();
    folders.push(here.join("../models/keras"));
    folders
}

fn models(folder: &Path) -> Vec<PathBuf> {
    let mut models: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "h5"))
        .filter(|path| path.with_extension("npz").exists())
        .collect();
    models.sort();
    models
}

fn stem(path: &Path) -> &str {
    path.file_stem().unwrap().to_str().unwrap()
}

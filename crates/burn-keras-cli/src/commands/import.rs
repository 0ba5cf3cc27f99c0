//! `burn-keras import`.

use std::path::Path;

use burn_keras_import::OptimizerState;
use burn_keras_import::codegen::CodegenOptions;
use burn_keras_import::import::{Imported, Stage};
use burn_keras_import::plan::Training;
use keras_ir::ReadOptions;

use crate::Status;
use crate::arguments;
use crate::error::CliError;
use crate::output::{Output, Progress, message};

/// Imports a model and says what to do with the files.
pub fn import(arguments: &arguments::Import, output: &mut Output) -> Result<Status, CliError> {
    let read = ReadOptions {
        untie: arguments.untie,
        ..arguments.model.read_options()
    };
    let optimizer = match (arguments.fresh_optimizer, arguments.no_optimizer) {
        (true, _) => OptimizerState::Fresh,
        (_, true) => OptimizerState::Leave,
        _ => OptimizerState::Keep,
    };
    let mut import = burn_keras_import::Import::new(&arguments.model.path)
        .out_dir(&arguments.out_dir)
        .read_options(read)
        .optimizer(optimizer)
        .codegen(CodegenOptions::default().embed(arguments.embed));
    if let Some(name) = &arguments.name {
        import = import.name(name);
    }
    let progress = Progress::new();
    let imported = import.run_with(|stage| progress.show(describe(stage)))?;
    drop(progress);
    output.line(format_args!("{}", imported.summary.to_string().trim_end()))?;
    for note in &imported.plan.notes {
        if !imported.summary.notes.contains(note) {
            output.line(format_args!("Note: {note}"))?;
        }
    }
    output.line(format_args!(""))?;
    for file in &imported.files {
        output.line(format_args!("{}", file.display()))?;
    }
    message(format_args!("{}", next_steps(&imported, arguments.embed)));
    Ok(Status::Done)
}

fn describe(stage: Stage) -> &'static str {
    match stage {
        Stage::Read => "reading the model",
        Stage::Lower => "lowering it to Burn",
        Stage::Weights => "writing the weights",
        Stage::Optimizer => "writing the optimizer's state",
        Stage::Source => "writing the source",
        _ => "importing",
    }
}

/// What to add to a crate.
fn next_steps(imported: &Imported, embedded: bool) -> String {
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    let name = &imported.name;
    let model = &imported.plan.root().type_name;
    let shown = |path: Option<&Path>| {
        let path = path.map(|path| path.display().to_string());
        path.unwrap_or_default().replace('\\', "/")
    };
    let weights = imported.files.first().map(AsRef::as_ref);
    let load = if embedded {
        format!("{model}::from_embedded(&device)?")
    } else {
        format!("{model}::from_file({:?}, &device)?", shown(weights))
    };
    let mut text = format!(
        "
Cargo.toml:
    burn = {{ version = \"=0.22.1\", features = [\"flex\"] }}
    burn-keras-nn = \"{VERSION}\"

Rust, with {name}.rs in src/:
    mod {name};

    let device = burn::tensor::Device::flex();
    let model = {name}::{load};
"
    );
    let training = imported.plan.training.as_ref();
    let has = |part: fn(&Training) -> bool| training.is_some_and(part);
    if has(|training| training.compiled.is_some()) && has(|training| training.optimizer.is_some()) {
        let optimizer = match imported.optimizer() {
            Some(path) => {
                let path = shown(Some(path));
                format!("{model}::optimizer_from_file({path:?}, &device)?")
            }
            None => format!("{model}::optimizer(&device)?"),
        };
        let inputs = imported.plan.root().bodies.first();
        let inputs = inputs.map_or(1, |body| body.inputs.len());
        let inputs = match inputs {
            1 => "x".to_owned(),
            several => {
                let names: Vec<String> = (0..several).map(|at| format!("x{at}")).collect();
                names.join(", ")
            }
        };
        text.push_str(&format!(
            "
and to train on, with burn's feature optim and a device with autodiff:
    let mut optimizer = {name}::{optimizer};
    for ({inputs}, y) in batches {{
        let loss = optimizer.scale_loss(model.loss({inputs}, y)?);
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        model = optimizer.step(model, gradients);
    }}
"
        ));
    }
    text
}

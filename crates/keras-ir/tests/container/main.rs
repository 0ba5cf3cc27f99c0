//! HDF5 containers: what is read, what is refused, and that nothing takes the reader down.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod attribute;
mod damage;
mod group;
mod keras;
mod tensor;

use std::fs;
use std::path::{Path, PathBuf};

use hdf5::FileBuilder;
use keras_ir::container::{Container, ContainerError, H5File};

fn build(fill: impl FnOnce(&mut FileBuilder)) -> H5File {
    H5File::from_bytes("test.h5", build_bytes(fill)).unwrap()
}

fn build_bytes(fill: impl FnOnce(&mut FileBuilder)) -> Vec<u8> {
    let mut builder = FileBuilder::new();
    fill(&mut builder);
    builder.finish().unwrap()
}

fn owned(strings: &[&str]) -> Vec<String> {
    strings.iter().map(|&string| string.to_owned()).collect()
}

/// Models that Keras itself has written, in HDF5's old format: nothing there has a checksum.
fn models() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    let mut folders = vec![root.join("models/keras"), root.join("tests/fixtures")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("errors") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "h5") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no models below {}", root.display());
    found
}

fn model(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/keras");
    fs::read(root.join(name)).unwrap()
}

/// Replaces every occurrence of `from`.
fn patch(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let found: Vec<usize> = (0..bytes.len() - from.len())
        .filter(|&at| bytes[at..].starts_with(from))
        .collect();
    assert!(!found.is_empty(), "nothing to patch");
    for at in found {
        bytes[at..at + from.len()].copy_from_slice(to);
    }
}

fn le(numbers: &[u64]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

/// Reads whatever a reader of Keras' layout would, and returns the number of weights.
fn read_all(file: &H5File) -> Result<usize, ContainerError> {
    let mut weights = 0;
    let base = if file.has_group("model_weights") {
        "model_weights"
    } else {
        ""
    };
    file.string_attribute("", "model_config")?;
    for layer in file
        .string_list_attribute(base, "layer_names")?
        .unwrap_or_default()
    {
        let group = format!("{base}/{layer}");
        for name in file
            .string_list_attribute(&group, "weight_names")?
            .unwrap_or_default()
        {
            let tensor = file.tensor(&format!("{group}/{name}"))?;
            let elements: usize = tensor.shape().iter().product();
            assert_eq!(tensor.read_f32()?.len(), elements);
            weights += 1;
        }
    }
    Ok(weights)
}

/// What [`visit`] came across.
#[derive(Debug, Default)]
struct Visited {
    read: usize,
    refused: usize,
}

/// Reads every object of a file, up to a limit: groups can contain each other.
fn visit(file: &H5File, path: &str, visited: &mut Visited) {
    if visited.read + visited.refused > 5000 {
        return;
    }
    match file.attributes(path) {
        Ok(_) => visited.read += 1,
        Err(_) => visited.refused += 1,
    }
    let Ok(children) = file.children(path) else {
        visited.refused += 1;
        return;
    };
    for dataset in children.datasets {
        let tensor = file.tensor(&format!("{path}/{dataset}"));
        match tensor.and_then(|tensor| tensor.read_f64()) {
            Ok(_) => visited.read += 1,
            Err(_) => visited.refused += 1,
        }
    }
    if path.split('/').count() < 12 {
        for group in children.groups {
            visit(file, &format!("{path}/{group}"), visited);
        }
    }
}

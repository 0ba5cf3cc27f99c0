//! Weights that Keras 3 has spread over several HDF5 files, with a list of what is where.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::{Attributes, Children, Container, ContainerError, H5File, StoredTensor};

/// The files of sharded weights as one container.
#[derive(Debug)]
pub struct Shards {
    name: String,
    files: Vec<H5File>,
}

impl Shards {
    /// Opens the files that `map` names, which are beside the list at `path`.
    ///
    /// # Errors
    ///
    /// When the list is malformed, or one of the files cannot be opened.
    pub fn open(path: &Path, map: &Value) -> Result<Self, ContainerError> {
        let name = path.display().to_string();
        let malformed = |reason: &str| ContainerError::Malformed {
            file: name.clone(),
            path: "weight_map".to_owned(),
            reason: reason.to_owned(),
        };
        let entries = map
            .as_object()
            .ok_or_else(|| malformed("it is no object"))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut files = BTreeMap::new();
        let named = entries.values().flat_map(|value| match value {
            Value::Array(names) => names.iter().collect(),
            one => vec![one],
        });
        for value in named {
            let file = value
                .as_str()
                .ok_or_else(|| malformed("a file has no name"))?;
            let is_plain = !matches!(file, "" | "." | "..") && !file.contains(['/', '\\']);
            if !is_plain {
                return Err(malformed("a file that is not beside the list"));
            }
            if !files.contains_key(file) {
                files.insert(file.to_owned(), H5File::open(&folder.join(file))?);
            }
        }
        if entries.values().all(Value::is_string) {
            // Keras 3.10 lists the first file of each object alone: where one goes on in another, the
            // names of the files count.
            let last = files.keys().next_back().cloned().unwrap_or_default();
            for file in followers(&last) {
                let path = folder.join(&file);
                if !path.is_file() {
                    break;
                }
                files.insert(file, H5File::open(&path)?);
            }
        }
        Ok(Self {
            files: files.into_values().collect(),
            name,
        })
    }

    /// The first file that has the object `path`.
    fn holder(&self, path: &str, has: impl Fn(&H5File) -> bool) -> Result<&H5File, ContainerError> {
        let mut files = self.files.iter();
        files
            .find(|file| has(file))
            .ok_or_else(|| ContainerError::MissingObject {
                file: self.name.clone(),
                path: path.to_owned(),
                expected: "object",
            })
    }
}

/// The names of the files behind `<base>_00001.weights.h5`.
fn followers(name: &str) -> impl Iterator<Item = String> {
    const END: &str = ".weights.h5";
    let parts = name
        .strip_suffix(END)
        .and_then(|name| name.rsplit_once('_'));
    let parts = parts.and_then(|(base, number)| Some((base.to_owned(), number.parse().ok()?)));
    let (base, number): (String, u32) = parts.unwrap_or((String::new(), u32::MAX));
    (number..u32::MAX).map(move |number| format!("{base}_{:05}{END}", number + 1))
}

impl Container for Shards {
    fn name(&self) -> &str {
        &self.name
    }

    fn has_group(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.has_group(path))
    }

    fn has_dataset(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.has_dataset(path))
    }

    fn children(&self, group: &str) -> Result<Children, ContainerError> {
        self.holder(group, |file| file.has_group(group))?;
        let mut all = Children::default();
        for file in self.files.iter().filter(|file| file.has_group(group)) {
            let children = file.children(group)?;
            all.groups.extend(children.groups);
            all.datasets.extend(children.datasets);
        }
        for names in [&mut all.groups, &mut all.datasets] {
            names.sort_unstable();
            names.dedup();
        }
        Ok(all)
    }

    fn attributes(&self, path: &str) -> Result<Arc<Attributes>, ContainerError> {
        let holder = self.holder(path, |file| file.has_group(path) || file.has_dataset(path))?;
        holder.attributes(path)
    }

    fn tensor(&self, path: &str) -> Result<StoredTensor, ContainerError> {
        self.holder(path, |file| file.has_dataset(path))?
            .tensor(path)
    }
}

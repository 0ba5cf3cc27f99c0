//! Which array of an `.npz` file is which input or output.

use keras_ir::container::StoredTensor;

use crate::error::CliError;
use crate::npz::Npz;

/// The arrays for the tensors `names` of a model, in the model's order.
///
/// Arrays are named `{kind}_0`, `{kind}_1`, … or by `names`; both at once only where they agree.
pub fn arrays(npz: &mut Npz, kind: &str, names: &[String]) -> Result<Vec<StoredTensor>, CliError> {
    let chosen = choose(&npz.names(), kind, names).map_err(|reason| CliError::Case {
        file: npz.file().display().to_string(),
        reason,
    })?;
    let arrays = chosen.iter().map(|name| npz.read(name));
    Ok(arrays.collect::<Result<_, _>>()?)
}

fn choose(found: &[String], kind: &str, names: &[String]) -> Result<Vec<String>, String> {
    let numbered: Vec<String> = (0..names.len()).map(|at| format!("{kind}_{at}")).collect();
    let has = |name: &String| found.contains(name);
    let (all_numbered, all_named) = (numbered.iter().all(has), names.iter().all(has));
    match (all_numbered, all_named) {
        (true, true) if numbered != names => Err(format!(
            "arrays {numbered:?} and {names:?} are both there: which are the {kind}s?"
        )),
        (true, _) => {
            let next = format!("{kind}_{}", names.len());
            if has(&next) {
                Err(format!(
                    "array {next:?}, but the model has {} {kind}s",
                    names.len()
                ))
            } else {
                Ok(numbered)
            }
        }
        (false, true) => Ok(names.to_vec()),
        (false, false) => Err(format!(
            "arrays {numbered:?} or {names:?} are needed for the {kind}s, there are {found:?}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn chosen(found: &[&str], names: &[&str]) -> Option<Vec<String>> {
        choose(&strings(found), "input", &strings(names)).ok()
    }

    #[test]
    fn arrays_are_found_by_number_or_by_name() {
        let names = ["left", "right"];
        let numbered = Some(strings(&["input_0", "input_1"]));
        assert_eq!(
            chosen(&["input_1", "input_0", "output_0"], &names),
            numbered
        );
        assert_eq!(chosen(&["right", "left"], &names), Some(strings(&names)));
        assert_eq!(chosen(&["left", "input_1"], &names), None);
        assert_eq!(chosen(&["input_0", "input_1", "input_2"], &names), None);
        assert_eq!(chosen(&[], &names), None);
    }

    #[test]
    fn names_that_look_like_numbers_are_not_guessed() {
        // Keras 2 names inputs `input_1`, `input_2`, …
        let names = ["input_1", "input_2"];
        let numbered = Some(strings(&["input_0", "input_1"]));
        assert_eq!(chosen(&["input_0", "input_1"], &names), numbered);
        assert_eq!(
            chosen(&["input_1", "input_2"], &names),
            Some(strings(&names))
        );
        assert_eq!(chosen(&["input_0", "input_1", "input_2"], &names), None);
        let same = ["input_0", "input_1"];
        assert_eq!(chosen(&same, &same), Some(strings(&same)));
    }
}

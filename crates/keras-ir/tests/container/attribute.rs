//! Attributes.

use std::fs;
use std::path::Path;

use hdf5::AttrValue;
use keras_ir::container::{Attribute, Container, ContainerError, H5File};

use super::{build, owned, patch};

#[test]
fn strings_of_every_kind() {
    let file = build(|file| {
        let text = || "text".to_owned();
        file.set_attr("vlen", AttrValue::VarLenString("ünï".to_owned()));
        file.set_attr("vlen_ascii", AttrValue::VarLenAsciiString(text()));
        file.set_attr(
            "vlen_nul",
            AttrValue::VarLenAsciiString("text\0\0x".to_owned()),
        );
        file.set_attr("fixed", AttrValue::String("ünï".to_owned()));
        file.set_attr("fixed_ascii", AttrValue::AsciiString(text()));
        file.set_attr("padded", AttrValue::ascii_string_sized(text(), 64).unwrap());
        file.set_attr("empty", AttrValue::VarLenString(String::new()));
        file.set_attr("array_of_one", AttrValue::AsciiStringArray(vec![text()]));
        file.set_attr("number", AttrValue::I64(3));
        file.set_attr("two", AttrValue::AsciiStringArray(owned(&["a", "b"])));
    });
    let string = |name| file.string_attribute("", name).unwrap();
    for (name, value) in [
        ("vlen", "ünï"),
        ("vlen_ascii", "text"),
        ("vlen_nul", "text"),
        ("fixed", "ünï"),
        ("fixed_ascii", "text"),
        ("padded", "text"),
        ("empty", ""),
        ("array_of_one", "text"),
    ] {
        assert_eq!(string(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(string("absent"), None);
    for name in ["number", "two"] {
        let error = file.string_attribute("", name).unwrap_err();
        assert!(
            matches!(error, ContainerError::WrongAttributeType { .. }),
            "{error}"
        );
    }
    let attributes = file.attributes("/").unwrap();
    assert_eq!(attributes["number"], Attribute::Numbers(vec![3.0]));
}

#[test]
fn fixed_strings_of_every_padding() {
    // Names of 473 bytes at most, padded with NULs: class and version, padding, size.
    let kind = |padding| [0x13, padding, 0, 0, 0xd9, 1, 0, 0];
    let read = |bytes| {
        let file = H5File::from_bytes("padded.h5", bytes).unwrap();
        let names = file.string_list_attribute("model_weights/inner", "weight_names");
        names.unwrap().unwrap()
    };
    let path = "../../tests/fixtures/structure/chunked_weight_names_k2.h5";
    let original = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let names = read(original.clone());
    assert!(names.len() == 140 && names.iter().any(|name| name.len() < 473));

    let mut terminated = original.clone();
    patch(&mut terminated, &kind(1), &kind(0));
    assert_eq!(read(terminated), names);

    let mut spaced = original;
    patch(&mut spaced, &kind(1), &kind(2));
    for name in &names {
        let padded = |padding| [name.as_bytes(), &vec![padding; 473 - name.len()]].concat();
        patch(&mut spaced, &padded(0), &padded(b' '));
    }
    assert_eq!(read(spaced), names);
}

#[test]
fn long_attributes() {
    let config = "{".repeat(2_000_000);
    let fixed = "x".repeat(100_000);
    let names: Vec<String> = (0..3000).map(|index| format!("layer_{index}")).collect();
    let file = build(|file| {
        file.set_attr("model_config", AttrValue::VarLenString(config.clone()));
        file.set_attr("fixed", AttrValue::AsciiString(fixed.clone()));
        file.set_attr(
            "layer_names",
            AttrValue::VarLenAsciiStringArray(names.clone()),
        );
        file.create_dataset("x").with_f32_data(&[1.0]);
    });
    assert_eq!(
        file.string_attribute("", "model_config").unwrap(),
        Some(config)
    );
    assert_eq!(file.string_attribute("", "fixed").unwrap(), Some(fixed));
    assert_eq!(
        file.string_list_attribute("", "layer_names").unwrap(),
        Some(names)
    );
}

#[test]
fn lists_in_parts_are_joined_in_numeric_order() {
    let file = build(|file| {
        for part in 0..12 {
            let name = format!("weight_names{part}");
            let strings = vec![format!("a{part}"), format!("b{part}")];
            file.set_attr(&name, AttrValue::AsciiStringArray(strings));
        }
        file.set_attr("weight_names_of_something", AttrValue::I64(1));
        file.set_attr("whole", AttrValue::VarLenStringArray(owned(&["x"])));
        file.set_attr("whole0", AttrValue::VarLenStringArray(owned(&["ignored"])));
        file.set_attr("gap0", AttrValue::AsciiStringArray(owned(&["x"])));
        file.set_attr("gap2", AttrValue::AsciiStringArray(owned(&["x"])));
        file.set_attr("empty", AttrValue::F64Array(Vec::new()));
        file.set_attr("numbers", AttrValue::F64Array(vec![1.0]));
    });
    let list = |name| file.string_list_attribute("", name);
    let joined: Vec<String> = (0..12)
        .flat_map(|part| [format!("a{part}"), format!("b{part}")])
        .collect();
    assert_eq!(list("weight_names").unwrap(), Some(joined));
    assert_eq!(list("whole").unwrap(), Some(owned(&["x"])));
    assert_eq!(list("empty").unwrap(), Some(Vec::new()));
    assert_eq!(list("absent").unwrap(), None);
    let gap = list("gap").unwrap_err();
    assert_eq!(gap.to_string(), "test.h5: \"\" has no attribute \"gap1\"");
    let numbers = list("numbers").unwrap_err();
    assert_eq!(
        numbers.to_string(),
        "test.h5: attribute \"numbers\" of \"\" must be a list of strings, found 1 numbers"
    );
}

#[test]
fn attributes_of_a_dataset() {
    let file = build(|file| {
        let dataset = file.create_dataset("x").with_f32_data(&[1.0]);
        dataset.set_attr("unit", AttrValue::VarLenString("m".to_owned()));
    });
    assert_eq!(
        file.string_attribute("x", "unit").unwrap().as_deref(),
        Some("m")
    );
}

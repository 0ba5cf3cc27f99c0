//! Groups and paths.

use keras_ir::container::{Children, Container, ContainerError, H5File};

use super::{build, model, owned};

#[test]
fn a_name_with_slashes_is_a_path() {
    let file = build(|file| {
        let mut scope = file.create_group("scope");
        let mut layer = scope.create_group("dense");
        layer.create_dataset("kernel:0").with_f32_data(&[1.0]);
        scope.add_group(layer.finish());
        file.add_group(scope.finish());
    });
    assert!(file.has_group("scope/dense"));
    assert!(file.has_group("/scope//dense/"));
    assert!(file.has_group("") && file.has_group("/"));
    assert!(file.has_dataset("scope/dense/kernel:0"));
    assert!(!file.has_dataset("scope/dense") && !file.has_group("scope/dense/kernel:0"));
    let expected = Children {
        groups: owned(&["dense"]),
        datasets: Vec::new(),
    };
    assert_eq!(file.children("scope").unwrap(), expected);
    assert_eq!(file.name(), "test.h5");
}

#[test]
fn what_is_missing_is_named() {
    let file = build(|file| {
        file.create_dataset("x").with_f32_data(&[1.0]);
    });
    let error = file.tensor("a/b").unwrap_err();
    assert_eq!(
        error.to_string(),
        "test.h5: no group at \"a/b\" (links to other objects or files are not followed)"
    );
    let error = file.tensor("y").unwrap_err();
    assert!(matches!(
        error,
        ContainerError::MissingObject {
            expected: "dataset",
            ..
        }
    ));
    let error = file.attributes("y").unwrap_err();
    assert!(matches!(error, ContainerError::MissingObject { .. }));
    let error = file.tensor(&"a/".repeat(100_000)).unwrap_err();
    assert!(matches!(error, ContainerError::Malformed { .. }));
}

#[test]
fn every_member_of_a_wide_group_is_found() {
    let file = build(|file| {
        let mut group = file.create_group("vars");
        for index in 0..500 {
            group
                .create_dataset(&index.to_string())
                .with_i32_data(&[index]);
            let inner = group.create_group(&format!("group_{index}"));
            group.add_group(inner.finish());
        }
        file.add_group(group.finish());
    });
    for index in (0..500).rev() {
        let tensor = file.tensor(&format!("vars/{index}")).unwrap();
        assert_eq!(tensor.read_f64().unwrap(), [f64::from(index)]);
        assert!(file.has_group(&format!("vars/group_{index}")));
    }
    assert!(!file.has_dataset("vars/500") && !file.has_group("vars/group_500"));
    assert!(!file.has_dataset("vars/group_0") && !file.has_group("vars/0"));
}

#[test]
fn soft_links_are_refused_and_their_neighbours_read() {
    let mut bytes = model("chain_k2.h5");
    let file = H5File::from_bytes("chain.h5", bytes.clone()).unwrap();
    let groups = file.children("model_weights").unwrap().groups;
    assert!(groups.len() > 2, "{groups:?}");
    // The entries of an old-style group: name, address, kind, 20 bytes more. Kind 2 is a soft link.
    let tables = (0..bytes.len() - 8).filter(|&at| bytes[at..].starts_with(b"SNOD"));
    let table = tables.max_by_key(|&at| bytes[at + 6]).unwrap();
    let link = table + 8;
    bytes[link + 8..link + 16].fill(0xff);
    bytes[link + 16..link + 20].copy_from_slice(&[2, 0, 0, 0]);
    let file = H5File::from_bytes("links.h5", bytes).unwrap();
    // More often than it takes to try and list the group.
    for _ in 0..20 {
        let (links, others): (Vec<_>, Vec<_>) = groups
            .iter()
            .map(|group| file.attributes(&format!("model_weights/{group}")))
            .partition(|read| read.is_err());
        assert_eq!((links.len(), others.len()), (1, groups.len() - 1));
        let error = links.into_iter().next().unwrap().unwrap_err();
        assert!(error.to_string().contains("soft link"), "{error}");
    }
}

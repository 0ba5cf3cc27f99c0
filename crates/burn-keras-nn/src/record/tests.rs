use super::*;
use crate::{
    ids::{Scope, collect, stable_ids},
    normalization::batch_norm,
    testing::{devices, values, wave},
};
use alloc::vec;
use burn::{
    nn::{BatchNorm, Linear, LinearConfig},
    store::burn_pack::{Reader, Writer},
};

#[derive(Module, Debug)]
struct Net {
    fc: Linear,
    bn: BatchNorm,
}

fn net(features: usize, device: &Device) -> Net {
    let bn = batch_norm(2, 1e-3, 0.9, &Scope::new("net").enter("bn"), device);
    let fc = LinearConfig::new(features, 2).init(device);
    stable_ids(Net { fc, bn }, "net")
}

/// The record of `net` with metadata, and without the tensors that `keep` refuses.
fn record(net: &Net, source: Option<&str>, keep: fn(&str) -> bool) -> Vec<u8> {
    let reader = Reader::from_bytes(to_bytes(net).unwrap()).unwrap();
    let tensors = reader.into_tensors().unwrap();
    let mut writer = Writer::new(tensors.into_iter().filter(|t| keep(&t.name)).collect());
    if let Some(source) = source {
        writer = writer.with_metadata(SOURCE_KEY, source);
    }
    writer.into_bytes().unwrap().to_vec()
}

#[test]
fn round_trips_with_ids_and_equal_bytes() {
    for device in devices() {
        let saved = net(3, &device);
        let bytes = record(&saved, Some("abc"), |_| true);
        assert_eq!(to_bytes(&saved).unwrap()[..], to_bytes(&saved).unwrap()[..]);
        let leaked: &'static [u8] = bytes.clone().leak();
        let x = wave([4, 3], 0.1, &device);
        let expected = values(saved.bn.forward(saved.fc.forward(x.clone())));
        for loaded in [
            load_bytes(net(3, &device), bytes, "abc").unwrap(),
            load_static(net(3, &device), leaked, "abc").unwrap(),
            load_bytes(
                net(3, &device),
                saved.clone().into_record().into_bytes().unwrap(),
                "any",
            )
            .unwrap(),
        ] {
            assert_eq!(collect(&loaded), collect(&saved));
            let y = loaded.bn.forward(loaded.fc.forward(x.clone()));
            assert_eq!(values(y), expected);
            assert_eq!(
                to_bytes(&loaded).unwrap()[..],
                to_bytes(&saved).unwrap()[..]
            );
        }
    }
}

#[test]
fn saves_statistics_after_the_last_update() {
    let device = devices()[0].clone().autodiff();
    let net = net(3, &device);
    net.bn.forward(net.fc.forward(wave([4, 3], 0.1, &device)));
    let bytes = to_bytes(&net).unwrap();
    let expected = net.bn.running_mean.value_sync();
    let loaded = load_bytes(self::net(3, &devices()[0]), bytes, "").unwrap();
    assert_eq!(values(loaded.bn.running_mean.value()), values(expected));
}

#[test]
fn every_deviation_is_named_and_nothing_is_applied() {
    let device = &devices()[0];
    let bytes = record(&net(3, device), None, |name| name != "bn.beta");
    let target = net(4, device);
    let before = values(target.bn.running_mean.value());
    let error = load_bytes(target.clone(), bytes.clone(), "abc").unwrap_err();
    let text = error.to_string();
    assert!(text.contains("missing: bn.beta"), "{text}");
    assert!(
        text.contains("fc.weight: shape [3, 2], the module has [4, 2]"),
        "{text}"
    );
    assert_eq!(values(target.bn.running_mean.value()), before);

    let error = load_bytes(net(3, device).fc, bytes, "abc").unwrap_err();
    let LoadError::Mismatch { mismatch, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(mismatch.missing, ["weight", "bias"]);
    assert_eq!(mismatch.unused.len(), 5);
}

#[test]
fn other_sources_types_and_bytes_are_refused() {
    let device = &devices()[0];
    let bytes = record(&net(3, device), Some("abc"), |_| true);
    let error = load_bytes(net(3, device), bytes.clone(), "xyz").unwrap_err();
    assert!(matches!(error, LoadError::WrongModel { .. }), "{error}");

    for end in [0, 5, 40, bytes.len() - 1] {
        let error = load_bytes(net(3, device), bytes[..end].to_vec(), "abc").unwrap_err();
        assert!(matches!(error, LoadError::Unreadable { .. }), "{error}");
    }

    let integers = burn_pack::Tensor::new(
        "weight".into(),
        DType::I32,
        vec![1, 1],
        None,
        Bytes::from_bytes_vec(vec![0; 4]),
    );
    let fc = LinearConfig::new(1, 1).with_bias(false).init(device);
    let bytes = Writer::new(vec![integers]).into_bytes().unwrap();
    let error = load_bytes(fc, bytes, "").unwrap_err();
    assert!(error.to_string().contains("weight: holds I32"), "{error}");
}

#[test]
fn files_are_named() {
    let device = &devices()[0];
    let path = std::env::temp_dir().join(format!("burn-keras-nn-{}.bpk", std::process::id()));
    let saved = net(3, device);
    save_file(&saved, &path).unwrap();
    save_file(&saved, &path).unwrap();
    let loaded = load_file(net(3, device), &path, "abc").unwrap();
    assert_eq!(
        std::fs::read(&path).unwrap(),
        to_bytes(&loaded).unwrap()[..]
    );
    let name = path.display().to_string();
    let error = load_file(net(4, device), &path, "abc").unwrap_err();
    assert!(error.to_string().contains(&name), "{error}");
    std::fs::remove_file(&path).unwrap();
    let error = load_file(net(3, device), &path, "abc").unwrap_err();
    assert!(
        matches!(&error, LoadError::Io { path, .. } if *path == name),
        "{error}"
    );
    let error = load_file(net(3, device), std::env::temp_dir(), "abc").unwrap_err();
    assert!(matches!(error, LoadError::Io { .. }), "{error}");
}

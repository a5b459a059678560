use std::collections::HashMap;
use std::path::PathBuf;

use super::*;
use crate::qwen3_tts::config::{CodecConfig, Kind, ModelConfig, Size};

/// The tiny releases that are shipped.
const RELEASES: [&str; 7] = [
    "s1/base-0b6",
    "s1/base-1b7",
    "s1/custom_voice-0b6",
    "s1/custom_voice-1b7",
    "s1/voice_design-1b7",
    "s2/base-0b6",
    "s2/custom_voice-1b7",
];

const EMBEDDING: &str = "talker.model.text_embedding.weight";

fn release(name: &str) -> PathBuf {
    fixtures::path(&format!("reference/{name}"))
}

fn layout(name: &str) -> Layout {
    Layout::of_model(&ModelConfig::read(&release(name).join("config.json")).unwrap())
}

/// Writes tensors where they go when the test ends.
fn file(tensors: &HashMap<String, Tensor>) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    candle_core::safetensors::save(tensors, file.path()).unwrap();
    file
}

/// The message with which a file is refused that differs from a release by `change`.
fn refusal(change: impl FnOnce(&mut HashMap<String, Tensor>)) -> String {
    let path = release("s1/base-0b6").join("model.safetensors");
    let mut tensors = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    change(&mut tensors);
    let file = file(&tensors);
    let message = Weights::open(file.path(), &layout("s1/base-0b6")).unwrap_err().to_string();
    message.replacen(&format!("{}: ", file.path().display()), "", 1)
}

#[test]
fn every_shipped_release_has_exactly_the_tensors_its_configuration_implies() {
    for name in RELEASES {
        let folder = release(name);
        Weights::open(&folder.join("model.safetensors"), &layout(name)).unwrap();
        let codec = folder.join("speech_tokenizer");
        let config = CodecConfig::read(&codec.join("config.json")).unwrap();
        Weights::open(&codec.join("model.safetensors"), &Layout::of_codec(&config)).unwrap();
    }
}

#[test]
fn a_missing_tensor_is_named() {
    let message = refusal(|tensors| drop(tensors.remove("talker.codec_head.weight")));
    assert_eq!(message, "tensor talker.codec_head.weight: missing, expected [1088, 24]");
}

#[test]
fn a_tensor_of_another_shape_is_named() {
    let message = refusal(|tensors| {
        let head = tensors.get_mut("talker.codec_head.weight").unwrap();
        *head = head.t().unwrap().contiguous().unwrap();
    });
    assert_eq!(message, "tensor talker.codec_head.weight: is [24, 1088], expected [1088, 24]");
}

#[test]
fn a_tensor_of_another_type_is_named() {
    let message = refusal(|tensors| {
        let norm = tensors.get_mut("talker.model.norm.weight").unwrap();
        *norm = norm.to_dtype(DType::F16).unwrap();
    });
    assert_eq!(message, "tensor talker.model.norm.weight: is F16, expected one of [BF16, F32]");
}

#[test]
fn an_unknown_tensor_is_named() {
    let message = refusal(|tensors| {
        let extra = tensors["talker.model.norm.weight"].clone();
        tensors.insert("talker.model.norm.bias".to_owned(), extra);
    });
    assert_eq!(message, "tensor talker.model.norm.bias: unknown to this model");
}

#[test]
fn of_several_wrong_tensors_the_first_in_the_alphabet_is_named() {
    let message = refusal(|tensors| {
        tensors.remove("talker.model.norm.weight");
        tensors.remove("speaker_encoder.fc.bias");
    });
    assert_eq!(message, "tensor speaker_encoder.fc.bias: missing, expected [24]");
}

#[test]
fn a_small_models_file_is_no_large_models() {
    let file = release("s1/base-0b6").join("model.safetensors");
    let message = Weights::open(&file, &layout("s1/base-1b7")).unwrap_err().to_string();
    assert!(
        message.contains("tensor speaker_encoder.fc.bias: is [24], expected [32]"),
        "{message}"
    );
}

#[test]
fn a_cut_file_and_a_missing_one_are_told_apart() {
    let cut = tempfile::NamedTempFile::new().unwrap();
    let whole = fixtures::read("reference/s1/base-0b6/model.safetensors");
    for bytes in [0, 7, 8, 1000, whole.len() - 1] {
        std::fs::write(cut.path(), &whole[..bytes]).unwrap();
        let error = Weights::open(cut.path(), &layout("s1/base-0b6")).unwrap_err();
        assert!(matches!(error, LoadError::Invalid { .. }), "{bytes} bytes: {error}");
    }
    let error = Weights::open(&PathBuf::from("/nowhere"), &layout("s1/base-0b6")).unwrap_err();
    assert!(matches!(error, LoadError::Read { .. }), "{error}");
}

#[test]
fn a_builder_converts_what_it_gives_and_holds_it_to_the_shape_asked_for() {
    let path = release("s1/base-0b6").join("model.safetensors");
    let weights = Weights::open(&path, &layout("s1/base-0b6")).unwrap();
    let stored = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    let builder = weights.builder(DType::F32, &Device::Cpu).pp("talker");
    let head = builder.get((1088, 24), "codec_head.weight").unwrap();
    let expected = stored["talker.codec_head.weight"].to_dtype(DType::F32).unwrap();
    assert_eq!(head.to_vec2::<f32>().unwrap(), expected.to_vec2::<f32>().unwrap());
    let error = builder.get((24, 1088), "codec_head.weight").unwrap_err().to_string();
    assert!(error.starts_with("talker.codec_head.weight is [1088, 24]"), "{error}");
    assert!(builder.contains_tensor("codec_head.weight"));
    assert!(!builder.contains_tensor("codec_tail.weight"));
    assert!(builder.get(24, "codec_tail.weight").is_err());
}

/// Rows read one by one are the matrix's, wherever the matrix comes from.
#[test]
fn a_table_gives_the_rows_of_its_matrix_in_the_order_asked_for() {
    let layout = layout("s1/base-1b7");
    let path = release("s1/base-1b7").join("model.safetensors");
    for weights in [Weights::open(&path, &layout).unwrap(), Weights::random(layout.clone(), 7)] {
        let table = weights.table(EMBEDDING).unwrap();
        assert_eq!((table.rows(), table.width()), (544, 40));
        let ids = [543, 0, 7, 7];
        let rows = table.gather(&ids, DType::F32, &Device::Cpu).unwrap();
        let matrix = weights.builder(DType::F32, &Device::Cpu).get((544, 40), EMBEDDING).unwrap();
        let index = Tensor::new(&ids, &Device::Cpu).unwrap();
        let expected = matrix.index_select(&index, 0).unwrap();
        assert_eq!(rows.to_vec2::<f32>().unwrap(), expected.to_vec2::<f32>().unwrap());
    }
}

#[test]
fn a_table_refuses_what_it_does_not_have() {
    let weights = Weights::random(layout("s1/base-1b7"), 7);
    let table = weights.table(EMBEDDING).unwrap();
    for ids in [[].as_slice(), &[544], &[0, u32::MAX]] {
        assert!(table.gather(ids, DType::F32, &Device::Cpu).is_err(), "{ids:?}");
    }
    assert!(weights.table("talker.model.norm.weight").is_err());
    assert!(weights.table("talker.nothing").is_err());
}

#[test]
fn made_up_weights_follow_from_the_seed_and_the_name_alone() {
    let layout = Layout::of_model(&ModelConfig::released(Kind::Base, Size::Small));
    let read = |seed, names: [&str; 2]| {
        let builder = Weights::random(layout.clone(), seed).builder(DType::F32, &Device::Cpu);
        names.map(|name| builder.get(1024, name).unwrap().to_vec1::<f32>().unwrap())
    };
    let [norm, fc] = ["talker.model.norm.weight", "speaker_encoder.fc.bias"];
    let [a, b] = read(1, [norm, fc]);
    assert_eq!(read(1, [fc, norm]), [b.clone(), a.clone()]);
    assert_ne!(read(2, [norm, fc]), [a.clone(), b]);
    assert!(a.iter().all(|number| (0.9..=1.1).contains(number)));
    let layer = "talker.model.layers.0.input_layernorm.weight";
    assert_ne!(read(1, [layer, fc])[0], a);
}

#[test]
fn made_up_projections_keep_the_spread_of_what_goes_through() {
    let layout = Layout::of_codec(&CodecConfig::released());
    let builder = Weights::random(layout, 1).builder(DType::F32, &Device::Cpu);
    let fc =
        builder.get((2048, 512), "encoder.encoder_transformer.layers.0.mlp.fc1.weight").unwrap();
    let variance = fc.sqr().unwrap().mean_all().unwrap().to_scalar::<f32>().unwrap();
    assert!((variance * 512.0 - 1.0).abs() < 0.01, "{variance}");
    let mean = fc.mean_all().unwrap().to_scalar::<f32>().unwrap();
    assert!(mean.abs() < 2e-4, "{mean}");
}

#[test]
fn a_pinned_file_must_be_the_one_that_was_pinned() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("speech_tokenizer")).unwrap();
    let file = folder.path().join("speech_tokenizer/config.json");
    std::fs::write(&file, "abc").unwrap();
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let mut pins = Pins::default();
    pins.verify(folder.path()).unwrap();
    pins.sha256.insert("speech_tokenizer/config.json".to_owned(), abc.to_owned());
    pins.verify(folder.path()).unwrap();
    std::fs::write(&file, "abd").unwrap();
    let message = pins.verify(folder.path()).unwrap_err().to_string();
    assert!(message.ends_with(&format!("expected {abc}")), "{message}");
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(pins.verify(folder.path()), Err(LoadError::Read { .. })));
}

use super::*;

fn tiny(has_codec: bool) -> BenchModel {
    let release = fixtures::path("reference/s1/custom_voice-1b7");
    let holding = Holding { device: Device::Cpu, format: WeightFormat::Native, has_codec };
    BenchModel::open(&release, &holding).unwrap()
}

/// The tiny release's own lines end after 5 to 60 frames.
#[test]
fn lines_go_on_for_as_long_as_they_are_moved() {
    let model = tiny(true);
    let prompt = model.prompt().unwrap();
    assert_eq!(prompt.embeds.dim(0).unwrap(), PROMPT_POSITIONS);
    let mut lines = model.lines(3);
    for _ in 0..3 {
        lines.seat(&prompt).unwrap();
    }
    for _ in 0..120 {
        assert_eq!(lines.step().unwrap(), 3);
    }
    let spoken = lines.take_spoken();
    assert!(spoken.iter().all(|frames| frames.len() == 120));
    assert_ne!(spoken[0], spoken[1], "lines draw by themselves");
    assert_eq!(model.decode(&spoken[..2]).unwrap(), 2 * 120 * 1920);
    assert!(lines.take_spoken().iter().all(Vec::is_empty));
}

/// That lines go on is the bench's doing: as released, the same ones end.
#[test]
fn the_same_lines_would_end_by_themselves() {
    let release = fixtures::path("reference/s1/custom_voice-1b7");
    let opened = Checkpoint::open(&release, Words::Native, &Pins::default()).unwrap();
    let frames = FrameModel::load(&opened.model_weights, &opened.model, &Device::Cpu).unwrap();
    let model = BenchModel { frames, config: opened.model, ..tiny(false) };
    let prompt = model.prompt().unwrap();
    let mut lines = model.lines(1);
    lines.seat(&prompt).unwrap();
    let moved: usize = (0..400).map(|_| lines.step().unwrap()).sum();
    assert!(moved < 400, "no line ended");
}

#[test]
fn a_frame_has_all_its_parts_and_nothing_decodes_without_a_codec() {
    let model = tiny(false);
    let prompt = model.prompt().unwrap();
    let mut parts = model.parts(&prompt, 2).unwrap();
    for _ in 0..3 {
        let mut seen = Vec::new();
        parts.step(&mut |part| seen.push(part)).unwrap();
        let count = |part| seen.iter().filter(|&&seen| seen == part).count();
        assert_eq!((count(Part::Talker), count(Part::Predictor)), (2, 16));
        assert_eq!(count(Part::Sampling), 16);
    }
    assert!(model.decode(&[Vec::new()]).is_err());
}

/// What parts choose is what whole frames choose: the same is computed.
#[test]
fn parts_are_of_the_frames_that_lines_speak() {
    let model = tiny(false);
    let mut prompt = model.prompt().unwrap();
    prompt.trailing = None;
    let mut lines = model.lines(1);
    let mut sampled = model.parts(&prompt, 1).unwrap();
    sampled.draws = vec![Draws::seeded(1)];
    lines.seat(&prompt).unwrap();
    for _ in 0..5 {
        lines.step().unwrap();
        sampled.step(&mut |_| ()).unwrap();
    }
    let firsts: Vec<u32> = lines.take_spoken()[0].iter().map(|frame| frame[0].into()).collect();
    assert_eq!(sampled.histories, [firsts]);
}

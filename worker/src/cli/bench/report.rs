//! What `bench` answers.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use serde::Serialize;

/// All that was measured, and on what.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Of this program.
    pub(super) version: &'static str,
    pub(super) machine: Machine,
    pub(super) model: Model,
    /// Frames that every line was measured over.
    pub(super) frames: usize,
    /// Positions of every line's prompt.
    pub(super) prompt_positions: usize,
    /// In the order that was asked for.
    pub(super) batches: Vec<Batch>,
}

/// What it was measured on.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    /// E.g. `linux`.
    pub(super) os: &'static str,
    /// E.g. `x86_64`.
    pub(super) arch: &'static str,
    /// Threads that this program computes with on a CPU.
    pub(super) threads: usize,
    /// `cpu`, `cuda` or `metal`.
    pub(super) device: &'static str,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(super) struct Model {
    /// As a release is called.
    pub(super) name: String,
    /// Whether its weights are made up.
    pub(super) is_random: bool,
    /// What talker and predictor are computed in.
    pub(super) dtype: &'static str,
    /// How their matrices are held.
    pub(super) weights: &'static str,
    /// What the codec is computed in.
    pub(super) codec_dtype: &'static str,
    /// Opening or making it up.
    pub(super) load_seconds: f64,
}

/// What so many lines at once cost.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Batch {
    /// Lines at once.
    pub(super) lines: usize,
    /// Frames that were spoken in all.
    pub(super) frames: usize,
    /// Taking in the prompt of one line.
    pub(super) prefill_ms: f64,
    /// One frame of all lines, without codec.
    pub(super) frame_ms: f64,
    /// Seconds of audio a second, without codec.
    pub(super) times_real_time: f64,
    /// Decoding one frame of all lines; all frames of the lines are decoded behind each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) codec_ms: Option<f64>,
    /// Seconds of audio a second, speaking and decoding by turns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) times_real_time_with_codec: Option<f64>,
    pub(super) parts: Parts,
    /// What this program has in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resident_bytes: Option<u64>,
    /// What is taken on the accelerator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device_bytes: Option<u64>,
}

/// One frame of all lines part by part, in a pass of its own that waits for the device behind each.
/// On a device that has kernels for whole frames that sum is more than a frame takes.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[expect(clippy::struct_field_names, reason = "the unit stands in the name, as in the others")]
pub(super) struct Parts {
    pub(super) talker_ms: f64,
    pub(super) predictor_ms: f64,
    pub(super) sampling_ms: f64,
}

/// One rule under the header, as `tableread` draws its tables.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

impl Report {
    /// The same for people.
    pub(super) fn table(&self) -> String {
        let Self { version, machine, model, frames, prompt_positions, batches } = self;
        let made_up = if model.is_random { ", made-up weights" } else { "" };
        let mut table = Table::new();
        table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header([
            "lines",
            "ms/frame",
            "x real time",
            "codec ms",
            "x with codec",
            "prefill ms",
            "talker",
            "predictor",
            "sampling",
            "codec",
            "memory",
            "device",
        ]);
        for batch in batches {
            table.add_row(row(batch));
        }
        for column in table.column_iter_mut() {
            column.set_cell_alignment(CellAlignment::Right);
        }
        format!(
            "{}{made_up}, {} ({}), codec {}; {} on {} {}, {} threads; version {version}\n\
             {frames} frames of 80 ms a line behind a prompt of {prompt_positions} positions\n\
             {table}\n\
             Shares are of a pass of its own that waits for the device behind each part.",
            model.name,
            model.dtype,
            model.weights,
            model.codec_dtype,
            machine.device,
            machine.os,
            machine.arch,
            machine.threads,
        )
    }
}

fn row(batch: &Batch) -> Vec<String> {
    let Parts { talker_ms, predictor_ms, sampling_ms } = batch.parts;
    let all = talker_ms + predictor_ms + sampling_ms + batch.codec_ms.unwrap_or(0.0);
    let share = |ms: f64| format!("{:.0} %", 100.0 * ms / all);
    let ms = |ms: f64| format!("{ms:.2}");
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let megabytes = |bytes: Option<u64>| or_dash(bytes.map(|bytes| format!("{} MB", bytes >> 20)));
    vec![
        batch.lines.to_string(),
        ms(batch.frame_ms),
        ms(batch.times_real_time),
        or_dash(batch.codec_ms.map(ms)),
        or_dash(batch.times_real_time_with_codec.map(ms)),
        ms(batch.prefill_ms),
        share(talker_ms),
        share(predictor_ms),
        share(sampling_ms),
        or_dash(batch.codec_ms.map(share)),
        megabytes(batch.resident_bytes),
        megabytes(batch.device_bytes),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_all_of_a_frame_and_what_is_unknown_is_a_dash() {
        let batch = Batch {
            lines: 8,
            frames: 400,
            prefill_ms: 100.0,
            frame_ms: 40.0,
            times_real_time: 16.0,
            codec_ms: Some(25.0),
            times_real_time_with_codec: Some(10.0),
            parts: Parts { talker_ms: 25.0, predictor_ms: 45.0, sampling_ms: 5.0 },
            resident_bytes: Some(3 << 20),
            device_bytes: None,
        };
        let expected = [
            "8", "40.00", "16.00", "25.00", "10.00", "100.00", "25 %", "45 %", "5 %", "25 %",
            "3 MB", "–",
        ];
        assert_eq!(row(&batch), expected);
        let without = Batch { codec_ms: None, times_real_time_with_codec: None, ..batch };
        assert_eq!(row(&without)[9], "–");
    }
}

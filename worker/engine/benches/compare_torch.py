"""Measures the reference in PyTorch and `tableread-worker bench` on the same CPU, in one run.

    python worker/engine/benches/compare_torch.py --worker target/release/tableread-worker

Needs a Python that has qwen-tts; see `fixtures/reference/README.md`. Both sides have made-up weights of
the 0.6B release's sizes, compute in F32 with as many threads as there are cores, take in the same
prompt lengths, choose as the release says and speak the same number of frames without end. They take
turns, `--rounds` times; each side's fastest round counts. Ratios above 1 say that the worker is faster.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "fixtures/reference/make"))
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
warnings.filterwarnings("ignore")

import torch
from qwen_tts.core import Qwen3TTSTokenizerV2Config
from qwen_tts.core.models import Qwen3TTSConfig
from qwen_tts.core.models.modeling_qwen3_tts import Qwen3TTSTalkerForConditionalGeneration
from qwen_tts.core.tokenizer_12hz.modeling_qwen3_tts_tokenizer_v2 import Qwen3TTSTokenizerV2Decoder
from transformers.utils import logging

import config as tiny

logging.set_verbosity_error()

# As `bench` has them.
PROMPT_POSITIONS = 150
TRAILING_IDS = 40
WARM_UP_FRAMES = 5
FRAME_S = 0.08

SAMPLED = {
    "do_sample": True,
    "temperature": 0.9,
    "top_k": 50,
    "top_p": 1.0,
    "repetition_penalty": 1.05,
    "subtalker_dosample": True,
    "subtalker_temperature": 0.9,
    "subtalker_top_k": 50,
    "subtalker_top_p": 1.0,
}


def released_talker() -> object:
    """The 0.6B release's talker configuration."""
    ids = {marker: 151_643 + index for index, (marker, _) in enumerate(tiny.MARKERS)}
    values = tiny.model_config("custom_voice", "0b6", ids, 77_091)
    talker = values["talker_config"]
    shift = 2048 - tiny.CODEBOOK
    for name in ("bos", "eos_token", "think", "nothink", "pad", "think_bos", "think_eos"):
        talker[f"codec_{name}_id"] += shift
    stack = {"num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128}
    stack |= {"hidden_size": 1024, "intermediate_size": 3072}
    talker |= {"num_hidden_layers": 28, "vocab_size": 3072, **stack}
    talker |= {"text_vocab_size": 151_936, "text_hidden_size": 2048}
    talker["rope_scaling"]["mrope_section"] = [24, 20, 20]
    predictor = talker["code_predictor_config"]
    predictor |= {"num_hidden_layers": 5, "layer_types": ["full_attention"] * 5, **stack}
    predictor |= {"vocab_size": 2048}
    file_only = ("architectures", "transformers_version")
    whole = Qwen3TTSConfig(**{k: v for k, v in values.items() if k not in file_only})
    return whole.talker_config


def released_decoder() -> object:
    """The codec's decoder configuration."""
    values = {k: v for k, v in tiny.CODEC_CONFIG.items() if k != "architectures"}
    values["decoder_config"] |= {
        "latent_dim": 1024,
        "codebook_dim": 512,
        "codebook_size": 2048,
        "decoder_dim": 1536,
        "hidden_size": 512,
        "intermediate_size": 1024,
        "head_dim": 64,
        "num_attention_heads": 16,
        "num_hidden_layers": 8,
        "num_key_value_heads": 16,
        "sliding_window": 72,
        "vector_quantization_hidden_dimension": 512,
    }
    values.pop("transformers_version")
    return Qwen3TTSTokenizerV2Config(**values).decoder_config


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    since = time.perf_counter()
    work()
    return time.perf_counter() - since


class Reference:
    """The reference's own modules with made-up weights."""

    def __init__(self, has_codec: bool) -> None:
        torch.manual_seed(1)
        self.talker = Qwen3TTSTalkerForConditionalGeneration(released_talker()).float().eval()
        self.decoder = None
        if has_codec:
            self.decoder = Qwen3TTSTokenizerV2Decoder(released_decoder()).float().eval()

    @torch.inference_mode()
    def frame_ms(self, lines: int, frames: int) -> float:
        """Milliseconds of one frame of all lines: what more frames take, divided by them."""
        short, long = WARM_UP_FRAMES, WARM_UP_FRAMES + frames
        self._speak(lines, 2)
        return 1e3 * (self._speak(lines, long) - self._speak(lines, short)) / frames

    def _speak(self, lines: int, frames: int) -> float:
        config = self.talker.config
        width = config.hidden_size
        ids = config.vocab_size
        kwargs = {
            "inputs_embeds": 0.05 * torch.randn(lines, PROMPT_POSITIONS, width),
            "attention_mask": torch.ones(lines, PROMPT_POSITIONS, dtype=torch.long),
            "trailing_text_hidden": 0.05 * torch.randn(lines, TRAILING_IDS, width),
            "tts_pad_embed": 0.05 * torch.randn(1, 1, width),
            # The last id chosen gets no frame.
            "max_new_tokens": frames + 1,
            "suppress_tokens": list(range(ids - tiny.CONTROLS, ids)),
            "eos_token_id": config.codec_eos_token_id,
            "pad_token_id": config.codec_eos_token_id,
            "output_hidden_states": True,
            "return_dict_in_generate": True,
            **SAMPLED,
        }
        said = []
        seconds = timed(lambda: said.append(self.talker.generate(**kwargs)))
        spoken = sum(hidden[-1] is not None for hidden in said[0].hidden_states)
        assert spoken == frames, (spoken, frames)
        return seconds

    @torch.inference_mode()
    def codec_ms(self, lines: int, frames: int) -> float:
        """Milliseconds of decoding one frame of all lines."""
        self.decoder(torch.randint(0, 2048, (1, 16, 2)))
        codes = torch.randint(0, 2048, (lines, 16, frames))
        return 1e3 * timed(lambda: self.decoder.chunked_decode(codes)) / frames


def bench(worker: Path, arguments: argparse.Namespace, weights: str) -> dict[int, dict]:
    """What the worker's own bench says, by lines."""
    batch = ",".join(map(str, arguments.batch))
    command = [worker, "bench", "--size", "0.6B", "--random-weights", "--device", "cpu", "--json"]
    command += ["--batch", batch, "--frames", str(arguments.frames), "--weights", weights]
    command += [] if arguments.no_codec else ["--codec"]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return {batch["lines"]: batch for batch in json.loads(said)["batches"]}


def keep_fastest(into: dict, key: tuple, milliseconds: float | None) -> None:
    """Keeps the fastest of several rounds."""
    if milliseconds is not None:
        into[key] = min(into.get(key, milliseconds), milliseconds)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worker", type=Path, default=ROOT / "target/release/tableread-worker")
    parser.add_argument("--batch", type=lambda text: [*map(int, text.split(","))], default=[1, 8])
    parser.add_argument("--frames", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--weights", default="native", help="one or several of native,q8_0")
    parser.add_argument("--no-codec", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(os.cpu_count() or 1)
    formats = arguments.weights.split(",")
    theirs: dict[tuple, float] = {}
    ours: dict[tuple, float] = {}
    for turn in range(arguments.rounds):
        print(f"round {turn + 1}, load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
        reference = Reference(not arguments.no_codec)
        for lines in arguments.batch:
            keep_fastest(theirs, ("frame", lines), reference.frame_ms(lines, arguments.frames))
            if not arguments.no_codec:
                codec = reference.codec_ms(lines, arguments.frames)
                keep_fastest(theirs, ("codec", lines), codec)
        del reference
        for weights in formats:
            for lines, batch in bench(arguments.worker, arguments, weights).items():
                keep_fastest(ours, (weights, lines), batch["frame_ms"])
                keep_fastest(ours, ("codec", lines), batch.get("codec_ms"))
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, F32")
    for lines in arguments.batch:
        rows = [("frame", weights, f"talker, predictor, sampling ({weights})") for weights in formats]
        rows += [] if arguments.no_codec else [("codec", "codec", "codec decoder")]
        for theirs_key, ours_key, name in rows:
            reference_ms, worker_ms = theirs[theirs_key, lines], ours[ours_key, lines]
            audio_ms = 1e3 * FRAME_S * lines
            print(
                f"{lines:3} lines  {name:38} PyTorch {reference_ms:8.1f} ms a frame, "
                f"worker {worker_ms:8.1f} ms ({audio_ms / worker_ms:5.2f} x real time): "
                f"{reference_ms / worker_ms:5.2f} times as fast"
            )


if __name__ == "__main__":
    main()

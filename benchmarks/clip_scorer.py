"""Time a sample takes to be scored by a CLIP, and its words, on the CPU.

    python -m benchmarks.clip_scorer [--presets tiny vit-b-32] [--samples 16] [--rounds 3] [--threads 1]

Models have random weights, whose sizes alone matter, and the trainer's presets' widths. A sample is a JPEG of
`--side` pixels and five texts: an alt text, a caption, three sentences. Times are the CPU's, the best of
`--rounds` after one to warm up; `decode` is that of the picture up to the model's input, part of `score`;
`words` is the five texts' words, from the picture's embedding.
"""

import argparse
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.clock import best_of
from contrastive_trainer.model import Clip
from contrastive_trainer.presets import preset_clip
from contrastive_trainer.tokenizer import TextEncoder, train_tokenizer
from lvlm_workers.clip_checkpoint import load_clip
from lvlm_workers.clip_scorer import ClipScorer
from schemas.score import TEMPLATE, ClipConfig
from schemas.train import ModelConfig

TEXTS = (
    "IMG {n} red mug on table - stock photo",
    "A red ceramic mug number {n} stands on a wooden table beside a folded newspaper.",
    "The mug is {n} percent full of black coffee, and steam rises from it.",
    "Behind the table there is a window, through which a garden with {n} trees can be seen.",
    "The light comes from lamp {n} on the left and throws long shadows over the wood.",
)


def save(preset: str, folder: Path) -> None:
    """Save a model of a preset's widths."""
    tokenizer = train_tokenizer([TEMPLATE + text.format(n=7) for text in TEXTS], 2000)
    torch.manual_seed(0)
    clip = Clip(preset_clip(ModelConfig.model_validate({"preset": preset}), tokenizer))
    clip.save(folder)
    TextEncoder(tokenizer, clip.text_length).save(folder)


def photo(seed: int, side: int) -> bytes:
    """Return a JPEG of about a photograph's number of bytes a pixel."""
    random = np.random.default_rng(seed)
    soft = Image.fromarray(random.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    values = np.asarray(soft.resize((side, side * 3 // 4), Image.Resampling.BICUBIC)).astype(np.int16)
    grainy = (values + random.integers(-12, 13, values.shape)).clip(0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(grainy).save(out, "JPEG", quality=85)
    return out.getvalue()


def best_ms(work: Callable[[], object], rounds: int, samples: int) -> float:
    """Return the least CPU time of a sample, in ms."""
    work()
    return best_of(rounds, work)[1] / samples * 1000


def measure(preset: str, *, samples: int, side: int, rounds: int) -> str:
    """Return a row of the table."""
    pictures = [photo(seed, side) for seed in range(samples)]
    texts = [[text.format(n=n) for text in TEXTS] for n in range(samples)]
    with tempfile.TemporaryDirectory() as folder:
        save(preset, Path(folder))
        config = ClipConfig(checkpoint=folder, device="cpu")
        scorer, prepare = ClipScorer(config), load_clip(config).pictures.prepare
        scored = scorer.score(pictures, texts)
    images = [one.image_E for one in scored for _ in one.cosine_K if one.image_E is not None]
    flat = [text for of_sample in texts for text in of_sample]
    contenders: tuple[Callable[[], object], ...] = (
        lambda: [prepare(data, and_flipped=False) for data in pictures],
        lambda: scorer.score(pictures, [()] * samples),
        lambda: scorer.score(pictures, texts),
        lambda: scorer.word_scores(images, flat),
    )
    return " | ".join([preset, *(f"{best_ms(work, rounds, samples):.1f}" for work in contenders)])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--presets", nargs="+", default=["tiny", "vit-b-32"])
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--side", type=int, default=512, help="width in pixels; height is 3/4 of it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    print("model | decode ms | picture ms | score (picture + 5 texts) ms | words of 5 texts ms", flush=True)
    for preset in told.presets:
        print(measure(preset, samples=told.samples, side=told.side, rounds=told.rounds), flush=True)


if __name__ == "__main__":
    main()

"""What a run begins with: a tokenizer, tags and a model, new or of the newest checkpoint."""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import torch

from contrastive_trainer.checkpoints import Progress, load_optimizer, load_tensors, newest, read_progress
from contrastive_trainer.data.batch_reader import BatchReader, Place
from contrastive_trainer.data.raw_samples import read_raw
from contrastive_trainer.data.sample import TrainSample
from contrastive_trainer.data.shard_list import TrainShard
from contrastive_trainer.distributed import Ranks, wait_for_all
from contrastive_trainer.learner import Learner
from contrastive_trainer.model import load_clip, make_model
from contrastive_trainer.tags import count_tags, load_tags, save_tags
from contrastive_trainer.tokenizer import TextEncoder, load_tokenizer, train_tokenizer
from schemas.train import TrainConfig

SETUP = "setup"
"""Folder of what is made of the shards before the first step: tokenizer and tags."""

TAG_SAMPLES = 100_000


def start(
    config: TrainConfig, shards: Sequence[TrainShard], ranks: Ranks, settings: str
) -> tuple[Learner, BatchReader, Progress]:
    """Return the learner, what reads its batches, and how far it is; resumes where a checkpoint is.

    Raises:
        ConfigError: the output folder is of another configuration, or something does not fit.
    """
    folder = Path(config.output)
    last = newest(folder)
    progress = Progress(step=0, steps=0, samples=0, skipped=0, settings=settings)
    if last is not None:
        progress = read_progress(last, settings)
    _set_up(config, shards, ranks, settings, folder / SETUP)
    encoder = TextEncoder(load_tokenizer(str(folder / SETUP)), config.model.text_length)
    tags = load_tags(folder / SETUP)
    torch.manual_seed(config.seed)
    clip = make_model(config.model, encoder.tokenizer)
    encoder.length = clip.text_length
    learner = Learner(config, clip, encoder, tags, ranks)
    if last is not None:
        learner.resume(
            load_clip(str(last), config.model.attention),
            load_tensors(last, "heads"),
            load_tensors(last, "ema"),
            load_optimizer(last),
        )
    reader = BatchReader(
        shards,
        config,
        encoder,
        image_size=clip.image_size,
        vocabulary={tag: number for number, tag in enumerate(tags)},
        place=Place(rank=ranks.rank, ranks=ranks.count),
    )
    return learner, reader, progress


def _set_up(
    config: TrainConfig, shards: Sequence[TrainShard], ranks: Ranks, settings: str, folder: Path
) -> None:
    """Make the tokenizer and the tags once, on the first rank."""
    note = folder / "made.json"
    if ranks.is_first and not _is_made(note, settings):
        folder.mkdir(parents=True, exist_ok=True)
        path = config.tokenizer.path or config.model.checkpoint
        if path is not None:
            tokenizer = load_tokenizer(path)
        else:
            samples = islice(read_raw(shards, config), config.tokenizer.samples)
            texts = (text for sample in samples for text in _texts(sample))
            tokenizer = train_tokenizer(texts, config.tokenizer.vocabulary)
        tokenizer.save_pretrained(folder)
        if config.losses.stc:
            samples = islice(read_raw(shards, config), TAG_SAMPLES)
            save_tags(folder, count_tags(samples, config.losses.stc.vocabulary))
        note.write_text(json.dumps({"settings": settings}) + "\n", encoding="utf-8")
    wait_for_all(ranks)


def _is_made(note: Path, settings: str) -> bool:
    try:
        return bool(json.loads(note.read_text(encoding="utf-8")) == {"settings": settings})
    except (OSError, ValueError):
        return False


def _texts(sample: TrainSample) -> Iterator[str]:
    """Yield all texts of a sample that may be drawn."""
    yield sample.alt_text
    for name in ("long_positive", "long_negative", "short_positive", "rewrites"):
        yield from sample.many(name)
    for name in ("fused", "recaption"):
        yield sample.one(name)

"""What a run begins with: the newest checkpoint; a new run first writes that of step 0."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import torch

from contrastive_trainer.checkpoints import (
    FINAL,
    Progress,
    checkpoints,
    damaged,
    keep_newest,
    read_progress,
    save_checkpoint,
)
from contrastive_trainer.data.assemble import read_regions
from contrastive_trainer.data.batch_reader import BatchReader, Place
from contrastive_trainer.data.sample import TrainSample
from contrastive_trainer.data.shard_list import TrainShard
from contrastive_trainer.data.text_samples import read_texts
from contrastive_trainer.distributed import Ranks, from_first
from contrastive_trainer.fields import check_fields
from contrastive_trainer.learner import Learner
from contrastive_trainer.making import make_model
from contrastive_trainer.model import load_clip
from contrastive_trainer.settings import Settings
from contrastive_trainer.tags import count_tags, load_tags
from contrastive_trainer.tokenizer import TextEncoder, load_tokenizer, train_tokenizer
from schemas.checkpoint import find_checkpoint
from schemas.errors import ConfigError
from schemas.train import TrainConfig

LOOKED_AT = 1000
"""So many samples are looked at for the fields that the configuration needs."""

TAG_SAMPLES = 100_000


def find_finished(config: TrainConfig, settings: Settings, steps: int) -> Progress | None:
    """Return how a run ended that is over, its model published; None where there is something to do.

    Raises:
        ConfigError: the output folder is of other settings, or its newest checkpoint is damaged.
    """
    output = Path(config.output)
    found = checkpoints(output)
    if not found or not (output / FINAL).is_dir():
        return None
    progress = read_progress(found[-1], settings)
    return progress if progress.step == steps else None


def start(
    config: TrainConfig, shards: Sequence[TrainShard], ranks: Ranks, settings: Settings
) -> tuple[Learner, Progress]:
    """Return the learner of the newest checkpoint, and how far it is; the same on every rank.

    Raises:
        ConfigError: the output folder is of other settings, or something does not fit.
    """
    output = Path(config.output)

    def find() -> Path:
        found = checkpoints(output)
        if found:
            return found[-1]
        learner = make_learner(config, shards, ranks)
        first = save_checkpoint(output, Progress(step=0, skipped=0, settings=settings), learner.save)
        keep_newest(output, 1)
        return first

    path = from_first(ranks, find)
    progress = read_progress(path, settings)
    return load_learner(config, path, ranks), progress


def make_learner(config: TrainConfig, shards: Sequence[TrainShard], ranks: Ranks) -> Learner:
    """Return a learner that has learnt nothing yet; tokenizer and tags are made of the shards.

    Raises:
        ConfigError: the shards lack a field that a loss needs, or a checkpoint or tokenizer does not fit.
    """
    path = _tokenizer_path(config)
    check_fields(islice(read_texts(shards, config), LOOKED_AT), config)
    if path is not None:
        tokenizer = load_tokenizer(path)
    else:
        samples = islice(read_texts(shards, config), config.tokenizer.samples)
        texts = (text for sample in samples for text in _texts(sample))
        tokenizer = train_tokenizer(texts, config.tokenizer.vocabulary)
    tags: list[str] = []
    if config.losses.stc:
        tags = count_tags(islice(read_texts(shards, config), TAG_SAMPLES), config.losses.stc.vocabulary)
    torch.manual_seed(config.seed)
    clip = make_model(config.model, tokenizer)
    return Learner(config, clip, TextEncoder(tokenizer, clip.text_length), tags, ranks)


def load_learner(config: TrainConfig, path: Path, ranks: Ranks) -> Learner:
    """Return the learner that a checkpoint holds.

    Raises:
        ConfigError: it is damaged.
    """
    try:
        clip = load_clip(str(path), config.model.attention, config.model.dropout)
        encoder = TextEncoder(load_tokenizer(str(path)), clip.text_length)
        tags = load_tags(path)
    except (ConfigError, ValueError) as error:
        raise damaged(path, error) from error
    learner = Learner(config, clip, encoder, tags, ranks)
    learner.load(path)
    return learner


def make_reader(
    config: TrainConfig, shards: Sequence[TrainShard], learner: Learner, ranks: Ranks
) -> BatchReader:
    """Return what reads this rank's part of the batches for a learner."""
    return BatchReader(
        shards,
        config,
        learner.encoder,
        image_size=learner.clip.image_size,
        vocabulary={tag: number for number, tag in enumerate(learner.tags)},
        place=Place(rank=ranks.rank, ranks=ranks.count),
    )


def _tokenizer_path(config: TrainConfig) -> str | None:
    """Return where the tokenizer is, None where it is to be trained; what is mistyped is told first."""
    found = None
    for path, field in (
        (config.model.checkpoint, "model.checkpoint"),
        (config.tokenizer.path, "tokenizer.path"),
    ):
        if path is not None:
            found = find_checkpoint(path, field)
    return found


def _texts(sample: TrainSample) -> Iterator[str]:
    """Yield all texts of a sample that may be drawn."""
    yield sample.alt_text
    for name in ("long_positive", "long_negative", "short_positive", "rewrites"):
        yield from sample.many(name)
    for name in ("fused", "recaption"):
        yield sample.one(name)
    yield from (phrase for _, phrase in read_regions(sample))

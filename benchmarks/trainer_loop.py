"""How fast the trainer trains, beside a straightforward PyTorch loop: same model, data and batch.

- `pairwright`: its reader in worker processes, its losses on the tiled core, its optimiser step.
- `plain`: webdataset in a DataLoader with as many workers, `CLIPModel(return_loss=True)`, AdamW.

Both take `--steps` steps in turn, `--rounds` times, after one to warm up; each figure is the best round's.
"""

import argparse
import itertools
import json
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import webdataset
from torch import Tensor

from contrastive_trainer.data.loader import Loader
from contrastive_trainer.data.picture import load_picture
from contrastive_trainer.data.shard_list import list_shards
from contrastive_trainer.distributed import Ranks
from contrastive_trainer.learner import Learner
from contrastive_trainer.model import CLIP_MEAN, CLIP_STD
from contrastive_trainer.starting import make_learner, make_reader
from demo_data.web_photos import write_photos
from schemas.train import TrainConfig

Figures = dict[str, float]


class _Sample:
    """Picks picture and text out of a sample, in a worker process."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._random = np.random.default_rng(0)

    def __call__(self, found: dict[str, Any]) -> tuple[Tensor, str]:
        image_CHW, _ = load_picture(found["jpg"], self._size, (0.9, 1.0), self._random)
        return image_CHW, json.loads(found["json"]).get("alt_text") or found["txt"].decode()


class _Batch:
    """Puts samples together, in a worker process."""

    def __init__(self, learner: Learner) -> None:
        self._encode = learner.encoder

    def __call__(self, rows: list[tuple[Tensor, str]]) -> tuple[Tensor, Tensor]:
        images, texts = zip(*rows, strict=True)
        return torch.stack(images), self._encode(texts)


def plain_batches(config: TrainConfig, learner: Learner) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches for ever, of webdataset in a DataLoader."""
    paths = [shard.path for shard in list_shards(config.data.shards)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stream = webdataset.WebDataset(
            paths,
            shardshuffle=len(paths),
            empty_check=False,
            nodesplitter=webdataset.split_by_node,
            workersplitter=webdataset.split_by_worker,
        )
        stream = stream.repeat().shuffle(1000)
        stream = stream.map(_Sample(learner.clip.image_size), handler=webdataset.ignore_and_continue)
        stream = stream.batched(config.batch, collation_fn=_Batch(learner), partial=False)
        loader = torch.utils.data.DataLoader(stream, batch_size=None, num_workers=config.data.workers)
        yield from loader


def train_plain(config: TrainConfig, learner: Learner, steps: int) -> Figures:
    """Train as a short script would."""
    model = learner.clip.model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (CLIP_MEAN, CLIP_STD))
    batches = plain_batches(config, learner)

    def step() -> float:
        started = time.perf_counter()
        image_BCHW, text_BL = next(batches)
        waited = time.perf_counter() - started
        loss = model(input_ids=text_BL, pixel_values=(image_BCHW / 255 - mean) / std, return_loss=True).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return waited

    return _time(step, steps, config.batch)


def train_ours(config: TrainConfig, learner: Learner, steps: int) -> Figures:
    """Train with the trainer's own parts."""
    reader = make_reader(config, list_shards(config.data.shards), learner, Ranks())
    batches = Loader(reader, workers=config.data.workers).batches(0, steps + 1)
    numbers = itertools.count()

    def step() -> float:
        started = time.perf_counter()
        batch = next(batches)
        waited = time.perf_counter() - started
        learner.step(batch, next(numbers), steps + 1)
        return waited

    return _time(step, steps, config.batch)


def _time(step: Callable[[], float], steps: int, batch: int) -> Figures:
    step()
    started = time.perf_counter()
    waited = sum(step() for _ in range(steps))
    seconds = time.perf_counter() - started
    return {"samples_per_second": steps * batch / seconds, "waiting": waited / seconds}


def loop(arguments: argparse.Namespace) -> None:
    """Measure and print the table."""
    torch.set_num_threads(arguments.threads)
    contenders = {"pairwright": train_ours, "plain": train_plain}
    best: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_photos(Path(folder), count=arguments.photos, seed=0)
        config = TrainConfig.model_validate(
            {"output": folder, "model": {"preset": arguments.preset, "text_length": 77}}
            | {"batch": arguments.batch, "optim": {"lr": 1e-4, "warmup": 1}}
            | {"data": {"shards": folder, "workers": arguments.workers, "max_skipped": 1.0}}
        )
        learner = make_learner(config, list_shards(config.data.shards), Ranks())
        for _ in range(arguments.rounds):
            for name, run in contenders.items():
                found = run(config, learner, arguments.steps)
                if name not in best or found["samples_per_second"] > best[name]["samples_per_second"]:
                    best[name] = found
    plain = best["plain"]["samples_per_second"]
    print(
        f"{arguments.preset}, batch {arguments.batch}, {arguments.threads} threads, "
        f"{arguments.workers} workers"
    )
    print("| | samples/s | of plain | waiting for data |\n|---|---|---|---|")
    for name, figures in best.items():
        speed = figures["samples_per_second"]
        print(f"| {name} | {speed:.1f} | {speed / plain:.2f} | {figures['waiting']:.1%} |")

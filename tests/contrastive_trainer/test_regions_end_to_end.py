"""Regions of KEY.json through crop, batch, towers and prompter to their losses."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import cross_entropy

from contrastive_trainer.data.batch import Batch
from contrastive_trainer.data.shard_list import list_shards
from contrastive_trainer.distributed import Ranks
from contrastive_trainer.embedder import Embedder
from contrastive_trainer.learner import Learner
from contrastive_trainer.objective import Objective
from contrastive_trainer.starting import make_learner, make_reader
from schemas.train import TrainConfig

Make = Callable[..., TrainConfig]
SIDE_PX = 32
WIDE, HIGH = 120, 80
COLOURS = {"a red box": (255, 0, 0), "a blue box": (0, 0, 255)}
BOXES = {"a red box": (12, 8, 48, 72), "a blue box": (66, 16, 108, 56)}
"""In pixels."""


def fields(number: int) -> dict[str, Any]:
    """Return the JSON of a sample; every fourth has no region, every fourth one that cannot be used."""
    regions: list[Any] = []
    for phrase, (x0, y0, x1, y1) in BOXES.items():
        box = [x0 / WIDE, y0 / HIGH, x1 / WIDE, y1 / HIGH]
        regions.append({"box": box, "phrase": phrase, "score": 0.25, "raw_score": None})
    if number % 4 == 0:
        regions = []
    elif number % 4 == 1:
        regions[0] |= {"box": [0.1, 0.1, 1.9, 0.5], "raw_score": 0.5}
    return {"uid": f"u{number}", "alt_text": f"picture {number}", "regions": regions}


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a shard of 16 grey pictures, each with a red and a blue box in it."""
    path = tmp_path_factory.mktemp("regions") / "00000.tar"
    pixels = np.full((HIGH, WIDE, 3), 128, np.uint8)
    for phrase, (x0, y0, x1, y1) in BOXES.items():
        pixels[y0:y1, x0:x1] = COLOURS[phrase]
    picture = io.BytesIO()
    Image.fromarray(pixels).save(picture, "PNG")
    with tarfile.open(path, "w") as tar:
        for number in range(16):
            record = fields(number)
            texts = {"txt": record["alt_text"].encode(), "json": json.dumps(record).encode()}
            for ending, data in ({"png": picture.getvalue()} | texts).items():
                info = tarfile.TarInfo(f"{number:09d}.{ending}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture
def started(configure: Make, shard: Path) -> tuple[Learner, Batch]:
    """Return a new learner and the first batch: all samples, cropped to 60 to 90% of their area."""
    data = {"shards": str(shard), "crop_scale": (0.6, 0.9)}
    config = configure(
        data=data,
        batch=16,
        losses={"regions": {"per_image": 2, "same_phrase": 0.9999}},
        optim={"lr": 3e-3, "warmup": 2},
    )
    shards = list_shards(config.data.shards)
    learner = make_learner(config, shards, Ranks())
    return learner, make_reader(config, shards, learner, Ranks())[0]


def seen_box(image_CHW: Tensor, phrase: str) -> Tensor:
    """Return where the picture shows a phrase's colour, in 0..1."""
    red, _, blue = image_CHW.int()
    ys, xs = torch.where((red - blue if "red" in phrase else blue - red) > 128)
    corners = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
    return torch.stack(corners) / SIDE_PX


def test_boxes_lie_where_the_cropped_picture_shows_them(started: tuple[Learner, Batch]) -> None:
    learner, batch = started
    assert batch.box_BR4 is not None
    assert batch.has_region_BR is not None
    assert batch.phrase_BRL is not None
    names = {tuple(tokens): phrase for phrase in BOXES for tokens in learner.encoder([phrase]).tolist()}
    moved = 0
    for b, uid in enumerate(batch.samples):
        has_R = batch.has_region_BR[b]
        phrases = [names[tuple(row)] for row in batch.phrase_BRL[b][has_R].tolist()]
        allowed = [region["phrase"] for region in fields(int(uid[1:]))["regions"] if region["box"][2] <= 1]
        assert set(phrases) <= set(allowed)
        for phrase, box_4 in zip(phrases, batch.box_BR4[b][has_R], strict=True):
            torch.testing.assert_close(box_4, seen_box(batch.image_BCHW[b], phrase), rtol=0, atol=1.01 / 32)
            x0, y0, x1, y1 = BOXES[phrase]
            whole = torch.tensor([x0 / WIDE, y0 / HIGH, x1 / WIDE, y1 / HIGH])
            moved += int((box_4 - whole).abs().max() > 0.05)
    count = int(batch.has_region_BR.sum())
    assert 12 <= count <= 8 * 2 + 4  # a crop may cut more than half of a box away
    assert moved > count // 2


def test_the_losses_are_those_of_the_matrix(started: tuple[Learner, Batch]) -> None:
    learner, batch = started
    embedder: Embedder = learner.embedder
    embedded = embedder(batch)
    config = learner._objective.config
    assert config.regions is not None
    objective = Objective(config=config, embedder=embedder, group=None)
    parts = objective(embedded, batch)[1]

    assert batch.box_BR4 is not None
    assert batch.has_region_BR is not None
    assert batch.phrase_BRL is not None
    assert embedder.prompter is not None
    token_BPF = embedder.clip.encode_image(batch.image_BCHW)[1]
    regions, phrases, errors, images = [], [], [], set()
    for b, r in batch.has_region_BR.nonzero().tolist():
        images.add(b)
        phrase_D = embedder.clip.encode_text(batch.phrase_BRL[b, r][None])[0]
        box_4 = batch.box_BR4[b, r]
        regions.append(embedder.prompter.regions(token_BPF[b : b + 1], box_4[None, None])[0, 0])
        phrases.append(phrase_D)
        found_4 = embedder.prompter.boxes(token_BPF[b : b + 1], phrase_D[None, None])[0, 0]
        errors.append((found_4 - box_4).square().mean())
    region_ND, phrase_ND = torch.stack(regions), torch.stack(phrases)
    logits = embedder.clip.scale * region_ND @ phrase_ND.T
    own = torch.arange(len(logits))
    alike = (phrase_ND @ phrase_ND.T > config.regions.same_phrase) & ~torch.eye(len(logits)).bool()
    token_NL = batch.phrase_BRL[batch.has_region_BR]
    same = (token_NL[:, None] == token_NL).all(2)
    assert torch.equal(alike, same & ~torch.eye(len(logits)).bool())
    assert alike.any()  # there are but two phrases
    logits = logits.masked_fill(alike, -torch.inf)
    share = len(images) / len(logits)
    text = (cross_entropy(logits, own) + cross_entropy(logits.T, own)) / 2
    torch.testing.assert_close(parts["regions"], share * text, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(parts["grounding"], share * torch.stack(errors).mean(), rtol=1e-4, atol=1e-6)


def test_a_run_of_steps_lowers_both(started: tuple[Learner, Batch]) -> None:
    learner, batch = started
    figures = [learner.step(batch, step, 60) for step in range(40)]
    assert figures[-1]["grounding"] < 0.5 * figures[0]["grounding"]
    assert figures[-1]["regions"] < figures[0]["regions"]

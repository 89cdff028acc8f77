"""One whole step: GradCache, precision, losses by hand, and what stops it."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, logsigmoid

from contrastive_trainer import learner as learning
from contrastive_trainer.data.batch import Batch
from contrastive_trainer.data.shard_list import list_shards
from contrastive_trainer.distributed import Ranks
from contrastive_trainer.embedder import split
from contrastive_trainer.learner import Learner
from contrastive_trainer.starting import make_learner, make_reader
from schemas.errors import ConfigError, RunError
from schemas.train import TrainConfig

Make = Callable[..., TrainConfig]
ALL_LOSSES = {
    "contrastive": {"same_text": True, "smoothing": 0.1, "negatives": {"per_image": 1}},
    "hni": {"weight": 0.5, "negatives": 2},
    "stc": {"weight": 0.1, "vocabulary": 9},
    "multi_text": {"weight": 0.3, "texts": 3},
    "long_clip": {"weight": 0.7, "components": 3},
    "regions": {"weight": 0.2, "per_image": 2},
}
TEXTS = {"p_raw": 1, "p_long": 2, "p_rewrite": 1}


def start(config: TrainConfig) -> tuple[Learner, Batch]:
    """Return a new learner and the first batch."""
    shards = list_shards(config.data.shards)
    learner = make_learner(config, shards, Ranks())
    return learner, make_reader(config, shards, learner, Ranks())[0]


def gradients(learner: Learner) -> dict[str, torch.Tensor]:
    return {n: p.grad.clone() for n, p in learner.embedder.named_parameters() if p.grad is not None}


@pytest.fixture
def teacher(tmp_path: Path) -> dict[str, Any]:
    """Return the section of a loss that learns from stored embeddings of all samples."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(0)
    for shard, first in enumerate(range(0, 20, 8)):
        uids = [f"u{n:02d}" for n in range(first, min(first + 8, 20))]
        columns = {name: random.normal(size=(len(uids), 6)).tolist() for name in ("image", "caption")}
        (tmp_path / "teacher").mkdir(exist_ok=True)
        pq.write_table(pa.table({"uid": uids} | columns), tmp_path / "teacher" / f"{shard:05d}.parquet")
    return {"weight": 0.4, "teachers": {"one": str(tmp_path / "teacher")}}


@pytest.mark.parametrize("chunk", [1, 3, 6])
def test_chunks_give_the_gradient_of_the_whole_batch(
    configure: Make, teacher: dict[str, Any], chunk: int
) -> None:
    settings = {"batch": 12, "losses": ALL_LOSSES | {"distill": teacher}, "texts": TEXTS}
    (whole, batch), (parts, _) = start(configure(**settings)), start(configure(chunk=chunk, **settings))
    figures = [learner.step(batch, 3, 10) for learner in (whole, parts)]
    assert figures[1] == pytest.approx(figures[0], rel=1e-5)
    assert set(figures[0]) > {"distill", "regions", "grounding", "hni", "stc", "multi_text", "long_clip"}
    mine, theirs = gradients(whole), gradients(parts)
    assert mine.keys() == theirs.keys()
    assert {"clip.model.logit_scale", "tag_head.tag_VD", "prompter.box_in.weight"} <= mine.keys()
    for name, value in mine.items():
        torch.testing.assert_close(theirs[name], value, rtol=1e-4, atol=1e-6, msg=name)
    for name, value in whole.embedder.state_dict().items():
        torch.testing.assert_close(parts.embedder.state_dict()[name], value, rtol=1e-4, atol=1e-5)


def test_the_sum_is_weighted(configure: Make) -> None:
    learner, batch = start(configure(batch=12, losses=ALL_LOSSES, texts=TEXTS))
    found = learner.step(batch, 0, 10)
    weights = {"contrastive": 1, "hni": 0.5, "stc": 0.1, "multi_text": 0.3, "long_clip": 0.7}
    weights |= {"regions": 0.2, "grounding": 0.2}
    assert found["loss"] == pytest.approx(sum(w * found[name] for name, w in weights.items()), rel=1e-5)


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_the_loss_and_the_step_by_hand(
    configure: Make, small_clip: Path, small_siglip: Path, family: str
) -> None:
    """A batch through stock parts: the loss, gradients clipped to 0.5, and AdamW's first step."""
    folder = small_siglip if family == "siglip" else small_clip
    kind = "sigmoid" if family == "siglip" else "softmax"
    optim = {"lr": 1e-2, "warmup": 4, "clip_norm": 0.5, "eps": 1e-3, "weight_decay": 0.1}
    config = configure(
        model={"checkpoint": str(folder)}, losses={"contrastive": {"kind": kind}}, optim=optim, batch=6
    )
    learner, batch = start(config)
    reference, _ = start(config)
    clip = reference.clip
    image_BD, text_BD = clip.encode_image(batch.image_BCHW)[0], clip.encode_text(batch.text_BL)
    logits = clip.model.logit_scale.exp() * image_BD @ text_BD.T
    if kind == "sigmoid":
        loss = -logsigmoid((logits + clip.model.logit_bias) * (2 * torch.eye(6) - 1)).sum() / 6
    else:
        target = torch.arange(6)
        loss = (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2
    loss.backward()  # type: ignore[no-untyped-call]
    grads = {n: p.grad for n, p in reference.embedder.named_parameters() if p.grad is not None}
    norm = math.sqrt(sum(float(g.square().sum()) for g in grads.values()))
    before = {n: p.detach().clone() for n, p in learner.embedder.named_parameters()}

    figures = learner.step(batch, 1, 10)
    assert figures["loss"] == figures["contrastive"] == pytest.approx(loss.item(), rel=1e-5)
    assert figures["gradient_norm"] == pytest.approx(norm, rel=1e-4)
    assert figures["lr"] == pytest.approx(1e-2 * 2 / 4)
    after = dict(learner.embedder.named_parameters())
    for name, gradient in grads.items():
        clipped = gradient * min(1.0, 0.5 / norm)
        decay = 0.1 if gradient.ndim >= 2 else 0.0
        expected = before[name] * (1 - 5e-3 * decay) - 5e-3 * clipped / (clipped.abs() + 1e-3)
        torch.testing.assert_close(after[name].detach(), expected, rtol=1e-4, atol=2e-6, msg=name)
    if kind == "sigmoid":
        assert after["clip.model.logit_bias"].item() != before["clip.model.logit_bias"].item()


@pytest.mark.parametrize("of", ["batch", "own"])
def test_the_loss_with_false_texts_by_hand(configure: Make, of: str) -> None:
    """Through loader and towers: each row of logits goes on with those of the contradicted sentences."""
    losses = {"contrastive": {"negatives": {"per_image": 2, "of": of}}}
    learner, batch = start(configure(batch=8, losses=losses, texts={"p_raw": 1, "p_long": 1}))
    assert batch.negative_BKL is not None
    assert batch.has_negative_BK is not None
    assert 0 < batch.has_negative_BK.sum() < 16
    with torch.no_grad():
        clip, own = learner.clip, torch.arange(8)
        image_BD, text_BD = clip.encode_image(batch.image_BCHW)[0], clip.encode_text(batch.text_BL)
        rows, more = clip.scale * image_BD @ text_BD.T, []
        for b, k in batch.has_negative_BK.nonzero().tolist():
            logit_B = clip.scale * image_BD @ clip.encode_text(batch.negative_BKL[b, k][None])[0]
            more.append(logit_B if of == "batch" else torch.where(own == b, logit_B, -torch.inf))
        with_more = torch.cat([rows, torch.stack(more, dim=1)], dim=1)
        expected = (cross_entropy(with_more, own) + cross_entropy(rows.T, own)) / 2
    figures = learner.step(batch, 0, 10)
    assert figures["loss"] == figures["contrastive"] == pytest.approx(expected.item(), rel=1e-5)


def test_bfloat16_stays_close_and_keeps_weights_in_float32(configure: Make) -> None:
    runs = []
    for precision in ("float32", "bfloat16"):
        learner, batch = start(configure(batch=12, precision=precision, chunk=6))
        runs.append([learner.step(batch, step, 10)["loss"] for step in range(4)])
        assert {p.dtype for p in learner.embedder.parameters()} == {torch.float32}
    assert runs[1] == pytest.approx(runs[0], rel=0.02)
    assert runs[1] != runs[0]


def test_a_step_depends_on_its_number_and_on_nothing_drawn_before(configure: Make, small_clip: Path) -> None:
    config = configure(model={"checkpoint": str(small_clip), "dropout": 0.5}, optim={"lr": 1e-9})
    learner, batch = start(config)
    first = learner.step(batch, 0, 10)["loss"]
    torch.rand(7)
    assert learner.step(batch, 0, 10)["loss"] == pytest.approx(first, abs=1e-5)
    assert abs(learner.step(batch, 1, 10)["loss"] - first) > 1e-4


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_changes_no_weight(
    configure: Make, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    learner, batch = start(configure(optim={"ema": 0.9}))
    learner.step(batch, 0, 10)
    before = {name: tensor.clone() for name, tensor in learner.embedder.state_dict().items()}
    contrastive = learning.Objective._contrastive
    monkeypatch.setattr(learning.Objective, "_contrastive", lambda *given: contrastive(*given) * value)
    with pytest.raises(
        RunError, match=r"loss is (nan|inf) in step 5; lower optim.lr or lengthen optim.warmup"
    ):
        learner.step(batch, 4, 10)
    assert all(torch.equal(before[name], tensor) for name, tensor in learner.embedder.state_dict().items())
    assert all(state["step"] == 1 for state in learner.optimizer.state.values())


def test_a_gradient_that_is_no_number_changes_no_weight(configure: Make) -> None:
    learner, batch = start(configure())
    weight = learner.clip.model.visual_projection.weight
    before = weight.detach().clone()
    weight.register_hook(lambda gradient: gradient * math.nan)
    with pytest.raises(RunError, match="gradient_norm is nan in step 1"):
        learner.step(batch, 0, 10)
    assert torch.equal(weight, before)


def test_want_of_memory_names_the_mend(configure: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    learner, batch = start(configure())

    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(learner.embedder, "forward", full)
    with pytest.raises(
        RunError, match=r"the GPU does not hold 4 samples; set chunk \(GradCache\) or lower it"
    ):
        learner.step(batch, 0, 10)


def test_a_clip_has_no_bias_for_the_sigmoid_loss(configure: Make) -> None:
    with pytest.raises(ConfigError, match="sigmoid needs a logit bias, and the checkpoint, a CLIP, has none"):
        start(configure(losses={"contrastive": {"kind": "sigmoid"}}))


def test_a_siglip_may_be_trained_with_softmax(configure: Make, small_siglip: Path) -> None:
    learner, batch = start(configure(model={"checkpoint": str(small_siglip)}))
    before = learner.clip.model.logit_bias.item()
    learner.step(batch, 0, 10)
    assert learner.clip.model.logit_bias.item() == before


def test_parts_of_a_batch_hold_all_of_it_once(configure: Make) -> None:
    _, batch = start(configure(batch=12, losses=ALL_LOSSES, texts=TEXTS))
    parts = split(batch, 5)
    assert [len(part.samples) for part in parts] == [5, 5, 2]
    assert sum((part.samples for part in parts), ()) == batch.samples
    for name in ("image_BCHW", "text_BL", "negative_BKL", "texts_BTL", "short_BL", "tag_BG", "box_BR4"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(batch, name))
    assert replace(parts[0]).distill_BL is None


def test_compile_is_asked_for(configure: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("contrastive_trainer.model.Clip.compile_towers", lambda clip: asked.append(clip))
    learner, _ = start(configure(compile=True))
    assert asked == [learner.clip]
    start(configure())
    assert len(asked) == 1

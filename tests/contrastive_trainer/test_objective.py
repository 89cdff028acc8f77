"""The configured losses against matrices that are held, and against cases worked by hand."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid, normalize, softplus

from contrastive_trainer.data.batch import Batch
from contrastive_trainer.embedder import Embedder
from contrastive_trainer.model import load_clip
from contrastive_trainer.objective import Objective
from schemas.train import LossesConfig, TrainConfig

COUNT, WIDTH = 6, 5
OWN = torch.arange(COUNT)
HAS_NEGATIVE = torch.tensor([[1, 1], [1, 0], [0, 0], [0, 1], [1, 1], [0, 0]]).bool()


def make(folder: Path, scale: float = 9.0, **losses: Any) -> Objective:
    clip = load_clip(str(folder)).double()
    clip.model.logit_scale.data.fill_(math.log(scale))
    config = LossesConfig.model_validate(losses)
    return Objective(config=config, embedder=Embedder(clip, config, ["a", "b"]), group=None)


def batch(**tensors: Tensor) -> Batch:
    none = torch.zeros(0)
    return Batch(step=0, samples=(), image_BCHW=none, text_BL=none, **tensors)


def units(seed: int, *shape: int) -> Tensor:
    drawn = torch.randn(*shape, WIDTH, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return normalize(drawn, dim=-1).requires_grad_()


def assert_same(found: Tensor, expected: Tensor, *inputs: Tensor) -> None:
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs))


def extra_logits(image: Tensor, false: Tensor, of: str) -> Tensor:
    """Return what the rows get beside the batch's texts, minus infinity where an image does not meet it."""
    logits = torch.einsum("nd,mkd->nmk", 9 * image, false)
    meets = HAS_NEGATIVE[None].expand(COUNT, -1, -1)[..., : false.shape[1]]
    if of == "own":
        meets = meets & torch.eye(COUNT, dtype=torch.bool)[..., None]
    return logits.masked_fill(~meets, -torch.inf).flatten(1)


@pytest.mark.parametrize("of", ["batch", "own"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_false_texts_join_the_images_denominators(small_clip: Path, of: str, smoothing: float) -> None:
    image, text, false = units(1, COUNT), units(2, COUNT), units(3, COUNT, 2)
    config = {"negatives": {"per_image": 2, "of": of}, "smoothing": smoothing, "tile": 4}
    objective = make(small_clip, contrastive=config)
    embedded = {"image": image, "text": text, "negative": false}
    found, parts = objective(embedded, batch(has_negative_BK=HAS_NEGATIVE))

    logits = 9 * image @ text.T
    rows = torch.cat([logits, extra_logits(image, false, of)], dim=1)
    target = (1 - smoothing) * torch.eye(COUNT) + smoothing / COUNT
    by_row = rows.logsumexp(1) - (target * logits).sum(1)
    by_column = cross_entropy(logits.T, OWN, label_smoothing=smoothing)
    expected = (by_row.mean() + by_column) / 2
    assert parts.keys() == {"contrastive"}
    assert_same(found, expected, image, text, false)
    without, _ = make(small_clip, contrastive={"smoothing": smoothing})(embedded, batch())
    assert without.item() < found.item()


@pytest.mark.parametrize("of", ["batch", "own"])
def test_false_texts_of_the_other_kinds(small_clip: Path, small_siglip: Path, of: str) -> None:
    image, text, false = units(1, COUNT), units(2, COUNT), units(3, COUNT, 1)
    given = {"image": image, "text": text, "negative": false}, batch(has_negative_BK=HAS_NEGATIVE)

    logits, extra = 9 * image @ text.T, extra_logits(image, false, of)
    objective = make(small_siglip, contrastive={"kind": "sigmoid", "negatives": {"of": of}})
    bias = objective.embedder.clip.bias
    assert bias is not None
    signed = (logits + bias) * (2 * torch.eye(COUNT) - 1)
    expected = (softplus(extra + bias).sum() - logsigmoid(signed).sum()) / COUNT
    assert_same(objective(*given)[0], expected, image, text, false)

    objective = make(small_clip, contrastive={"kind": "leave_one_out", "negatives": {"of": of}})
    logits, extra = 9 * image @ text.T, extra_logits(image, false, of)
    others = logits.masked_fill(torch.eye(COUNT).bool(), -torch.inf)
    rows = torch.cat([others, extra], dim=1).logsumexp(1)
    expected = (rows + others.logsumexp(0) - 2 * logits.diagonal()).mean() / 2
    assert_same(objective(*given)[0], expected, image, text, false)


def test_each_loss_takes_as_many_false_texts_as_it_asks_for(small_clip: Path) -> None:
    image, text, false = units(1, COUNT), units(2, COUNT), units(3, COUNT, 2)
    losses = {"contrastive": {"negatives": {"of": "own"}}, "hni": {"negatives": 2, "weight": 0.5}}
    objective = make(small_clip, **losses)
    assert objective.config.drawn_negatives == 2
    embedded = {"image": image, "text": text, "negative": false}
    found, parts = objective(embedded, batch(has_negative_BK=HAS_NEGATIVE))
    logits = 9 * image @ text.T
    rows = torch.cat([logits, extra_logits(image, false[:, :1], "own")], dim=1)
    main = (cross_entropy(rows, OWN) + cross_entropy(logits.T, OWN)) / 2
    own = torch.cat([logits.diagonal()[:, None], extra_logits(image, false, "own")], dim=1)
    hni = cross_entropy(own, torch.zeros(COUNT).long(), reduction="sum") / 4  # of six images two have none
    torch.testing.assert_close(parts["hni"], hni)
    torch.testing.assert_close(parts["contrastive"], main)
    torch.testing.assert_close(found, main + 0.5 * hni)


def test_no_false_text_in_the_whole_batch_changes_nothing(small_clip: Path, small_siglip: Path) -> None:
    embedded = {"image": units(1, COUNT), "text": units(2, COUNT), "negative": units(3, COUNT, 2)}
    for folder, kind in ((small_clip, "softmax"), (small_siglip, "sigmoid"), (small_clip, "leave_one_out")):
        for of in ("batch", "own"):
            with_them = make(folder, contrastive={"kind": kind, "negatives": {"of": of}})
            found, _ = with_them(embedded, batch(has_negative_BK=HAS_NEGATIVE & False))
            expected, _ = make(folder, contrastive={"kind": kind})(embedded, batch())
            assert_same(found, expected, embedded["image"], embedded["text"])


def test_equal_texts_are_positives_of_each_other(small_clip: Path) -> None:
    image, text = units(1, COUNT), units(2, COUNT)
    group = torch.tensor([7, 1, 7, 2, 3, 7])
    objective = make(small_clip, contrastive={"same_text": True})
    found, _ = objective({"image": image, "text": text}, batch(group_B=group))
    target = (group[:, None] == group).double()
    target = target / target.sum(1, keepdim=True)
    logits = 9 * image @ text.T
    assert_same(found, (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2, image, text)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_more_texts_and_coarse_images_are_compared_likewise(small_clip: Path, smoothing: float) -> None:
    image, text, more, short = units(1, COUNT), units(2, COUNT), units(3, COUNT, 2), units(4, COUNT)
    losses = {"multi_text": {"texts": 3}, "long_clip": {"components": 2}}
    objective = make(small_clip, contrastive={"smoothing": smoothing}, **losses)
    found, parts = objective({"image": image, "text": text, "more": more, "short": short}, batch())
    centred = image - image.mean(0)
    basis = torch.linalg.svd(centred, full_matrices=False)[2][:2].T.detach()
    coarse = centred @ basis @ basis.T + image.mean(0)

    def both(side: Tensor, other: Tensor) -> Tensor:
        logits = 9 * side @ other.T
        return sum(cross_entropy(way, OWN, label_smoothing=smoothing) for way in (logits, logits.T)) / 2

    multi_text, long_clip = (both(image, more[:, 0]) + both(image, more[:, 1])) / 2, both(coarse, short)
    torch.testing.assert_close(parts["multi_text"], multi_text)
    torch.testing.assert_close(parts["long_clip"], long_clip)
    assert_same(found, both(image, text) + multi_text + long_clip, image, text, more, short)


def test_more_texts_are_compared_in_the_configured_kind(small_siglip: Path) -> None:
    image, more = units(1, COUNT), units(3, COUNT, 1)
    objective = make(small_siglip, contrastive={"kind": "sigmoid"}, multi_text={"texts": 2})
    parts = objective({"image": image, "text": more[:, 0], "more": more}, batch())[1]
    assert parts["multi_text"].item() == pytest.approx(parts["contrastive"].item())


def test_regions_by_hand(small_clip: Path) -> None:
    """Three regions of two images; the third's phrase is the first's, so that they are no negatives."""
    axes = torch.eye(WIDTH, dtype=torch.float64)
    phrase = torch.stack([axes[[0, 1]], axes[[0, 4]]])
    region = torch.stack([axes[[0, 1]], axes[[0, 3]]])
    has = torch.tensor([[True, True], [True, False]])
    box = torch.tensor([[[0.0, 0.0, 0.5, 1.0], [0.2, 0.2, 0.4, 0.4]], [[0.0, 0.5, 1.0, 1.0], [0.0] * 4]])
    found = box.clone()
    found[0, 1, 2] += 0.3
    found[1, 1] += 5  # no region
    objective = make(small_clip, scale=2.0, regions={"weight": 0.5, "per_image": 2})
    same = axes[:2]
    embedded = {"image": same, "text": same, "region": region, "phrase": phrase, "found": found}
    total, parts = objective(embedded, batch(box_BR4=box, has_region_BR=has))
    others = math.exp(-2)  # of a logit 0 against the own one of 2
    expected = (2 * math.log1p(others) + math.log1p(2 * others)) / 3
    assert parts["regions"].item() == pytest.approx(2 / 3 * expected)
    assert parts["grounding"].item() == pytest.approx(2 / 3 * 0.09 / (4 * 3))
    extra = 0.5 * (parts["regions"] + parts["grounding"])
    assert total.item() == pytest.approx((parts["contrastive"] + extra).item())


def test_a_batch_without_regions_adds_nothing(small_clip: Path) -> None:
    axes = torch.eye(WIDTH, dtype=torch.float64)[:2]
    embedded = {"image": axes, "text": axes, "region": axes[:, None], "phrase": axes[:, None]}
    embedded["found"] = torch.ones(2, 1, 4)
    none = batch(box_BR4=torch.zeros(2, 1, 4), has_region_BR=torch.zeros(2, 1, dtype=torch.bool))
    parts = make(small_clip, regions={"per_image": 1})(embedded, none)[1]
    assert (parts["regions"].item(), parts["grounding"].item()) == (0, 0)


@pytest.mark.parametrize(
    ("contrastive", "message"),
    [
        ({"kind": "leave_one_out", "smoothing": 0.1}, "smoothing is of kind softmax, not of leave_one_out"),
        ({"kind": "sigmoid", "smoothing": 0.1}, "smoothing is of kind softmax, not of sigmoid"),
        ({"smoothing": 1.0}, "less than 1"),
        ({"smoothing": math.nan}, "smoothing"),
        ({"negatives": {"of": "all"}}, "'batch' or 'own'"),
        ({"negatives": {"per_image": 0}}, "greater than or equal to 1"),
        ({"negatives": {}}, r"losses\.contrastive\.negatives contradicts .* give texts\.p_long a weight"),
    ],
)
def test_wrong_settings_are_told(contrastive: Any, message: str) -> None:
    values = {"output": "x", "data": {"shards": "x"}, "model": {"preset": "tiny"}}
    with pytest.raises(ValidationError, match=message):
        TrainConfig.model_validate(values | {"losses": {"contrastive": contrastive}})

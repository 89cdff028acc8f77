import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from contrastive_trainer.losses.contrastive import Kind, Negatives, contrastive
from contrastive_trainer.losses.pairs import Pairs

Units = Callable[..., Tensor]
KINDS: tuple[Kind, ...] = ("softmax", "sigmoid", "leave_one_out")


def dense(
    image: Tensor,
    text: Tensor,
    scale: Tensor,
    kind: str,
    bias: Tensor | float = 0.0,
    pairs: Pairs = Pairs(),  # noqa: B008
    negatives: Negatives | None = None,
    smoothing: float = 0.0,
) -> Tensor:
    """Return the same loss with every matrix held, written from the formulas pair by pair."""
    keep = torch.ones(len(image), dtype=torch.bool) if pairs.valid_N is None else pairs.valid_N
    ids = torch.arange(len(image)) if pairs.ids_N is None else pairs.ids_N
    image, text, ids = image[keep], text[keep], ids[keep]
    count = max(len(image), 1)
    positive = ids[:, None] == ids[None]
    ignored = torch.zeros_like(positive)
    if pairs.keys_NK is not None:
        key = functional.normalize(pairs.keys_NK.detach()[keep], dim=1)
        ignored = (key @ key.T > pairs.alike_above) & ~positive
    logits = scale * (image @ text.T) + bias
    more = []
    if negatives is not None and negatives.shared:
        there = [negatives.text_NKD[n, k] for n, k in negatives.valid_NK.nonzero().tolist()]
        more += [scale * (image @ text) + bias for text in there]
    elif negatives is not None:
        for own, valid in zip(negatives.text_NKD.unbind(1), negatives.valid_NK.unbind(1), strict=True):
            one = scale * (image * own[keep]).sum(1) + bias
            more.append(torch.where(valid[keep], one, -torch.inf))
    if kind == "sigmoid":
        labels = positive * 2.0 - 1
        terms = torch.where(ignored, 0, -functional.logsigmoid(labels * logits)).sum()
        return (terms + sum(-functional.logsigmoid(-m).sum() for m in more)) / count
    left_out = ignored | positive if kind == "leave_one_out" else ignored
    rows = columns = logits.masked_fill(left_out, -torch.inf)
    rows = torch.cat([rows, *(m[:, None] for m in more)], dim=1)
    target = positive.double() / positive.sum(1, keepdim=True) * (1 - smoothing) + smoothing / count
    total = torch.zeros((), dtype=image.dtype)
    for i in range(len(image)):
        if left_out[i].all():
            continue
        total = total + torch.logsumexp(rows[i], 0) + torch.logsumexp(columns[:, i], 0)
        total = total - (target[i] * logits[i]).sum() - (target[:, i] * logits[:, i]).sum()
    return total / (2 * count)


def assert_same(ours: Tensor, theirs: Tensor, inputs: Sequence[Tensor], tolerance: float = 1e-9) -> None:
    """Compare values and gradients, relative to their own size."""
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)
    expected = torch.autograd.grad(theirs, inputs, allow_unused=True)
    found = torch.autograd.grad(ours, inputs, allow_unused=True)
    for i, mine, reference in zip(inputs, found, expected, strict=True):
        mine, reference = (torch.zeros_like(i) if g is None else g for g in (mine, reference))
        size = tolerance * (1 + float(reference.abs().max())) if reference.numel() else tolerance
        torch.testing.assert_close(mine, reference, rtol=tolerance, atol=size, check_dtype=False)


def scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


@st.composite
def problems(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(KINDS))
    count = draw(st.integers(2, 11))
    options: dict[str, Any] = {
        "kind": kind,
        "count": count,
        "width": draw(st.integers(1, 5)),
        "tile": draw(st.integers(1, 13)),
        "scale": draw(st.sampled_from([0.5, 14.3, 100.0, 1e4])),
        "seed": draw(st.integers(0, 10**6)),
        "smoothing": draw(st.sampled_from([0.0, 0.1])) if kind == "softmax" else 0.0,
        "negatives": draw(st.integers(0, 3)),
        "valid_negatives": draw(st.sampled_from([0.0, 0.3, 0.7, 1.0])),
        "shared": draw(st.booleans()),
        "keys": draw(st.booleans()),
    }
    lists = {"min_size": count, "max_size": count}
    options["ids"] = draw(st.none() | st.lists(st.integers(-2, 4), **lists))
    options["valid"] = draw(st.none() | st.lists(st.booleans(), **lists))
    return options


@given(problem=problems())
@settings(max_examples=150, deadline=None)
def test_tiles_equal_the_dense_form_in_value_and_gradient(problem: dict[str, Any], units: Units) -> None:
    count, width, seed = problem["count"], problem["width"], problem["seed"]
    image, text = units(count, width, seed=seed), units(count, width, seed=seed + 1)
    scale, bias = scalar(problem["scale"]), scalar(-3.0)
    false = units(count, problem["negatives"], width, seed=seed + 2)
    drawn = torch.rand(false.shape[:2], generator=torch.Generator().manual_seed(seed))
    pairs = Pairs(
        ids_N=None if problem["ids"] is None else torch.tensor(problem["ids"]),
        valid_N=None if problem["valid"] is None else torch.tensor(problem["valid"]),
        keys_NK=text if problem["keys"] else None,
        alike_above=0.7,
    )
    negatives = Negatives(
        text_NKD=false, valid_NK=drawn < problem["valid_negatives"], shared=problem["shared"]
    )
    kind, smoothing = problem["kind"], problem["smoothing"]
    used = bias if kind == "sigmoid" else 0.0
    ours = contrastive(
        image,
        text,
        scale,
        kind=kind,
        bias=used,
        pairs=pairs,
        negatives=negatives,
        smoothing=smoothing,
        tile=problem["tile"],
    )
    theirs = dense(image, text, scale, kind, used, pairs, negatives, smoothing)
    if not theirs.requires_grad:  # no pair is valid
        assert ours == theirs == 0
        return
    assert_same(ours, theirs, [image, text, scale, bias, false])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("tile", "shared"), [(1, True), (2, False), (3, True), (5, False), (10, True)])
def test_gradients_pass_finite_differences(kind: Kind, tile: int, shared: bool, units: Units) -> None:
    inputs = [units(5, 3, seed=1), units(5, 3, seed=2), scalar(7.0), scalar(-1.0), units(5, 2, 3, seed=3)]
    valid = torch.tensor([[1, 1], [0, 1], [0, 0], [1, 0], [1, 1]]).bool()

    def loss(*arguments: Tensor) -> Tensor:
        image, text, scale, bias, false = arguments
        negatives = Negatives(text_NKD=false, valid_NK=valid, shared=shared)
        used = bias if kind == "sigmoid" else 0.0
        return contrastive(image, text, scale, kind=kind, bias=used, negatives=negatives, tile=tile)

    assert torch.autograd.gradcheck(loss, inputs)


def test_by_hand() -> None:
    # Logits ((ln 3, 0), (0, ln 2)): softmaxes 3/4 and 2/3 along rows and columns alike.
    image = torch.eye(2, dtype=torch.float64)
    text = torch.diag(torch.tensor([3.0, 2.0], dtype=torch.float64).log())
    assert contrastive(image, text, 1.0).item() == pytest.approx((math.log(4 / 3) + math.log(3 / 2)) / 2)
    expected = (0 - math.log(3) + 0 - math.log(2)) / 2  # one negative each, of logit 0
    assert contrastive(image, text, 1.0, kind="leave_one_out").item() == pytest.approx(expected)
    expected = (math.log(4 / 3) + math.log(3 / 2) + 2 * math.log(2)) / 2  # sigmoids 3/4, 2/3 and two of 1/2
    assert contrastive(image, text, 1.0, kind="sigmoid").item() == pytest.approx(expected)
    # Two more of logit 0, both the first image's: for the rows of all, or for the first row; for no column.
    false, valid = torch.zeros(2, 2, 2, dtype=torch.float64), torch.tensor([[True, True], [False, False]])
    columns = math.log(4 / 3) + math.log(3 / 2)
    for shared, second in ((True, 5 / 2), (False, 3 / 2)):
        negatives = Negatives(text_NKD=false, valid_NK=valid, shared=shared)
        rows = math.log(6 / 3) + math.log(second)
        assert contrastive(image, text, 1.0, negatives=negatives).item() == pytest.approx(
            (rows + columns) / 4
        )


def test_infonce_is_softplus_of_infoloob_row_by_row(units: Units) -> None:
    image, text = units(6, 4, seed=1), units(6, 4, seed=2)
    logits = 9 * image @ text.T
    off = logits.masked_fill(torch.eye(6, dtype=torch.bool), -torch.inf)
    loob = torch.cat([off.logsumexp(1), off.logsumexp(0)]) - logits.diagonal().repeat(2)
    assert contrastive(image, text, 9.0, kind="leave_one_out").item() == pytest.approx(loob.mean().item())
    nce = functional.softplus(loob).mean().item()
    assert contrastive(image, text, 9.0).item() == pytest.approx(nce)


def test_leave_one_out_does_not_saturate(units: Units) -> None:
    # d/dS_ii is -1 for InfoLOOB, however well the pair is told apart; -(1 - p_ii) for InfoNCE.
    image = torch.eye(3, dtype=torch.float64)
    text = torch.eye(3, dtype=torch.float64, requires_grad=True)
    for kind, expected in (("leave_one_out", 1.0), ("softmax", 1 - 1 / (1 + 2 * math.exp(-20)))):
        (gradient,) = torch.autograd.grad(contrastive(image, text, 20.0, kind=kind), text)  # type: ignore[arg-type]
        torch.testing.assert_close(gradient.diagonal(), torch.full((3,), -20 * expected / 3).double())


def test_repeated_captions_pull_together_only_as_positives(units: Units) -> None:
    text = units(4, 8, seed=2).detach()
    text[1] = text[0]
    image = text.clone().requires_grad_()
    ids = torch.tensor([0, 0, 1, 2])
    loss = contrastive(image, text, 30.0, pairs=Pairs(ids_N=ids))
    # Two equal texts share the target and the softmax: log 2 for each of their images is the least there is.
    assert loss.item() == pytest.approx(2 * math.log(2) / 4, abs=1e-6)
    without = contrastive(image, text, 30.0, pairs=Pairs(keys_NK=text))
    assert without.item() == pytest.approx(0, abs=1e-6)


def test_pairs_that_are_not_valid_take_no_part(units: Units) -> None:
    image, text = units(5, 3, seed=1), units(5, 3, seed=2)
    valid = torch.tensor([True, False, True, True, False])
    for kind in KINDS:
        part = contrastive(image, text, 5.0, kind=kind, pairs=Pairs(valid_N=valid))
        assert part.item() == pytest.approx(contrastive(image[valid], text[valid], 5.0, kind=kind).item())
        part.backward()
        assert image.grad is not None
        assert not image.grad[~valid].any()
        none = contrastive(image, text, 5.0, kind=kind, pairs=Pairs(valid_N=torch.zeros(5, dtype=torch.bool)))
        assert none.item() == 0
        none.backward()


@pytest.mark.parametrize("scale", [100.0, 1e4])
def test_extreme_logits_stay_exact(scale: float, units: Units) -> None:
    image, text = units(40, 8, seed=1, dtype=torch.float32), units(40, 8, seed=2, dtype=torch.float32)
    double = [
        image.detach().double().requires_grad_(),
        text.detach().double().requires_grad_(),
        scalar(scale),
    ]
    for kind in KINDS:
        single = [image, text, torch.tensor(scale, requires_grad=True)]
        ours = contrastive(*single, kind=kind, tile=16)
        theirs = dense(*double, kind)
        assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
        for mine, exact in zip(
            torch.autograd.grad(ours, single), torch.autograd.grad(theirs, double), strict=True
        ):
            assert (mine - exact).norm() <= 2e-7 * scale * exact.norm() + 1e-6


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_identical_embeddings_give_chance(scale: float) -> None:
    same = torch.nn.functional.normalize(torch.ones(9, 4), dim=1).requires_grad_()
    loss = contrastive(same, same, scale, tile=4)
    assert loss.item() == pytest.approx(math.log(9), rel=1e-5)
    assert contrastive(same, same, scale, kind="leave_one_out").item() == pytest.approx(math.log(8), rel=1e-5)
    loss.backward()
    assert same.grad is not None
    assert same.grad.abs().max() < 1e-4


def test_one_pair_and_nothing_to_tell_apart() -> None:
    one = torch.ones(1, 1)
    assert contrastive(one, one, 100.0).item() == 0
    assert contrastive(one, one, 1.0, kind="sigmoid").item() == pytest.approx(math.log1p(math.exp(-1)))
    with pytest.raises(ValueError, match="at least 2"):
        contrastive(one, one, 1.0, kind="leave_one_out")
    image = torch.ones(3, 1, requires_grad=True)
    loss = contrastive(image, image, 1.0, kind="leave_one_out", pairs=Pairs(ids_N=torch.zeros(3).long()))
    loss.backward()
    assert loss.item() == 0
    assert image.grad is not None
    assert not image.grad.any()


@pytest.mark.parametrize("kind", KINDS)
def test_bfloat16_is_computed_in_float32_under_autocast(kind: Kind, units: Units) -> None:
    image = units(33, 16, seed=1, dtype=torch.bfloat16)
    text = units(33, 16, seed=2, dtype=torch.bfloat16)
    reference = contrastive(image.float(), text.float(), 50.0, kind=kind)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = contrastive(image, text, 50.0, kind=kind, tile=8)
        (gradient,) = torch.autograd.grad(loss, image)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(reference.item(), rel=1e-6)
    assert gradient.dtype == torch.bfloat16
    assert torch.equal(gradient, torch.autograd.grad(reference, image)[0])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_kept_for_backward_is_linear_in_the_batch(kind: Kind, units: Units) -> None:
    def kept(count: int) -> int:
        image, text = (units(count, 8, seed=s, dtype=torch.float32) for s in (1, 2))
        storages: dict[int, int] = {}

        def pack(tensor: Tensor) -> Tensor:
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss = contrastive(image, text, torch.tensor(10.0), kind=kind, tile=64)
        assert loss.isfinite()
        return sum(storages.values())

    assert kept(1024) <= 2 * kept(512) + 64
    assert kept(1024) < 12 * 1024 * 8 * 4  # a dozen of N x D, where N x N is 128 of them


def test_a_locked_tower_needs_no_gradient(units: Units) -> None:
    for locked in (0, 1):
        sides = [units(6, 3, seed=1), units(6, 3, seed=2)]
        scale = scalar(8.0)
        whole = torch.autograd.grad(contrastive(*sides, scale, tile=4), [sides[1 - locked], scale])
        sides[locked] = sides[locked].detach()
        part = torch.autograd.grad(contrastive(*sides, scale, tile=4), [sides[1 - locked], scale])
        torch.testing.assert_close(part, whole)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "hinge"}, "give softmax, sigmoid or leave_one_out"),
        ({"bias": -1.0}, "has no bias"),
        ({"kind": "sigmoid", "smoothing": 0.1}, "leave it at 0"),
        ({"smoothing": 1.0}, "0..1"),
        ({"tile": 0}, "at least 1"),
        ({"pairs": Pairs(ids_N=torch.arange(3))}, "ids_N has 3 entries for 2 pairs"),
    ],
)
def test_wrong_options_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        contrastive(torch.eye(2), torch.eye(2), 1.0, **options)


def test_wrong_shapes_are_told() -> None:
    with pytest.raises(ValueError, match=r"\(2, 2\) and \(3, 3\)"):
        contrastive(torch.eye(2), torch.eye(3), 1.0)
    negatives = Negatives(
        text_NKD=torch.zeros(3, 1, 2), valid_NK=torch.zeros(3, 1, dtype=torch.bool), shared=True
    )
    with pytest.raises(ValueError, match=r"negatives of 2 images are \(3, 1, 2\), \(3, 1\)"):
        contrastive(torch.eye(2), torch.eye(2), 1.0, negatives=negatives)

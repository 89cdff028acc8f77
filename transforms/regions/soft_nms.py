"""Soft-NMS: boxes that overlap a better one lose score instead of being removed.

Bodla et al. 2017, arXiv 1704.04503, with two departures from the authors' code: sides are x1 - x0 without the
pixel that it adds, which is wrong for boxes in 0..1; and a box that starts under the floor is never picked.

Endings of names are shapes: n boxes, a of them fit to be compared, k kept, l labels; 4 is x0, y0, x1, y1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Method = Literal["linear", "gaussian", "hard"]
METHODS: tuple[Method, ...] = ("linear", "gaussian", "hard")

BAD_BOX = "box with a coordinate that is no number"
BAD_SCORE = "score that is no number"
NO_AREA = "box of no area"
LOW_SCORE = "score under the floor"
DECAYED = "overlaps better boxes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivors:
    """The boxes that are left, in the order in which they were picked, and how many are not and why.

    `index_k` points into the input; `raw_k` is the score there, `score_k` what is left of it.
    """

    index_k: NDArray[np.int64]
    raw_k: NDArray[np.float64]
    score_k: NDArray[np.float64]
    dropped: Mapping[str, int]


def soft_nms(
    boxes: NDArray[np.floating],
    scores: NDArray[np.floating],
    labels: NDArray[np.integer] | None = None,
    alike: NDArray[np.bool_] | None = None,
    *,
    method: Method = "linear",
    sigma: float = 0.5,
    overlap: float = 0.3,
    floor: float = 0.001,
) -> Survivors:
    """Pick the best box, lower the scores of those that overlap it, and repeat; O(N) memory, O(N^2) time.

    With o the intersection over union, a score is multiplied by 1 - o where o > overlap (linear), by
    exp(-o^2 / sigma) (gaussian), or by 0 where o > overlap (hard: plain NMS). Of equal scores the first is
    picked first. The inputs are not changed.

    Args:
        boxes: N x 4, in any unit.
        scores: N.
        labels: N, in 0..L-1; only boxes with alike labels lower each other. All boxes do without.
        alike: L x L, symmetric; without, a label is like itself alone.
        method: defaults are those of the paper and of its code.
        sigma: of gaussian.
        overlap: of linear and hard, the paper's Nt.
        floor: boxes of a score under this are dropped, before or after they lose some.

    Raises:
        ValueError: a shape does not fit, or a setting is out of range.
    """
    _check(method, sigma, overlap, floor)
    box_n4, score_n = np.asarray(boxes, np.float64).reshape(-1, 4), np.asarray(scores, np.float64)
    if score_n.shape != (len(box_n4),) or (labels is not None and labels.shape != score_n.shape):
        raise ValueError(
            f"{len(box_n4)} boxes, but scores or labels of another shape; give one of each a box"
        )
    fit_a, dropped = _fit(box_n4, score_n, floor)
    rivals = _Rivals(box_n4[fit_a], None if labels is None else labels[fit_a], alike)
    decay = partial(_decay, method=method, sigma=sigma, overlap=overlap)
    place_k, score_k = _pick(rivals, score_n[fit_a], floor, decay)
    index_k = fit_a[place_k]
    dropped[DECAYED] = len(fit_a) - len(place_k)
    return Survivors(
        index_k=index_k,
        raw_k=score_n[index_k],
        score_k=score_k,
        dropped={why: count for why, count in dropped.items() if count},
    )


class _Rivals:
    """Boxes by which others a pick touches."""

    def __init__(
        self,
        box_a4: NDArray[np.float64],
        label_a: NDArray[np.integer] | None,
        alike_ll: NDArray[np.bool_] | None,
    ) -> None:
        self.x0_a, self.y0_a, self.x1_a, self.y1_a = np.ascontiguousarray(box_a4.T)
        self.area_a = (self.x1_a - self.x0_a) * (self.y1_a - self.y0_a)
        self.label_a, self.alike_ll = label_a, alike_ll

    def of(self, best: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the places of the boxes that overlap one and are alike, and their overlaps with it."""
        wide_a = np.minimum(self.x1_a, self.x1_a[best]) - np.maximum(self.x0_a, self.x0_a[best])
        high_a = np.minimum(self.y1_a, self.y1_a[best]) - np.maximum(self.y0_a, self.y0_a[best])
        touches_a = (wide_a > 0) & (high_a > 0)
        if self.label_a is not None:
            label = self.label_a[best]
            touches_a &= (
                self.label_a == label if self.alike_ll is None else self.alike_ll[label][self.label_a]
            )
        near = np.flatnonzero(touches_a)
        shared = wide_a[near] * high_a[near]
        return near, shared / (self.area_a[near] + self.area_a[best] - shared)


def _pick(
    rivals: _Rivals,
    score_a: NDArray[np.float64],
    floor: float,
    decay: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the places of the boxes that are kept, in the order picked, and what is left of their scores."""
    left_a = score_a.copy()
    picked: list[int] = []
    kept: list[float] = []
    with np.errstate(over="ignore", under="ignore"):
        for _ in range(len(left_a)):
            best = int(left_a.argmax())
            if left_a[best] < floor:
                break
            picked.append(best)
            kept.append(float(left_a[best]))
            left_a[best] = -1  # under any floor, and times 0 no NaN
            near_a, o_a = rivals.of(best)
            left_a[near_a] *= decay(o_a)
    return np.array(picked, np.int64), np.array(kept, np.float64)


def _decay(o: NDArray[np.float64], method: Method, sigma: float, overlap: float) -> NDArray[np.float64]:
    if method == "gaussian":
        return np.exp(-(o * o) / sigma)
    return np.where(o > overlap, 1 - o if method == "linear" else 0.0, 1.0)


def _fit(
    box_n4: NDArray[np.float64], score_n: NDArray[np.float64], floor: float
) -> tuple[NDArray[np.int64], dict[str, int]]:
    """Return the places of the boxes that can be compared, and how many cannot and why."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        side_n2 = box_n4[:, 2:] - box_n4[:, :2]
        area_n = side_n2.prod(axis=1)
        faults = {
            BAD_BOX: ~(np.isfinite(box_n4).all(axis=1) & np.isfinite(area_n)),
            BAD_SCORE: ~np.isfinite(score_n),
            NO_AREA: ~((side_n2 > 0).all(axis=1) & (area_n > 0)),
            LOW_SCORE: score_n < floor,
        }
    fit_n = np.ones(len(score_n), bool)
    dropped: dict[str, int] = {}
    for why, fault_n in faults.items():  # the first that objects counts
        dropped[why] = int((fit_n & fault_n).sum())
        fit_n &= ~fault_n
    return np.flatnonzero(fit_n), dropped


def _check(method: str, sigma: float, overlap: float, floor: float) -> None:
    if method not in METHODS:
        raise ValueError(f"method {method!r} is unknown; take one of {', '.join(METHODS)}")
    if not sigma > 0:
        raise ValueError(f"sigma {sigma} is not over 0; the paper's is 0.5")
    if not 0 <= overlap <= 1:
        raise ValueError(f"overlap {overlap} is not in 0..1; the paper's is 0.3")
    if not floor > 0:
        raise ValueError(f"floor {floor} is not over 0; the paper's is 0.001")

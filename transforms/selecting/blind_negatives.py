"""Leave out negatives until nobody can tell them from their sentences without the picture.

SugarCrepe's adversarial refinement (Hsieh et al. 2023, arXiv 2306.14610): models that see only
texts score both sentences of a pair, and `gap_grid` keeps as many pairs that they get right as wrong. It is
repeated, as what is left may give itself away otherwise.
"""

import base64
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.selecting.blind_scorers import (
    FOLDS,
    BlindScorers,
    blind_accuracy,
    fit_scorers,
    score_gaps,
)
from transforms.selecting.draws import draw
from transforms.selecting.gap_grid import GapGrid, fit_grid
from transforms.selecting.text_pairs import TextPair

MAX_ROUNDS = 6
TOLERANCE = 0.02
"""So near to 0.5 the accuracy of every scorer is good enough, or within two standard errors of it."""

CELLS = (2, 6, 6)
"""Into which a grid parts either side of zero, for length, plausibility and words, where pairs are many."""

_PAIRS_PER_CELL = 20
_SEED, _FRESH = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Refinement:
    """What decides for each pair whether it stays: the scorers and the grid of each round."""

    rounds: tuple[tuple[BlindScorers, GapGrid], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindReport:
    """How well negatives are told without the picture, before and after.

    Args:
        before: share of pairs that each scorer of `blind_accuracy` gets right; 0.5 is chance.
        after: by scorers fitted afresh on what is left, on other folds than were refined with; empty where
            nothing is left.
    """

    pairs: int
    kept: int
    rounds: int
    before: Mapping[str, float]
    after: Mapping[str, float]

    @property
    def kept_share(self) -> float:
        """Share of the pairs that stay."""
        return self.kept / self.pairs if self.pairs else 1.0


def refine(pairs: Sequence[TextPair]) -> tuple[Refinement, BlindReport]:
    """Return what decides over pairs like these, and what it does to them.

    Pairs are a sample of the pool (`draw_pairs`): memory and time grow with them, and some 100,000 are
    plenty. Their order does not matter. Of no pairs, all stay.
    """
    left = sorted(pairs, key=lambda pair: (pair.uid, pair.place, pair.positive, pair.negative))
    before = after = blind_accuracy(left, _FRESH) if left else {}
    rounds: list[tuple[BlindScorers, GapGrid]] = []
    while left and len(rounds) < MAX_ROUNDS and not _is_blind(after, len(left)):
        scorers = fit_scorers(left, _SEED)
        grid = fit_grid(score_gaps(scorers, left), _cells(len(left)))
        stays = _stays(scorers, grid, len(rounds), left)
        rounds.append((scorers, grid))
        left = [pair for pair, kept in zip(left, stays, strict=True) if kept]
        after = blind_accuracy(left, _FRESH) if left else {}
    report = BlindReport(pairs=len(pairs), kept=len(left), rounds=len(rounds), before=before, after=after)
    return Refinement(rounds=tuple(rounds)), report


def keeps(refinement: Refinement, pairs: Sequence[TextPair]) -> list[bool]:
    """Return which pairs stay; each is decided alone, whatever else is asked about."""
    kept = np.ones(len(pairs), bool)
    for number, (scorers, grid) in enumerate(refinement.rounds):
        asked = np.flatnonzero(kept)
        kept[asked] = _stays(scorers, grid, number, [pairs[n] for n in asked.tolist()])
    return list(kept.tolist())


def _stays(scorers: BlindScorers, grid: GapGrid, number: int, pairs: Sequence[TextPair]) -> NDArray[np.bool_]:
    lots = np.array([draw(number, "refine", pair.uid, str(pair.place)) for pair in pairs], np.float64)
    return lots < grid.shares_of(score_gaps(scorers, pairs))


def _is_blind(accuracies: Mapping[str, float], pairs: int) -> bool:
    near = max(TOLERANCE, 1 / math.sqrt(pairs))
    return all(abs(found - 0.5) <= near for found in accuracies.values())


def _cells(pairs: int) -> list[int]:
    """Return into how many cells each scorer's gaps are parted, so that the grid's have pairs enough."""
    cells = list(CELLS)
    while max(cells) > 1 and np.prod([2 * n + 1 for n in cells]) * _PAIRS_PER_CELL > pairs:
        cells[cells.index(max(cells))] -= 1
    return cells


def refinement_json(refinement: Refinement) -> str:
    """Return a refinement as JSON: some MB, most of which is n-grams."""
    rounds = [
        {
            "ngrams": _packed(scorers.ngrams.astype("<i4")),
            "weights": _packed(scorers.weights.astype("<f4")),
            "borders": grid.borders,
            "shares": sorted(grid.shares.items()),
        }
        for scorers, grid in refinement.rounds
    ]
    return json.dumps({"rounds": rounds})


def read_refinement(text: str) -> Refinement:
    """Return what `refinement_json` wrote."""
    return Refinement(rounds=tuple(_read_round(told) for told in json.loads(text)["rounds"]))


def _read_round(told: Mapping[str, Any]) -> tuple[BlindScorers, GapGrid]:
    scorers = BlindScorers(
        seed=_SEED,
        ngrams=_unpacked(told["ngrams"], "<i4").astype(np.int32),
        weights=_unpacked(told["weights"], "<f4").astype(np.float32),
    )
    borders = tuple(tuple(sizes) for sizes in told["borders"])
    return scorers, GapGrid(borders=borders, shares=dict(told["shares"]))


def _packed(table: NDArray[np.generic]) -> str:
    return base64.b64encode(zlib.compress(table.tobytes())).decode("ascii")


def _unpacked(text: str, kind: str) -> NDArray[Any]:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), kind).reshape(FOLDS, -1)

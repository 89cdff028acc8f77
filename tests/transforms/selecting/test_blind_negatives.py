"""Planted: a colour is exchanged, and true colours are skewed; some negatives are longer."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_predict

from transforms.selecting.blind_negatives import BlindReport, Refinement, keeps, read_refinement, refine
from transforms.selecting.blind_negatives import refinement_json as as_json
from transforms.selecting.blind_scorers import blind_accuracy
from transforms.selecting.text_pairs import TextPair

COLOURS = ["red", "orange", "yellow", "green", "blue", "purple", "black", "white"]
CHANCES = [0.4, 0.2, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05]
THINGS = ["car", "dog", "house", "ball", "shirt", "boat", "door", "bag", "hat", "cup"]
PLACES = ["road", "beach", "table", "lawn", "street", "shelf"]
CREPE = Path(__file__).parents[4] / "shared/data/sugar_crepe/data_unrefined"


def planted(number: int, seed: int) -> list[TextPair]:
    rng = np.random.default_rng(seed)
    pairs = []
    for n in range(number):
        true = int(rng.choice(8, p=CHANCES))
        wrong = (true + int(rng.integers(1, 8))) % 8
        sentence = f"A {{}} {rng.choice(THINGS)} on the {rng.choice(PLACES)}, near a {rng.choice(THINGS)}."
        longer = " today" if rng.random() < 0.2 else ""
        pairs.append(
            TextPair(
                uid=f"{seed}-{n}",
                place=0,
                positive=sentence.format(COLOURS[true]),
                negative=sentence.format(COLOURS[wrong]) + longer,
                alt_text=f"{THINGS[n % 10]} for sale",
            )
        )
    return pairs


def fresh_accuracy(pairs: list[TextPair]) -> float:
    """Tell pairs by another library's regression on words, sides exchanged at random, in ten folds."""
    side = np.random.default_rng(5).integers(0, 2, len(pairs))
    words = CountVectorizer().fit([text for pair in pairs for text in (pair.positive, pair.negative)])
    difference = words.transform([one.positive for one in pairs]).astype(float)
    difference -= words.transform([one.negative for one in pairs]).astype(float)
    difference = difference.multiply(np.where(side, 1, -1)[:, None]).tocsr()
    model = LogisticRegression(fit_intercept=False, C=1.0)
    told = cross_val_predict(model, difference, side, cv=KFold(10, shuffle=True, random_state=1))
    return float((told == side).mean())


PLANTED = planted(6000, 0)


@pytest.fixture(scope="module")
def refined() -> tuple[Refinement, BlindReport]:
    return refine(PLANTED)


def left_of(refinement: Refinement, pairs: list[TextPair]) -> list[TextPair]:
    return [pair for pair, kept in zip(pairs, keeps(refinement, pairs), strict=True) if kept]


def test_afterwards_nothing_tells_them(refined: tuple[Refinement, BlindReport]) -> None:
    refinement, report = refined
    assert report.before["words"] > 0.7
    assert report.before["ensemble"] > 0.7
    assert report.before["length"] == pytest.approx(0.4, abs=0.02)  # a fifth of the negatives is longer
    for name, found in report.after.items():
        assert found == pytest.approx(0.5, abs=0.03), name
    left = left_of(refinement, PLANTED)
    assert fresh_accuracy(PLANTED) > 0.7
    assert fresh_accuracy(left) == pytest.approx(0.5, abs=0.03)
    assert len(left) == report.kept
    assert report.kept_share == pytest.approx(0.42, abs=0.05)


def test_pairs_that_were_not_in_the_sample_are_refined_as_well(
    refined: tuple[Refinement, BlindReport],
) -> None:
    others = planted(6000, 1)
    left = left_of(refined[0], others)
    assert fresh_accuracy(others) > 0.7
    assert fresh_accuracy(left) == pytest.approx(0.5, abs=0.03)
    assert all(abs(found - 0.5) < 0.03 for found in blind_accuracy(left, seed=9).values())


def test_a_pair_is_decided_alone_and_the_order_does_not_matter(
    refined: tuple[Refinement, BlindReport],
) -> None:
    some = PLANTED[:40]
    together = keeps(refined[0], some)
    assert [keeps(refined[0], [pair])[0] for pair in some] == together
    assert keeps(refined[0], []) == []
    few = PLANTED[:600]
    one, other = refine(few), refine(few[::-1])
    assert one[1] == other[1]
    assert as_json(one[0]) == as_json(other[0])


def test_is_read_as_it_was_written(refined: tuple[Refinement, BlindReport]) -> None:
    again = read_refinement(as_json(refined[0]))
    assert keeps(again, PLANTED[:500]) == keeps(refined[0], PLANTED[:500])
    assert as_json(again) == as_json(refined[0])


def test_what_is_blind_already_stays_whole() -> None:
    rng = np.random.default_rng(3)
    pairs = []
    for n in range(3000):
        one, other = rng.choice(8, 2, replace=False)
        texts = [f"A {COLOURS[k]} {THINGS[n % 10]}." for k in (one, other)]
        pairs.append(TextPair(uid=str(n), place=0, positive=texts[0], negative=texts[1]))
    refinement, report = refine(pairs)
    assert (report.rounds, report.kept, report.kept_share) == (0, 3000, 1.0)
    assert all(keeps(refinement, pairs))
    assert keeps(read_refinement(as_json(refinement)), pairs[:3]) == [True] * 3


def test_negatives_that_are_all_told_do_not_stay() -> None:
    pairs = [TextPair(uid=str(n), place=0, positive="A cat.", negative="A very odd cat.") for n in range(50)]
    _, report = refine(pairs)
    assert report.before["ensemble"] == 1.0
    assert (report.kept, report.after) == (0, {})


def test_hostile_texts_and_none() -> None:
    odd = ["", "\ud800 \x00", "<b>" * 5000, "语" * 9000, "a " * 9000]
    pairs = [TextPair(uid="\ud800", place=n, positive=a, negative=b) for n, a in enumerate(odd) for b in odd]
    refinement, report = refine(pairs)
    assert sum(keeps(refinement, pairs)) == report.kept
    nothing, empty = refine([])
    assert (empty.pairs, empty.kept, empty.rounds, empty.before, empty.kept_share) == (0, 0, 0, {}, 1.0)
    assert keeps(nothing, pairs) == [True] * len(pairs)


@pytest.mark.skipif(not CREPE.exists(), reason="the unrefined SugarCrepe is not there")
def test_model_written_negatives() -> None:
    told = json.loads((CREPE / "replace_rel.json").read_text())
    pairs = [
        TextPair(uid=one["filename"], place=n, positive=one["caption"], negative=one["negative_caption"])
        for n, one in enumerate(told.values())
    ]
    refinement, report = refine(pairs)
    left = left_of(refinement, pairs)
    assert report.before["ensemble"] > 0.85
    assert len(left) > 0.2 * len(pairs)
    near = 2 * 0.5 / len(left) ** 0.5  # two standard errors
    assert all(abs(found - 0.5) < near for found in report.after.values())
    assert fresh_accuracy(pairs) > 0.8
    assert abs(fresh_accuracy(left) - 0.5) < 0.03 + near

"""Texts that a rule objects to, by hand."""

from dataclasses import replace
from typing import Any

import pytest

from lvlm_workers.clip_words import WordScore, WordScores
from schemas.annotation import Annotation
from schemas.facts import Facts
from schemas.scoring import ScoreConfig
from transforms.annotated import Annotated
from transforms.scoring.edit import BELOW_ALT, LOW, MARGIN, MISALIGNED, edit
from transforms.scoring.score_table import Scores

EPSILON = -0.1


def said(*scores: float) -> WordScores:
    """Return a text whose words have these scores."""
    words = tuple(
        WordScore(word="w", start=2 * n, end=2 * n + 1, score=score) for n, score in enumerate(scores)
    )
    return WordScores(words=words, cosine=0.2)


SENTENCES = {"long_positive": ["A.", "B.", "C."], "long_negative": ["X.", "Y.", "Z."]}
SAMPLE = Annotated(
    facts=Facts(index=3, uid="u", key="k", alt_text="alt"),
    annotations=(
        Annotation(index=3, uid="u", fields=SENTENCES),
        Annotation(index=3, uid="u", fields={"recaption": "R."}),
    ),
)  # fmt: skip
SCORES = Scores(
    index=3,
    uid="u",
    clip_alt=0.25,
    clip_caption=0.30,
    captions={"alt": 0.25, "A.": 0.30, "B.": 0.20, "C.": 0.26, "R.": 0.28},
    fields={"long_positive": [0.30, 0.20, 0.26], "long_negative": [0.10, 0.1, 0.255], "recaption": 0.28},
    words={"long_positive": [said(-0.2, 0.1), said(0.0), said(0.1)]},
)


def scoring(words: bool = False, **texts: float) -> ScoreConfig:
    values: dict[str, Any] = {"clip": {"checkpoint": "x/y"}, "texts": texts}
    return ScoreConfig.model_validate(values | ({"words": {"epsilon": EPSILON}} if words else {}))


def left(config: ScoreConfig) -> tuple[list[str], list[str], str | None, float | None, dict[str, Any]]:
    edited = edit(SAMPLE, SCORES, config, EPSILON if config.words else None)
    first, second = edited.annotations
    assert len(edited.scores.fields["long_positive"]) == len(first.fields["long_positive"])  # type: ignore[arg-type]
    found = {name: dict(whys) for name, whys in edited.dropped.items()}
    caption = edited.scores.clip_caption
    return (
        first.fields["long_positive"],
        first.fields["long_negative"],
        second.fields["recaption"],
        caption,
        found,
    )


def test_nothing_is_asked_for() -> None:
    clean = replace(SCORES, words={})
    edited = edit(SAMPLE, clean, scoring())
    assert (edited.annotations, edited.scores, edited.dropped) == (SAMPLE.annotations, clean, {})


@pytest.mark.parametrize(
    ("texts", "kept", "recaption", "caption", "dropped"),
    [
        ({"min": 0.27}, [], "R.", 0.28, {"long_positive": {LOW: 2, MISALIGNED: 1}}),
        ({"below_alt": 0.0}, ["C."], "R.", 0.26, {"long_positive": {MISALIGNED: 1, BELOW_ALT: 1}}),
        ({"below_alt": 0.05}, ["B.", "C."], "R.", 0.20, {"long_positive": {MISALIGNED: 1}}),
        ({"min": 0.29}, [], None, 0.25, {"long_positive": {LOW: 2, MISALIGNED: 1}, "recaption": {LOW: 1}}),
    ],
)
def test_what_each_rule_leaves(
    texts: dict[str, float], kept: list[str], recaption: str | None, caption: float, dropped: dict[str, Any]
) -> None:
    positive, negative, one_text, score, found = left(scoring(words=True, **texts))
    assert positive == kept
    assert negative == [{"A.": "X.", "B.": "Y.", "C.": "Z."}[text] for text in kept]
    assert (one_text, score, found) == (recaption, caption, dropped)


def test_scores_that_are_missing_object_to_nothing() -> None:
    unread = Scores(
        index=3, uid="u", clip_alt=None, clip_caption=0.1, captions={"A.": None, "B.": 0.1},
        fields={"long_positive": [None, 0.1, None], "long_negative": [0.9, None, 0.9], "recaption": None},
    )  # fmt: skip
    edited = edit(SAMPLE, unread, scoring(below_alt=0.0, margin=0.0, min=0.0))
    assert edited.annotations == SAMPLE.annotations


def test_a_negative_that_scores_too_near_leaves_an_empty_text() -> None:
    edited = edit(SAMPLE, SCORES, scoring(margin=0.01))
    first = edited.annotations[0].fields
    assert (first["long_positive"], first["long_negative"]) == (["A.", "B.", "C."], ["X.", "Y.", ""])
    assert edited.scores.fields["long_negative"] == [0.10, 0.1, None]
    assert edited.scores.fields["long_positive"] == [0.30, 0.20, 0.26]
    assert edited.dropped == {"long_negative": {MARGIN: 1}}


def test_margins_are_of_the_sentences_that_are_left() -> None:
    edited = edit(SAMPLE, SCORES, scoring(words=True, margin=0.01), EPSILON)
    first = edited.annotations[0].fields
    assert (first["long_positive"], first["long_negative"]) == (["B.", "C."], ["Y.", ""])
    assert edited.dropped == {"long_positive": {MISALIGNED: 1}, "long_negative": {MARGIN: 1}}

"""Texts that a rule objects to, by hand."""

from dataclasses import replace
from typing import Any

import pytest

from schemas.annotation import Annotation
from schemas.facts import Facts
from schemas.scoring import ScoreConfig
from transforms.annotated import Annotated
from transforms.scoring.edit import BELOW_ALT, LOW, MARGIN, MISALIGNED, edit
from transforms.scoring.score_table import Scores

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
    fields={"long_positive": [0.30, 0.20, 0.26], "long_negative": [0.10, 0.1, 0.255], "recaption": 0.28},
    wrong_words={"long_positive": [["a"], [], []]},
    f_clipscore={"long_positive": [-0.1, 0.0, 0.0]},
)


def scoring(words: bool = False, **texts: float) -> ScoreConfig:
    values: dict[str, Any] = {"clip": {"checkpoint": "x/y"}, "texts": texts}
    return ScoreConfig.model_validate(values | ({"words": {}} if words else {}))


def left(config: ScoreConfig) -> tuple[list[str], list[str], str | None, float | None, dict[str, Any]]:
    edited = edit(SAMPLE, SCORES, config)
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
    clean = replace(SCORES, wrong_words={}, f_clipscore={})
    edited = edit(SAMPLE, clean, scoring())
    assert (edited.annotations, edited.scores, edited.dropped) == (SAMPLE.annotations, clean, {})


@pytest.mark.parametrize(
    ("texts", "kept", "recaption", "caption", "dropped"),
    [
        ({"min": 0.27}, [], "R.", 0.28, {"long_positive": {LOW: 2, MISALIGNED: 1}}),
        ({"below_alt": 0.0}, ["C."], "R.", 0.26, {"long_positive": {MISALIGNED: 1, BELOW_ALT: 1}}),
        ({"below_alt": 0.05}, ["B.", "C."], "R.", 0.20, {"long_positive": {MISALIGNED: 1}}),
        ({"margin": 0.01}, ["B."], "R.", 0.20, {"long_positive": {MISALIGNED: 1, MARGIN: 1}}),
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
        index=3, uid="u", clip_alt=None, clip_caption=0.1,
        fields={"long_positive": [None, 0.1, None], "long_negative": [0.9, None, 0.9], "recaption": None},
    )  # fmt: skip
    edited = edit(SAMPLE, unread, scoring(below_alt=0.0, margin=0.0, min=0.0))
    assert edited.annotations == SAMPLE.annotations

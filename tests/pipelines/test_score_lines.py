from typing import Any

import pytest

from pipelines.score_lines import doubts, score_lines

NOTHING: dict[str, Any] = {"texts_left_out": {}, "words": None, "negatives": None}


def test_texts_are_told_the_most_frequent_reason_first() -> None:
    left_out = {"long_positive": {"low": 3, "word": 1200}, "rewrites": {"low": 2}}
    rewritten = {"long_positive": {"asked": 1500, "mended": 300, "unused": {"unchanged": 9}}}
    assert [
        line.strip() for line in score_lines({**NOTHING, "texts_left_out": left_out, "rewritten": rewritten})
    ] == [
        "long_positive: 1,203 left out: word 1,200, low 3",
        "rewrites: 2 left out: low 2",
        "long_positive: 1,500 sent back with the word named, 300 mended (unchanged 9)",
    ]


@pytest.mark.parametrize(
    ("changed", "youden_j", "pairs", "said"),
    [
        (99, 0.9, 1000, ["threshold of words is that of 99 words"]),
        (100, 0.19, 1000, ["Youden's J 0.19"]),
        (0, None, 999, ["that of 0 words", "learnt from 999 pairs"]),
        (100, 0.2, 1000, []),
    ],
)
def test_what_was_found_from_too_little(
    changed: int, youden_j: float | None, pairs: int, said: list[str]
) -> None:
    words = {"changed_words": changed, "true_words": 9, "epsilon": -1.0, "youden_j": youden_j}
    found = list(doubts({**NOTHING, "words": words, "negatives": {"pairs": pairs}}))
    assert len(found) == len(said)
    assert all(part in line for part, line in zip(said, found, strict=True))


def test_nothing_is_said_of_nothing() -> None:
    assert list(score_lines(NOTHING)) == []

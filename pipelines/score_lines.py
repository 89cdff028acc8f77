"""What a run says of the texts that their scores left out, and of what was found from too little."""

from collections.abc import Iterator, Mapping
from typing import Any

FEW_WORDS = 100
"""Changed words: from there on the share of them that a threshold finds has a standard error of 5 points."""

FEW_PAIRS = 1000
"""Of a sentence and its negative: fewer fit no bag of words."""

LOW_YOUDEN_J = 0.2
"""From there down, words say little: of true and of false ones, six in ten are told at best."""

_INDENT = " " * 10


def score_lines(score: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines on a `score` of run.json; none where no text was left out.

    >>> left_out = {"rewrites": {"score under texts.min": 3}}
    >>> list(score_lines({"texts_left_out": left_out, "words": None, "negatives": None}))
    ['          rewrites: 3 left out: score under texts.min 3']
    """
    for field, whys in score["texts_left_out"].items():
        listed = ", ".join(
            f"{why} {number:,}" for why, number in sorted(whys.items(), key=lambda item: (-item[1], item[0]))
        )
        yield f"{_INDENT}{field}: {sum(whys.values()):,} left out: {listed}"
    for field, counted in score.get("rewritten", {}).items():
        asked, mended = counted["asked"], counted["mended"]
        unused = ", ".join(f"{why} {number:,}" for why, number in counted["unused"].items())
        line = f"{_INDENT}{field}: {asked:,} sent back with the word named, {mended:,} mended"
        yield f"{line} ({unused})" if unused else line
    yield from (f"{_INDENT}warning: {line}" for line in doubts(score))


def doubts(score: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was found from too little to be trusted."""
    if (words := score["words"]) is not None:
        yield from doubts_of_words(words)
    if (negatives := score["negatives"]) is not None and negatives["pairs"] < FEW_PAIRS:
        yield (
            f"what gives negatives away was learnt from {negatives['pairs']:,} pairs, of at least "
            f"{FEW_PAIRS:,} needed; leave score.negatives out, or give more samples"
        )


def doubts_of_words(words: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the threshold of words that a run found."""
    if words["changed_words"] < FEW_WORDS:
        yield (
            f"the threshold of words is that of {words['changed_words']:,} words in which negatives differ, "
            f"of at least {FEW_WORDS} needed; give score.words.epsilon, or more samples"
        )
    elif words["youden_j"] < LOW_YOUDEN_J:
        yield (
            f"words say little with this checkpoint (Youden's J {words['youden_j']:.2f}, chance 0); "
            "leave score.words out, or change its template"
        )

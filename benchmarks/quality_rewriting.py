"""What becomes of sentences with one wrong word when they are dropped, and when they are written anew."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lvlm_workers.clip_scorer import ClipScorer
from lvlm_workers.clip_words import WordScores, misaligned
from recipes.realign import Realign
from schemas.facts import WrittenFacts

Rewrite = Callable[["Sentence", list[str]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence about a picture: `right` is true of it, `wrong` the false word, where there is one."""

    text: str
    right: str
    wrong: str | None
    image_E: NDArray[np.floating]
    words: WordScores


def compare(scorer: ClipScorer, sentences: Sequence[Sentence], epsilon: float) -> list[tuple[str, str, str]]:
    """Return rows: how many sentences stand and how many of these are true, by what is done about words."""
    true = np.mean([one.wrong is None for one in sentences])
    rows = [("sentences, true or with one wrong word: true", f"{true:.3f}", "")]
    for name, rewrite in (
        ("dropped", None),
        ("rewritten by rules", by_rule),
        ("rewritten by who knows", known),
    ):
        stand, right = standing(scorer, sentences, epsilon, rewrite)
        rows.append((f"misaligned sentences {name}: left, and true", f"{stand:.3f}, {right:.3f}", ""))
    return rows


def by_rule(sentence: Sentence, words: list[str]) -> str:
    """Return what the `rules` worker makes of a sentence."""
    told = {"misaligned": {"long_positive": [{"text": sentence.text, "words": words}]}}
    facts = WrittenFacts(index=0, uid="", key="", written=json.dumps(told))
    (text,) = Realign().by_rule(facts)["sentences"]
    return str(text)


def known(sentence: Sentence, _: list[str]) -> str:
    """Return the true sentence, as one who sees the picture and never errs would write it."""
    return sentence.right


def standing(
    scorer: ClipScorer, sentences: Sequence[Sentence], epsilon: float, rewrite: Rewrite | None
) -> tuple[float, float]:
    """Return the share of sentences that stand in the end, and the share of these that are true."""
    found: list[bool] = []
    for one in sentences:
        words = [word.word for word in misaligned(one.words, epsilon)]
        if not words:
            found.append(one.wrong is None)
        elif rewrite is not None and (text := rewrite(one, words)) != one.text:
            (scored,) = scorer.word_scores([one.image_E], [text], template="")
            if not misaligned(scored, epsilon):
                found.append(is_true(one, text))
    return len(found) / len(sentences), float(np.mean(found))


def is_true(sentence: Sentence, text: str) -> bool:
    """Return whether a sentence of which words were left out, or that is the right one, is true."""
    if sentence.wrong is None or text == sentence.right:
        return True
    return text.split().count(sentence.wrong) < sentence.text.split().count(sentence.wrong)

"""A small word n-gram model: how plausible a text is, judged without a picture."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(r"\w+|[^\w\s]")
_START, _END, UNKNOWN = "<s>", "</s>", "<unk>"
MAX_TOKENS = 512
"""Words and signs of a text that are read; the rest is left out."""

Gram = tuple[str, ...]


def tokenize(text: str) -> list[str]:
    """Return the lower-case words and signs of a text.

    >>> tokenize("A cat's toy.")
    ['a', 'cat', "'", 's', 'toy', '.']
    """
    return _TOKEN.findall(text.lower())[:MAX_TOKENS]


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageModel:
    """Counts of n-grams; made by `train`.

    `counts` and `totals` are of a word after a context and of the context; `kinds` is the number of
    different words that follow it.
    """

    order: int
    vocabulary: frozenset[str]
    counts: Counter[Gram]
    totals: Counter[Gram]
    kinds: Counter[Gram]

    def probability(self, word: str, context: Gram) -> float:
        """Return P(word | context), interpolated after Witten and Bell.

        P(w | h) = (c(hw) + T(h) P(w | h')) / (c(h) + T(h)) with T(h) the number of different words after h
        and h' the context without its first word; at the bottom all words, the end and the unknown are
        equally likely (Witten & Bell 1991, IEEE Trans. Inf. Theory 37; Chen & Goodman 1999, section 2.5).
        """
        probability = 1 / (len(self.vocabulary) + 2)
        for length in range(len(context) + 1):
            history = context[len(context) - length :]
            total, kinds = self.totals[history], self.kinds[history]
            if total:
                seen = self.counts[(*history, word)]
                probability = (seen + kinds * probability) / (total + kinds)
        return probability

    def score(self, text: str) -> float:
        """Return the mean log2 probability of the text's words and its end: at most 0."""
        grams = list(_grams(self._known(text), self.order))
        return sum(math.log2(self.probability(gram[-1], gram[:-1])) for gram in grams) / len(grams)

    def _known(self, text: str) -> list[str]:
        return [word if word in self.vocabulary else UNKNOWN for word in tokenize(text)]


def train(texts: Iterable[str], *, order: int) -> LanguageModel:
    """Count the n-grams of texts.

    Raises:
        ValueError: the order is not positive, or there is no text.
    """
    if order < 1:
        raise ValueError(f"the order of a language model is {order}; it must be at least 1")
    sentences = [tokenize(text) for text in texts]
    if not sentences:
        raise ValueError("a language model needs texts to learn from")
    counts: Counter[Gram] = Counter()
    for words in sentences:
        for gram in _grams(words, order):
            counts.update(gram[start:] for start in range(order))
    totals: Counter[Gram] = Counter()
    kinds: Counter[Gram] = Counter()
    for gram, number in counts.items():
        totals[gram[:-1]] += number
        kinds[gram[:-1]] += 1
    vocabulary = frozenset(word for words in sentences for word in words)
    return LanguageModel(order=order, vocabulary=vocabulary, counts=counts, totals=totals, kinds=kinds)


def _grams(words: Sequence[str], order: int) -> Iterator[Gram]:
    padded = [_START] * (order - 1) + [*words, _END]
    for end in range(order, len(padded) + 1):
        yield tuple(padded[end - order : end])

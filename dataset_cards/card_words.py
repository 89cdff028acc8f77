"""How rich the words of some texts are, over a number of words that is the same for every set."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_CHARS = 2000
"""Of a text, those after are not read."""
WORDS = 10_000
"""Words over which two sets can be compared: the share of distinct ones falls with their number."""

_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")


@dataclass(slots=True, kw_only=True)
class Vocabulary:
    """Texts of a sample of the set, by their place in it."""

    texts: dict[int, str] = field(default_factory=dict)

    def add(self, place: int, text: str) -> None:
        """Add the text at a place of the set."""
        self.texts[place] = text[:MAX_CHARS]

    def richness(self) -> tuple[int, int, int]:
        """Return how many words there are, how many distinct, and how many distinct among the first `WORDS`.

        Texts are taken in an order by lot, so that those words come from all over the set. A word is a run of
        letters and digits, hyphens and apostrophes within it, in lower case.
        """
        number, early = 0, 0
        distinct: set[str] = set()
        for word in self._words():
            number += 1
            distinct.add(word)
            if number == WORDS:
                early = len(distinct)
        return number, len(distinct), early or len(distinct)

    def _words(self) -> Iterator[str]:
        for place in sorted(self.texts, key=lambda place: hashlib.sha256(b"%d" % place).digest()):
            yield from _WORD.findall(self.texts[place].lower())

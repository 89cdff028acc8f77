"""Where the sentences of a text end."""

import re
from collections.abc import Iterator
from itertools import pairwise

_END = re.compile("(?<![.!?])[.!?]++[\"')\\]\u201d\u2019]*+(?=\\s)\\s*|[\u3002\uff01\uff1f\n]+\\s*")


def sentence_ends(text: str) -> Iterator[int]:
    """Yield where each sentence ends that white space follows, that white space included; in linear time.

    An abbreviation's period ends one too: `St. Ives` is told in two.
    """
    return (match.end() for match in _END.finditer(text))


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, trimmed.

    >>> sentences('A dog. "A cat!" 3.5 m away')
    ['A dog.', '"A cat!"', '3.5 m away']
    """
    ends = [0, *sentence_ends(text), len(text)]
    parts = (text[start:end].strip() for start, end in pairwise(ends))
    return [part for part in parts if part]

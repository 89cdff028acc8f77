"""What a recipe writes of a sample, and where it came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FIELDS: dict[str, Any] = {
    "long_positive": [],
    "long_negative": [],
    "short_positive": [],
    "short_negative": [],
    "rewrites": [],
    "recaption": None,
    "fused": None,
    "compressed": None,
    "english": None,
    "chinese": None,
    "phrases": [],
    "descriptions": [],
    "regions": [],
}
"""The fields a recipe may write, and what they hold where none did: an empty list, or null for one text.
`long_negative` has an empty text beside a sentence whose negative was left out."""

ABOUT_PARTS = frozenset({"phrases", "descriptions", "regions"})
"""Fields about what is in a picture: no text to train on beside the whole of it."""

LANGUAGES: dict[str, str] = {"english": "en", "chinese": "zh-Hans"}
"""Fields in one language, whoever writes them (BCP 47); others may be in any. `facts.language` tells that of
the alt text, and so which of these two is in another language than the alt text."""


def is_list_field(name: str) -> bool:
    """Return whether a field holds a list, and not one text."""
    return isinstance(FIELDS[name], list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a model draws its reply; `max_tokens` bounds the reply."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 512


GREEDY = Sampling()


class Fields(dict[str, Any]):
    """The fields that a recipe took from a reply, and how many texts of it they leave out, by field and why.

    >>> fields = Fields({"rewrites": ["A dog."]}, {"rewrites": {"repeated": 2, "number or name lost": 0}})
    >>> fields, fields.dropped
    ({'rewrites': ['A dog.']}, {'rewrites': {'repeated': 2}})
    """

    def __init__(self, fields: Mapping[str, Any], dropped: Mapping[str, Mapping[str, int]]) -> None:
        super().__init__(fields)
        counted = ((name, {why: n for why, n in whys.items() if n}) for name, whys in dropped.items())
        self.dropped = {name: whys for name, whys in counted if whys}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Who wrote a field; only what a rerun repeats."""

    recipe: str
    worker: str
    model: str
    prompt_sha256: str
    seed: int | None = None
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Realigned:
    """Who wrote some of a sample's sentences anew: by field, their places, counted from 0."""

    sentences: Mapping[str, tuple[int, ...]]
    provenance: Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A recipe's answer for one sample: its fields, or the reason there are none."""

    index: int
    uid: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    provenance: Provenance | None = None
    reason: str | None = None
    value: str | None = None

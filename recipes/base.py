"""What a recipe is: how a sample becomes a request, and a reply becomes fields."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from schemas.annotation import GREEDY, Sampling
from schemas.facts import Facts


@dataclass(slots=True, unsafe_hash=True)  # not frozen: `with` blocks set the traceback of what they let pass
class BadReply(Exception):
    """A reply that does not hold what was asked for: `reason` is a key of `schemas.reasons.REASONS`.

    `value` shows what was found. `fault` may tell the model what was wrong, where the reason alone does not
    (see `recipes.faults`): a sentence of the recipe's own, in which no word of the reply stands.
    """

    reason: str
    value: str
    fault: str = ""


class Recipe(ABC):
    """One published way of asking for texts.

    A subclass names its paper and version; a changed prompt or rule needs a new `version`, which asks again
    for this recipe's fields only.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    source: ClassVar[str]
    """The paper, as `Title (arXiv id)`."""
    fields: ClassVar[tuple[str, ...]]
    """The fields of `schemas.annotation.FIELDS` it writes."""
    reads: ClassVar[tuple[str, ...]] = ()
    """The fields of other recipes that it starts from: those recipes run first, `schemas.facts.written`
    returns what they wrote."""
    uses: ClassVar[tuple[str, ...]] = ()
    """The fields that it starts from in the same way where the run has a recipe that writes them."""
    needs_text: ClassVar[bool]
    """Whether it starts from alt text, so that a sample without cannot be annotated."""
    needs_image: ClassVar[bool]
    """Whether a model must see the picture (rules work from the facts)."""
    schema: ClassVar[Mapping[str, Any]]
    """JSON Schema of the reply."""
    sampling: ClassVar[Sampling] = GREEDY
    """How a model draws the reply."""

    detected: ClassVar[bool] = False
    """Whether a detector answers it (`schemas.workers.DETECTORS`), and not a model that writes."""

    @abstractmethod
    def prompt(self, facts: Facts) -> str:
        """Return the text to send with the picture; the shared part first, the alt text quoted as data."""

    def by_rule(self, facts: Facts) -> Mapping[str, Any] | None:
        """Return the reply that rules give without a model, or None where this recipe has no rules."""
        return None

    def known(self, facts: Facts) -> Mapping[str, Any] | None:
        """Return the fields of a sample about which nothing needs to be asked, or None to ask."""
        return None

    def fallback(self, facts: Facts, reason: str) -> Mapping[str, Any] | None:
        """Return the fields of a sample whose last reply was refused for `reason`, or None to reject it."""
        return None

    @abstractmethod
    def parse(self, text: str, facts: Facts, *, finish_reason: str = "stop") -> Mapping[str, Any]:
        """Return the fields in a reply; `finish_reason` is the server's word for why it ended.

        What `by_rule` writes must pass.

        Raises:
            BadReply: the reply does not fit.
        """

    def prompt_sha256(self) -> str:
        """Return the hash of what is asked: name, version, schema and the prompt of an empty sample."""
        return _prompt_sha256(self)


@cache
def _prompt_sha256(recipe: Recipe) -> str:
    prompt = recipe.prompt(Facts(index=0, uid="", key=""))
    identity = json.dumps([recipe.name, recipe.version, recipe.schema, prompt], sort_keys=True)
    return hashlib.sha256(identity.encode()).hexdigest()

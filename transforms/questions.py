"""What is asked about a sample, and what a reply says of it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lvlm_workers.base import Reply, Request, Worker
from lvlm_workers.chat_api import REFUSED_REQUEST
from recipes.base import BadReply
from recipes.faults import ask_again
from recipes.reply import printable
from schemas.annotation import Annotation, Fields, Provenance, is_list_field
from schemas.errors import RunError
from schemas.facts import Facts
from transforms.regions.chosen_fields import choose_fields
from transforms.reply_store import request_hash
from transforms.steps import Step


def sample_seed(uid: str) -> int:
    """Return the seed that a sample's requests carry: 31 bits of the hash of its uid."""
    return int.from_bytes(hashlib.sha256(uid.encode("utf-8", "surrogatepass")).digest()[:4], "big") >> 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """A step's requests to one worker, without pictures, and how their replies are read."""

    step: Step
    worker: Worker

    @property
    def looks(self) -> bool:
        """Whether the picture goes with a request."""
        return self.step.recipe.needs_image and self.worker.reads_images

    def ask(self, facts: Facts) -> Request:
        """Return the request about a sample."""
        recipe = self.step.recipe

        def by_rule() -> str:
            return json.dumps(recipe.by_rule(facts), ensure_ascii=False)

        return Request(
            tag=None,
            prompt=recipe.prompt(facts) if not self.worker.repeatable else "",
            schema=recipe.schema,
            sampling=recipe.sampling,
            seed=None if self.worker.repeatable else sample_seed(facts.uid),
            by_rule=by_rule,
        )

    def ask_again(self, request: Request, error: BadReply) -> Request:
        """Return the request with what was wrong with its reply, and another seed."""
        seed = None if request.seed is None else (request.seed + 1) % 2**31
        return replace(request, prompt=ask_again(request.prompt, error), seed=seed)

    def is_drawn(self, reply: Reply) -> bool:
        """Return whether a model wrote a reply, and would write another; if not, asking again is in vain."""
        return not (self.worker.repeatable or reply.finish_reason == REFUSED_REQUEST)

    def may_mend(self, reply: Reply) -> bool:
        """Return whether to ask again, told what was wrong; a detector cannot be told."""
        return self.is_drawn(reply) and not self.step.recipe.detected

    def key(self, request: Request, facts: Facts) -> str:
        """Return the hash under which the reply is kept."""
        seen = facts.sha256.hex() if self.looks and facts.sha256 is not None else None
        return request_hash(request, identity=self.step.worker.identity(), image_sha256=seen)

    def known(self, facts: Facts) -> Annotation | None:
        """Return what is committed of a sample about which nothing needs to be asked."""
        fields = self.step.recipe.known(facts)
        return None if fields is None else self._by_rule(facts, fields, ())

    def give_up(self, facts: Facts, error: BadReply, *replies: Reply) -> Annotation:
        """Return what is committed of a sample without a usable reply: the recipe's fallback, or the reason.

        The fallback counts as a text left out of the reply, so that a model that always fails is seen.
        """
        fields = self.step.recipe.fallback(facts, error.reason)
        if fields is None:
            return failed(facts, error)
        left_out = {name: {error.reason: 1} for name in fields}
        return self._by_rule(facts, Fields(fields, left_out), replies)

    def _by_rule(self, facts: Facts, fields: Mapping[str, Any], replies: Sequence[Reply]) -> Annotation:
        provenance = Provenance(
            recipe=self.step.recipe.name,
            worker="rules",
            model="rules",
            prompt_sha256=self.step.recipe.prompt_sha256(),
            tokens_in=sum(reply.tokens_in for reply in replies),
            tokens_out=sum(reply.tokens_out for reply in replies),
        )
        fields = checked(self.step, fields)
        return Annotation(index=facts.index, uid=facts.uid, fields=fields, provenance=provenance)

    def read(self, facts: Facts, seed: int | None, *replies: Reply) -> Annotation | BadReply:
        """Return what the last reply says of a sample, or why nothing; the tokens are those of all."""
        recipe, reply = self.step.recipe, replies[-1]
        if reply.finish_reason == REFUSED_REQUEST:
            return BadReply("refused_request", reply.text)
        try:
            fields = checked(self.step, recipe.parse(reply.text, facts, finish_reason=reply.finish_reason))
        except BadReply as error:
            return error
        provenance = Provenance(
            recipe=recipe.name,
            worker=self.worker.name,
            model=reply.model,
            prompt_sha256=recipe.prompt_sha256(),
            seed=seed if recipe.sampling.temperature > 0 else None,  # greedy replies are sent none
            tokens_in=sum(reply.tokens_in for reply in replies),
            tokens_out=sum(reply.tokens_out for reply in replies),
        )
        return Annotation(index=facts.index, uid=facts.uid, fields=fields, provenance=provenance)


def checked(step: Step, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields that a recipe, which may be anybody's, gives of a sample; of regions, those chosen.

    Raises:
        RunError: one is none of its own, or no texts (no regions).
    """
    recipe = step.recipe
    for name, value in fields.items():
        if name not in recipe.fields:
            raise RunError(f"recipe {recipe.name!r} gives {name!r}, which is none of its fields; mend it")
        if name == "regions":
            continue
        texts = value if is_list_field(name) else [] if value is None else [value]
        if not (isinstance(texts, list | tuple) and all(isinstance(text, str) for text in texts)):
            wanted = "a list of texts" if is_list_field(name) else "one text or null"
            raise RunError(
                f"recipe {recipe.name!r} gives {name!r} as {value!r:.60}, but it holds {wanted}; mend it"
            )
    if "regions" not in fields:
        return fields
    try:
        return choose_fields(fields, step.choosing)
    except TypeError as error:
        raise RunError(f"recipe {recipe.name!r}: {error}; mend it") from error


def failed(facts: Facts, error: BadReply) -> Annotation:
    """Return what is committed of a sample without a usable reply."""
    return Annotation(index=facts.index, uid=facts.uid, reason=error.reason, value=printable(error.value))

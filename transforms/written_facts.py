"""What recipes find of a sample that starts from other recipes' fields."""

import json
from collections.abc import Sequence
from dataclasses import fields

from schemas.annotation import FIELDS, Annotation
from schemas.facts import Facts, WrittenFacts

_OWN = tuple(f.name for f in fields(Facts))


def with_written(facts: Facts, reads: Sequence[str], answers: Sequence[Annotation]) -> WrittenFacts:
    """Return the facts with the fields that a recipe reads, out of the answers of those who write them."""
    found = {name: value for answer in answers for name, value in answer.fields.items()}
    written = {name: found.get(name, FIELDS[name]) for name in reads}
    own = {name: getattr(facts, name) for name in _OWN}
    return WrittenFacts(**own, written=json.dumps(written, sort_keys=True))


def failure_among(answers: Sequence[Annotation]) -> Annotation | None:
    """Return what a sample's row says where a recipe that it starts from failed: the first one's reason."""
    for answer in answers:
        if answer.reason is not None:
            return Annotation(index=answer.index, uid=answer.uid, reason=answer.reason, value=answer.value)
    return None

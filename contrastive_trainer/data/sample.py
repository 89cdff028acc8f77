"""A sample as the trainer reads it from a shard."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from contrastive_trainer.data.tar_index import IMAGES, Member, Members

TEXTS = ("txt", "text", "caption")
_MAX_JSON_BYTES = 4 * 2**20


class UnreadableSampleError(Exception):
    """A sample that cannot be trained on; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSample:
    """A picture, the text beside it, and the fields of its JSON (none where there is no JSON)."""

    uid: str
    image: bytes
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def alt_text(self) -> str:
        """Return the text that came with the picture."""
        return self.one("alt_text") or self.text

    def one(self, name: str) -> str:
        """Return a field of one text; empty where it has none."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def many(self, name: str) -> list[str]:
        """Return a field of several texts; empty where it has none."""
        value = self.fields.get(name)
        return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def read_sample(stream: BinaryIO, members: Members, place: str) -> TrainSample:
    """Return the sample whose members lie there; `place` is its uid where it has none of its own.

    Raises:
        UnreadableSampleError: it has no picture, or a member cannot be read.
    """
    image = next((members[ending] for ending in IMAGES if ending in members), None)
    if image is None:
        raise UnreadableSampleError("no picture")
    fields: Any = {}
    if (found := members.get("json")) is not None and found.size <= _MAX_JSON_BYTES:
        try:
            fields = json.loads(_read(stream, found))
        except (ValueError, RecursionError) as error:
            raise UnreadableSampleError(f"JSON that cannot be read ({type(error).__name__})") from None
    fields = fields if isinstance(fields, dict) else {}
    text = next((_read(stream, members[name]) for name in TEXTS if name in members), b"")
    uid = fields.get("uid")
    return TrainSample(
        uid=uid if isinstance(uid, str) else place,
        image=_read(stream, image),
        text=text.decode("utf-8", "replace"),
        fields=fields,
    )


def _read(stream: BinaryIO, member: Member) -> bytes:
    stream.seek(member.offset)
    data = stream.read(member.size)
    if len(data) < member.size:
        raise UnreadableSampleError("a shard that is cut off")
    return data

"""A sample as the trainer reads it from a shard. Shape letters: see `contrastive_trainer.data.tar_index`."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contrastive_trainer.data.tar_index import ABSENT, Places

MAX_TEXTS = 64
"""Texts of one field that are read; recipes write 16 at most."""

_MAX_IMAGE_BYTES = 256 * 2**20
_MAX_TEXT_BYTES = 4 * 2**20


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
        """Return the text that came with the picture: published shards name it, others have no other."""
        value = self.fields.get("alt_text")
        return value if isinstance(value, str) else self.text

    def one(self, name: str) -> str:
        """Return a field of one text; empty where it has none."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def many(self, name: str) -> list[str]:
        """Return a field of several texts, without blank ones; empty where it has none."""
        return [item for item in self.items(name) if isinstance(item, str) and item.strip()]

    def items(self, name: str) -> list[Any]:
        """Return the first `MAX_TEXTS` items of a field that is a list; empty where it is none."""
        value = self.fields.get(name)
        return value[:MAX_TEXTS] if isinstance(value, list) else []


def read_sample(descriptor: int, place_R2: Places, uid: str, *, picture: bool = True) -> TrainSample:
    """Return the sample whose parts lie there in an open tar.

    Args:
        uid: is its uid where its JSON has none.
        picture: whether to read it; else it is empty.

    Raises:
        UnreadableSampleError: it has no picture, a part is too large or cut off, or its JSON is broken.
        OSError: the shard cannot be read.
    """
    image_place, text_place, json_place = place_R2.tolist()
    if image_place[1] == ABSENT:
        raise UnreadableSampleError("no picture")
    fields: Any = {}
    if json_place[1] != ABSENT:
        try:
            fields = json.loads(_read(descriptor, json_place, _MAX_TEXT_BYTES))
        except (ValueError, RecursionError) as error:
            raise UnreadableSampleError(f"JSON that cannot be read ({type(error).__name__})") from None
    fields = fields if isinstance(fields, dict) else {}
    text = b"" if text_place[1] == ABSENT else _read(descriptor, text_place, _MAX_TEXT_BYTES)
    own = fields.get("uid")
    return TrainSample(
        uid=own if isinstance(own, str) else uid,
        image=_read(descriptor, image_place, _MAX_IMAGE_BYTES) if picture else b"",
        text=text.decode("utf-8", "replace"),
        fields=fields,
    )


def _read(descriptor: int, place: list[int], limit: int) -> bytes:
    offset, size = place
    if size > limit:
        raise UnreadableSampleError(f"a part of {size} bytes, over {limit}")
    data = os.pread(descriptor, size, offset)
    if len(data) < size:
        raise UnreadableSampleError("a shard that is cut off")
    return data

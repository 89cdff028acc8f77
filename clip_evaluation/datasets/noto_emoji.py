"""Noto Emoji: pictures with a name, each its own class. The PNGs are transparent: lay them over white."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from clip_evaluation.datasets.checked_json import as_object, as_text, as_texts, parse_json
from clip_evaluation.datasets.records import LabelledPicture
from clip_evaluation.datasets.tar_samples import list_shards, read_samples
from schemas.errors import RunError


@dataclass(frozen=True, slots=True, kw_only=True)
class EmojiSet:
    """The names (the classes), a picture of each, and how many pictures were left out, by reason."""

    names: tuple[str, ...]
    pictures: tuple[LabelledPicture, ...]
    left_out: dict[str, int]


def read_noto_emoji(folder: Path) -> EmojiSet:
    """Return the emoji that a name tells apart.

    Left out are those without a name, skin tones (near copies that only a colour tells apart), and exact
    copies of an earlier picture, which have two right names.

    Raises:
        ConfigError: the folder has no shards.
        RunError: a shard or a sample is not as expected, or two pictures have one name.
    """
    names: list[str] = []
    pictures: list[LabelledPicture] = []
    left_out = {"no_name": 0, "skin_tone": 0, "copy": 0}
    seen: set[bytes] = set()
    for sample in read_samples(list_shards(folder)):
        record = as_object(parse_json(sample.member("json"), sample.where), sample.where)
        name = as_text(record.get("text"), f"{sample.where}: text").strip()
        tones = as_texts(record.get("skin_tones"), f"{sample.where}: skin_tones")
        image = sample.member("png")
        digest = hashlib.sha256(image).digest()
        if not name or tones or digest in seen:
            left_out["no_name" if not name else "skin_tone" if tones else "copy"] += 1
            continue
        seen.add(digest)
        names.append(name)
        pictures.append(LabelledPicture(key=sample.key, image=image, label=len(pictures)))
    if len(set(names)) < len(names):
        raise RunError(f"{folder}: two pictures have one name; by name they cannot be told apart")
    return EmojiSet(names=tuple(names), pictures=tuple(pictures), left_out=left_out)

"""Noto Emoji: pictures with a name, each its own class. The PNGs are transparent: lay them over white."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from clip_evaluation.datasets.checked_json import as_text, as_texts
from clip_evaluation.datasets.kinds import read_kind
from clip_evaluation.datasets.records import LabelledPicture
from schemas.errors import RunError


def read_noto_emoji(folder: Path, left_out: Counter[str]) -> Iterator[tuple[str, LabelledPicture]]:
    """Yield (name, picture) of the emoji that a name tells apart; one is in memory.

    Passed by and counted in `left_out` are those without a name, skin tones (near copies that only a colour
    tells apart), and exact copies of an earlier picture, which have two right names.

    Raises:
        ConfigError: the folder has no shards, or of another kind.
        RunError: a shard or a sample is not as expected, or two pictures have one name.
    """
    left_out.update(dict.fromkeys(("no_name", "skin_tone", "copy"), 0))
    names: set[str] = set()
    seen: set[bytes] = set()
    for sample, record in read_kind(folder, "noto_emoji"):
        name = as_text(record.get("text"), f"{sample.where}: text").strip()
        tones = as_texts(record.get("skin_tones"), f"{sample.where}: skin_tones")
        image = sample.member("png")
        digest = hashlib.sha256(image).digest()
        if not name or tones or digest in seen:
            left_out["no_name" if not name else "skin_tone" if tones else "copy"] += 1
            continue
        if name in names:
            raise RunError(f"{sample.where}: an earlier picture is named {name!r} too; rename one")
        seen.add(digest)
        names.add(name)
        yield name, LabelledPicture(key=sample.key, image=image, label=len(names) - 1)

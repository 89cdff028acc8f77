"""SugarCrepe: captions of COCO pictures, and the same ones made false.

Hsieh et al. 2023 (arXiv 2306.14610).
"""

import re
from pathlib import Path

from clip_evaluation.datasets.checked_json import as_object, as_text, read_json_file
from clip_evaluation.datasets.records import CaptionPair
from schemas.errors import RunError

GROUPS = {
    "add_att": "add",
    "add_obj": "add",
    "replace_att": "replace",
    "replace_obj": "replace",
    "replace_rel": "replace",
    "swap_att": "swap",
    "swap_obj": "swap",
}
"""The types, and the group that the paper's table puts each into."""

_PICTURE = re.compile(r"(\d{12})\.jpg")


def read_sugar_crepe(folder: Path) -> list[CaptionPair]:
    """Return all pairs of the seven types, in the order of the files `TYPE.json`.

    A pair whose captions are equal, or one of them empty, is an error: nothing could tell them apart.

    Raises:
        ConfigError: a file is not there.
        RunError: a file is not in SugarCrepe's format.
    """
    return [pair for kind in GROUPS for pair in _read_type(folder / f"{kind}.json", kind)]


def _read_type(path: Path, kind: str) -> list[CaptionPair]:
    pairs = []
    for item, value in as_object(read_json_file(path), str(path)).items():
        where = f"{path.name}, item {item!r}"
        entry = as_object(value, where)
        texts = {
            name: as_text(entry.get(name), f"{where}: {name}")
            for name in ("filename", "caption", "negative_caption")
        }
        named = _PICTURE.fullmatch(texts["filename"])
        if named is None:
            raise RunError(f"{where}: picture {texts['filename']!r} is not named by a COCO id")
        positive, negative = texts["caption"].strip(), texts["negative_caption"].strip()
        if not positive or not negative or positive == negative:
            raise RunError(f"{where}: its captions are empty or equal")
        pairs.append(
            CaptionPair(item=item, kind=kind, coco_id=int(named[1]), positive=positive, negative=negative)
        )
    return pairs

"""Openly licensed COCO pictures as shards: a picture, and its captions in the JSON."""

from collections.abc import Iterator
from pathlib import Path

from clip_evaluation.datasets.checked_json import as_texts
from clip_evaluation.datasets.kinds import read_kind
from clip_evaluation.datasets.records import CaptionedPicture
from schemas.errors import RunError


def read_coco_open(folder: Path) -> Iterator[tuple[int, CaptionedPicture]]:
    """Yield (COCO id, picture), those without captions too: compositional sets bring their own.

    The captions are those of the JSON: `txt` holds only the first, and nothing where there is none.

    Raises:
        ConfigError: the folder has no shards, or of another kind.
        RunError: a shard or a sample is not as expected.
    """
    for sample, record in read_kind(folder, "coco_open"):
        coco_id = record.get("coco_id")
        if type(coco_id) is not int or coco_id < 0:
            raise RunError(f"{sample.where}: coco_id is {coco_id!r}, not a number")
        captions = as_texts(record.get("captions"), f"{sample.where}: captions")
        picture = CaptionedPicture(
            key=sample.key,
            image=sample.member("jpg"),
            captions=tuple(text.strip() for text in captions if text.strip()),
        )
        yield coco_id, picture

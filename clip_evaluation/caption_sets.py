"""Sets of pictures with captions or pairs of captions, whatever they are read from."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clip_evaluation.class_sets import read_class_set
from clip_evaluation.datasets.coco_open import read_coco_open
from clip_evaluation.datasets.nlvr_scenes import read_nlvr_scenes
from clip_evaluation.datasets.published import PublishedSample, read_published
from clip_evaluation.pictures import Pictures, scan
from schemas.errors import ConfigError, RunError
from schemas.evaluate import (
    ClassFolderData,
    CocoOpenData,
    NlvrScenesData,
    NotoEmojiData,
    PublishedData,
    TarData,
)

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoSet:
    """COCO pictures: the row of each COCO id, and the captions of each row, of which there may be none."""

    pictures: Pictures
    row_of_id: dict[int, int]
    captions: list[tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedSet:
    """Published pictures, and of each row the text and the pairs of a true and a false sentence."""

    pictures: Pictures
    texts: list[str]
    pairs: list[tuple[Pair, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementSet:
    """Pictures, the sentence of each row, whether it is true, and how many repeats were left out."""

    pictures: Pictures
    sentences: list[str]
    truths: list[bool]
    repeats: int


def read_coco_set(path: str) -> CocoSet:
    """Read a set of COCO pictures once, without its pixels.

    Raises:
        ConfigError: it has no shards, or no pictures.
        RunError: a part of it is damaged, or two pictures have one id.
    """
    folder = Path(path)

    def read() -> Iterator[tuple[str, bytes, tuple[int, tuple[str, ...]]]]:
        for coco_id, picture in read_coco_open(folder):
            yield f"{folder}: sample {picture.key!r}", picture.image, (coco_id, picture.captions)

    pictures, told = scan(read)
    if not told:
        raise ConfigError(f"{path} has no pictures; give the folder of shards that have some")
    rows = {coco_id: row for row, (coco_id, _) in enumerate(told)}
    if len(rows) < len(told):
        raise RunError(f"{path}: two pictures have one coco_id; remove one")
    return CocoSet(pictures=pictures, row_of_id=rows, captions=[captions for _, captions in told])


def read_published_set(data: PublishedData) -> PublishedSet:
    """Read a published folder once, without its pixels.

    Raises:
        ConfigError: it is none, or has no samples.
        RunError: a part of it is damaged.
    """
    folder = Path(data.path)

    def text(sample: PublishedSample) -> str:
        return (sample.caption if data.text == "caption" else sample.alt_text).strip()

    def read() -> Iterator[tuple[str, bytes, tuple[str, tuple[Pair, ...]]]]:
        for sample in read_published(folder):
            yield f"{folder}: sample {sample.key!r}", sample.image, (text(sample), sample.pairs)

    pictures, told = scan(read)
    if not told:
        raise ConfigError(f"{data.path} has no samples; give the output folder of a run that published some")
    return PublishedSet(pictures=pictures, texts=[one for one, _ in told], pairs=[pairs for _, pairs in told])


def read_statement_set(data: NlvrScenesData) -> StatementSet:
    """Read scenes and sentences once, without their pixels.

    Raises:
        ConfigError: the folder has no shards.
        RunError: a part of it is damaged.
    """
    folder = Path(data.path)

    left_out: Counter[str] = Counter()

    def read() -> Iterator[tuple[str, bytes, tuple[str, bool]]]:
        for item in read_nlvr_scenes(folder, left_out):
            yield f"{folder}: sample {item.key!r}", item.image, (item.sentence, item.is_true)

    pictures, told = scan(read)
    return StatementSet(
        pictures=pictures,
        sentences=[sentence for sentence, _ in told],
        truths=[is_true for _, is_true in told],
        repeats=left_out["repeats"],
    )


def read_pictures(
    data: NotoEmojiData | ClassFolderData | TarData | CocoOpenData | PublishedData | NlvrScenesData,
) -> Pictures:
    """Return the pictures of a set, without what is told of them.

    Raises:
        ConfigError: it is not there, or is empty.
        RunError: a part of it is damaged.
    """
    match data:
        case CocoOpenData():
            return read_coco_set(data.path).pictures
        case PublishedData():
            return read_published_set(data).pictures
        case NlvrScenesData():
            return read_statement_set(data).pictures
        case _:
            return read_class_set(data).pictures

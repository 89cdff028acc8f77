"""Sets of pictures with classes, whatever they are read from."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.datasets.class_folder import class_names, read_class_folder
from clip_evaluation.datasets.labelled_tar import read_labelled_tar
from clip_evaluation.datasets.noto_emoji import read_noto_emoji
from clip_evaluation.pictures import Pictures, scan
from schemas.errors import ConfigError
from schemas.evaluate import ClassFolderData, NotoEmojiData, TarData


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassSet:
    """Pictures, the class of each, and where it was asked for the group of each.

    `left_out` counts what the reader passed by, by reason.
    """

    pictures: Pictures
    names: tuple[str, ...]
    labels_N: NDArray[np.int64]
    groups: tuple[str, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)


def read_class_set(data: NotoEmojiData | ClassFolderData | TarData) -> ClassSet:
    """Read a set once, without its pixels; a picture is in memory.

    Raises:
        ConfigError: it is not there, or has fewer than two classes.
        RunError: a part of it is damaged.
    """
    match data:
        case NotoEmojiData():
            return _noto_emoji(data)
        case ClassFolderData():
            return _class_folder(data)
        case TarData():
            return _tar(data)


def _noto_emoji(data: NotoEmojiData) -> ClassSet:
    folder = Path(data.path)
    left_out: Counter[str] = Counter()

    def read() -> Iterator[tuple[str, bytes, tuple[str, int]]]:
        for name, picture in read_noto_emoji(folder, left_out):
            yield f"{folder}: sample {picture.key!r}", picture.image, (name, picture.label)

    pictures, told = scan(read)
    names, labels = tuple(name for name, _ in told), [label for _, label in told]
    return _class_set(data.path, pictures, names, labels, left_out=dict(left_out))


def _class_folder(data: ClassFolderData) -> ClassSet:
    root = Path(data.path)
    left_out: Counter[str] = Counter()

    def read() -> Iterator[tuple[str, bytes, int]]:
        for picture in read_class_folder(root, left_out):
            yield str(root / picture.key), picture.image, picture.label

    pictures, labels = scan(read)
    return _class_set(data.path, pictures, class_names(root), labels, left_out=dict(left_out))


def _tar(data: TarData) -> ClassSet:
    folder = Path(data.path)
    fields = (data.label,) if data.group is None else (data.label, data.group)

    def read() -> Iterator[tuple[str, bytes, dict[str, str]]]:
        for picture in read_labelled_tar(folder, fields):
            yield picture.where, picture.image, picture.fields

    pictures, values = scan(read)
    labels = [value[data.label] for value in values]
    groups = () if data.group is None else tuple(value[data.group] for value in values)
    names = tuple(sorted(set(labels))) if data.classes is None else data.classes
    keys = names if data.classes is None else [str(number) for number in range(len(names))]
    places = {key: place for place, key in enumerate(keys)}
    strange = sorted(set(labels) - set(keys))
    if strange:
        raise ConfigError(
            f"{data.path}: {data.label!r} is {strange[0]!r}, but classes names 0 to {len(names) - 1}; "
            "mend classes, or leave it out"
        )
    return _class_set(data.path, pictures, names, [places[label] for label in labels], groups)


def _class_set(
    path: str,
    pictures: Pictures,
    names: tuple[str, ...],
    labels: list[int],
    groups: tuple[str, ...] = (),
    left_out: dict[str, int] | None = None,
) -> ClassSet:
    if len(names) < 2 or not labels:
        raise ConfigError(
            f"{path} has {len(labels)} pictures of {len(names)} classes; it needs two classes or more"
        )
    twice = [name for name, number in Counter(names).items() if number > 1]
    if twice:
        raise ConfigError(f"{path} has two classes named {twice[0]!r}; by name they cannot be told apart")
    return ClassSet(
        pictures=pictures,
        names=names,
        labels_N=np.array(labels, dtype=np.int64),
        groups=groups,
        left_out=left_out or {},
    )

"""Re-checks what a run's output says of itself: coverage in run.json, README.md and croissant.json."""

import json
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from apache_beam.io.filesystems import FileSystems

from dataset_cards.card_figures import Figures
from dataset_cards.croissant import INDEX, PublishedFile
from pipelines.card import card_files, read_figures, read_file, read_shards
from schemas.annotation import FIELDS
from schemas.errors import RunError
from transforms.publish.check_index import UNREADABLE
from transforms.storage import exists, read_bytes

_MEND = "`pairwright report` writes it anew"


def check_card(folder: str, run: Mapping[str, Any]) -> Iterator[str]:
    """Yield where run.json, README.md and croissant.json do not say what the index and the shards hold.

    The index is counted again, every shard is hashed again, and both files are made again from these.

    Args:
        folder: the run's output folder.
        run: run.json, as read.
    """
    try:
        figures = read_figures(folder)
    except RunError:
        return  # told by those who check the index
    yield from _check_coverage(run.get("coverage"), figures)
    try:
        index, shards = read_file(folder, INDEX), read_shards(folder)
        wanted = card_files(folder, run, shards)
    except OSError:
        return  # told by those who check the shards
    except RunError as error:
        yield str(error)
        return
    yield from _check_lines(folder, "README.md", wanted["README.md"])
    files = {file.name: file for file in (index, *shards)}
    problems = list(_check_files(folder, files))
    yield from problems
    if not problems:
        yield from _check_lines(folder, "croissant.json", wanted["croissant.json"])


def _check_coverage(coverage: Any, figures: Figures) -> Iterator[str]:
    told = coverage if isinstance(coverage, dict) else {}
    for name in FIELDS:
        said, there = told.get(name, 0), figures.covered[name]
        if said != there:
            yield f"run.json: coverage counts {said!r} samples with {name}, but the index has {there}"


def _check_files(folder: str, files: Mapping[str, PublishedFile]) -> Iterator[str]:
    """Yield which files croissant.json describes otherwise than they are."""
    try:
        described = _described(folder)
    except UNREADABLE as error:
        yield _unread(folder, "croissant.json", error)
        return
    for name in sorted(files.keys() | described.keys()):
        file, told = files.get(name), described.get(name)
        if file is None or told is None:
            yield f"croissant.json: {name} is {'not described' if told is None else 'described, but missing'}"
            continue
        if told.get("contentSize") != f"{file.size_bytes} B":
            yield f"croissant.json: {name} has {file.size_bytes} B, not {told.get('contentSize')}; {_MEND}"
        if told.get("sha256") != file.sha256:
            yield f"croissant.json: {name} has another sha256: {file.sha256}, not {told.get('sha256')}"


def _described(folder: str) -> dict[str, dict[str, Any]]:
    found = json.loads(read_bytes(_path(folder, "croissant.json")))["distribution"]
    objects = [one for one in found if one.get("@type") == "cr:FileObject"]
    return {str(one["contentUrl"]): one for one in objects}


def _check_lines(folder: str, name: str, wanted: str) -> Iterator[str]:
    """Yield the first line of a file that is not the one that it must have."""
    try:
        data = read_bytes(_path(folder, name))
    except UNREADABLE as error:
        yield _unread(folder, name, error)
        return
    if data == wanted.encode("utf-8", "replace"):
        return
    lines = zip_longest(data.decode("utf-8", "replace").split("\n"), wanted.split("\n"), fillvalue="")
    for number, (there, made) in enumerate(lines, start=1):
        if there != made:
            yield f"{name}: line {number} is {there[:80]!r}, but the run gives {made[:80]!r}; {_MEND}"
            return
    yield f"{name}: its bytes are not those that the run gives; {_MEND}"


def _unread(folder: str, name: str, error: BaseException) -> str:
    if not exists(_path(folder, name)):
        return f"{name}: missing; {_MEND}"
    return f"{name}: cannot be read: {type(error).__name__}: {error}"


def _path(folder: str, name: str) -> str:
    return str(FileSystems.join(folder, *name.split("/")))

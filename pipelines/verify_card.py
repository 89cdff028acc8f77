"""Re-checks what a run's output says of itself: coverage in run.json, README.md and croissant.json."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from apache_beam.io.filesystems import FileSystems

from dataset_cards.card_figures import Figures
from dataset_cards.croissant import PublishedFile, PublishedFiles
from pipelines.card import card_files, published_files, read_embeddings, read_figures
from schemas.annotation import FIELDS
from schemas.errors import RunError
from transforms.publish.check_index import UNREADABLE
from transforms.publish.check_mend import MISSING
from transforms.storage import exists, read_bytes


def check_card(folder: str, run: Mapping[str, Any], shards: Sequence[PublishedFile] | None) -> Iterator[str]:
    """Yield where run.json, README.md and croissant.json do not say what the index and the shards hold.

    The index is counted again, and both files are made again from it and the files' hashes.

    Args:
        folder: the run's output folder.
        run: run.json, as read.
        shards: the tars as they are, in the order of their names; None where some cannot be read.
    """
    try:
        figures = read_figures(folder)
    except RunError:
        return  # told by those who check the index
    yield from _check_coverage(run.get("coverage"), figures)
    if shards is None:
        return
    try:
        files = published_files(folder, run, shards, read_embeddings(folder, run))
        wanted = card_files(run, figures, files)
    except OSError:
        return  # told by those who check the other files
    except RunError as error:
        yield str(error)
        return
    yield from _check_lines(folder, "README.md", wanted["README.md"])
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


def _check_files(folder: str, published: PublishedFiles) -> Iterator[str]:
    """Yield which files croissant.json describes otherwise than they are."""
    files = {file.name: file for file in published.all()}
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
        there, said = (f"{file.size_bytes} B", file.sha256), (told.get("contentSize"), told.get("sha256"))
        if there != said:
            # Of a shard every byte was checked before; of another file this may be all that is seen.
            wrong = f"croissant.json: {name}" if name.startswith("shards/") else f"{name}: it"
            yield f"{wrong} has {_told(*there)}; croissant.json describes {_told(*said)}"


def _told(size: Any, sha256: Any) -> str:
    return f"{size}, sha256 {str(sha256)[:12]}..."


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
            start = max(0, _first_difference(there, made) - 20)
            here, wanted_here = there[start : start + 80], made[start : start + 80]
            yield f"{name}: line {number} has {here!r}, but the run gives {wanted_here!r}"
            return
    yield f"{name}: its bytes are not those that the run gives"


def _unread(folder: str, name: str, error: BaseException) -> str:
    if not exists(_path(folder, name)):
        return f"{name}: {MISSING}"
    return f"{name}: cannot be read: {type(error).__name__}: {error}"


def _path(folder: str, name: str) -> str:
    return str(FileSystems.join(folder, *name.split("/")))


def _first_difference(one: str, other: str) -> int:
    """Return the place at which two texts differ first."""
    return next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )

"""Shows samples in the terminal: of a run's output, or of any one shard."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import chain, groupby, islice
from typing import Any

from apache_beam.io.filesystems import FileSystems

from dataset_cards.report_funnel import losses
from schemas.errors import ConfigError
from schemas.shard import Shard
from transforms.publish.check_record import check_record
from transforms.publish.plain_text import plain_text, wrap_columns
from transforms.publish.write_shard import TEXT_FIELDS
from transforms.reading.sources import Source, open_source
from transforms.reading.tar_walk import Member, Problem, walk
from transforms.storage import exists, is_local, list_files, read_bytes

COLUMNS = 100
MAX_LINES = 6
"""A text is cut after so many lines."""
MAX_TEXT_BYTES = 1 << 20
"""Larger texts and JSON members are listed, but not shown."""
MAX_MEMBERS = 50
"""Of a sample, those after are not shown."""
MAX_EXPANSION = 200.0
"""A gzipped shard that expands more (past 64 MiB) is left: `input.max_expansion` by default."""

_LABEL = 12
_TEXTS = ("txt", "text", "caption", "json")
_UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)


def inspect(path: str, limit: int = 5) -> Iterator[str]:
    """Yield lines about a run's output folder (its funnel, then samples), or about the samples of one tar.

    Lines hold no control characters and fit 100 columns. What cannot be read is told in a line.

    Args:
        path: the output folder, or a tar, gzipped or not.
        limit: samples to show.
    """
    if _is_run(path):
        yield from _funnel(path)
    yield from chain.from_iterable(islice(chain.from_iterable(map(_samples, find_shards(path))), limit))


def check_path(path: str) -> None:
    """Refuse what is neither an output folder nor a file.

    Raises:
        ConfigError: there is nothing at the path, or a folder that no run finished.
    """
    if is_local(path) and not os.path.isfile(path) and not exists(os.path.join(path, "run.json")):
        what = (
            "is a folder without run.json, so no run finished it" if os.path.isdir(path) else "is not there"
        )
        raise ConfigError(f"{path} {what}; give a run's output folder or a shard")


def find_shards(path: str) -> list[str]:
    """Return the shards of a run's output folder, or the path itself where it is none."""
    if not _is_run(path):
        return [path]
    folder = FileSystems.join(path, "shards")
    return [FileSystems.join(folder, name) for name in list_files(folder) if name.endswith(".tar")]


def _is_run(path: str) -> bool:
    return exists(FileSystems.join(path, "run.json"))


def _funnel(output: str) -> Iterator[str]:
    try:
        run = json.loads(read_bytes(FileSystems.join(output, "run.json")))
        counts = run["counts"]
        rejected = [
            f"- {number:,} {kind} by {stage}: {reason}"
            for stage, rows in losses(counts)
            for kind, reason, number in rows
        ]
        entered, published = f"{counts['in']:,}", f"{counts['published']:,}"
    except _UNREADABLE as error:
        yield from labelled("run.json", f"cannot be read: {type(error).__name__}: {error}")
        return
    yield from labelled("run", str(run.get("name")))
    yield from labelled("in", entered)
    for line in rejected:
        yield from labelled("", line)
    yield from labelled("published", published)


def _samples(path: str) -> Iterator[list[str]]:
    """Yield the lines about each sample of a shard, and last those about what ended the reading."""
    if path.lower().endswith(".parquet"):
        yield [
            "",
            *labelled("shard", path),
            *labelled("problem", "a Parquet table; open it in pandas or DuckDB"),
        ]
        return
    try:
        shard = Shard(order=0, name=path, path=path, size_bytes=0, format="tar")
        source, _ = open_source(shard, MAX_EXPANSION)
        try:
            for key, found in groupby(walk(source, _is_text), key=sample_key):
                yield list(_show(path, key, source, found))
        finally:
            source.close()
    except OSError as error:
        yield ["", *labelled("shard", path), *labelled("problem", f"{error.strerror or error}")]


def sample_key(found: Member | Problem) -> str | None:
    """Return the folder and the base name to its first dot, as WebDataset groups members."""
    if isinstance(found, Problem):
        return None
    folder, slash, base = found.name.rpartition("/")
    return folder + slash + base.partition(".")[0]


def _is_text(name: str, size: int) -> bool:
    return size <= MAX_TEXT_BYTES and name.rpartition(".")[2].lower() in _TEXTS


def member_ending(name: str) -> str:
    """Return what follows the first dot of the base name, in lower case."""
    return name.rpartition("/")[2].partition(".")[2].lower()


def _show(path: str, key: str | None, source: Source, found: Iterator[Member | Problem]) -> Iterator[str]:
    yield ""
    yield from labelled("shard", path if key is None else f"{path}: {key}")
    members: list[tuple[str, bytes | int]] = []
    for number, member in enumerate(found):
        if isinstance(member, Problem):
            yield from labelled("problem", f"{member.reason}: {member.value}")
        elif number < MAX_MEMBERS:
            members.append((member_ending(member.name), _content(source, member)))
        elif number == MAX_MEMBERS:
            yield from labelled("problem", f"more than {MAX_MEMBERS} members; the others are not shown")
    yield from _published(dict(members)) or _foreign(members)


def _content(source: Source, member: Member) -> bytes | int:
    """Return the bytes of a small text, else the size."""
    if not member.is_file or not _is_text(member.name, member.size):
        return member.size
    return source.read(member.offset, member.size) if member.data is None else member.data


def _published(sample: Mapping[str, bytes | int]) -> list[str]:
    """Return the lines about a sample of ours; none where it is not."""
    record = _load(sample.get("json"))
    if record is None or check_record(record):
        return []
    lines = [*labelled("alt text", record["alt_text"]), *labelled("caption", record["caption"])]
    for positive, negative in zip(record["long_positive"], record["long_negative"], strict=True):
        lines += labelled("+", positive)
        lines += labelled("-", mark_changes(positive, negative)) if negative else []
    listed = (("tags", "short_positive"), ("not", "short_negative"), ("phrases", "phrases"))
    for label, name in (*listed, ("described", "descriptions")):
        if record[name]:
            lines += labelled(label, ", ".join(record[name]))
    for name in TEXT_FIELDS:
        if record[name] is not None:
            lines += labelled(name, record[name])
    for text in record["rewrites"]:
        lines += labelled("rewrite", text)
    for region in record["regions"]:
        box = ", ".join(f"{side:.2f}" for side in region["box"])
        score = "" if region["score"] is None else f" {region['score']:.2f}"
        lines += labelled("region", f"({box}) {region['phrase']}{score}")
    return [*lines, *labelled("facts", _facts(record["facts"]))]


def _foreign(members: Sequence[tuple[str, bytes | int]]) -> Iterator[str]:
    """Yield the raw members of a sample that is not of ours, as they lie."""
    for ending, content in members:
        shown = f"{content:,} bytes" if isinstance(content, int) else content.decode("utf-8", "replace")
        yield from labelled(ending, shown)


def _load(data: bytes | int | None) -> Any:
    try:
        return json.loads(data) if isinstance(data, bytes) else None
    except (ValueError, RecursionError):
        return None


def _facts(facts: Mapping[str, Any]) -> str:
    texts = [
        f"{facts['width']} x {facts['height']} {facts['format']} {facts['mode']}",
        f"{facts['language'] or 'no language'}, {facts['words']} words",
        ", ".join(facts["colours"]),
        "mended: " + ", ".join(facts["mended"]) if facts["mended"] else "",
    ]
    return "; ".join(text for text in texts if text)


def mark_changes(positive: str, negative: str) -> str:
    """Return the positive sentence with the words that the negative changes.

    >>> mark_changes("a red car", "a blue car")
    'a [red -> blue] car'
    """
    before, after = positive.split(), negative.split()
    parts: list[str] = []
    for what, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        same = what == "equal"
        parts += before[i:j] if same else [f"[{_or_nothing(before[i:j])} -> {_or_nothing(after[k:m])}]"]
    return " ".join(parts)


def _or_nothing(words: Sequence[str]) -> str:
    return " ".join(words) or "nothing"


def labelled(label: str, text: str) -> Iterator[str]:
    """Yield a text in lines behind its label, neither of them trusted."""
    head = plain_text(label)[: _LABEL - 1].ljust(_LABEL)
    for line in wrap_columns(plain_text(text), COLUMNS - _LABEL, MAX_LINES):
        yield f"{head}{line}".rstrip()
        head = " " * _LABEL

"""NLVR: synthetic scenes and a sentence that is true or false of each (Suhr et al. 2017, ACL)."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from clip_evaluation.datasets.checked_json import as_object, as_text, parse_json
from clip_evaluation.datasets.records import Statement
from clip_evaluation.datasets.tar_samples import TarSample, list_shards, read_samples
from schemas.errors import RunError


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementSet:
    """The items, and how many were left out as repeats of the same sentence with the same picture."""

    statements: tuple[Statement, ...]
    repeats: int


def read_nlvr_scenes(folder: Path) -> StatementSet:
    """Return all items; `label` says whether the sentence is true, and must be there.

    The pictures of one sentence are few scenes in several orders of their boxes: treat a sentence as one
    unit.

    Raises:
        ConfigError: the folder has no shards.
        RunError: a shard or a sample is not as expected, or one item has both labels.
    """
    found: dict[tuple[str, bytes], Statement] = {}
    repeats = 0
    for sample in read_samples(list_shards(folder)):
        statement = _statement(sample)
        identity = (statement.sentence, hashlib.sha256(statement.image).digest())
        known = found.setdefault(identity, statement)
        if known is not statement:
            repeats += 1
            if known.is_true != statement.is_true:
                raise RunError(f"{sample.where} and {known.key!r} are one item with both labels")
    return StatementSet(statements=tuple(found.values()), repeats=repeats)


def _statement(sample: TarSample) -> Statement:
    record = as_object(parse_json(sample.member("json"), sample.where), sample.where)
    label = record.get("label")
    if label not in (0, 1) or isinstance(label, float):
        raise RunError(f"{sample.where}: label is {label!r}, not 0 or 1")
    sentence = as_text(record.get("text"), f"{sample.where}: text").strip()
    if not sentence:
        raise RunError(f"{sample.where}: its sentence is empty")
    return Statement(key=sample.key, image=sample.member("png"), sentence=sentence, is_true=bool(label))

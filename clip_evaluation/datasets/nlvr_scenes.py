"""NLVR: synthetic scenes and a sentence that is true or false of each (Suhr et al. 2017, ACL)."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from clip_evaluation.datasets.checked_json import as_text
from clip_evaluation.datasets.kinds import read_kind
from clip_evaluation.datasets.records import Statement
from clip_evaluation.datasets.tar_samples import TarSample
from schemas.errors import RunError


def read_nlvr_scenes(folder: Path, left_out: Counter[str]) -> Iterator[Statement]:
    """Yield the items; `label` says whether the sentence is true, and must be there.

    Repeats of a sentence with the same picture are passed by and counted in `left_out`. One item is in
    memory, and a hash of each. The pictures of one sentence are few scenes in several orders of their boxes:
    treat a sentence as one unit.

    Raises:
        ConfigError: the folder has no shards, or of another kind.
        RunError: a shard or a sample is not as expected, or one item has both labels.
    """
    left_out["repeats"] += 0
    known: dict[bytes, bool] = {}
    for sample, record in read_kind(folder, "nlvr_scenes"):
        statement = _statement(sample, record)
        identity = hashlib.sha256(hashlib.sha256(statement.image).digest() + statement.sentence.encode())
        is_true = known.get(identity.digest())
        if is_true is None:
            known[identity.digest()] = statement.is_true
            yield statement
        elif is_true == statement.is_true:
            left_out["repeats"] += 1
        else:
            raise RunError(
                f"{sample.where}: an earlier item has its sentence and picture, and the other label"
            )


def _statement(sample: TarSample, record: dict[str, object]) -> Statement:
    label = record.get("label")
    if label not in (0, 1) or isinstance(label, float):
        raise RunError(f"{sample.where}: label is {label!r}, not 0 or 1")
    sentence = as_text(record.get("text"), f"{sample.where}: text").strip()
    if not sentence:
        raise RunError(f"{sample.where}: its sentence is empty")
    return Statement(key=sample.key, image=sample.member("png"), sentence=sentence, is_true=bool(label))

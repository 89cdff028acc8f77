"""What a set of shards is, told by its first sample: so that a wrong `kind` is named, not a field."""

from collections.abc import Iterator
from pathlib import Path

from clip_evaluation.datasets.checked_json import as_object, parse_json
from clip_evaluation.datasets.tar_samples import TarSample, list_shards, read_samples
from schemas.errors import ConfigError

_FIELDS = {
    "coco_open": {"coco_id", "captions"},
    "nlvr_scenes": {"label", "structured", "text"},
    "noto_emoji": {"emoji", "skin_tones", "text"},
    "published": {"uid", "caption", "long_positive"},
}
"""Fields of the JSON that tell the kinds apart."""


def read_kind(folder: Path, kind: str) -> Iterator[tuple[TarSample, dict[str, object]]]:
    """Yield the samples of the shards in a folder with their JSON.

    Raises:
        ConfigError: the folder has no shards, or they are of another kind.
        RunError: a shard cannot be read, or a sample has no JSON object.
    """
    first = True
    for sample in read_samples(list_shards(folder)):
        record = as_object(parse_json(sample.member("json"), sample.where), sample.where)
        if first and not record.keys() >= _FIELDS[kind]:
            _check_kind(folder, kind, record)
        first = False
        yield sample, record


def _check_kind(folder: Path, kind: str, record: dict[str, object]) -> None:
    found = [other for other, fields in _FIELDS.items() if record.keys() >= fields]
    if found:
        raise ConfigError(
            f"{folder} holds {found[0]} (its JSON has {', '.join(sorted(_FIELDS[found[0]]))}), not {kind}; "
            f"give a folder of {kind}, or use kind {found[0]} in an evaluation that takes it"
        )

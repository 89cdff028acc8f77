"""What decides a run's weights, as its checkpoints note it, and in what two runs differ."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from contrastive_trainer.data.shard_list import TrainShard
from schemas.train import TrainConfig

Settings = Mapping[str, Any]

_ROUNDING = {"output", "log_steps", "checkpoint_steps", "keep_checkpoints", "device", "compile", "chunk"}
_READING = {"shards", "workers", "max_skipped", "cache"}
_SHOWN = 80


def deciding_settings(config: TrainConfig, shards: Sequence[TrainShard]) -> Settings:
    """Return all that decides the weights, but for rounding, as JSON values: settings, and shards' sizes."""
    told = config.model_dump(mode="json", exclude={*_ROUNDING, "data"})
    data = config.data.model_dump(mode="json", exclude=_READING)
    return told | {"data": data | {"shards": _shards(shards)}}


def differences(old: Settings, new: Settings, place: str = "") -> Iterator[str]:
    """Yield `path: old -> new` for each setting in which two runs differ."""
    for name in sorted({*old, *new}):
        path = f"{place}{name}"
        if name not in old or name not in new:
            yield f"{path}: {_shown(old, name)} -> {_shown(new, name)}"
        elif isinstance(old[name], dict) and isinstance(new[name], dict):
            yield from differences(old[name], new[name], f"{path}.")
        elif old[name] != new[name]:
            yield f"{path}: {_shown(old, name)} -> {_shown(new, name)}"


def _shards(shards: Sequence[TrainShard]) -> str:
    """Return how many shards and samples there are, and a hash of sizes and names without folders."""
    files = [[Path(shard.name).name, shard.samples] for shard in shards]  # a URL's key may change
    digest = hashlib.sha256(json.dumps(files).encode()).hexdigest()[:16]
    return f"{sum(shard.samples for shard in shards)} samples in {len(shards)} shards, hash {digest}"


def _shown(settings: Settings, name: str) -> str:
    if name not in settings:
        return "absent"
    text = json.dumps(settings[name])
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."

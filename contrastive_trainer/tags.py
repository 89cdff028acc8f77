"""The tags that HQ-CLIP's short-tag classification knows: the most frequent of the shards."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from contrastive_trainer.data.sample import TrainSample
from schemas.errors import ConfigError

FILE = "tags.json"


def count_tags(samples: Iterable[TrainSample], size: int) -> list[str]:
    """Return the `size` most frequent tags, positive or negative; equally frequent ones by name.

    Raises:
        ConfigError: there are fewer than two.
    """
    counted: Counter[str] = Counter()
    for sample in samples:
        counted.update({*sample.many("short_positive"), *sample.many("short_negative")})
    tags = sorted(counted, key=lambda tag: (-counted[tag], tag))[:size]
    if len(tags) < 2:
        raise ConfigError(
            "losses.stc: the shards have no short_positive and short_negative; curate them with recipe "
            "hqclip, or leave the loss out"
        )
    return tags


def save_tags(folder: Path, tags: list[str]) -> None:
    """Write the tags beside a checkpoint."""
    (folder / FILE).write_text(json.dumps(tags, ensure_ascii=False) + "\n", encoding="utf-8")


def load_tags(folder: Path) -> list[str]:
    """Return the tags of a checkpoint; none where it knows none."""
    path = folder / FILE
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []

"""A set of another kind is named with its own."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from clip_evaluation.datasets.coco_open import read_coco_open
from clip_evaluation.datasets.nlvr_scenes import read_nlvr_scenes
from clip_evaluation.datasets.noto_emoji import read_noto_emoji
from schemas.errors import ConfigError

READERS: dict[str, Callable[[Path], Iterable[object]]] = {
    "coco_open": read_coco_open,
    "nlvr_scenes": lambda folder: read_nlvr_scenes(folder, Counter()),
    "noto_emoji": lambda folder: read_noto_emoji(folder, Counter()),
}


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("found", READERS)
def test_real_sets(shared_data: Path, kind: str, found: str) -> None:
    folder = shared_data / found
    if kind == found:
        assert next(iter(READERS[kind](folder)))
        return
    with pytest.raises(
        ConfigError,
        match=f"{found} holds {found} .*, not {kind}; give a folder of {kind}, or use kind {found} in an",
    ):
        list(READERS[kind](folder))


def test_a_published_folder(write_tar: Callable[..., Path]) -> None:
    record = b'{"uid": "a", "caption": "b", "long_positive": []}'
    folder = write_tar("out/shards/0.tar", [("0.json", record), ("0.jpg", b"x")]).parents[1]
    with pytest.raises(ConfigError, match="out holds published .*, or use kind published"):
        list(read_coco_open(folder))

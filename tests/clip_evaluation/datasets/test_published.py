"""A published folder is read whole and checked against its index."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clip_evaluation.datasets.published import read_published
from schemas.errors import ConfigError, RunError


def record(number: int) -> dict[str, Any]:
    return {
        "uid": f"u{number}",
        "alt_text": "IMG_1",
        "caption": f"a cat {number}",
        "long_positive": ["a cat.", "", "a mat."],
        "long_negative": ["a dog.", "x", "a box."],
    }


def row(number: int, shard: str, image: str = "jpeg") -> dict[str, Any]:
    return {"uid": f"u{number}", "shard": shard, "key": f"{number:09d}", "format": image, "caption": "x"}


def members(number: int, ending: str = "jpg", **changes: Any) -> list[tuple[str, bytes]]:
    content = record(number) | changes
    return [
        (f"{number:09d}.{ending}", b"image %d" % number),
        (f"{number:09d}.json", json.dumps(content).encode()),
        (f"{number:09d}.txt", f"a cat {number}".encode()),
    ]


@pytest.fixture
def publish(write_tar: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    def make(shards: dict[str, list[tuple[str, bytes]]], rows: list[dict[str, Any]]) -> Path:
        for name, content in shards.items():
            write_tar(f"shards/{name}", content)
        schema = pa.schema([(name, pa.string()) for name in ("uid", "shard", "key", "format", "caption")])
        pq.write_table(
            pa.Table.from_pylist(rows, schema=schema), tmp_path / "index.parquet", row_group_size=2
        )
        return tmp_path

    return make


ROWS = [row(0, "00000.tar"), row(1, "00000.tar", "png"), row(2, "00001.tar")]


def test_samples_in_order(publish: Callable[..., Path]) -> None:
    folder = publish({"00000.tar": members(0) + members(1, "png"), "00001.tar": members(2)}, ROWS)
    samples = list(read_published(folder))
    assert [(s.uid, s.key, s.image) for s in samples] == [
        (f"u{i}", f"{i:09d}", b"image %d" % i) for i in range(3)
    ]
    assert (samples[1].caption, samples[1].alt_text) == ("a cat 1", "IMG_1")
    assert samples[1].pairs == (("a cat.", "a dog."), ("a mat.", "a box."))


def test_a_set_without_samples(publish: Callable[..., Path]) -> None:
    assert list(read_published(publish({}, []))) == []


@pytest.mark.parametrize(
    ("shards", "rows", "told"),
    [
        ({"00000.tar": members(0)}, [], "does not name"),
        ({"00000.tar": members(0)}, ROWS[:2], r"names sample '000000001' of 00000.tar, which is not there"),
        ({"00000.tar": members(0) + members(2)}, ROWS[:2], "has sample '000000002' where"),
        ({"00009.tar": members(0)}, ROWS[:1], r"00009.tar has sample"),
        ({"00000.tar": members(0, "png")}, ROWS[:1], "has no jpg, only json, png, txt"),
        ({"00000.tar": members(0, uid="u9")}, ROWS[:1], "uid or caption is not that"),
        ({"00000.tar": members(0, caption="x")}, ROWS[:1], "uid or caption is not that"),
        ({"00000.tar": members(0, long_negative=["x"])}, ROWS[:1], "1 negatives beside 3"),
        ({"00000.tar": members(0, long_positive=None)}, ROWS[:1], "long_positive is NoneType"),
    ],
)
def test_what_does_not_agree(
    publish: Callable[..., Path], shards: dict[str, Any], rows: list[dict[str, Any]], told: str
) -> None:
    folder = publish(shards, rows)
    with pytest.raises(RunError, match=told):
        list(read_published(folder))


def test_a_folder_without_an_index(tmp_path: Path, publish: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match="finished run"):
        list(read_published(tmp_path))
    publish({"00000.tar": members(0)}, ROWS[:1])
    (tmp_path / "index.parquet").write_bytes(b"PAR1")
    with pytest.raises(RunError, match="index.parquet is damaged"):
        list(read_published(tmp_path))

"""What another kind of shard, another setting or another shard changes, and what it does not."""

import gzip
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from demo_data.scenes import write_scenes
from pipelines.verify import verify
from tests.tars import members_of, write_tar

Curate = Callable[..., Any]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two shards of ten scenes."""
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=20, seed=3, size_px=64, per_shard=10)
    return folder


def as_parquet(members: list[tuple[str, bytes]]) -> bytes:
    found = dict(members)
    keys = sorted({name.partition(".")[0] for name in found})
    table = pa.table(
        {
            "key": keys,
            "image": [found[f"{key}.jpg"] for key in keys],
            "text": [found[f"{key}.txt"].decode() for key in keys],
            "uid": [f"own-{key}" for key in keys],
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=3)
    return buffer.getvalue()


def test_the_kind_of_shard_changes_nothing_but_the_source(
    curate: Curate, scenes: Path, tmp_path: Path
) -> None:
    members = [
        (name, json.dumps({"uid": f"own-{name[:9]}"}).encode() if name.endswith("json") else data)
        for name, data in members_of(scenes / "00000.tar").items()
    ]
    write_tar(tmp_path / "in.tar", members)
    (tmp_path / "in.tar.gz").write_bytes(gzip.compress((tmp_path / "in.tar").read_bytes()))
    (tmp_path / "in.parquet").write_bytes(as_parquet(members))
    config = {
        "workers": {"w": {"kind": "rules"}},
        "annotate": [{"recipe": "hqclip", "worker": "w"}, {"recipe": "laclip", "worker": "w"}],
        "publish": {"samples_per_shard": 4},
    }
    outcomes = []
    for kind in ("tar", "tar.gz", "parquet"):
        done = curate(config | {"input": {"shards": str(tmp_path / f"in.{kind}")}}, tmp_path / kind)
        assert verify(str(done.output)) == []
        images = [done.samples[key]["jpg"] for key in sorted(done.samples)]
        records = [{**record, "source": record["source"]["key"]} for record in done.records]
        outcomes.append((images, records))
    assert len(outcomes[0][0]) == 10
    assert outcomes[1] == outcomes[0]
    assert outcomes[2] == outcomes[0]


def facts_written(output: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (output / "work" / "facts").iterdir()}


def test_another_threshold_measures_nothing_again(curate: Curate, scenes: Path, tmp_path: Path) -> None:
    config = {
        "input": {"shards": f"{scenes}/*.tar"},
        "profile": {"filters": [{"kind": "words", "min": 3}], "max_drop_ratio": 1},
        "dedup": {},
        "workers": {"w": {"kind": "rules"}},
        "annotate": [{"recipe": "laclip", "worker": "w"}],
        "publish": {"samples_per_shard": 4},
        "chunk_samples": 3,
    }
    first = curate(config, tmp_path / "out")
    before = facts_written(first.output)
    assert len(before) == 2
    words = sorted(len(record["alt_text"].split()) for record in first.records)
    setting = f"profile.filters.0.min={words[len(words) // 2] + 1}"
    changed = curate(config, tmp_path / "out", setting)
    assert 0 < changed.counts["published"] < first.counts["published"] == 20
    assert facts_written(changed.output) == before
    assert verify(str(changed.output)) == []
    assert changed.digests == curate(config, tmp_path / "fresh", setting).digests
    back = curate(config, tmp_path / "out")
    assert back.digests == first.digests


def test_another_shard_leaves_the_others_facts(curate: Curate, scenes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(scenes / "00001.tar", folder)
    config = {"input": {"shards": f"{folder}/*.tar"}, "dedup": {}, "publish": {"samples_per_shard": 6}}
    assert curate(config, tmp_path / "out").counts["published"] == 10
    before = facts_written(tmp_path / "out")
    shutil.copy(scenes / "00000.tar", folder)
    both = curate(config, tmp_path / "out")
    after = facts_written(tmp_path / "out")
    assert len(after) == 2
    assert {name: after[name] for name in before} == before
    assert both.digests == curate(config, tmp_path / "fresh").digests
    assert both.counts["published"] == 20


def test_where_everything_is_dropped_the_output_is_empty_and_whole(
    curate: Curate, scenes: Path, tmp_path: Path
) -> None:
    config = {
        "input": {"shards": f"{scenes}/*.tar"},
        "profile": {"filters": [{"kind": "words", "min": 999}], "max_drop_ratio": 1},
        "workers": {"w": {"kind": "rules"}},
        "annotate": [{"recipe": "hqclip", "worker": "w"}],
    }
    done = curate(config, tmp_path / "out")
    assert done.counts == {
        "in": 20,
        "published": 0,
        "dropped": {"profile": {"words": 20}},
        "failed": {},
    }
    assert pq.read_table(done.output / "index.parquet").num_rows == 0
    assert list((done.output / "shards").iterdir()) == [done.output / "shards" / "sizes.json"]
    assert verify(str(done.output)) == []


def test_a_uid_is_published_once_whatever_is_compared(curate: Curate, tmp_path: Path) -> None:
    members = []
    for number in range(4):
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), (60 * number, 0, 0)).save(buffer, "PNG")
        uid = "one" if number < 2 else f"u{number}"
        members += [
            (f"{number}.png", buffer.getvalue()),
            (f"{number}.txt", b"a plain picture"),
            (f"{number}.json", json.dumps({"uid": uid}).encode()),
        ]
    write_tar(tmp_path / "in.tar", members)
    done = curate({"input": {"shards": str(tmp_path / "in.tar")}}, tmp_path / "out")
    assert [record["uid"] for record in done.records] == ["one", "u2", "u3"]
    assert [(row["key"], row["reason"]) for row in done.rejected] == [("1", "repeated_uid")]
    assert verify(str(done.output)) == []

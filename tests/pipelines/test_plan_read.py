"""How much of the input is read, and what it tells about the rest."""

import gzip
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from demo_data.tar_writing import add_member
from pipelines.load_config import load_config
from pipelines.plan_read import MAX_SHARDS, read_sample
from pipelines.plan_sample import Sample
from schemas.config import InputConfig, RunConfig
from schemas.errors import RunError
from transforms.reading import sources
from transforms.reading.shard_paths import InputError, find_shards

QUICKSTART = Path(__file__).parents[2] / "configs" / "quickstart.yaml"


def noise(seed: int) -> bytes:
    draw = np.random.default_rng(seed)
    side = int(draw.integers(16, 48))
    out = io.BytesIO()
    Image.fromarray(draw.integers(0, 256, (side, side, 3), np.uint8)).save(out, "JPEG")
    return out.getvalue()


PICTURES = [noise(seed) for seed in range(40)]


def tar_bytes(number: int, first: int = 0, *, images: bool = True) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for i in range(first, first + number):
            if images:
                add_member(tar, f"{i:06d}.jpg", PICTURES[i * 7 % len(PICTURES)])
            add_member(tar, f"{i:06d}.txt", f"a picture of the number {i}".encode())
    return out.getvalue()


def read(folder: Path, ending: str, number: int) -> Sample:
    config = RunConfig(name="x", output="unused", input=InputConfig(shards=(f"{folder}/*{ending}",)))
    return read_sample(find_shards(config.input.shards), config, number, needs_text=True)


def test_a_sample_of_all_is_the_manifest(demo: Path) -> None:
    config = load_config(str(QUICKSTART), RunConfig, [f"input.shards={demo}/*.{{tar,tar.gz,parquet}}"])
    sample = read_sample(find_shards(config.input.shards), config, 1000, needs_text=True)
    answers = json.loads((demo / "manifest.json").read_text())
    assert (sample.number, sample.known, sample.listed) == (answers["in"], answers["in"], 7)
    reasons: dict[str, int] = {}
    for head in sample.heads:
        for verdict in head.verdicts.values():
            reasons[verdict.reason] = reasons.get(verdict.reason, 0) + 1
    planted = answers["dropped"] | answers["failed"]
    assert reasons == {r: n for r, n in planted.items() if r not in ("exact_duplicate", "near_duplicate")}


@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_the_heads_tell_the_whole(tmp_path: Path, ending: str) -> None:
    for i in range(3):
        data = tar_bytes(300, 1000 * i)
        path = tmp_path / f"{i}{ending}"
        path.write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
    sample = read(tmp_path, ending, 240)
    assert (sample.number, sample.listed, sample.of_all) == (240, 3, True)
    found = sample.count()
    assert found.low < 900 < found.high
    assert found.value == pytest.approx(900, rel=0.1)
    assert found.high - found.low < 300


def test_rows_of_parquet_are_known(tmp_path: Path) -> None:
    for i in range(40):
        rows = {"jpg": [PICTURES[i % 40]] * (50 + i), "txt": ["a picture of it"] * (50 + i)}
        pq.write_table(pa.table(rows), tmp_path / f"{i:02d}.parquet")
    sample = read(tmp_path, ".parquet", 128)
    assert (len(sample.heads), sample.listed) == (8, 40)
    assert sample.known == sum(50 + i for i in range(40))
    assert sample.count().low == sample.count().high == sample.known


def test_no_more_is_read_than_is_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tar_bytes(200)
    for i in range(100):
        (tmp_path / f"{i:03d}.tar").write_bytes(data)
    opened: set[str] = set()
    far = 0
    real = os.pread

    def pread(descriptor: int, size: int, offset: int) -> bytes:
        nonlocal far
        opened.add(os.readlink(f"/proc/self/fd/{descriptor}"))
        far = max(far, offset + size)
        return real(descriptor, size, offset)

    monkeypatch.setattr(sources.os, "pread", pread)
    sample = read(tmp_path, ".tar", 4096)
    assert len(opened) == len(sample.heads) == MAX_SHARDS
    assert [len(head.facts) for head in sample.heads] == [64] * 64
    # One more unit is looked at, and the header of the next, to know where it ends.
    assert far < len(data) * 67 / 200
    opened.clear()
    assert len(read(tmp_path, ".tar", 256).heads) == len(opened) == 16


def test_without_an_image_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar_bytes(300, images=False))
    with pytest.raises(RunError, match="pairwright doctor"):
        read(tmp_path, ".tar", 128)
    # Where another shard tells, a sample is as large there.
    (tmp_path / "b.tar").write_bytes(tar_bytes(300))
    sample = read(tmp_path, ".tar", 128)
    sizes = [head.shard.size_bytes for head in sample.heads]
    assert sample.heads[0].units == pytest.approx(max(65, sample.heads[1].units * sizes[0] / sizes[1]))


def test_broken_and_empty_shards_are_units_too(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"no tar at all" * 100)
    (tmp_path / "b.tar").write_bytes(bytes(1024))
    (tmp_path / "c.tar").write_bytes(tar_bytes(5)[:-15_000])
    sample = read(tmp_path, ".tar", 128)
    assert sample.known == sample.number
    verdicts: list[Any] = [sorted(v.reason for v in head.verdicts.values()) for head in sample.heads]
    assert verdicts[0] == ["unreadable_shard"]
    assert sample.heads[1].facts == ()
    assert verdicts[2][-1] == "truncated_shard"


def test_parquet_without_images_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"url": ["http://x"]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="no column of images"):
        read(tmp_path, ".parquet", 128)

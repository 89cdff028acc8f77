"""Lists of evaluation images."""

import gzip
import io
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from demo_data.scenes import render_scene, scene_members, write_scenes
from pipelines.hashes import write_hashes
from schemas.errors import ConfigError
from transforms.hash_list import HASH_LIST_SCHEMA, read_hash_list


def picture(seed: int) -> bytes:
    return dict(scene_members(render_scene(seed, 96)))["jpg"]


def test_files_and_shards_give_a_row_an_image(tmp_path: Path) -> None:
    write_scenes(tmp_path, count=3, seed=1, size_px=96, per_shard=3)
    (tmp_path / "b.tgz").write_bytes(gzip.compress((tmp_path / "00000.tar").read_bytes()))
    pq.write_table(pa.table({"image": [picture(1), picture(9)]}), tmp_path / "c.parquet")
    (tmp_path / "d.JPG").write_bytes(picture(2))
    paths = [str(tmp_path / name) for name in ("00000.tar", "b.tgz", "c.parquet", "d.JPG")]
    listed = str(tmp_path / "deep" / "list.parquet")
    assert write_hashes(paths, listed) == (9, [])
    rows = read_hash_list(listed).to_pylist()
    assert pq.read_table(listed).schema.equals(HASH_LIST_SCHEMA)
    names = [row["name"] for row in rows]
    assert sorted(names) == sorted(
        [paths[3], *(f"{n:09d}" for n in range(3)), *(f"{n:09d}" for n in range(3)), "000000000", "000000001"]
    )
    by_bytes: dict[bytes, set[int]] = {}
    for row in rows:
        by_bytes.setdefault(row["sha256"], set()).add(row["phash"])
    assert len(by_bytes) == 4  # scenes 1, 2, 3 and 9
    assert all(len(hashes) == 1 for hashes in by_bytes.values())


def test_any_format_is_listed_also_those_that_a_run_refuses(tmp_path: Path) -> None:
    image = Image.fromarray(np.arange(64 * 64, dtype=np.uint8).reshape(64, 64))
    for ending in ("gif", "bmp", "tiff", "png", "webp"):
        image.save(tmp_path / f"a.{ending}", lossless=True)
    paths = [str(path) for path in sorted(tmp_path.iterdir())]
    listed = str(tmp_path / "list.parquet")
    assert write_hashes(paths, listed) == (5, [])
    assert len({row["phash"] for row in read_hash_list(listed).to_pylist()}) == 1


def test_what_is_no_image_is_told_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "good.jpg").write_bytes(picture(1))
    (tmp_path / "text.jpg").write_bytes(b"<html>")
    (tmp_path / "cut.jpg").write_bytes(picture(1)[:800])
    listed = str(tmp_path / "list.parquet")
    number, lines = write_hashes([str(tmp_path / f"{n}.jpg") for n in ("good", "text", "cut")], listed)
    assert number == 1
    assert lines[0].startswith(f"{tmp_path}/text.jpg: unknown_format")
    assert lines[1].startswith(f"{tmp_path}/cut.jpg: truncated_image")
    assert [row["name"] for row in read_hash_list(listed).to_pylist()] == [f"{tmp_path}/good.jpg"]


def test_the_same_images_give_the_same_bytes(tmp_path: Path) -> None:
    write_scenes(tmp_path, count=40, seed=1, size_px=64, per_shard=40)
    for name in ("a", "b"):
        write_hashes([str(tmp_path / "00000.tar")], str(tmp_path / name))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("name", ["none.jpg", "none.tar", "", "."])
def test_a_path_with_nothing_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises((ConfigError, ValueError)) as raised:
        write_hashes([str(tmp_path / name)], str(tmp_path / "list.parquet"))
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_no_image_in_any_is_an_error_and_writes_no_list(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(ConfigError, match=re.escape("no image could be read in")):
        write_hashes([str(tmp_path / "a.jpg")], str(tmp_path / "list.parquet"))
    assert not (tmp_path / "list.parquet").exists()


def test_an_image_of_the_same_content_has_a_near_hash_and_other_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(picture(4))
    again = io.BytesIO()
    Image.open(io.BytesIO(picture(4))).save(again, "JPEG", quality=60)
    (tmp_path / "b.jpg").write_bytes(again.getvalue())
    listed = str(tmp_path / "list.parquet")
    write_hashes([str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg")], listed)
    one, other = read_hash_list(listed).to_pylist()
    assert one["sha256"] != other["sha256"]
    assert (one["phash"] ^ other["phash"]).bit_count() <= 4

import gzip
import io
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.config import InputConfig
from schemas.shard import Shard
from transforms.reading.images import ImageReader, read_images
from transforms.reading.units import read_units

MakeShard = Callable[..., Shard]
IMAGES = [bytes([at]) * (at * 300 + 1) for at in range(20)]


@pytest.fixture(scope="module", params=["tar", "tar.gz", "parquet", "gzip_named_tar"])
def shard(request: pytest.FixtureRequest, make_shard: MakeShard, make_tar: Callable[..., bytes]) -> Shard:
    members = [
        (f"{at:02d}.{e}", IMAGES[at] if e == "jpg" else b"t") for at in range(20) for e in ("jpg", "txt")
    ]
    if request.param == "parquet":
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table({"jpg": IMAGES}), sink, row_group_size=6)
        return make_shard(sink.getvalue().to_pybytes(), form="parquet", name="images")
    if request.param == "gzip_named_tar":
        return make_shard(gzip.compress(make_tar(members)), name="images-gz")
    return make_shard(members, form=request.param, name="images")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(wanted=st.sets(st.integers(0, 19)))
def test_gives_the_images_that_the_units_told(shard: Shard, wanted: set[int]) -> None:
    units = list(read_units(shard, InputConfig(shards=("x",))))
    places = [(unit.offset, unit.size_bytes) for unit in units if unit.index in wanted]
    assert list(read_images(shard, places)) == [IMAGES[at] for at in sorted(wanted)]


def test_missing_bytes_are_an_error_that_names_the_shard(shard: Shard) -> None:
    units = list(read_units(shard, InputConfig(shards=("x",))))
    last = units[-1]
    for place in ((last.offset, 10**7), (10**9, 5)):
        with pytest.raises(OSError, match=f"'{shard.path}' is not what it was"):
            list(read_images(shard, [(units[0].offset, 1), place]))


def test_a_shard_is_read_once_for_all_images_of_all_callers(
    shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte of the shard is taken from the disk at most once, or a little more for headers."""
    units = list(read_units(shard, InputConfig(shards=("x",))))
    taken = 0

    class Counting(io.FileIO):
        def readinto(self, buffer: Any) -> int:
            nonlocal taken
            number = super().readinto(buffer)
            taken += number or 0
            return number or 0

        def read(self, size: int = -1) -> bytes:
            nonlocal taken
            data = super().read(size)
            taken += len(data)
            return data

    opens = 0

    def opening(path: str) -> Any:
        nonlocal opens
        opens += 1
        return Counting(path)

    for place in ("sources", "parquet_file"):
        monkeypatch.setattr(f"transforms.reading.{place}.open_input", opening)
    with closing(ImageReader(shard)) as reader:
        found = [reader.read(unit.offset, unit.size_bytes) for unit in units]
    assert found == IMAGES
    assert opens <= 1  # a local tar is not opened as a stream
    assert taken <= shard.size_bytes + 2**16


def test_nothing_is_opened_before_the_first_image(tmp_path: Path) -> None:
    reader = ImageReader(Shard(order=0, name="a", path=str(tmp_path / "a"), size_bytes=1, format="tar"))
    reader.close()
    with pytest.raises(FileNotFoundError):
        reader.read(0, 1)


@pytest.mark.parametrize("form", ["tar.gz", "parquet"])
def test_broken_data_are_an_error_that_names_the_shard(make_shard: MakeShard, form: str) -> None:
    shard = make_shard(b"\x1f\x8b broken", form=form, name="broken")
    with pytest.raises(OSError, match="is not what it was"):
        list(read_images(shard, [(0, 5)]))


def test_real_images_are_read_again(shared_data: Path) -> None:
    path = shared_data / "coco_open/shards/00002.tar"
    shard = Shard(order=0, name=path.name, path=str(path), size_bytes=path.stat().st_size, format="tar")
    units = [u for u in read_units(shard, InputConfig(shards=("x",))) if u.read_image]
    again = list(read_images(shard, [(u.offset, u.size_bytes) for u in units]))
    assert again == [u.read_image() for u in units if u.read_image]
    assert all(image[:3] == b"\xff\xd8\xff" for image in again)

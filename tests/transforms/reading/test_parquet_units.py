import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.config import InputConfig
from schemas.shard import Shard, Unit
from transforms.reading.images import read_images
from transforms.reading.shard_paths import InputError, find_shards
from transforms.reading.units import check_shard, read_units

MakeShard = Callable[..., Shard]


def write(table: dict[str, Any] | pa.Table, make_shard: MakeShard, **options: Any) -> Shard:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(table) if isinstance(table, dict) else table, sink, **options)
    return make_shard(sink.getvalue().to_pybytes(), form="parquet")


def units_of(shard: Shard, **settings: Any) -> list[Unit]:
    return list(read_units(shard, InputConfig(shards=("x",), **settings)))


def image_of(unit: Unit) -> bytes:
    assert unit.read_image is not None
    return unit.read_image()


def test_rows_are_units(make_shard: MakeShard) -> None:
    shard = write(
        {
            "jpg": pa.array([b"one", None, b"", b"four!"], pa.binary()),
            "caption": ["  a\tdog", "b", "c", None],
            "key": ["k0", "k1", None, "k0"],
            "uid": [7, 8, 9, 10],
            "width": [1.5, None, 3.0, 4.0],
            "boxes": [[1], [2], [3], [4]],
            "json": ['{"url": "http://x", "uid": "json"}', "[", None, "{}"],
        },
        make_shard,
    )
    units = units_of(shard)
    assert [(u.index, u.key, u.occurrence, u.reason) for u in units] == [
        (0, "k0", 0, None),
        (1, "k1", 0, "null_row"),
        (2, "000000002", 0, "empty_image"),
        (3, "k0", 1, None),
    ]
    assert [(u.text, u.uid, u.url) for u in units] == [
        ("a dog", "json", "http://x"),
        ("b", "8", None),
        ("c", "9", None),
        (None, "10", None),
    ]
    assert units[1].mended == ("json_unreadable",)
    assert units[3].json == {"json": "{}", "key": "k0", "uid": 10, "width": 4.0}
    assert [(u.offset, u.size_bytes) for u in units] == [(0, 3), (-1, 0), (-1, 0), (3, 5)]
    assert [image_of(units[0]), image_of(units[3])] == [b"one", b"four!"]


@pytest.mark.parametrize("rows", [None, {"bytes": None, "path": "a.jpg"}])
def test_images_may_be_structs(make_shard: MakeShard, rows: object) -> None:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    images = pa.array([{"bytes": b"xyz", "path": "p"}, rows], kind)
    units = units_of(write({"image": images, "text": ["a", "b"]}, make_shard))
    assert [u.reason for u in units] == [None, "null_row"]
    assert image_of(units[0]) == b"xyz"


def test_columns_of_odd_types(make_shard: MakeShard) -> None:
    broken = pa.array([b"caf\xe9 au lait", b"fine"], pa.binary()).view(pa.string())
    table = pa.Table.from_arrays(
        [
            pa.array([b"1", b"2"], pa.large_binary()),
            broken,
            pa.array(["en", "de"]).dictionary_encode(),
            pa.array([b"7", b"8"]),
        ],
        names=["png", "caption", "lang", "png"],
    )
    units = units_of(write(table, make_shard))
    assert [image_of(u) for u in units] == [b"1", b"2"]
    assert [u.json.get("lang") for u in units] == ["en", "de"]
    assert units[0].text is not None
    assert units[0].text.startswith("caf")
    assert units[0].mended[0].startswith("text_encoding:")
    assert units[1].text == "fine"


def test_the_column_is_the_first_configured(make_shard: MakeShard) -> None:
    shard = write({"mask": [b"m"], "photo": [b"p"], "alt": ["x"]}, make_shard)
    (unit,) = units_of(shard, image=("photo", "mask"), text=("alt",))
    assert (image_of(unit), unit.text) == (b"p", "x")
    config = InputConfig(shards=("x",), image=("photo", "mask"))
    assert list(read_images(shard, [(0, 1)], config)) == [b"p"]


def test_oversized_images_are_not_given(make_shard: MakeShard) -> None:
    units = units_of(write({"jpg": [b"1" * 11, b"2" * 10]}, make_shard), max_member_bytes=10)
    assert [(u.reason, u.value) for u in units] == [("oversized_member", "row 0: 11 bytes"), (None, None)]


def test_addresses_instead_of_images_are_refused_with_the_command(shared_data: Path) -> None:
    (shard,) = find_shards([f"{shared_data}/alt_text/test_files/test_1000.parquet"])
    with pytest.raises(InputError) as caught:
        check_shard(shard, InputConfig(shards=("x",)))
    line = str(caught.value)
    assert "its columns are 'URL', 'TEXT', '__index_level_0__'" in line
    assert (
        f"img2dataset --url_list {shard.path} --input_format parquet --url_col URL --caption_col TEXT" in line
    )
    assert "--output_format webdataset --output_folder DIR" in line
    assert "\n" not in line
    with pytest.raises(InputError, match="download the images first"):
        units_of(shard)


def test_no_images_at_all_is_refused(make_shard: MakeShard) -> None:
    shard = write({"image": ["base64"], "text": ["t"]}, make_shard)
    with pytest.raises(InputError, match=r"columns are 'image', 'text'; set input\.image \(now jpg, jpeg"):
        check_shard(shard, InputConfig(shards=("x",)))


@pytest.mark.parametrize("data", [b"", b"PAR1", b"<html>", b"PAR1" + b"\0" * 100 + b"PAR1"])
def test_what_is_no_parquet_is_one_unit(make_shard: MakeShard, data: bytes) -> None:
    shard = make_shard(data, form="parquet")
    check_shard(shard, InputConfig(shards=("x",)))
    (unit,) = units_of(shard)
    assert (unit.index, unit.reason) == (0, "unreadable_shard")
    assert unit.value


def test_broken_pages_end_with_a_unit(make_shard: MakeShard) -> None:
    images = [random.Random(at).randbytes(300) * 10 for at in range(200)]
    table = pa.table({"jpg": images, "txt": [f"t{at}" for at in range(200)]})
    shard = write(table, make_shard, row_group_size=20, compression="zstd", write_page_checksum=True)
    whole = Path(shard.path).read_bytes()
    middle = bytearray(whole)
    middle[len(whole) // 2 : len(whole) // 2 + 200] = random.Random(1).randbytes(200)
    units = units_of(make_shard(bytes(middle), form="parquet"))
    assert units[-1].reason == "damaged_shard"
    assert [image_of(u) for u in units[:-1]] == images[: len(units) - 1]
    assert 40 <= len(units) < 200


def test_memory_is_bounded_by_pages_not_by_row_groups(make_shard: MakeShard) -> None:
    rows = [random.Random(at).randbytes(200_000) for at in range(150)]
    shard = write({"jpg": rows}, make_shard, compression="none", use_dictionary=False, write_batch_size=8)
    del rows
    tracemalloc.start()
    before = pa.total_allocated_bytes()
    peak = 0
    for unit in read_units(shard, InputConfig(shards=("x",))):
        assert unit.size_bytes == 200_000
        peak = max(peak, pa.total_allocated_bytes() - before)
    assert peak < 16 * 2**20
    assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    tracemalloc.stop()

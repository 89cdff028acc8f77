"""Lists of hashes of evaluation sets."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.facts import Facts
from transforms.hash_list import HASH_LIST_SCHEMA, hash_rows, read_hash_list
from transforms.storage import commit_table

ROW = {"name": ["a"], "sha256": [b"\1" * 32], "phash": [5], "colour_grid": [b"\2" * 27]}


def write(folder: Path, columns: dict[str, object]) -> str:
    path = folder / "list.parquet"
    pq.write_table(pa.table(columns), path)
    return str(path)


def test_a_list_survives_its_file(tmp_path: Path) -> None:
    facts = [
        Facts(index=0, uid="u", key="val/1", sha256=b"\1" * 32, phash=2**64 - 1, colour_grid=b"\2" * 27),
        Facts(index=1, uid="v", key="", sha256=b"\3" * 32),
    ]
    rows = hash_rows(facts)
    path = str(tmp_path / "list.parquet")
    commit_table(path, rows)
    found = read_hash_list(path)
    assert found.schema == HASH_LIST_SCHEMA
    assert found.to_pylist() == [
        {"name": "val/1", "sha256": b"\1" * 32, "phash": 2**64 - 1, "colour_grid": b"\2" * 27},
        {"name": "v", "sha256": b"\3" * 32, "phash": None, "colour_grid": None},
    ]


def test_an_empty_list_is_a_list(tmp_path: Path) -> None:
    commit_table(str(tmp_path / "list.parquet"), hash_rows([]))
    assert read_hash_list(str(tmp_path / "list.parquet")).equals(HASH_LIST_SCHEMA.empty_table())


def test_looser_types_and_further_columns_are_taken(tmp_path: Path) -> None:
    path = write(tmp_path, {"url": ["x"], **ROW})  # int64 hash, binary without a size
    assert read_hash_list(path).to_pydict() == ROW


def test_a_unit_that_is_no_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unit 3 \(k\) has no sha256"):
        hash_rows([Facts(index=3, uid="u", key="k")])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"phash": None}, "has column 'phash' not at all"),
        ({"sha256": [b"short"]}, "has column 'sha256' as binary, which is no fixed_size_binary"),
        ({"sha256": ["ab" * 32]}, "has column 'sha256' as string"),
        ({"sha256": pa.array([None], pa.binary())}, "has nulls in column 'sha256'"),
        ({"name": pa.array([None], pa.string())}, "has nulls in column 'name'"),
        ({"phash": [-1]}, "has column 'phash' as int64, which is no uint64"),
        ({"phash": ["0f"]}, "has column 'phash' as string"),
        ({"colour_grid": [b"\2" * 26]}, "has column 'colour_grid' as binary"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(change: dict[str, object], told: str, tmp_path: Path) -> None:
    columns = {name: column for name, column in {**ROW, **change}.items() if column is not None}
    path = write(tmp_path, columns)
    with pytest.raises(ValueError, match="evaluation list") as caught:
        read_hash_list(path)
    message = str(caught.value)
    assert told in message
    assert path in message
    assert message.endswith("make the list with `pairwright hashes`")
    assert "\n" not in message


@pytest.mark.parametrize("data", [b"", b"name,sha256\n", b"PAR1" + b"\xff" * 40 + b"PAR1"])
def test_what_is_no_parquet_is_told(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "list.parquet"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"is no Parquet file .*`pairwright hashes`$"):
        read_hash_list(str(path))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.parquet' is not there; mend dedup.decontaminate"):
        read_hash_list(str(tmp_path / "none.parquet"))

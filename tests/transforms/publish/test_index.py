import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from transforms.publish.index import read_index, write_index, write_sizes
from transforms.publish.plan import plan_output
from transforms.publish.write_shard import INDEX_SCHEMA, Piece, write_output_shard
from transforms.storage import commit_table


def _parts(make_piece: Callable[..., Piece], folder: Path) -> list[str]:
    paths = []
    for plan in plan_output([7], 3):
        pieces = [make_piece(plan.first + i) for i in range(plan.size)]
        table = write_output_shard(plan, pieces, str(folder / plan.name))
        paths.append(str(folder / f"{plan.number}.parquet"))
        commit_table(paths[-1], table)
    return paths


def test_a_row_group_a_part(make_piece: Callable[..., Piece], tmp_path: Path) -> None:
    write_index(iter(_parts(make_piece, tmp_path)), str(tmp_path / "index.parquet"))
    index = pq.ParquetFile(tmp_path / "index.parquet")
    assert [index.metadata.row_group(i).num_rows for i in range(index.num_row_groups)] == [3, 3, 1]
    assert index.read().column("key").to_pylist() == [f"{i:09d}" for i in range(7)]


def test_same_parts_same_bytes(make_piece: Callable[..., Piece], tmp_path: Path) -> None:
    parts = _parts(make_piece, tmp_path)
    for name in ("a", "b"):
        write_index(parts, str(tmp_path / name))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_without_parts_the_columns_are_there(tmp_path: Path) -> None:
    write_index([], str(tmp_path / "index.parquet"))
    table = pq.read_table(tmp_path / "index.parquet")
    assert table.num_rows == 0
    assert table.schema.equals(INDEX_SCHEMA)


def test_read_index_joins_rows_over_row_groups(tmp_path: Path) -> None:
    rows = [{"shard": shard, "key": str(i)} for i, shard in enumerate("aabba")]
    table = pa.Table.from_pylist(rows, schema=INDEX_SCHEMA)
    pq.write_table(table, tmp_path / "index.parquet", row_group_size=1)
    with (tmp_path / "index.parquet").open("rb") as stream:
        groups = [(shard, [row["key"] for row in rows]) for shard, rows in read_index(stream)]
    assert groups == [("a", ["0", "1"]), ("b", ["2", "3"]), ("a", ["4"])]


def test_read_index_refuses_another_table(tmp_path: Path) -> None:
    pq.write_table(pa.table({"uid": ["a"]}), tmp_path / "index.parquet")
    with (tmp_path / "index.parquet").open("rb") as stream, pytest.raises(ValueError, match="columns"):
        list(read_index(stream))


def test_sizes(tmp_path: Path) -> None:
    write_sizes(plan_output([7], 3), str(tmp_path / "sizes.json"))
    text = (tmp_path / "sizes.json").read_text()
    assert json.loads(text) == {"00000.tar": 3, "00001.tar": 3, "00002.tar": 1}
    write_sizes([], str(tmp_path / "sizes.json"))
    assert json.loads((tmp_path / "sizes.json").read_text()) == {}

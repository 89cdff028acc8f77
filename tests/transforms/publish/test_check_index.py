from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from transforms.publish.check_index import IndexRows
from transforms.publish.write_shard import INDEX_SCHEMA


def _index(folder: Path, shards: str) -> str:
    rows = [{"shard": shard, "key": str(i)} for i, shard in enumerate(shards)]
    pq.write_table(pa.Table.from_pylist(rows, schema=INDEX_SCHEMA), folder / "index.parquet")
    return str(folder / "index.parquet")


def _keys(rows: IndexRows, shard: str) -> list[str] | None:
    found = rows.rows_of(shard)
    return None if found is None else [row["key"] for row in found]


def test_rows_of_each_shard(tmp_path: Path) -> None:
    rows = IndexRows(_index(tmp_path, "aabcc"))
    assert [_keys(rows, shard) for shard in "abc"] == [["0", "1"], ["2"], ["3", "4"]]
    assert rows.finish() == []


def test_rows_that_belong_nowhere(tmp_path: Path) -> None:
    rows = IndexRows(_index(tmp_path, "abaz"))
    assert [_keys(rows, shard) for shard in "bc"] == [["1"], []]
    assert rows.finish() == [
        f"index.parquet: 1 rows of {shard}, which is no shard or not in its place" for shard in "aaz"
    ]


def test_a_file_that_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "index.parquet").write_bytes(b"PAR1 no PAR1")
    rows = IndexRows(str(tmp_path / "index.parquet"))
    assert rows.rows_of("a") is None
    assert rows.finish() == []
    assert isinstance(rows.error, pa.ArrowInvalid)

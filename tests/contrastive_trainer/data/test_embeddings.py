from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from contrastive_trainer.data.batch_reader import BatchReader
from contrastive_trainer.data.embeddings import StoredEmbeddings
from contrastive_trainer.data.shard_list import list_shards
from schemas.errors import ConfigError

WIDTH = 3


def write(folder: Path, name: str, uids: list[str], kind: pa.DataType, **columns: Any) -> None:
    """Write vectors that tell their sample: image (k, k, k), text (-k, -k, -k)."""
    folder.mkdir(exist_ok=True)
    numbers = [int(uid[1:]) for uid in uids]
    values = {
        "image": [[float(k)] * WIDTH for k in numbers],
        "caption": [[-float(k)] * WIDTH for k in numbers],
    }
    values |= columns
    table = pa.table({"uid": uids} | {key: pa.array(value, kind) for key, value in values.items()})
    pq.write_table(table, folder / f"{name}.parquet", row_group_size=2)


KINDS = [
    pa.list_(pa.float32()),
    pa.list_(pa.float16(), WIDTH),
    pa.list_(pa.float64()),
    pa.large_list(pa.float32()),
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_each_sample_gets_its_own_vectors(make: Any, tmp_path: Path, kind: pa.DataType) -> None:
    make.pack_set(tmp_path / "set", [5, 3])
    write(tmp_path / "t", "00000", [f"u{k}" for k in range(5)], kind)
    write(tmp_path / "t", "00001", [f"u{k}" for k in range(5, 8)], kind)
    losses = {"distill": {"teachers": {"one": str(tmp_path / "t"), "two": str(tmp_path / "t")}}}
    config = make.configure(tmp_path / "set", batch=8, losses=losses)
    batch = BatchReader(list_shards(config.data.shards), config, make.encode, image_size=8)[0]
    numbers = [float(uid[1:]) for uid in batch.samples]
    assert batch.teacher_image_BE.keys() == batch.teacher_text_BE.keys() == {"one", "two"}
    for name in ("one", "two"):
        assert batch.teacher_image_BE[name].dtype == torch.float32
        assert batch.teacher_image_BE[name].tolist() == [[k] * WIDTH for k in numbers]
        assert batch.teacher_text_BE[name].tolist() == [[-k] * WIDTH for k in numbers]
    assert batch.distill_BL is not None
    assert [make.decode(row) for row in batch.distill_BL] == [f"caption {k:.0f}" for k in numbers]


def stored(make: Any, tmp_path: Path, size: int = 2) -> tuple[StoredEmbeddings, Any]:
    make.pack_set(tmp_path / "set", [size])
    return StoredEmbeddings(str(tmp_path / "t"), "caption", keep=1), list_shards([str(tmp_path / "set")])


def test_a_missing_file_is_named_before_anything_is_read(make: Any, tmp_path: Path) -> None:
    make.pack_set(tmp_path / "set", [1, 1])
    write(tmp_path / "t", "00000", ["u0"], KINDS[0])
    losses = {"distill": {"teachers": {"one": str(tmp_path / "t")}}}
    config = make.configure(tmp_path / "set", batch=2, losses=losses)
    with pytest.raises(ConfigError, match=r"losses\.distill: .*t/00001\.parquet is not there"):
        BatchReader(list_shards(config.data.shards), config, make.encode, image_size=8)


def test_embeddings_of_other_samples_are_refused(make: Any, tmp_path: Path) -> None:
    found, shards = stored(make, tmp_path)
    write(tmp_path / "t", "00000", ["u1", "u0"], KINDS[0])
    found.check(shards)
    with pytest.raises(
        ConfigError, match=r"00000\.parquet holds embeddings of other samples than .*\(row 0\)"
    ):
        found.row(shards[0], 0, "u0")


def test_too_few_rows_are_refused(make: Any, tmp_path: Path) -> None:
    found, shards = stored(make, tmp_path)
    write(tmp_path / "t", "00000", ["u0"], KINDS[0])
    with pytest.raises(ConfigError, match="1 rows for 2 samples"):
        found.check(shards)


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"image": [[1.0], [1.0, 2.0]]}, "different widths"),
        ({"image": [[1.0], None]}, "missing"),
        ({"image": [[1.0], [None]]}, "missing"),
        ({"image": [[1.0], [float("nan")]]}, "not finite"),
    ],
)
def test_broken_vectors_are_named(make: Any, tmp_path: Path, columns: Any, why: str) -> None:
    found, shards = stored(make, tmp_path)
    write(tmp_path / "t", "00000", ["u0", "u1"], KINDS[0], **columns)
    with pytest.raises(ConfigError, match=rf"00000\.parquet cannot be used \(.*{why}"):
        found.check(shards)


def test_files_that_are_none_of_ours_are_named(make: Any, tmp_path: Path) -> None:
    found, shards = stored(make, tmp_path)
    (tmp_path / "t").mkdir()
    path = tmp_path / "t" / "00000.parquet"
    path.write_bytes(b"no parquet")
    with pytest.raises(ConfigError, match="cannot be used"):
        found.check(shards)
    pq.write_table(pa.table({"uid": ["u0", "u1"], "image": [[1.0], [2.0]]}), path)
    with pytest.raises(ConfigError, match="needs columns uid, image and caption"):
        found.check(shards)
    pq.write_table(pa.table({"uid": ["u0", "u1"], "image": ["a", "b"], "caption": ["c", "d"]}), path)
    with pytest.raises(ConfigError, match="cannot be used"):
        found.check(shards)


def test_half_precision_stays_half(make: Any, tmp_path: Path) -> None:
    found, shards = stored(make, tmp_path)
    write(tmp_path / "t", "00000", ["u0", "u1"], KINDS[1])
    image_E, text_E = found.row(shards[0], 1, "u1")
    assert image_E.dtype == text_E.dtype == np.float16


def test_one_width_for_all_shards_and_both_sides(make: Any, tmp_path: Path) -> None:
    make.pack_set(tmp_path / "set", [1, 1])
    found = StoredEmbeddings(str(tmp_path / "t"), "caption", keep=1)
    shards = list_shards([str(tmp_path / "set")])
    write(tmp_path / "t", "00001", ["u1"], KINDS[0], image=[[1.0, 2.0]], caption=[[1.0, 2.0]])
    write(tmp_path / "t", "00000", ["u0"], KINDS[0], caption=[[1.0, 2.0]])
    with pytest.raises(ConfigError, match=r"00000\.parquet cannot be used \(vectors of 2 and 3 numbers\)"):
        found.check(shards)
    write(tmp_path / "t", "00000", ["u0"], KINDS[0])
    found.check(shards)
    with pytest.raises(ConfigError, match=r"00001\.parquet cannot be used \(vectors of 2 and 3 numbers\)"):
        found.row(shards[1], 0, "u1")

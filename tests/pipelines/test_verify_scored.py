"""What `verify` tells of embeddings and mined negatives, and that the mend it names mends."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demo_data.scenes import write_scenes
from pipelines.verify import verify
from transforms.publish.check_mend import CURATE, REMOVE

pytest.importorskip("torch")

MINED = "mined_negatives.parquet"
TABLE = "embeddings/00001.parquet"
Rows = list[dict[str, Any]]
Again = Callable[[], Any]


@pytest.fixture(scope="module")
def made(
    curate: Callable[..., Any], checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """Return the output of a run with both tables, in shards of seven, and its configuration."""
    folder = tmp_path_factory.mktemp("scored")
    (folder / "in").mkdir()
    write_scenes(folder / "in", count=18, seed=5, size_px=64, per_shard=10)
    config = {
        "input": {"shards": f"{folder}/in/*.tar"},
        "score": {
            "clip": {"checkpoint": str(checkpoint)},
            "hard_negatives": {"most": 2, "beta": 0.05},
            "embeddings": True,
        },
        "publish": {"samples_per_shard": 7},
    }
    curate(config, folder / "out")
    return folder / "out", config


@pytest.fixture
def output(made: tuple[Path, Any], tmp_path: Path) -> Path:
    """Return a copy of the output."""
    return Path(shutil.copytree(made[0], tmp_path / "out"))


@pytest.fixture
def again(curate: Callable[..., Any], made: tuple[Any, dict[str, Any]], output: Path) -> Again:
    """Return what runs the same again."""
    return lambda: curate(made[1], output)


def change(output: Path, name: str, edit: Callable[[Rows], Rows | None]) -> None:
    """Rewrite a table with its rows changed."""
    table = pq.read_table(output / name)
    rows = table.to_pylist()
    pq.write_table(pa.Table.from_pylist(edit(rows) or rows, schema=table.schema), output / name)


def told_of(output: Path, name: str) -> list[str]:
    """Return what is found of a file, but for its size and hash."""
    problems = verify(str(output))
    beside = [line for line in problems if not line.startswith((f"{name}: it has ", "croissant.json: "))]
    assert len(problems) > len(beside)  # croissant.json tells of any change
    return beside


def swap(rows: Rows) -> None:
    rows[0], rows[1] = rows[1], rows[0]


def lengthen(rows: Rows) -> None:
    rows[2]["image"] = [2 * value for value in rows[2]["image"]]


def not_a_number(rows: Rows) -> None:
    rows[2]["caption"][3] = np.nan


def narrow(rows: Rows) -> None:
    rows[2]["alt_text"] = rows[2]["alt_text"][1:]


FAULTS: list[tuple[str, Callable[[Rows], Rows | None], str]] = [
    (TABLE, swap, "row 0 is of uid {1}, but index.parquet has {0} there"),
    (TABLE, lambda rows: rows[:-1], "6 rows, but index.parquet has 7; uid {6} is missing"),
    (TABLE, lengthen, "uid {2}: its image is 2.0"),
    (TABLE, not_a_number, "uid {2}: its caption holds what is no finite number"),
    (TABLE, narrow, "uid {2}: its alt_text has 15 numbers, not 16"),
    (MINED, lambda rows: rows[1:], "uid {0}, rank 1: rank 0 is expected there"),
    (MINED, lambda rows: rows[0].update(cosine=-2.0), "uid {0}, rank 0: -2.0 is no cosine"),
    (MINED, lambda rows: rows[0].update(text="A lie."), "uid {0}, rank 0: its text is not the caption of "),
    (MINED, lambda rows: rows[0].update(cosine=0.99), "uid {0}: cosine 0.9900 is more than beta 0.05 over "),
]


@pytest.mark.parametrize(("name", "edit", "told"), FAULTS)
def test_a_fault_is_told_in_one_line(
    output: Path, name: str, edit: Callable[[Rows], Rows | None], told: str
) -> None:
    rows = pq.read_table(output / name).to_pylist()
    change(output, name, edit)
    (problem,) = told_of(output, name)
    assert problem.startswith(f"{name}: {told.format(*(row['uid'] for row in rows))}")
    assert problem.endswith(REMOVE if name == TABLE else CURATE)


def test_uids_of_nobody(output: Path) -> None:
    uid = pq.read_table(output / MINED)["uid"][0].as_py()

    def rename(rows: Rows) -> None:
        for row in rows:
            row["uid"] = "nobody" if row["uid"] == uid else row["uid"]

    change(output, MINED, rename)
    assert told_of(output, MINED) == [f"{MINED}: uid nobody: is not published; {CURATE}"]


def test_tables_that_are_missing_or_not_asked_for(output: Path, again: Again) -> None:
    assert verify(str(output)) == []
    for name in (TABLE, MINED):
        (output / name).rename(output / "kept")
        assert told_of(output, name) == [f"{name}: missing; {CURATE}"]
        (output / "kept").rename(output / name)
    stray = output / "embeddings" / "00009.parquet"
    stray.write_bytes((output / TABLE).read_bytes())
    assert f"embeddings/00009.parquet: is of no shard; {REMOVE}" in verify(str(output))
    stray.unlink()
    run = json.loads((output / "run.json").read_text())
    run["config"]["score"] |= {"embeddings": False, "hard_negatives": None}
    (output / "run.json").write_text(json.dumps(run))
    asked_for_none = "is there, though the run's configuration asks for none"
    assert verify(str(output))[:4] == [
        *(f"embeddings/0000{n}.parquet: {asked_for_none}; {REMOVE}" for n in range(3)),
        f"{MINED}: {asked_for_none}; {CURATE}",
    ]
    again()
    assert verify(str(output)) == []


def test_scores_that_are_means_over_mirror_images(
    curate: Callable[..., Any], made: tuple[Any, dict[str, Any]], tmp_path: Path
) -> None:
    config = json.loads(json.dumps(made[1]))
    config["score"]["clip"]["average_flipped"] = True
    config["score"]["hard_negatives"]["beta"] = 0.0
    assert verify(str(curate(config, tmp_path / "out").output)) == []


def test_a_table_that_was_cut_is_written_again(output: Path, again: Again) -> None:
    whole = (output / TABLE).read_bytes()
    (output / TABLE).write_bytes(whole[:-100])
    assert verify(str(output)) != []
    again()
    assert (output / TABLE).read_bytes() == whole
    assert verify(str(output)) == []


@pytest.mark.parametrize("name", [TABLE, MINED])
@pytest.mark.parametrize("data", [b"", b"PAR1" + bytes(40) + b"PAR1", b"[]"])
def test_damaged_tables_are_told_not_raised(output: Path, name: str, data: bytes) -> None:
    (output / name).write_bytes(data)
    (problem,) = told_of(output, name)
    assert problem.startswith(f"{name}: cannot be read: ")


def test_the_mend_that_is_named_mends(output: Path, again: Again) -> None:
    before = {path: path.read_bytes() for path in output.glob("*/*.*") if path.suffix in (".tar", ".parquet")}
    before = {path: data for path, data in before.items() if "work" not in path.parts}
    shard = output / "shards" / "00002.tar"
    for path in (shard, output / TABLE, output / MINED, output / "index.parquet", output / "README.md"):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    problems = verify(str(output))
    assert not any("pairwright report" in line for line in problems)  # it would describe the damage
    for path in (shard, output / TABLE):
        line = next(line for line in problems if line.startswith(f"{path.relative_to(output)}: "))
        assert line.endswith(REMOVE)
    again()
    left = {line.partition(":")[0] for line in verify(str(output)) if not line.startswith("croissant.json")}
    assert left <= {str(shard.relative_to(output)), TABLE}  # of the same size, so passed by
    assert left
    shard.unlink()
    (output / TABLE).unlink()
    again()
    assert verify(str(output)) == []
    assert {path: path.read_bytes() for path in before} == before

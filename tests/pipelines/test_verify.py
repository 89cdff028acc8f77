import hashlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.card import rebuild_card
from pipelines.verify import MAX_PROBLEMS, REJECTED_COLUMNS, verify
from schemas.annotation import Annotation
from schemas.facts import Facts
from transforms.publish import check_mend
from transforms.publish.index import write_index, write_sizes
from transforms.publish.plan import plan_output
from transforms.publish.write_shard import Piece, write_output_shard
from transforms.storage import commit_bytes, commit_table

CURATE, REMOVE, REPORT = (f"; {mend}" for mend in (check_mend.CURATE, check_mend.REMOVE, check_mend.REPORT))

SAMPLES = 8
PER_SHARD = 3
COVERED = ("long_positive", "long_negative", "rewrites")


def _piece(number: int) -> Piece:
    image = b"\xff\xd8\xff image %d" % number
    facts = Facts(
        index=number,
        uid=f"uid{number}",
        key=f"k{number}",
        alt_text=f"photo {number}",
        sha256=hashlib.sha256(image).digest(),
        format="jpeg",
        width=4,
        height=3,
        frames=1,
    )
    texts = {"long_positive": ["A red car."], "long_negative": ["A blue car."], "rewrites": ["A car, red."]}
    annotations = [Annotation(index=number, uid=facts.uid, fields=texts)]
    return Piece(facts=facts, shard_name="in.tar", annotations=annotations, image=image)


def _rejected(*rows: tuple[str, str, str, str]) -> pa.Table:
    columns = {
        "uid": [row[0] for row in rows],
        "shard": ["in.tar"] * len(rows),
        "key": [f"key of {row[0]}" for row in rows],
        "stage": [row[1] for row in rows],
        "kind": [row[2] for row in rows],
        "reason": [row[3] for row in rows],
        "value": [""] * len(rows),
    }
    return pa.table({name: pa.array(columns[name], pa.string()) for name in REJECTED_COLUMNS})


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """What a run of eight kept samples in shards of three leaves behind."""
    folder = tmp_path / "out [1]"
    plan = plan_output([5, 3], PER_SHARD)
    parts = []
    for shard in plan:
        pieces = [_piece(shard.first + i) for i in range(shard.size)]
        table = write_output_shard(shard, pieces, str(folder / "shards" / shard.name))
        parts.append(str(folder / "work" / "publish" / f"{shard.number}.parquet"))
        commit_table(parts[-1], table)
    write_index(parts, str(folder / "index.parquet"))
    write_sizes(plan, str(folder / "shards" / "sizes.json"))
    rejected = _rejected(
        ("r0", "profile", "dropped", "words"),
        ("uid3", "dedup", "dropped", "repeated_uid"),
        ("r1", "annotate", "failed", "bad_reply"),
    )
    commit_table(str(folder / "rejected" / "in-abc.parquet"), rejected)
    _write_run(folder, {})
    return folder


def _write_run(folder: Path, changes: dict[str, Any]) -> None:
    counts = {
        "in": SAMPLES + 3,
        "published": SAMPLES,
        "dropped": {"profile": {"words": 1}, "dedup": {"repeated_uid": 1}},
        "failed": {"annotate": {"bad_reply": 1}},
    }
    counts |= changes
    run = {
        "name": "test",
        "config": {"publish": {"samples_per_shard": PER_SHARD}},
        "recipes": [],
        "counts": counts,
        "coverage": dict.fromkeys(COVERED, SAMPLES) if counts["published"] else {},
        "usage": {"recipes": {}},
    }
    commit_bytes(str(folder / "run.json"), json.dumps(run).encode())
    rebuild_card(str(folder))


def _beside_the_card(output: Path) -> list[str]:
    """Return what is found beside the card's lines and hashes, which tell of any change."""
    problems = verify(str(output))
    of_card = [line for line in problems if line.startswith(("README.md: ", "croissant.json: "))]
    assert of_card
    return [line for line in problems if line not in of_card]


def test_an_output_that_holds(output: Path) -> None:
    assert verify(str(output)) == []
    assert verify(f"{output}/") == []


def test_an_empty_output_that_holds(tmp_path: Path) -> None:
    write_index([], str(tmp_path / "index.parquet"))
    write_sizes([], str(tmp_path / "shards" / "sizes.json"))
    _write_run(tmp_path, {"in": 0, "published": 0, "dropped": {}, "failed": {}})
    assert verify(str(tmp_path)) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert verify(str(tmp_path / "none")) == [
        f"run.json: missing{CURATE}",
        f"shards/sizes.json: missing{CURATE}",
        f"index.parquet: missing{CURATE}",
    ]


@pytest.mark.parametrize("name", ["README.md", "croissant.json"])
def test_no_card(output: Path, name: str) -> None:
    (output / name).unlink()
    assert verify(str(output)) == [f"{name}: missing{REPORT}"]


def test_coverage_that_the_index_does_not_have(output: Path) -> None:
    run = json.loads((output / "run.json").read_text())
    run["coverage"] = {"long_positive": 7, "regions": 1}
    (output / "run.json").write_text(json.dumps(run))
    rebuild_card(str(output))
    assert verify(str(output)) == [
        f"run.json: coverage counts 7 samples with long_positive, but the index has 8{CURATE}",
        f"run.json: coverage counts 0 samples with long_negative, but the index has 8{CURATE}",
        f"run.json: coverage counts 0 samples with rewrites, but the index has 8{CURATE}",
        f"run.json: coverage counts 1 samples with regions, but the index has 0{CURATE}",
    ]


def test_accounts(output: Path) -> None:
    _write_run(output, {"in": 12})
    assert verify(str(output)) == [f"run.json: 12 in, but 8 published and 3 dropped or failed{CURATE}"]
    _write_run(output, {"in": 12, "failed": {"annotate": {"bad_reply": 2}}})
    assert verify(str(output)) == [
        f"rejected: 1 rows failed by annotate for 'bad_reply', but run.json counts 2{CURATE}"
    ]


def test_a_deleted_shard(output: Path) -> None:
    (output / "shards" / "00001.tar").unlink()
    assert _beside_the_card(output) == [f"shards/00001.tar: missing{CURATE}"]
    assert f"croissant.json: shards/00001.tar is described, but missing{CURATE}" in verify(str(output))


def test_a_deleted_shard_with_all_traces(output: Path) -> None:
    (output / "shards" / "00002.tar").unlink()
    sizes = {"00000.tar": 3, "00001.tar": 3}
    (output / "shards" / "sizes.json").write_text(json.dumps(sizes))
    write_index(
        (str(output / "work" / "publish" / f"{i}.parquet") for i in range(2)), str(output / "index.parquet")
    )
    *told, changed = _beside_the_card(output)
    assert changed.startswith("index.parquet: it has ")
    assert told == [
        f"shards/sizes.json: 6 samples, but run.json counts 8 published{CURATE}",
        *(
            f"run.json: coverage counts 8 samples with {name}, but the index has 6{CURATE}"
            for name in COVERED
        ),
    ]


def test_a_shard_too_many(output: Path) -> None:
    (output / "shards" / "00003.tar").write_bytes((output / "shards" / "00002.tar").read_bytes())
    problems = verify(str(output))
    assert problems[0] == f"shards/00003.tar: not in sizes.json{REMOVE}"
    assert problems[1].startswith("shards/00003.tar: 000000009: ")


def test_two_shards_in_each_others_place(output: Path) -> None:
    one, other = output / "shards" / "00000.tar", output / "shards" / "00001.tar"
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)
    assert len(_beside_the_card(output)) == 6


@pytest.mark.parametrize("name", ["00000.tar", "00002.tar"])
def test_no_flipped_byte_goes_unseen(output: Path, name: str) -> None:
    path = output / "shards" / name
    whole = path.read_bytes()
    for place in range(0, len(whole), 397):
        damaged = bytearray(whole)
        damaged[place] ^= 0x15
        path.write_bytes(damaged)
        problems = verify(str(output))
        assert problems, place
        assert all(f"shards/{name}" in problem for problem in problems)


def test_no_cut_goes_unseen(output: Path) -> None:
    path = output / "shards" / "00001.tar"
    whole = path.read_bytes()
    for length in range(0, len(whole), 1024):
        path.write_bytes(whole[:length])
        assert any("shards/00001.tar: " in problem for problem in verify(str(output)))


@pytest.mark.parametrize(
    "name", ["index.parquet", "run.json", "shards/sizes.json", "rejected/in-abc.parquet"]
)
def test_damaged_tables_are_told_not_raised(output: Path, name: str) -> None:
    path = output / name
    whole = path.read_bytes()
    for data in (
        b"",
        b"{",
        b"[]",
        b"\xff\x00",
        b"[" * 100_000,
        whole[: len(whole) // 2],
        b"PAR1" + bytes(40) + b"PAR1",
    ):
        path.write_bytes(data)
        assert any(problem.startswith(f"{name}: ") for problem in verify(str(output))), data[:20]


def test_damaged_index_bytes_are_told_not_raised(output: Path) -> None:
    path = output / "index.parquet"
    whole = path.read_bytes()
    for place in range(4, len(whole), 501):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        assert isinstance(verify(str(output)), list)


def test_rows_of_the_index_moved_or_changed(output: Path) -> None:
    index = pq.read_table(output / "index.parquet")
    pq.write_table(index.take([1, 0, *range(2, 8)]), output / "index.parquet")
    problems = verify(str(output))
    assert any("000000000: index.parquet has another key" in problem for problem in problems)
    pq.write_table(index.slice(0, 7), output / "index.parquet")
    assert _beside_the_card(output)[0] == f"shards/00002.tar: 000000007: has no row in index.parquet{REMOVE}"


def test_a_shard_of_another_size(output: Path) -> None:
    sizes = {"00000.tar": 3, "00001.tar": 2, "00002.tar": 3}
    (output / "shards" / "sizes.json").write_text(json.dumps(sizes))
    assert verify(str(output)) == [
        f"shards/00001.tar: 2 samples by sizes.json, but samples_per_shard is 3{REMOVE}",
        f"shards/00001.tar: holds 3 samples, but sizes.json says 2{REMOVE}",
        f"shards/00002.tar: holds 2 samples, but sizes.json says 3{REMOVE}",
    ]


def test_an_edited_json_inside_a_tar(output: Path) -> None:
    path = output / "shards" / "00000.tar"
    data = path.read_bytes()
    assert data.count(b"A car, red.") == 3
    path.write_bytes(data.replace(b"A car, red.", b"A car, tan.", 1))
    (problem,) = _beside_the_card(output)
    assert problem.startswith("shards/00000.tar: 000000000: index.parquet has another json_sha256: ")


def test_a_uid_published_twice(output: Path) -> None:
    path = output / "index.parquet"
    index = pq.read_table(path)
    uids = index["uid"].to_pylist()
    uids[3] = uids[0]
    place = index.schema.get_field_index("uid")
    pq.write_table(index.set_column(place, index.schema.field(place), pa.array(uids, pa.string())), path)
    problems = verify(str(output))
    assert (
        f"shards/00001.tar: 000000003: uid {uids[0]} is already that of shards/00000.tar: 000000000{REMOVE}"
        in problems
    )


def test_a_rejected_sample_may_have_the_uid_of_a_published_one(output: Path) -> None:
    path = output / "rejected" / "in-abc.parquet"
    commit_table(str(path), _rejected(("uid3", "profile", "dropped", "words"), ("r1", "a", "failed", "b")))
    _write_run(output, {"in": 10, "dropped": {"profile": {"words": 1}}, "failed": {"a": {"b": 1}}})
    assert verify(str(output)) == []


def test_rejected_rows_of_one_uid_are_no_problem(output: Path) -> None:
    rows = [("r0", "profile", "failed", "bad_text")] * 2
    commit_table(str(output / "rejected" / "in-abc.parquet"), _rejected(*rows))
    _write_run(output, {"in": 10, "dropped": {}, "failed": {"profile": {"bad_text": 2}}})
    assert verify(str(output)) == []


@pytest.mark.parametrize("folder", ["", "shards", "rejected", "work/publish"])
def test_leftovers(output: Path, folder: str) -> None:
    for name in (".writing-1234abcd-00000.tar", ".writing-1234abcd-a.parquet"):
        path = output / folder / name
        path.write_bytes(b"")
        place = path.relative_to(output)
        assert verify(str(output)) == [f"{place}: left half-written{CURATE}"]
        path.unlink()


def test_a_hundred_lines_and_no_control_characters(output: Path) -> None:
    rows = [(f"r{i}", "s", "dropped", f"reason\x1b[2J\n{i:03d}") for i in range(150)]
    commit_table(str(output / "rejected" / "in-abc.parquet"), _rejected(*rows))
    _write_run(output, {"in": 8, "dropped": {}, "failed": {}})
    problems = verify(str(output))
    assert len(problems) == MAX_PROBLEMS + 1
    assert problems[-1] == "... and 50 more"
    assert all(problem.isprintable() for problem in problems)


def test_other_columns_in_a_rejected_table(output: Path) -> None:
    commit_table(str(output / "rejected" / "x.parquet"), pa.table({"uid": ["a"]}))
    (problem,) = verify(str(output))
    assert problem.startswith(
        "rejected/x.parquet: cannot be read: ValueError: its columns are not uid, shard"
    )


def test_samples_per_shard_that_is_not_there(output: Path) -> None:
    run = json.loads((output / "run.json").read_text())
    (output / "run.json").write_text(json.dumps({**run, "config": []}))
    missing, told = verify(str(output))
    assert told.startswith("run.json: no record of this set (AttributeError: ")
    assert told.count(CURATE) == 1
    assert missing == f"run.json: config.publish.samples_per_shard: None is no count{CURATE}"


def test_a_shard_is_opened_once(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: Counter[str] = Counter()

    def counting(path: str, mode: str) -> IO[bytes]:
        opened[Path(path).name] += 1
        return cast("IO[bytes]", open(path, mode))

    monkeypatch.setattr("transforms.storage.open", counting, raising=False)
    assert verify(str(output)) == []
    shards = {path.name for path in (output / "shards").glob("*.tar")}
    assert len(shards) == 3
    assert {name: opened[name] for name in shards} == dict.fromkeys(shards, 1)


FOLDERS: list[Callable[[Path], Path]] = [lambda p: p / "run.json", lambda p: p / "shards" / "00000.tar"]


@pytest.mark.parametrize("place", FOLDERS)
def test_a_folder_in_a_files_place(output: Path, place: Callable[[Path], Path]) -> None:
    place(output).unlink()
    place(output).mkdir()
    assert verify(str(output))

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from transforms.publish.check_shard import check_shard
from transforms.publish.plan import plan_output
from transforms.publish.read_shard import read_members
from transforms.publish.tar_writer import TarWriter
from transforms.publish.write_shard import Piece, write_output_shard

NAME = "00000.tar"
Rows = list[dict[str, Any]]
Members = list[tuple[str, bytes]]


@pytest.fixture
def published(make_piece: Callable[..., Piece], tmp_path: Path) -> tuple[Members, Rows]:
    """Three samples: the members of their shard, and their rows of the index."""
    (plan,) = plan_output([3], 3)
    index = write_output_shard(plan, map(make_piece, range(3)), str(tmp_path / NAME))
    with (tmp_path / NAME).open("rb") as stream:
        return [(member.name, member.data) for member in read_members(stream)], index.to_pylist()


def _check(members: Members, rows: Rows | None, size: int | None = 3, first: int = 0) -> list[str]:
    stream = io.BytesIO()
    writer = TarWriter(stream)
    for name, data in members:
        writer.add(name, data)
    writer.close()
    stream.seek(0)
    return list(check_shard(NAME, stream, first, size, rows))


def test_a_published_shard_holds(published: tuple[Members, Rows]) -> None:
    members, rows = published
    assert _check(members, rows) == []
    assert _check(members, None, None) == []


def test_samples_and_rows_that_lack(published: tuple[Members, Rows]) -> None:
    members, rows = published
    assert _check(members[:6], rows) == [
        "shards/00000.tar: 000000002: has a row in index.parquet, but is not in the shard",
        "shards/00000.tar: holds 2 samples, but sizes.json says 3",
    ]
    assert _check(members, rows[:2]) == ["shards/00000.tar: 000000002: has no row in index.parquet"]


def test_keys_that_do_not_run_on(published: tuple[Members, Rows]) -> None:
    members, rows = published
    found = _check(members[:3] + members[6:], rows[:1] + rows[2:], 2)
    assert found == [
        "shards/00000.tar: 000000001: expected here, but there is "
        "000000002.jpg, 000000002.json, 000000002.txt"
    ]
    assert len(_check(members, rows, first=3)) == 3


def test_members_out_of_order_or_missing(published: tuple[Members, Rows]) -> None:
    members, rows = published
    swapped = [members[1], members[0], *members[2:]]
    problems = _check(swapped, rows)
    assert problems[0].startswith(
        "shards/00000.tar: 000000000: its members are not sorted by name: 000000000.json"
    )
    assert _check(members[:2] + members[3:], rows)[0] == (
        "shards/00000.tar: 000000000: is not an image, a json and a txt: 000000000.jpg, 000000000.json"
    )
    two_images = [members[0], members[1], ("000000000.png", b""), *members[2:]]
    assert "is not an image, a json and a txt" in _check(two_images, rows)[0]


@pytest.mark.parametrize(
    ("place", "change", "problem"),
    [
        (0, lambda data: data[:-1], "its image does not have the sha256 in its json"),
        (
            1,
            lambda data: data.replace(b"photo number", b"PHOTO number"),
            "index.parquet has another json_sha256",
        ),
        (
            1,
            lambda data: data.replace(b'"words":3', b'"words": 3'),
            "its json is not written as published json is",
        ),
        (1, lambda data: data.replace(b'"words":3,', b""), "in its json lacks facts.words"),
        (
            1,
            lambda data: data.replace(b'"words":3', b'"words":NaN'),
            "its json holds what JSON or UTF-8 cannot",
        ),
        (1, lambda data: data[:-9], "its json cannot be read"),
        (1, lambda _: b"[" * 100_000, "its json cannot be read"),
        (1, lambda _: b"[]", "in its json the record is no object"),
        (1, lambda _: b"\xff\xfe", "its json cannot be read"),
        (
            1,
            lambda data: data.replace(b'"format":"jpeg"', b'"format":"webp"'),
            "its image is called jpg, but is webp",
        ),
        (2, lambda data: data + b"!", "its txt is not the caption in its json"),
    ],
)
def test_planted_corruptions(
    published: tuple[Members, Rows], place: int, change: Callable[[bytes], bytes], problem: str
) -> None:
    members, rows = published
    name, data = members[place]
    assert change(data) != data
    members[place] = (name, change(data))
    problems = _check(members, rows)
    assert any(line.startswith(f"shards/00000.tar: 000000000: {problem}") for line in problems), problems


def test_every_column_of_the_index_counts(published: tuple[Members, Rows]) -> None:
    members, rows = published
    for name in rows[1]:
        changed = [rows[0], {**rows[1], name: "other"}, rows[2]]
        (problem,) = _check(members, changed)
        assert problem.startswith(
            f"shards/00000.tar: 000000001: index.parquet has another {name}: 'other', not "
        )

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from transforms.publish.check_mined import MinedTable
from transforms.selecting.hard_negatives import SCHEMA, Texts, mine

Rows = list[dict[str, Any]]
NUMBER, MOST, BETA = 30, 3, 0.2


@pytest.fixture
def mined() -> tuple[Rows, Rows]:
    """Return what is mined of some random embeddings, and what is published."""
    rng = np.random.default_rng(0)
    images, texts = (rng.normal(size=(NUMBER, 4)) for _ in range(2))
    images, texts = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (images, texts))
    texts[7] = 0
    uids, captions = [f"u{n}" for n in range(NUMBER)], [f"caption {n}" for n in range(NUMBER)]
    own = Texts(uids=uids, texts=captions, embeddings=texts)
    cosines = (images * texts).sum(axis=1)
    published = [
        {"uid": uids[n], "caption": captions[n], "clip_caption": None if n == 7 else float(cosines[n])}
        for n in range(NUMBER)
    ]
    return mine(images, own, own, most=MOST, beta=BETA).to_pylist(), published


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., list[str]]:
    def problems(rows: Rows, published: Rows | None, most: int | None = MOST) -> list[str]:
        path = tmp_path / "mined.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)
        table = MinedTable(name="mined.parquet", path=str(path), most=most, beta=BETA)
        return list(table.problems(published))

    return problems


def test_what_is_mined_holds(check: Callable[..., list[str]], mined: tuple[Rows, Rows]) -> None:
    rows, published = mined
    assert len(rows) > NUMBER
    assert check(rows, published) == check(rows, None) == check([], published) == check([], []) == []


def whole(rows: Rows) -> int:
    """Return the place of the first row of a sample with all its negatives, not the first sample."""
    return next(n for n, row in enumerate(rows) if n > 3 and row["rank"] == MOST - 1) - MOST + 1


@pytest.mark.parametrize(
    ("at", "change", "told"),
    [
        (1, {"rank": 5}, "rank 5: rank 1 is expected there"),
        (0, {"cosine": float("nan")}, "rank 0: nan is no cosine"),
        (2, {"cosine": -1.5}, "rank 2: -1.5 is no cosine"),
        (1, {"text": "a caption of nobody"}, "rank 1: its text is not the caption of {text_uid}"),
        (1, {"text_uid": "nobody"}, "rank 1: text_uid nobody is not published"),
        (1, {"text": None}, "a row lacks text"),
    ],
)
def test_a_row_that_is_wrong(
    check: Callable[..., list[str]], mined: tuple[Rows, Rows], at: int, change: dict[str, Any], told: str
) -> None:
    rows, published = mined
    row = rows[whole(rows) + at]
    wanted = told.format(**row)
    row |= change
    problems = check(rows, published)
    assert problems[0] == f"mined.parquet: uid {row['uid']}{': ' if 'row' in told else ', '}{wanted}"
    # The row after one that is left out, or of another rank, is not where it was.
    assert len(problems) == 1 + (change in ({"rank": 5}, {"text": None}))


def test_a_rank_that_is_missing_and_one_too_many(
    check: Callable[..., list[str]], mined: tuple[Rows, Rows]
) -> None:
    rows, published = mined
    place = whole(rows)
    uid = rows[place]["uid"]
    gap = [row for n, row in enumerate(rows) if n != place + 1]
    assert check(gap, published) == [f"mined.parquet: uid {uid}, rank 2: rank 1 is expected there"]
    rows.insert(place + MOST, rows[place + MOST - 1] | {"rank": MOST})
    told = f"mined.parquet: uid {uid}, rank 3: score.hard_negatives.most is 3"
    assert check(rows, published) == [told]
    assert check(rows, published, most=None) == []


def test_uids_that_are_not_published_or_stand_twice(
    check: Callable[..., list[str]], mined: tuple[Rows, Rows]
) -> None:
    rows, published = mined
    uid = rows[whole(rows)]["uid"]
    texts = [row for row in rows if row["text_uid"] == uid]
    left = [row for row in published if row["uid"] != uid]
    problems = check(rows, left)
    assert f"mined.parquet: uid {uid}: is not published" in problems
    assert len(problems) == 1 + len(texts)
    again = [*rows, *(row for row in rows if row["uid"] == uid)]
    assert check(again, published) == [f"mined.parquet: uid {uid}: its negatives are in more than one place"]


def test_cosines_out_of_order_own_texts_and_what_beta_forbids(
    check: Callable[..., list[str]], mined: tuple[Rows, Rows]
) -> None:
    rows, published = mined
    place = whole(rows)
    uid, first = rows[place]["uid"], rows[place]["cosine"]
    own = next(row for row in published if row["uid"] == uid)
    limit = own["clip_caption"] + BETA
    rows[place + 1]["cosine"] = first + 1e-3
    assert check(rows, published) == [
        f"mined.parquet: uid {uid}, rank 1: a higher cosine than that of the rank before"
    ]
    rows[place + 1]["cosine"] = first
    rows[place] |= {"text_uid": uid, "text": own["caption"], "cosine": limit + 0.01}
    assert check(rows, published) == [
        f"mined.parquet: uid {uid}, rank 0: its text is the sample's own",
        f"mined.parquet: uid {uid}: cosine {limit + 0.01:.4f} is more than beta 0.2 over its caption's "
        f"{own['clip_caption']:.4f}",
    ]
    own["clip_caption"] = None
    assert f"mined.parquet: uid {uid}: has negatives, though its caption has no score" in check(
        rows, published
    )


def test_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "mined.parquet"
    pq.write_table(pa.table({"uid": ["u0"]}), path)
    table = MinedTable(name="mined.parquet", path=str(path), most=1, beta=0.0)
    assert list(table.problems([])) == [
        "mined.parquet: its columns are not uid, rank, text_uid, text, cosine"
    ]

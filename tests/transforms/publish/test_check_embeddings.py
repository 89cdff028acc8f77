import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from transforms.publish.check_embeddings import BATCH_ROWS, MAX_WIDTH, check_embeddings
from transforms.publish.embeddings import EMBEDDINGS_SCHEMA

NAME = "embeddings/00000.parquet"
Rows = list[dict[str, Any]]


def unit(rng: np.random.Generator, width: int) -> Any:
    vector = rng.normal(size=width)
    return (vector / np.linalg.norm(vector)).astype(np.float16)


def made(number: int = 5, width: int = 6) -> tuple[Rows, Rows]:
    """Return rows of a table whose third sample has no alt text, and those of the index."""
    rng = np.random.default_rng(number)
    rows, index = [], []
    for n in range(number):
        vectors = {name: unit(rng, width) for name in ("image", "alt_text", "caption")}
        if n == 2:
            vectors["alt_text"] = np.zeros(width, np.float16)
        wide = {name: vector.astype(np.float64) for name, vector in vectors.items()}
        rows.append({"uid": f"u{n}", **vectors})
        cosines = {name: float(wide["image"] @ wide[name]) for name in ("alt_text", "caption")}
        index.append(
            {
                "uid": f"u{n}",
                "clip_alt": None if n == 2 else cosines["alt_text"],
                "clip_caption": cosines["caption"],
            }
        )
    return rows, index


def check(rows: Rows, index: Rows | None, *, width: int | None = None, exact: bool = True) -> list[str]:
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=EMBEDDINGS_SCHEMA), stream)
    return list(check_embeddings(NAME, stream, index, width, exact=exact))


def test_a_table_that_holds() -> None:
    rows, index = made()
    assert check(rows, index) == []
    assert check(rows, None, width=6) == []
    assert check([], []) == []
    many, of_many = made(BATCH_ROWS + 3, 2)
    assert check(many, of_many) == []


def test_vectors_of_a_clips_width_hold_at_half_precision() -> None:
    rows, index = made(40, 768)
    assert check(rows, index) == []


@pytest.mark.parametrize(
    ("row", "column", "value", "told"),
    [
        (1, "image", [np.nan] + [0.5] * 5, "its image holds what is no finite number"),
        (1, "image", [None] + [0.5] * 5, "its image holds what is no finite number"),
        (4, "caption", [np.inf] + [0.0] * 5, "its caption holds what is no finite number"),
        (1, "image", [0.5] * 6, "its image is 1.2247 long, not 1"),
        (1, "image", [0.0] * 6, "its image is 0.0000 long, not 1"),
        (3, "alt_text", [0.75] + [0.0] * 5, "its alt_text is 0.7500 long, not 1"),
        (3, "alt_text", [1.0] + [0.0] * 4, "its alt_text has 5 numbers, not 6"),
        (3, "caption", None, "its caption has 0 numbers, not 6"),
        (3, "alt_text", [0.0] * 6, "its alt_text is zeros, but clip_alt is "),
        (2, "alt_text", [1.0] + [0.0] * 5, "its alt_text is there, but clip_alt is None"),
    ],
)
def test_a_vector_that_is_wrong(row: int, column: str, value: Any, told: str) -> None:
    rows, index = made()
    rows[row][column] = value
    (problem,) = check(rows, index)
    assert problem.startswith(f"{NAME}: uid u{row}: {told}")


def test_another_samples_vector_is_told_by_its_cosine() -> None:
    rows, index = made()
    rows[0]["image"], rows[1]["image"] = rows[1]["image"], rows[0]["image"]
    problems = check(rows, index)
    assert [problem.split(": ")[1] for problem in problems] == ["uid u0"] * 2 + ["uid u1"] * 2
    assert problems[0].startswith(f"{NAME}: uid u0: image and alt_text have the cosine ")
    assert check(rows, index, exact=False) == []  # mirror images count too


def test_rows_that_are_not_those_of_the_index() -> None:
    rows, index = made()
    assert check(rows[:4], index) == [f"{NAME}: 4 rows, but index.parquet has 5; uid u4 is missing"]
    assert check(rows, index[:4]) == [f"{NAME}: row 4 is of uid u4, but index.parquet has None there"]
    moved = [rows[0], rows[2], rows[1], *rows[3:]]
    assert check(moved, index) == [f"{NAME}: row 1 is of uid u2, but index.parquet has u1 there"]
    rows[3]["uid"] = None
    assert check(rows, index) == [f"{NAME}: row 3 is of uid None, but index.parquet has u3 there"]


def test_one_width_over_all_tables() -> None:
    rows, index = made(2)
    assert check(rows, index, width=7) == [
        f"{NAME}: uid u{n}: its {column} has 6 numbers, not 7"
        for n in range(2)
        for column in ("alt_text", "caption", "image")
    ]
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=EMBEDDINGS_SCHEMA), stream)
    checked = check_embeddings(NAME, stream, index, None, exact=True)
    with pytest.raises(StopIteration) as stopped:
        next(checked)
    assert stopped.value.value == 6


def test_a_vector_of_no_sane_width() -> None:
    rows, index = made(1, 4)
    wide = [0.0] * (MAX_WIDTH + 1)
    rows[0] |= dict.fromkeys(("image", "alt_text", "caption"), wide)
    assert check(rows, index)[2] == f"{NAME}: uid u0: its image has 16385 numbers, not 1 to 16384"


def test_other_columns() -> None:
    stream = io.BytesIO()
    pq.write_table(pa.table({"uid": ["u0"]}), stream)
    assert list(check_embeddings(NAME, stream, [], 6, exact=True)) == [
        f"{NAME}: its columns are not uid, image, alt_text, caption"
    ]

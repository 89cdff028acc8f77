"""Checks one table of embeddings against its shard's rows of the index."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from transforms.publish.embeddings import EMBEDDINGS_SCHEMA

BATCH_ROWS = 1024
MAX_WIDTH = 16_384
"""Numbers in a vector at most, for what is in memory at a time."""
LENGTH_ERROR = 2.0**-10
COSINE_ERROR = 2.0**-9
"""Twice what rounding to half precision can change of a unit vector's length, and of a cosine of two."""

COSINES = {"alt_text": "clip_alt", "caption": "clip_caption"}
"""Texts, and the index's columns of their cosines with the picture: null where there is nothing to read."""

Rows = Sequence[Mapping[str, Any]]
Vectors = NDArray[np.float64]
Problem = tuple[int, str]
"""A row of a batch, and what is wrong with it."""


def check_embeddings(
    name: str, stream: IO[bytes], rows: Rows | None, width: int | None, *, exact: bool
) -> Generator[str, None, int | None]:
    """Yield what is wrong with a table, a line each that names it and the uid; return the vectors' width.

    Some thousand rows are in memory at a time.

    Args:
        name: path of the table below the output folder.
        stream: the table.
        rows: of the index, those of its shard, in their order; None where the index cannot be read.
        width: numbers in each vector of the tables before; None where there was none.
        exact: whether a score is the cosine of two of the vectors; not where mirror images count too.
    """
    table = pq.ParquetFile(stream)
    if not table.schema_arrow.equals(EMBEDDINGS_SCHEMA):
        yield f"{name}: its columns are not {', '.join(EMBEDDINGS_SCHEMA.names)}"
        return width
    place = 0
    for batch in table.iter_batches(BATCH_ROWS):
        uids = batch.column("uid").to_pylist()
        beside = None if rows is None else rows[place : place + len(uids)]
        if beside is not None and (wrong := _other_uid(uids, beside)) is not None:
            wanted = beside[wrong]["uid"] if wrong < len(beside) else None
            yield f"{name}: row {place + wrong} is of uid {uids[wrong]}, but index.parquet has {wanted} there"
            beside = rows = None  # what follows would be compared with other samples
        if width is None:
            width = _width(batch)
        read = {name: _read_vectors(name, batch.column(name), width) for name in EMBEDDINGS_SCHEMA.names[1:]}
        problems = [problem for _, wrong_ones in read.values() for problem in wrong_ones]
        vectors = {column: found for column, (found, _) in read.items()}
        problems += _check_scores(vectors, beside or (), exact=exact)
        yield from (f"{name}: uid {uids[row]}: {what}" for row, what in sorted(problems))
        place += len(uids)
    if rows is not None and place < len(rows):
        lost = rows[place]["uid"]
        yield f"{name}: {place} rows, but index.parquet has {len(rows)}; uid {lost} is missing"
    return width


def _other_uid(uids: Sequence[str | None], beside: Rows) -> int | None:
    """Return the first row that is not of the sample that stands there in the index."""
    wanted = [row["uid"] for row in beside]
    return next((k for k, uid in enumerate(uids) if k >= len(wanted) or uid != wanted[k]), None)


def _width(batch: pa.RecordBatch) -> int | None:
    """Return how many numbers the first vector has that has some."""
    lengths = pc.list_value_length(batch.column("image")).to_pylist()
    return next((length for length in lengths if length and length <= MAX_WIDTH), None)


def _read_vectors(column: str, array: Any, width: int | None) -> tuple[Vectors, list[Problem]]:
    """Return the vectors of a column, those that are wrong as NaN, and what is wrong with these."""
    lengths = np.array(pc.list_value_length(array).fill_null(0).to_pylist(), np.int64)
    whole = lengths == (width or -1)
    vectors = np.full((len(lengths), width or 1), np.nan)
    flat = array.filter(pa.array(whole)).flatten()
    vectors[whole] = flat.to_numpy(zero_copy_only=False).reshape(-1, width or 1)
    finite = np.isfinite(vectors).all(axis=1)
    norms = np.sqrt((vectors * vectors).sum(axis=1, where=finite[:, None]))
    is_unit = (np.abs(norms - 1) <= LENGTH_ERROR) | ((norms == 0) & (column in COSINES))
    problems = []
    for row in np.flatnonzero(~(whole & finite & is_unit)).tolist():
        if not whole[row]:
            what = f"its {column} has {lengths[row]} numbers, not {width or f'1 to {MAX_WIDTH}'}"
        elif not finite[row]:
            what = f"its {column} holds what is no finite number"
        else:
            what = f"its {column} is {norms[row]:.4f} long, not 1"
        problems.append((row, what))
        vectors[row] = np.nan
    return vectors, problems


def _check_scores(found: Mapping[str, Vectors], beside: Rows, *, exact: bool) -> Iterator[Problem]:
    """Yield where vectors and the scores in the index do not fit."""
    for column, score in COSINES.items():
        cosines = (found["image"] * found[column]).sum(axis=1)
        for row, told in enumerate(one[score] for one in beside):
            vector, cosine = found[column][row], cosines[row]
            if np.isnan(vector).any():
                continue
            if vector.any() == (told is None):
                yield row, f"its {column} is {'there' if told is None else 'zeros'}, but {score} is {told}"
            elif exact and told is not None and abs(told - cosine) > COSINE_ERROR:
                yield row, f"image and {column} have the cosine {cosine:.4f}, but {score} is {told:.4f}"

"""Find for each picture the texts of other samples that a CLIP mistakes for its own.

UniME (Gu et al. 2025, arXiv 2504.17432): of the texts of other samples the most similar ones,
but none that is more than beta more similar than the own text: such a text is likely true as well.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from transforms.selecting.directions import OTHERS, SCALE, Directions, blocks, to_directions

BETA = 0.1
MOST = 8
"""UniME's own beta and number of negatives."""

_COLUMNS: list[tuple[str, pa.DataType]] = [
    ("uid", pa.string()),
    ("rank", pa.int32()),
    ("text_uid", pa.string()),
    ("text", pa.string()),
    ("cosine", pa.float32()),
]
SCHEMA = pa.schema(_COLUMNS)

Cosines = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Samples' texts.

    Args:
        uids: of the N samples.
        texts: one of each.
        embeddings: (N, E) of the texts; a row that is not finite, or all 0, is of a text without a score.
    """

    uids: Sequence[str]
    texts: Sequence[str]
    embeddings: NDArray[np.floating]

    def __post_init__(self) -> None:
        if not len(self.uids) == len(self.texts) == len(self.embeddings):
            raise ValueError(
                f"{len(self.uids)} uids, {len(self.texts)} texts and {len(self.embeddings)} embeddings; "
                "give one of each for every sample"
            )


def mine(
    images: NDArray[np.floating], own: Texts, pool: Texts, *, most: int = MOST, beta: float = BETA
) -> pa.Table:
    """Return the hardest negatives of each picture, hardest first: a table of `SCHEMA`, sorted as asked.

    A picture gets fewer where fewer are to be had. Texts that differ from the own one, or from each other,
    in nothing but case and space are one text, in the words of its sample with the lowest uid. Samples
    whose picture or own text has no direction get none. The result does not depend on the pool's order, nor
    on blocks or threads, since cosines are exact (`transforms.selecting.directions`). Memory: 40 MiB beside
    the embeddings.

    Args:
        images: (N, E) embeddings of the pictures of the samples of `own`.
        own: their own texts.
        pool: texts to choose from, those of the same samples or others: all of a part of a set, or a drawn
            sample, as each picture is compared with each of them.
        most: negatives of a picture, k.
        beta: how much nearer than the own text a negative may be.

    Raises:
        ValueError: lengths differ, or `most` is under 1.
    """
    if most < 1:
        raise ValueError(f"most is {most}; ask for one negative or more")
    if len(images) != len(own.uids):
        raise ValueError(f"{len(images)} pictures have {len(own.uids)} texts; give one for each")
    pictures, words = to_directions(images), to_directions(own.embeddings)
    column_of, places, choices = _distinct(pool)
    own_columns = _own_columns(own, pool, column_of)
    whole = [SCHEMA.empty_table()]
    for block in blocks(len(pictures)):
        bounds = (pictures[block].astype(np.float64) * words[block]).sum(axis=1) / SCALE**2 + beta
        bounds[~(pictures[block].any(axis=1) & words[block].any(axis=1))] = -np.inf
        rows, columns, cosines = _nearest(pictures[block], choices, own_columns[block], bounds, most)
        whole.append(_table(own, pool, rows + block.start, places[columns], cosines))
    return pa.concat_tables(whole).combine_chunks()


def _distinct(pool: Texts) -> tuple[dict[str, int], Places, Directions]:
    """Return the distinct texts that have a direction: their columns, places in the pool, and directions."""
    directions = to_directions(pool.embeddings)
    place_of: dict[str, int] = {}
    for place in sorted(np.flatnonzero(directions.any(axis=1)).tolist(), key=lambda n: (pool.uids[n], n)):
        place_of.setdefault(_key(pool.texts[place]), place)
    keys = sorted(place_of)
    places = np.array([place_of[key] for key in keys], np.int64)
    return {key: column for column, key in enumerate(keys)}, places, directions[places]


def _own_columns(own: Texts, pool: Texts, column_of: Mapping[str, int]) -> list[list[int]]:
    """Return the columns that are no negatives of each sample: its own text, and what the pool has of it."""
    of_uid = defaultdict(list)
    for uid, text in zip(pool.uids, pool.texts, strict=True):
        of_uid[uid].append(column_of.get(_key(text)))
    rows = (
        {column_of.get(_key(text)), *of_uid.get(uid, ())}
        for uid, text in zip(own.uids, own.texts, strict=True)
    )
    return [sorted(column for column in row if column is not None) for row in rows]


def _key(text: str) -> str:
    return " ".join(text.casefold().split())


def _nearest(
    pictures: Directions, choices: Directions, own: Sequence[Sequence[int]], bounds: Cosines, most: int
) -> tuple[Places, Places, Cosines]:
    """Return rows, columns and cosines of the `most` highest entries of each row, sorted.

    Those in a row's own columns, and those over its bound, are none of them.
    """
    own_rows = np.repeat(np.arange(len(own)), [len(of_row) for of_row in own])
    own_columns = np.array([column for of_row in own for column in of_row], np.int64)
    rows, columns, cosines = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    wide = pictures.astype(np.float64)
    for start in range(0, len(choices), OTHERS):
        products = wide @ choices[start : start + OTHERS].astype(np.float64).T / SCALE**2
        is_here = (own_columns >= start) & (own_columns < start + products.shape[1])
        products[own_rows[is_here], own_columns[is_here] - start] = -np.inf
        products[products > bounds[:, None]] = -np.inf
        least = -np.partition(-products, min(most, products.shape[1]) - 1, axis=1)[:, most - 1 : most]
        floor = least if least.shape[1] else np.full((len(products), 1), -np.inf)
        here = np.nonzero((products >= floor) & np.isfinite(products))
        rows = np.concatenate([rows, here[0]])
        columns = np.concatenate([columns, here[1] + start])
        cosines = np.concatenate([cosines, products[here]])
        order = np.lexsort((columns, -cosines, rows))
        order = order[_ranks(rows[order]) < most]
        rows, columns, cosines = rows[order], columns[order], cosines[order]
    return rows, columns, cosines


def _ranks(rows: Places) -> Places:
    """Return the number of each entry among those of its row; rows are sorted."""
    return np.arange(len(rows)) - np.searchsorted(rows, rows)


def _table(own: Texts, pool: Texts, rows: Places, places: Places, cosines: Cosines) -> pa.Table:
    columns: dict[str, Any] = {
        "uid": [own.uids[row] for row in rows.tolist()],
        "rank": _ranks(rows),
        "text_uid": [pool.uids[place] for place in places.tolist()],
        "text": [pool.texts[place] for place in places.tolist()],
        "cosine": cosines,
    }
    return pa.Table.from_pydict(columns, schema=SCHEMA)

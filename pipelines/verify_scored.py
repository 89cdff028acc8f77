"""Re-checks what the score stage publishes beside the shards: embeddings and mined negatives."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.score_mining import TABLE
from pipelines.verify_folder import INDEX, Folder, get
from transforms.publish.check_embeddings import check_embeddings
from transforms.publish.check_index import UNREADABLE
from transforms.publish.check_mend import MISSING
from transforms.publish.check_mined import MinedTable
from transforms.storage import exists, open_input

_NOT_ASKED = "is there, though the run's configuration asks for none"


@dataclass(slots=True, kw_only=True)
class EmbeddingTables:
    """The tables of a run's embeddings, one a shard where they are asked for; `run` is run.json, as read."""

    folder: Folder
    run: Mapping[str, Any] | None
    width: int | None = None
    """Numbers in a vector, once one was read."""

    def check(self, shard: str, rows: Sequence[Mapping[str, Any]] | None) -> Iterator[str]:
        """Yield what is wrong with the table of one shard, whose rows of the index these are."""
        name = _table_of(shard)
        if not self._asked or not exists(self.folder.at(name)):
            return
        exact = not _scores_flipped(self.run)
        try:
            with open_input(self.folder.at(name)) as stream:
                self.width = yield from check_embeddings(name, stream, rows, self.width, exact=exact)
        except UNREADABLE as error:
            self.folder.note(name, error)

    def check_names(self, shards: Sequence[str]) -> Iterator[str]:
        """Yield which tables are missing, and which should not be there."""
        if self._asked is None:
            return
        there = {f"embeddings/{name}" for name in self.folder.names("embeddings", ".parquet")}
        wanted = {_table_of(shard) for shard in shards} if self._asked else set()
        yield from (f"{name}: {MISSING}" for name in sorted(wanted - there))
        why = "is of no shard" if self._asked else _NOT_ASKED
        yield from (f"{name}: {why}" for name in sorted(there - wanted))

    @property
    def _asked(self) -> bool | None:
        """Whether the run asks for them; None where it does not tell."""
        return None if self.run is None else bool(get(self.run, "config", "score", "embeddings"))


def _scores_flipped(run: Mapping[str, Any] | None) -> bool:
    """Return whether scores are means over mirror images too: embeddings and what is mined are not."""
    return bool(get(run, "config", "score", "clip", "average_flipped"))


def _table_of(shard: str) -> str:
    return f"embeddings/{shard.removesuffix('.tar')}.parquet"


def check_mined(folder: Folder, run: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield what is wrong with the table of mined negatives; the index was read before.

    Args:
        folder: the run's output.
        run: run.json, as read.
    """
    if run is None:
        return
    asked = get(run, "config", "score", "hard_negatives")
    there = exists(folder.at(TABLE))
    if there != (asked is not None):
        yield f"{TABLE}: {_NOT_ASKED if there else MISSING}"
    if not there or asked is None:
        return
    most: Any = get(asked, "most")
    beta: Any = None if _scores_flipped(run) else get(asked, "beta")
    table = MinedTable(
        name=TABLE,
        path=folder.at(TABLE),
        most=most if type(most) is int else None,
        beta=float(beta) if type(beta) in (int, float) else None,
    )
    published = folder.index_rows("uid", "caption", "clip_caption") if INDEX not in folder.unread else None
    try:
        yield from table.problems(published)
    except UNREADABLE as error:
        folder.note(TABLE, error)

"""How the samples of two runs meet, by uid, and which of them a report shows."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset_cards.report_measures import Measures
from pipelines.report_draw import spread
from pipelines.report_published import index_rows

MOST_CHANGED = 120
MOST_ALONE = 40
"""Samples that are drawn of those with other texts, and of those in one run only."""

Hashes = NDArray[np.uint64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What of an index two runs are compared by: 24 bytes a sample, in the index's order.

    Hashes have 64 bits: among a hundred million samples the chance that two are taken for one is 0.0003.
    """

    uids: Hashes
    records: Hashes
    captions: Hashes
    measures: Measures


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """Places in the two indexes: `here` and `there` are of the same samples; the rest is in one only."""

    here: Places
    there: Places
    only_here: Places
    only_there: Places
    other_record: NDArray[np.bool_]
    other_caption: NDArray[np.bool_]


def read_index_hashes(folder: str) -> Index:
    """Return what a run's index says of all its samples, in one pass."""
    measures = Measures()
    uids, records, captions = bytearray(), bytearray(), bytearray()
    for row in index_rows(folder):
        measures.add(row)
        for hashes, text in ((uids, row["uid"]), (records, row["json_sha256"]), (captions, row["caption"])):
            hashes += hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    arrays = [np.frombuffer(bytes(hashes), dtype=np.uint64) for hashes in (uids, records, captions)]
    return Index(uids=arrays[0], records=arrays[1], captions=arrays[2], measures=measures)


def meet(here: Index, there: Index) -> Meeting:
    """Return which samples are in both indexes, which in one, and which of them have other texts."""
    _, ours, theirs = np.intersect1d(here.uids, there.uids, return_indices=True)
    order = np.argsort(ours)
    ours, theirs = ours[order], theirs[order]
    return Meeting(
        here=ours,
        there=theirs,
        only_here=np.setdiff1d(np.arange(len(here.uids)), ours),
        only_there=np.setdiff1d(np.arange(len(there.uids)), theirs),
        other_record=here.records[ours] != there.records[theirs],
        other_caption=here.captions[ours] != there.captions[theirs],
    )


def draw_changed(meeting: Meeting, seed: str) -> list[int]:
    """Return places here of samples with other texts: those with another caption first."""
    captions = meeting.here[meeting.other_caption]
    drawn = [int(captions[place]) for place in spread(len(captions), MOST_CHANGED, f"{seed}/caption")]
    others = meeting.here[meeting.other_record & ~meeting.other_caption]
    left = MOST_CHANGED - len(drawn)
    return sorted([*drawn, *(int(others[place]) for place in spread(len(others), left, f"{seed}/record"))])


def draw_alone(places: Places, seed: str) -> list[int]:
    """Return some of the samples that are in one run only."""
    return [int(places[place]) for place in spread(len(places), MOST_ALONE, seed)]


def partners(meeting: Meeting, places: Sequence[int]) -> dict[int, int]:
    """Return where there are those of the samples at `places` here that have another record there."""
    changed = meeting.other_record & np.isin(meeting.here, places)
    return dict(zip(meeting.here[changed].tolist(), meeting.there[changed].tolist(), strict=True))

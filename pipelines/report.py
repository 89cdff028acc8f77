"""Write report.html: what a run did, to look at in a browser."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apache_beam.io.filesystems import FileSystems

from dataset_cards.report import Report, report_page
from dataset_cards.report_against import Against
from dataset_cards.report_sample import Picture, View, changed_texts, published_view, rejected_view
from dataset_cards.report_text import Allowance, TextRoom
from pipelines.report_against import Meeting, draw_alone, draw_changed, meet, partners, read_index_hashes
from pipelines.report_draw import spread
from pipelines.report_pictures import PICTURE_BYTES, no_picture, reduced_picture
from pipelines.report_published import Drawn, read_published
from pipelines.report_rejected import draw_rejected, find_inputs, read_rejected
from schemas.errors import ConfigError, RunError
from transforms.storage import commit_bytes, exists, is_local, read_bytes

SAMPLES = 1000
"""Published samples that are shown at most, unless told otherwise."""
MOST_REJECTED = 200
TEXT_BYTES = 7_000_000
"""Of all texts of samples in the page, about."""
MAX_PIXELS = 100_000_000
"""A larger published picture is not shown."""

_SEED = "report"


def run_report(folder: str, *, against: str | None = None, samples: int = SAMPLES) -> str:
    """Write a finished run's report.html and return its path; the run's other files are only read.

    Args:
        folder: the run's output folder.
        against: another run's output folder, to compare with.
        samples: published samples to show at most.

    Raises:
        ConfigError: a folder holds no finished run.
        RunError: run.json or the index is damaged.
    """
    report = build_report(folder, against=against, samples=samples)
    path = str(FileSystems.join(folder, "report.html"))
    commit_bytes(path, report_page(report).encode("utf-8", "replace"))
    return path


def build_report(folder: str, *, against: str | None = None, samples: int = SAMPLES) -> Report:
    """Return what the page shows; see `run_report`."""
    run = _read_run(folder)
    here = read_index_hashes(folder)
    drawn = spread(len(here.uids), samples, _SEED)
    if against is None:
        rejected = draw_rejected(folder, MOST_REJECTED, _SEED)
        room = _Room.of(len(drawn) + len(rejected))
        views = [*_published(folder, drawn, room), *_rejected(run, folder, rejected, room)]
        return Report(run=run, measures=here.measures, views=views)
    other_run, there = _read_run(against), read_index_hashes(against)
    meeting = meet(here, there)
    both = Against(
        run=other_run,
        measures=there.measures,
        both=len(meeting.here),
        only_here=len(meeting.only_here),
        only_there=len(meeting.only_there),
        records=int(meeting.other_record.sum()),
        captions=int(meeting.other_caption.sum()),
    )
    views = list(_compared(_Pair(run=run, here=folder, there=against, meeting=meeting), drawn))
    return Report(run=run, measures=here.measures, views=views, against=both)


@dataclass(slots=True, kw_only=True)
class _Room:
    """What the samples may still take of the page."""

    pictures: Allowance
    texts: Allowance

    @classmethod
    def of(cls, parts: int) -> "_Room":
        return cls(
            pictures=Allowance(left=PICTURE_BYTES, parts=parts),
            texts=Allowance(left=TEXT_BYTES, parts=parts),
        )

    def texts_of_one(self) -> TextRoom:
        return TextRoom(left=self.texts.share())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    run: Mapping[str, Any]
    here: str
    there: str
    meeting: Meeting


def _published(folder: str, places: Sequence[int], room: _Room) -> Iterator[View]:
    for sample in read_published(folder, places):
        texts = room.texts_of_one()
        yield _view(sample, room, texts)
        room.texts.spend(room.texts.share() - texts.left)


def _view(sample: Drawn, room: _Room, texts: TextRoom) -> View:
    place = {"shard": str(sample.row["shard"]), "key": str(sample.row["key"])}
    record = sample.record or {"uid": sample.row["uid"], "caption": sample.row["caption"]}
    return published_view(record, place, texts) | {"picture": _picture(sample, room).view()}


def _picture(sample: Drawn, room: _Room) -> Picture:
    if sample.problem:
        return no_picture(sample.problem, room.pictures)
    return reduced_picture(sample.image, room.pictures, max_pixels=MAX_PIXELS)


def _rejected(
    run: Mapping[str, Any], folder: str, rows: Sequence[Mapping[str, Any]], room: _Room
) -> Iterator[View]:
    inputs = find_inputs(run, folder)
    most = inputs.config.input.max_pixels if inputs.config else MAX_PIXELS
    for sample in read_rejected(rows, inputs):
        texts = room.texts_of_one()
        if sample.problem:
            picture = no_picture(sample.problem, room.pictures)
        else:
            picture = reduced_picture(sample.image, room.pictures, max_pixels=most)
        yield rejected_view(sample.row, sample.facts, texts) | {"picture": picture.view()}
        room.texts.spend(room.texts.share() - texts.left)


def _compared(pair: _Pair, drawn: Sequence[int]) -> Iterator[View]:
    """Yield the views of a report on two runs: of this one's samples, and of some that only the other has."""
    meeting = pair.meeting
    alone = draw_alone(meeting.only_here, f"{_SEED}/here")
    places = sorted({*drawn, *draw_changed(meeting, _SEED), *alone})
    theirs = draw_alone(meeting.only_there, f"{_SEED}/there")
    rejected = draw_rejected(pair.here, MOST_REJECTED, _SEED)
    room = _Room.of(len(places) + len(theirs) + len(rejected))
    only_here = set(meeting.only_here.tolist())
    changed = partners(meeting, places)
    records = _records(pair.there, changed)
    for place, sample in zip(places, read_published(pair.here, places), strict=True):
        texts = room.texts_of_one()
        view = _view(sample, room, texts)
        changes = changed_texts(sample.record, records[place], texts) if place in changed else {}
        view["set"] = "here" if place in only_here else "differs" if changes else "same"
        yield view | ({"changes": changes} if changes else {})
        room.texts.spend(room.texts.share() - texts.left)
    for view in _published(pair.there, theirs, room):
        yield view | {"kind": "other", "set": "there"}
    yield from _rejected(pair.run, pair.here, rejected, room)


def _records(folder: str, partner: Mapping[int, int]) -> dict[int, Mapping[str, Any]]:
    """Return the records of the other run, by the place of the same sample in this one."""
    places = sorted(set(partner.values()))
    by_place = {
        place: sample.record for place, sample in zip(places, read_published(folder, places), strict=True)
    }
    return {here: by_place[there] for here, there in partner.items()}


def _read_run(folder: str) -> dict[str, Any]:
    path = str(FileSystems.join(folder, "run.json"))
    if not exists(path):
        there = not is_local(folder) or os.path.isdir(folder)
        what = "is a folder without run.json, so no run finished it" if there else "is not there"
        raise ConfigError(f"{folder} {what}; give a run's output folder")
    try:
        run = json.loads(read_bytes(path))
        _ = run["name"], run["config"], run["recipes"], run["coverage"]
        _ = run["counts"]["in"], run["counts"]["published"], run["counts"]["dropped"], run["counts"]["failed"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise RunError(f"{path} is no record of a run ({error}); run `pairwright curate` again") from error
    return dict(run)

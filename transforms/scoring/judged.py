"""What becomes of a shard's samples once the whole pool has been looked at."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from apache_beam.io.filesystems import FileSystems

from schemas.arrow import from_table
from schemas.config import RunConfig
from schemas.facts import Verdict
from transforms.fingerprint import fingerprint
from transforms.scoring.candidates import candidates
from transforms.scoring.edit import BLIND, Edited, blank_negatives, written_fields
from transforms.scoring.scored import LATER, Judged, decided, scoring_of
from transforms.selecting.blind_negatives import Refinement, keeps, read_refinement
from transforms.selecting.text_pairs import TextPair
from transforms.shard_job import ShardJob
from transforms.storage import read_json, read_table

SELECTIONS = ("semantic", "balance")
"""Sections of `score` that compare samples with each other, in the order in which they do."""


def judged(job: ShardJob, config: RunConfig) -> Iterator[Judged | Verdict]:
    """Yield what becomes of each sample that every recipe answered, in order."""
    selections = [what for what in SELECTIONS if getattr(scoring_of(config), what) is not None]
    return selected(job, config, selections)


def selected(job: ShardJob, config: RunConfig, selections: Sequence[str]) -> Iterator[Judged | Verdict]:
    """Yield what becomes of each sample after some of the selections, whose verdicts are committed."""
    gone: dict[int, Verdict] = {}
    for what in selections:
        for verdict in from_table(Verdict, read_table(selection_path(job, config, what))):
            gone.setdefault(verdict.index, verdict)
    for one in refined(job, config):
        index = one.index if isinstance(one, Verdict) else one.facts.index
        yield gone.get(index, one)


def refined(job: ShardJob, config: RunConfig) -> Iterator[Judged | Verdict]:
    """Yield what becomes of each sample; negatives that texts alone give away are empty."""
    if scoring_of(config).negatives is None:
        yield from candidates(job, config)
        return
    refinement = read_refinement(read_json(refinement_path(job, config))["refinement"])
    for one in candidates(job, config):
        yield one if isinstance(one, Verdict) else _refine(one, refinement)


def text_pairs(sample: Judged) -> list[TextPair]:
    """Return a sample's sentences with their negatives, of those that have one."""
    fields = written_fields(sample.annotations)
    pairs = enumerate(zip(fields["long_positive"], fields["long_negative"], strict=True))
    return [
        TextPair(uid=sample.facts.uid, place=k, positive=yes, negative=no, alt_text=sample.facts.alt_text)
        for k, (yes, no) in pairs
        if no.strip()
    ]


def refinement_path(job: ShardJob, config: RunConfig) -> str:
    """Return where the text-only models lie; the same for every shard of a run."""
    mark = fingerprint("negatives", decided(config, without=_after("negatives")), job.dedup_mark)
    return str(FileSystems.join(job.work, "scores", f"negatives-{mark}.json"))


def selection_path(job: ShardJob, config: RunConfig, what: str) -> str:
    """Return where a selection's verdicts on a shard lie."""
    mark = fingerprint(what, decided(config, without=_after(what)), job.dedup_mark)
    return str(FileSystems.join(job.work, "scores", f"{what}-{job.shard.slug}-{mark}.parquet"))


def _after(what: str) -> tuple[str, ...]:
    return LATER[LATER.index(what) + 1 :]


def _refine(sample: Judged, refinement: Refinement) -> Judged:
    pairs = text_pairs(sample)
    stay = keeps(refinement, pairs) if pairs else []
    gone = [pair.place for pair, stays in zip(pairs, stay, strict=True) if not stays]
    edited = blank_negatives(
        Edited(annotations=sample.annotations, scores=sample.scores, dropped=sample.dropped), gone, BLIND
    )
    return replace(sample, annotations=edited.annotations, scores=edited.scores, dropped=edited.dropped)

"""What its own scores make of each sample, before the whole pool is looked at."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count

from schemas.annotation import Realigned
from schemas.config import RunConfig
from schemas.facts import Facts, Verdict
from schemas.scoring import ScoreConfig
from transforms.annotated import Annotated, annotated_chunks
from transforms.scoring.edit import FALSE, Edited, blank_negatives, edit, find_faults, written_fields
from transforms.scoring.keep import UNREADABLE, Thresholds, objection
from transforms.scoring.rewriting import misaligned_sentences, rescored_path
from transforms.scoring.rewritten import Rewritten, merge_scores, rewritten
from transforms.scoring.score_table import Scores, scores_in
from transforms.scoring.scored import (
    STAGE,
    Judged,
    epsilon_of,
    first_scores,
    read_thresholds,
    scoring_of,
)
from transforms.shard_job import ShardJob
from transforms.storage import read_table

REWRITTEN = "its sentence was rewritten"
"""Why a negative is left out: it was false of another sentence."""


def candidates(job: ShardJob, config: RunConfig) -> Iterator[Judged | Verdict]:
    """Yield what its own scores make of each sample that every recipe answered, in order.

    What the whole pool decides comes after that: `transforms.scoring.judged`. A chunk is in memory.
    """
    scoring, thresholds = scoring_of(config), read_thresholds(job, config)
    for chunk, samples in annotated_chunks(job, config):
        rows = first_scores(job, config, chunk, samples)
        mended: dict[int, Rewritten] = {}
        again: dict[int, Scores] = {}
        if config.rewriter is not None:
            mended = rewritten(job, config, chunk, samples, rows, epsilon_of(scoring, thresholds))
            again = {one.index: one for one in scores_in(read_table(rescored_path(job, config, chunk)))}
        for sample, scores in zip(samples, rows, strict=True):
            against = objection(scores, scoring, thresholds)
            index = sample.facts.index
            if scores.reason is not None:
                yield _verdict(sample.facts, "failed", UNREADABLE, scores.reason)
            elif against is not None:
                yield _verdict(sample.facts, "dropped", *against)
            elif index in mended:
                yield _judge_again(sample, scores, mended[index], again[index], scoring, thresholds)
            else:
                yield _judge(sample, scores, scoring, thresholds)


def _verdict(facts: Facts, kind: str, reason: str, value: str) -> Verdict:
    return Verdict(
        index=facts.index, uid=facts.uid, key=facts.key, stage=STAGE, kind=kind, reason=reason, value=value
    )


def _judge(sample: Annotated, scores: Scores, scoring: ScoreConfig, thresholds: Thresholds) -> Judged:
    epsilon = epsilon_of(scoring, thresholds)
    edited = edit(sample, scores, scoring, epsilon)
    return _judged(sample, edited, epsilon, _asked(scores, scoring, epsilon), None)


def _judge_again(
    sample: Annotated,
    scores: Scores,
    rewritten: Rewritten,
    rescored: Scores,
    scoring: ScoreConfig,
    thresholds: Thresholds,
) -> Judged:
    """Judge a sample by its new sentences; whether it is kept was decided by the old ones."""
    epsilon = epsilon_of(scoring, thresholds)
    merged = merge_scores(scores, rescored, rewritten.texts)
    edited = edit(rewritten.sample, merged, scoring, epsilon)
    stayed = _places_left(rewritten.texts, find_faults(merged, scoring, epsilon))
    negatives = written_fields(sample.annotations)[FALSE]
    true = stayed.get("long_positive", {})
    parted = [new for new, old in true.items() if old < len(negatives) and negatives[old]]
    realigned: Realigned | None = None
    if stayed:
        assert rewritten.answer.provenance is not None
        sentences = {name: tuple(places) for name, places in stayed.items()}
        realigned = Realigned(sentences=sentences, provenance=rewritten.answer.provenance)
    edited = blank_negatives(edited, parted, REWRITTEN)
    return _judged(sample, edited, epsilon, _asked(scores, scoring, epsilon), realigned)


def _places_left(
    texts: Mapping[str, Mapping[int, str]], faults: Mapping[str, Sequence[str | None]]
) -> dict[str, dict[int, int]]:
    """Return by field where the mended sentences stand that stay, and where they stood before."""
    found: dict[str, dict[int, int]] = {}
    for name, of_field in texts.items():
        running = count()
        new = {k: next(running) for k, fault in enumerate(faults[name]) if fault is None}
        if stayed := {new[k]: k for k in of_field if k in new}:
            found[name] = stayed
    return found


def _asked(scores: Scores, scoring: ScoreConfig, epsilon: float | None) -> dict[str, int]:
    if scoring.words is None or scoring.words.rewrite is None:
        return {}
    return {name: len(places) for name, places in misaligned_sentences(scores, scoring, epsilon).items()}


def _judged(
    sample: Annotated,
    edited: Edited,
    epsilon: float | None,
    asked: Mapping[str, int],
    realigned: Realigned | None,
) -> Judged:
    return Judged(
        facts=sample.facts,
        annotations=edited.annotations,
        scores=edited.scores,
        dropped=edited.dropped,
        epsilon=epsilon,
        asked=asked,
        realigned=realigned,
    )

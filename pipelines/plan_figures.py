"""What a whole run takes, from what a sample showed."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.plan_ask import Asked
from pipelines.plan_interval import Estimate
from pipelines.plan_measure import Local, annotation_bytes
from pipelines.plan_sample import Sample
from pipelines.plan_score import ScorePlan, uses_gpu
from pipelines.plan_steps import StepPlan, prices
from schemas.workers import DETECTORS, Owlv2WorkerConfig, WorkerConfig
from transforms.shard_groups import window_of

AGAIN = Estimate(value=0.05, low=0.0, high=0.3)
"""Share of replies that are refused and asked for once more: a guess until some are asked for."""
TOKENS_A_SECOND = Estimate(value=40.0, low=10.0, high=160.0)
"""That a server writes for each request in flight: a guess."""
DETECTION_S = Estimate(value=0.1, low=0.02, high=1.0)
"""Seconds a picture of a detector with a model, which writes no tokens: a guess for a GPU."""
DETECTION_CPU_S = Estimate(value=15.0, low=10.0, high=60.0)
"""Seconds of a core (docs/regions.md, for OWLv2's base size; larger ones take more)."""

_HOUR = 3600.0
_MILLION = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFigures:
    """What one step of a model takes: tokens a request, and requests, tokens, money and hours in all."""

    requests: Estimate
    again: Estimate
    text_in: Estimate
    image_in: Estimate
    out: Estimate
    tokens_in: Estimate
    tokens_out: Estimate
    cost: Estimate
    hours: Estimate
    limit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a run takes: units and kept samples (before dedup), core hours a stage, bytes.

    `publish_h` and `published` are of what the shares of `score.keep` leave.
    """

    units: Estimate
    scale: float
    share_kept: Estimate
    kept: Estimate
    profile_h: Estimate
    dedup_h: Estimate
    rules_h: Estimate
    publish_h: Estimate
    published: Estimate
    work: Estimate
    score: ScorePlan | None = None

    @property
    def score_h(self) -> Estimate:
        """Core hours of the score stage."""
        return self.kept.scaled(self.score.seconds / _HOUR if self.score else 0.0)


def whole(
    sample: Sample,
    local: Local,
    steps: Sequence[tuple[StepPlan, Asked | None]],
    total: int | None,
    score: ScorePlan | None = None,
) -> Figures:
    """Return the figures of the whole input, or of `total` samples like it."""
    counted = sample.count()
    units = counted if total is None else Estimate.exact(total)
    kept_places = {(head.shard.order, facts.index) for head, facts in sample.kept()}
    share = sample.share(kept_places.__contains__)
    kept = units.times(share)
    left = kept.scaled(score.share if score else 1.0)
    work = units.scaled(local.facts_bytes).plus(kept.scaled(local.index_bytes))
    for step, asked in steps:
        work = work.plus(kept.times(annotation_bytes(step, reply_length(step, asked))))
    return Figures(
        units=units,
        scale=units.value / counted.value if counted.value else 0.0,
        share_kept=share,
        kept=kept,
        profile_h=units.scaled(local.profile_s / _HOUR),
        dedup_h=kept.scaled(local.dedup_s / _HOUR),
        rules_h=kept.scaled(sum(step.seconds for step, _ in steps) / _HOUR),
        publish_h=left.scaled(local.publish_s / _HOUR),
        published=left.times(local.published_bytes).plus(left.scaled(local.index_bytes)),
        work=work,
        score=score,
    )


def reply_length(step: StepPlan, asked: Asked | None) -> Estimate:
    """Return the tokens of a reply: those measured, or the guess."""
    return asked.out if asked is not None and asked.tokens_out else step.out


def step_figures(step: StepPlan, asked: Asked | None, units: Estimate) -> StepFigures:
    """Return what a step of a model takes for so many units, of which it asks about its `share`."""
    # What a model makes of texts that stand in for others says nothing of how often it errs.
    again = asked.again if asked is not None and not step.unwritten else AGAIN
    detects = step.worker.kind in DETECTORS
    if detects:  # it would find the same again
        again = Estimate.exact(0.0)
    requests = units.times(step.share).times(Estimate.exact(1.0).plus(again))
    text_in, image_in = step.text_in, step.image_in
    if asked is not None and asked.tokens_in:
        text_in, image_in = asked.tokens_a_request, Estimate.exact(0.0)
    out = reply_length(step, asked)
    if detects:
        text_in = image_in = out = Estimate.exact(0.0)
    tokens_in, tokens_out = requests.times(text_in.plus(image_in)), requests.times(out)
    price_in, price_out = prices(step.worker)
    if asked is not None:
        hours = requests.times(asked.rate.inverse()).scaled(1 / _HOUR)
    elif detects:
        hours = requests.times(detection_s(step.worker)).scaled(1 / _HOUR)
    else:
        hours = tokens_out.times(TOKENS_A_SECOND.inverse()).scaled(1 / (_HOUR * window_of(step.worker)))
    hours, limit = _limited(step, hours, requests, tokens_in.plus(tokens_out))
    return StepFigures(
        requests=requests,
        again=again,
        text_in=text_in,
        image_in=image_in,
        out=out,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cost=tokens_in.scaled(price_in / _MILLION).plus(tokens_out.scaled(price_out / _MILLION)),
        hours=hours,
        limit=limit,
    )


def detection_s(worker: WorkerConfig) -> Estimate:
    """Return the seconds a picture of a detector with a model: of a GPU, or of a core."""
    on_gpu = not isinstance(worker, Owlv2WorkerConfig) or uses_gpu(worker.device)
    return DETECTION_S if on_gpu else DETECTION_CPU_S


def _limited(step: StepPlan, hours: Estimate, requests: Estimate, tokens: Estimate) -> tuple[Estimate, str]:
    """Return the hours under the limits a minute of the worker, and the name of the one that decides."""
    limit = ""
    for name, amount in (("requests_per_minute", requests), ("tokens_per_minute", tokens)):
        a_minute = getattr(step.worker, name, None)
        if a_minute:
            least = amount.scaled(1 / (60 * a_minute))
            limit = name if least.value > hours.value else limit
            hours = hours.at_least(least)
    return hours, limit

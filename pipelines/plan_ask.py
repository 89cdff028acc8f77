"""Put a few real requests of a step to its worker, and measure what they take."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import groupby, repeat

from lvlm_workers.base import Reply, Request, Worker
from lvlm_workers.chat_api import REFUSED_REQUEST
from lvlm_workers.registry import make_worker
from pipelines.plan_interval import Estimate, Ratio, Stratum, mean_interval, ratio, share_interval
from pipelines.plan_sample import Head, Sample
from pipelines.plan_steps import StepPlan
from recipes.base import BadReply
from schemas.config import InputConfig
from schemas.errors import RunError
from transforms.questions import Questions
from transforms.reading.images import read_images
from transforms.shard_groups import window_of

Chosen = tuple[Head, int]
Answered = list[tuple[Request, Reply]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a few replies took: tokens a request, the share refused by the recipe (by reason: `reasons`) or by
    the server, requests a second, and the tokens spent.

    `in_flight` are the requests that were under way at once, of `width` that the worker may have.
    """

    replies: int
    refused_by_server: int
    tokens_a_request: Estimate
    out: Estimate
    again: Estimate
    reasons: Mapping[str, int]
    rate: Estimate
    in_flight: int
    width: int
    tokens_in: int
    tokens_out: int


def choose(plan: StepPlan, sample: Sample, number: int) -> list[Chosen]:
    """Return `number` of the samples to ask about at equal distances, or all where there are no more."""
    asked = [(h, f.index) for h, f in sample.kept() if (h.shard.order, f.index) in plan.asked]
    number = min(number, len(asked))
    return [asked[(2 * i + 1) * len(asked) // (2 * number)] for i in range(number)]


def ask(plan: StepPlan, sample: Sample, config: InputConfig, number: int) -> Asked | None:
    """Ask a step's worker about some kept samples; None where there are none to ask about.

    Raises:
        WorkerError: the worker cannot answer.
        RunError: it left requests without a reply.
    """
    chosen = choose(plan, sample, number)
    if not chosen:
        return None
    with closing(make_worker(plan.worker)) as worker:
        worker.check()
        questions = Questions(step=plan.step, worker=worker)
        # A worker with a model of its own loads it, once a run, when the first request comes.
        loads = 0 if plan.worker.kind == "openai" or len(chosen) == 1 else 1
        first = _answers(worker, _requests(questions, plan, chosen[:loads], config))
        began = time.monotonic()
        timed = _answers(worker, _requests(questions, plan, chosen[loads:], config))
        seconds = time.monotonic() - began
        if (number := len(first) + len(timed)) != len(chosen):
            raise RunError(f"worker {worker.name!r} answered {number} of {len(chosen)} requests")
        return _measure(plan, questions, first + timed, _rate(plan, timed, seconds))


def _answers(worker: Worker, requests: Iterator[Request]) -> Answered:
    with closing(worker.answer(requests)) as answers:
        return list({request.tag: (request, reply) for request, reply in answers}.values())


def _requests(
    questions: Questions, plan: StepPlan, chosen: Sequence[Chosen], config: InputConfig
) -> Iterator[Request]:
    for order, group in groupby(chosen, key=lambda item: item[0].shard.order):
        items = list(group)
        asked = [plan.asked[order, index] for _, index in items]
        places = [(facts.offset, facts.size_bytes) for facts in asked]
        images = read_images(items[0][0].shard, places, config) if plan.looks else repeat(None, len(asked))
        for facts, image in zip(asked, images, strict=True):
            yield replace(questions.ask(facts), tag=(order, facts.index), image=image)


def _measure(plan: StepPlan, questions: Questions, answered: Answered, rate: Estimate) -> Asked:
    written = [(q, r) for q, r in answered if r.finish_reason != REFUSED_REQUEST]
    read = (questions.read(plan.asked[request.tag], request.seed, reply) for request, reply in written)
    reasons = Counter(found.reason for found in read if isinstance(found, BadReply))
    replies = [reply for _, reply in written]
    return Asked(
        replies=len(answered),
        refused_by_server=len(answered) - len(written),
        tokens_a_request=_mean([reply.tokens_in for reply in replies]),
        out=_mean([reply.tokens_out for reply in replies]),
        again=_share(reasons.total(), len(replies)),
        reasons=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        rate=rate,
        in_flight=min(len(answered), window_of(plan.worker)),
        width=window_of(plan.worker),
        tokens_in=sum(reply.tokens_in for reply in replies),
        tokens_out=sum(reply.tokens_out for reply in replies),
    )


def _mean(values: Sequence[int]) -> Estimate:
    return mean_interval(ratio([Stratum(clusters=tuple((float(v), 1.0) for v in values))]))


def _share(number: int, of: int) -> Estimate:
    if not of:
        return Estimate(value=0.0, low=0.0, high=1.0)
    # The replies are of samples far apart: each is a cluster of its own.
    return share_interval(Ratio(value=number / of, variance=0.0, freedom=max(of - 1, 1)), of)


def _rate(plan: StepPlan, timed: Answered, seconds: float) -> Estimate:
    """Return requests a second: as they came, with start and end; at most what a full window would give.

    The upper bound is Little's law: requests in flight over the mean time of one. Of a batch each reply has
    its share of the time, as if one were in flight.
    """
    batched = plan.worker.kind in ("transformers", "owlv2")
    in_flight = 1 if batched else min(len(timed), window_of(plan.worker))
    latencies = [
        reply.seconds for _, reply in timed if reply.finish_reason != REFUSED_REQUEST and reply.seconds > 0
    ]
    seen = len(timed) / max(seconds, 1e-6)
    full = in_flight * len(latencies) / sum(latencies) if latencies else seen
    return Estimate(value=seen, low=seen, high=max(seen, full))

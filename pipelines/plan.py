"""Say what a run would do and take, from a small sample of its input; no model is asked unless told."""

from collections.abc import Iterator
from dataclasses import replace

from pipelines.plan_ask import Asked, ask
from pipelines.plan_figures import whole
from pipelines.plan_job import stage_costs
from pipelines.plan_measure import measure_local
from pipelines.plan_read import MIN_SAMPLE, read_sample
from pipelines.plan_sample import Sample
from pipelines.plan_scaling import prices as scaling_prices
from pipelines.plan_scaling import scaling_table
from pipelines.plan_score import ScorePlan, plan_score
from pipelines.plan_steps import StepPlan, expect_steps, prices
from pipelines.plan_table import table
from pipelines.run import checked_steps, on_any_worker
from schemas.config import RunConfig
from schemas.errors import ConfigError
from transforms.reading.shard_paths import find_shards
from transforms.shard_job import dedup_config
from transforms.steps import needs_text

MIN_ASK = 8
"""Fewer replies say nothing of how they differ."""

Steps = list[tuple[StepPlan, Asked | None]]


def plan(config: RunConfig, sample: int = 256, replies: int = 0, total: int | None = None) -> Iterator[str]:
    """Yield the lines of a plan; nothing is written but a temporary file, which is removed.

    The sample is a cluster sample: neighbouring units of up to 64 shards at equal distances in the list. The
    shards carry the uncertainty, or runs of neighbours where every shard is read.

    Args:
        config: of the run.
        sample: units to read, in all.
        replies: requests to put to the worker of each step with a model.
        total: input samples to plan for, of the kind that the input holds; none: the input's own. With it, a
            table tells what each stage takes (`pipelines.plan_scaling`).

    Raises:
        ConfigError: the configuration is wrong, or the sample is too small.
        InputError: the input cannot be read as configured.
        RunError: nothing could be measured, or a worker cannot answer.
    """
    if sample < MIN_SAMPLE:
        raise ConfigError(f"--sample {sample} is too small to compare shards; give at least {MIN_SAMPLE}")
    if 0 < replies < MIN_ASK:
        raise ConfigError(
            f"--ask {replies} is too few to tell how replies differ; give 0, or {MIN_ASK} or more"
        )
    config = on_any_worker(config)
    steps = checked_steps(config)
    shards = find_shards(config.input.shards)
    read = read_sample(shards, config, sample, needs_text=needs_text(steps.values()))
    read = replace(read, larger=total is not None)
    expected = expect_steps(list(steps.values()), read)
    local = measure_local(read, expected, config.input, dedup_config(config))
    asked: Steps = [
        (step, ask(step, read, config.input, replies) if replies and step.asks else None) for step in expected
    ]
    workers = {steps[step.recipe].recipe.name: step.worker for step in config.annotate}
    score = plan_score(config, expected)
    figures = whole(read, local, asked, total, score)
    yield from table(config.name, read, figures, asked, workers)
    yield ""
    if total is not None:
        bytes_in = read.bytes_in * figures.scale
        stored = bytes_in + figures.published.value + figures.work.value
        yield from scaling_table(stage_costs(config, figures, local, bytes_in, asked), total, stored)
        yield f"{scaling_prices()} (pipelines/plan_scaling.py)"
        yield ""
    yield from _how_sure(read, asked, total)
    yield from _of_score(score, config.rewriter) if score is not None else ()


def _how_sure(sample: Sample, steps: Steps, total: int | None) -> Iterator[str]:
    """Yield what the intervals do not hold."""
    if sample.fraction < 1:
        yield f"Intervals come from how {sample.clusters} differ. Only the beginning of each shard was read:"
        yield "where shards are sorted (by quality, by site), these figures are off by more than that."
    if total is not None:
        yield f"Scaled to {total:,} samples like those of the input."
    yield "Duplicates cannot be seen in a sample: what dedup drops comes off the kept and all that follows."
    for step, asked in steps:
        if step.unwritten:
            names = ", ".join(step.unwritten)
            yield f"{step.name} reads {names}, not written yet: texts of a likely length stood in."
        if asked is not None:
            yield from _about(step, asked)
    if any(step.asks and step.asked and asked is None for step, asked in steps):
        yield "No model was asked: tokens in are by rule of thumb, and what is marked so is a guess. --ask 64"
        yield "measures instead, with 64 real requests a step."


def _of_score(score: ScorePlan, rewriter: str | None) -> Iterator[str]:
    """Yield what is assumed of the score stage."""
    if score.on_gpu:
        yield "score: by a GPU; a core decodes the pictures."
    else:
        yield f"score: {1000 * score.seconds:,.0f} ms of a core a sample, {score.size_from}; by the figures"
        yield "of docs/filters.md. No GPU is here, or device is cpu: one leaves what decoding takes."
    if score.unforeseen:
        yield f"score: what {', '.join(score.unforeseen)} drop no sample shows; it counts as kept."
    if rewriter is not None:
        yield f"score: score.words.rewrite asks {rewriter} about samples with a misaligned word, at most once"
        yield "each; those requests are not in these figures."


def _about(step: StepPlan, asked: Asked) -> Iterator[str]:
    name, (price_in, price_out) = step.name, prices(step.worker)
    cost = (asked.tokens_in * price_in + asked.tokens_out * price_out) / 1e6
    yield (
        f"{name}: {asked.replies} requests were made ({asked.tokens_in:,} tokens in, {asked.tokens_out:,} "
        f"out, cost {cost:.4f}); the run makes them again."
    )
    if asked.refused_by_server:
        yield f"{name}: the server refused {asked.refused_by_server} of them; they count in no figure."
    yield f"{name}: so short a burst is slowed by its start and end; the lower bound of its time is without."
    if asked.in_flight < asked.width:
        yield (
            f"{name}: at most {asked.in_flight} requests were in flight where a run has {asked.width}; how "
            "fast the server is then is not known."
        )

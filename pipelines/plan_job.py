"""What each stage of a planned run takes: the rows of `pipelines.plan_scaling`, from what a sample showed."""

from collections.abc import Sequence

from pipelines.plan_ask import Asked
from pipelines.plan_figures import Figures, reply_length, step_figures
from pipelines.plan_measure import Local, annotation_bytes
from pipelines.plan_scaling import (
    GPU_TOKENS_A_SECOND,
    REQUEST_S,
    StageCost,
    dedup_cost,
    score_cost,
)
from pipelines.plan_score import uses_gpu
from pipelines.plan_steps import StepPlan, prices
from schemas.config import RunConfig
from schemas.workers import (
    DETECTORS,
    CheckpointConfig,
    OpenAIWorkerConfig,
    VllmWorkerConfig,
    WorkerConfig,
)
from transforms.process_server import cores
from transforms.shard_job import dedup_config

_HOUR = 3600.0


def stage_costs(
    config: RunConfig,
    figures: Figures,
    local: Local,
    bytes_in: float,
    steps: Sequence[tuple[StepPlan, Asked | None]],
) -> list[StageCost]:
    """Return what each stage takes of a run over shards of so many bytes.

    A model that costs nothing by the token is on GPUs of one's own.
    """
    kept, picture = figures.kept.value, local.published_bytes.value
    facts = figures.units.value * local.facts_bytes
    dedup = dedup_config(config)
    stages = [
        StageCost(name="profile", cpu_s=figures.profile_h.value * _HOUR, read=bytes_in, written=facts),
        dedup_cost(dedup, kept, local.dedup_s),
    ]
    stages += [_step(step, asked, figures, picture) for step, asked in steps]
    left = kept
    if (score := figures.score) is not None:
        stages.append(score_cost(kept, picture, score.seconds, on_gpu=score.on_gpu))
        left *= score.share
    publish_s, published = figures.publish_h.value * _HOUR, figures.published.value
    return [*stages, StageCost(name="publish", cpu_s=publish_s, read=left * picture, written=published)]


def _step(step: StepPlan, asked: Asked | None, figures: Figures, picture: float) -> StageCost:
    kept, name = figures.kept.value, f"annotate {step.name}"
    written = kept * annotation_bytes(step, reply_length(step, asked)).value
    if not step.asks:
        return StageCost(name=name, cpu_s=kept * step.seconds, written=written)
    found = step_figures(step, asked, figures.units)
    is_paid = any(prices(step.worker))
    cpu_s, gpu_s = found.requests.value * REQUEST_S, found.tokens_out.value / GPU_TOKENS_A_SECOND
    if isinstance(step.worker, CheckpointConfig) and not uses_gpu(step.worker.device):
        in_process = found.hours.value * _HOUR * (cores() if asked is not None else 1)
        cpu_s, gpu_s = cpu_s + in_process, 0.0
    elif asked is not None:
        gpu_s = found.requests.value / asked.rate.value * gpus(step.worker)
    elif step.worker.kind in DETECTORS:
        gpu_s = found.hours.value * _HOUR
    return StageCost(
        name=name,
        cpu_s=cpu_s,
        gpu_s=0.0 if is_paid else gpu_s,
        requests=found.requests.value,
        read=figures.units.value * step.share.value * picture if step.looks else 0.0,
        written=written,
        tokens=found.cost.value,
    )


def gpus(worker: WorkerConfig) -> int:
    """Return how many GPUs answer while a worker is asked: one a server, or those that share an engine."""
    match worker:
        case OpenAIWorkerConfig():
            return len(worker.base_urls)
        case VllmWorkerConfig():
            return worker.tensor_parallel
        case _:
            return 1

"""What a job of many samples takes, stage by stage: `python -m pipelines.plan_scaling` for web photos.

The seconds of that job are those of benchmarks/README.md, on one core of an x86-64 virtual machine; what its
models take is a guess (GPU_TOKENS_A_SECOND, GPU_SCORES_A_SECOND). `pairwright plan CONFIG --samples TOTAL`
prints the same table of a configuration, with what was measured on a sample of its input in their place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.plan_score import DECODE_S, GPU_SCORES_A_SECOND
from pipelines.plan_table import count, money, show_bytes
from schemas.config import DedupConfig, NearConfig
from transforms.dedup.plan import make_plan

CPU_HOUR = 0.07
"""Dollars for a vCPU with 4 GB on a managed batch service: assumed, as Dataflow's list prices are about
0.056 + 4 x 0.0036."""
GPU_HOUR = 2.0
"""Dollars for an A100 of 80 GB: large clouds ask 1.50 to 3.00 (mercatus-ai.com, GPU pricing, May 2026)."""
GB_MONTH = 0.02
"""Dollars for 10^9 bytes in one region (cloud.google.com/storage/pricing-examples, seen in November 2026)."""

GPU_TOKENS_A_SECOND = 2000.0
"""That one such GPU writes with a model of 7 to 8 billion parameters: a guess, from the 9,200 of a model of
1.7 billion on an H100 (Hugging Face, FinePhrase, 2026)."""
REQUEST_S = 0.0079
"""Of a core for a request with a picture (`python -m benchmarks.saturation`: 11.9 s for 1,500)."""
_ROW_BYTES = 140
"""A sample in the shuffle of dedup: hashes, key and place."""
_ROW_S = 2e-6
"""Of a core for a row there, as `pairwright plan` measures it."""
_HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCost:
    """What a stage takes in all: seconds of one core and of one GPU, requests, bytes, dollars for tokens."""

    name: str
    cpu_s: float = 0.0
    gpu_s: float = 0.0
    requests: float = 0.0
    read: float = 0.0
    written: float = 0.0
    tokens: float = 0.0

    @property
    def dollars(self) -> float:
        """At the prices of this module."""
        return self.cpu_s / _HOUR * CPU_HOUR + self.gpu_s / _HOUR * GPU_HOUR + self.tokens


def dedup_cost(config: DedupConfig, kept: float, row_s: float, fixed_s: float = 0.0) -> StageCost:
    """Return what dedup takes for so many samples; of each, the plan's copies go through a shuffle."""
    plan = make_plan(config, max(1, round(kept)))
    copies = len(plan.bands.masks) + 2 if plan.partitions > 1 else 1
    moved = kept * copies * _ROW_BYTES
    return StageCost(name="dedup", cpu_s=kept * (fixed_s + row_s * copies), read=moved, written=moved)


def score_cost(kept: float, picture: float, seconds: float, *, on_gpu: bool) -> StageCost:
    """Return what scoring takes for so many samples, each of so many bytes and seconds of a core."""
    gpu_s = kept / GPU_SCORES_A_SECOND if on_gpu else 0.0
    read, written = kept * picture, kept * 100
    return StageCost(name="score", cpu_s=kept * seconds, gpu_s=gpu_s, read=read, written=written)


def web_job(total: int) -> list[StageCost]:
    """Return what a job takes over photos of web size, half of which profile keeps.

    A picture has 162 kB; HQ-CLIP's four texts are 350 tokens a reply, of which one in 20 is asked for twice,
    by a model on a GPU of one's own. 9.7 s of processor time for 4,192 such photos
    (`python -m benchmarks.curate`) are divided as its wall time is.
    """
    kept, picture, a_photo = 0.5 * total, 162e3, 9.7 / 4192
    near = DedupConfig(near=NearConfig(max_distance=4))
    requests = 1.05 * kept
    return [
        StageCost(name="profile", cpu_s=total * 0.65 * a_photo, read=total * picture, written=total * 210),
        dedup_cost(near, kept, _ROW_S, 0.06 * a_photo),
        StageCost(name="annotate laclip by rules", cpu_s=kept * 0.13 * a_photo, written=kept * 400),
        StageCost(
            name="annotate hqclip by a GPU",
            cpu_s=requests * REQUEST_S,
            gpu_s=requests * 350 / GPU_TOKENS_A_SECOND,
            requests=requests,
            read=kept * picture,
            written=kept * (350 * 8 + 750),
        ),
        score_cost(kept, picture, DECODE_S, on_gpu=True),
        StageCost(
            name="publish", cpu_s=kept * 0.16 * a_photo, read=kept * picture, written=kept * (picture + 4000)
        ),
    ]


def scaling_table(stages: Sequence[StageCost], total: int, stored: float) -> Iterator[str]:
    """Yield the lines of a table; `stored` are the bytes of input and output that lie there for a month."""
    yield _row(f"{count(total)} samples", "CPU h", "GPU h", "requests", "read", "written", "$")
    for stage in stages:
        yield _stage(stage)
    names = ("cpu_s", "gpu_s", "requests", "read", "written", "tokens")
    whole = StageCost(name="all", **{name: sum(getattr(s, name) for s in stages) for name in names})
    yield _stage(whole)
    yield _row("a month of storage", "", "", "", "", show_bytes(stored), money(stored / 1e9 * GB_MONTH))


def _row(*cells: str) -> str:
    return f"{cells[0]:26}" + "".join(f"{cell:>11}" for cell in cells[1:])


def _stage(stage: StageCost) -> str:
    hours = [stage.cpu_s / _HOUR, stage.gpu_s / _HOUR]
    return _row(
        stage.name,
        *(_hours(value) if value else "" for value in hours),
        count(stage.requests) if stage.requests else "",
        show_bytes(stage.read) if stage.read else "",
        show_bytes(stage.written),
        money(stage.dollars),
    )


def _hours(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2g}"


def prices() -> str:
    """Return the prices of the tables in one line."""
    return f"at ${CPU_HOUR:g} a CPU hour, ${GPU_HOUR:g} a GPU hour, ${GB_MONTH:g} a GB and month"


def main() -> None:
    """Print the tables of 1 million, 100 million and 1 billion web photos."""
    for total in (10**6, 10**8, 10**9):
        stages = web_job(total)
        for line in scaling_table(stages, total, stages[0].read + stages[-1].written):
            print(line)
        print()
    print(prices())


if __name__ == "__main__":
    main()

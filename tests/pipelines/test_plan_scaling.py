"""The table of a large job against sums worked by hand, and docs/scaling.md against the command."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from demo_data.scenes import write_scenes
from pipelines.plan import plan
from pipelines.plan_ask import Asked
from pipelines.plan_figures import Figures
from pipelines.plan_interval import Estimate
from pipelines.plan_job import gpus, stage_costs
from pipelines.plan_measure import Local
from pipelines.plan_scaling import (
    StageCost,
    dedup_cost,
    main,
    scaling_table,
    score_cost,
    web_job,
)
from pipelines.plan_score import plan_score
from pipelines.plan_steps import StepPlan
from pipelines.plan_table import show_bytes
from recipes.hqclip import HqClip
from schemas.config import DedupConfig, NearConfig, RunConfig
from schemas.workers import (
    OpenAIWorkerConfig,
    Owlv2WorkerConfig,
    RulesWorkerConfig,
    VllmWorkerConfig,
    WorkerConfig,
)
from transforms.steps import Step

ROOT = Path(__file__).parents[2]
EXACT = Estimate.exact
LOCAL = Local(
    profile_s=0.002,
    dedup_s=1e-6,
    publish_s=0.001,
    facts_bytes=200,
    published_bytes=EXACT(50_000),
    index_bytes=400,
)


def figures(units: float, kept: float) -> Figures:
    return Figures(
        units=EXACT(units),
        scale=1.0,
        share_kept=EXACT(kept / units),
        kept=EXACT(kept),
        profile_h=EXACT(units * LOCAL.profile_s / 3600),
        dedup_h=EXACT(kept * LOCAL.dedup_s / 3600),
        rules_h=EXACT(0),
        publish_h=EXACT(kept * LOCAL.publish_s / 3600),
        published=EXACT(kept * 50_400),
        work=EXACT(0),
    )


def step(worker: WorkerConfig, seconds: float = 0.0) -> StepPlan:
    return StepPlan(
        step=Step(recipe=HqClip(), worker=worker),
        looks=True,
        asked={},
        written={},
        share=EXACT(0.5),
        text_in=EXACT(300),
        image_in=EXACT(200),
        shared=0,
        out=EXACT(400),
        seconds=seconds,
    )


def openai(**settings: Any) -> OpenAIWorkerConfig:
    urls = ("http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1")
    return OpenAIWorkerConfig(kind="openai", base_urls=urls, model="m", **settings)


def config(**changed: Any) -> RunConfig:
    return RunConfig.model_validate({"name": "n", "input": {"shards": "a.tar"}, "output": "o", **changed})


def named(stages: list[StageCost]) -> dict[str, StageCost]:
    return {stage.name: stage for stage in stages}


def test_a_run_of_rules_by_hand() -> None:
    rules = step(RulesWorkerConfig(kind="rules"), seconds=0.004)
    found = named(stage_costs(config(), figures(3600, 1800), LOCAL, 1e9, [(rules, None)]))
    assert list(found) == ["profile", "dedup", "annotate hqclip", "publish"]
    assert found["profile"].cpu_s == pytest.approx(7.2)
    assert (found["profile"].read, found["profile"].written) == (1e9, 720_000)
    assert found["annotate hqclip"].cpu_s == pytest.approx(7.2)
    assert found["annotate hqclip"].dollars == pytest.approx(7.2 / 3600 * 0.07)
    assert found["publish"].read == 1800 * 50_000
    assert found["publish"].written == 1800 * 50_400
    assert all(stage.gpu_s == 0 and stage.requests == 0 for stage in found.values())


def test_a_model_of_ones_own_takes_gpus_and_one_that_is_paid_takes_money() -> None:
    whole = figures(1000, 500)
    own = named(stage_costs(config(), whole, LOCAL, 1e9, [(step(openai()), None)]))["annotate hqclip"]
    assert own.requests == pytest.approx(1000 * 0.5 * 1.05)
    assert own.cpu_s == pytest.approx(525 * 0.0079)
    assert own.gpu_s == pytest.approx(525 * 400 / 2000)
    assert own.read == pytest.approx(500 * 50_000)
    assert own.dollars == pytest.approx(own.cpu_s / 3600 * 0.07 + 105 / 3600 * 2)
    worker = openai(price_in=2, price_out=6)
    paid = named(stage_costs(config(), whole, LOCAL, 1e9, [(step(worker), None)]))["annotate hqclip"]
    assert paid.gpu_s == 0
    assert paid.tokens == pytest.approx(525 * (500 * 2 + 400 * 6) / 1e6)


def test_a_measured_rate_counts_the_servers_that_gave_it() -> None:
    asked = Asked(
        replies=64, refused_by_server=0, tokens_a_request=EXACT(500), out=EXACT(400), again=EXACT(0),
        reasons={}, rate=EXACT(10), in_flight=64, width=64, tokens_in=32_000, tokens_out=25_600,
    )  # fmt: skip
    found = named(stage_costs(config(), figures(1000, 500), LOCAL, 1e9, [(step(openai()), asked)]))
    assert found["annotate hqclip"].gpu_s == pytest.approx(500 / 10 * 2)
    assert gpus(VllmWorkerConfig(kind="vllm", model="m", tensor_parallel=4)) == 4


def test_dedup_moves_every_copy_once_it_has_partitions() -> None:
    near = DedupConfig(near=NearConfig(max_distance=4))
    assert dedup_cost(near, 1e6, 2e-6).read == 1e6 * 140
    large = dedup_cost(near, 1e9, 2e-6)
    assert large.read == large.written == 1e9 * 37 * 140  # 35 keys of a hash, its bytes, its uid
    assert large.cpu_s == pytest.approx(1e9 * 37 * 2e-6)


def test_scoring_needs_a_gpu_where_it_is_configured() -> None:
    assert score_cost(330, 1000, 0.003, on_gpu=True).gpu_s == pytest.approx(1)
    assert score_cost(330, 1000, 0.1, on_gpu=False).gpu_s == 0
    score = {"clip": {"checkpoint": "openai/clip-vit-base-patch32"}, "keep": [{"share": 0.5}]}
    for device, cpu_s, gpu_s in (("cuda", 330 * 0.003, 1), ("cpu", 330 * (0.092 + 0.0176), 0)):
        score["clip"]["device"] = device  # type: ignore[call-overload]
        told = config(score=score)
        planned = replace(figures(660, 330), score=plan_score(told, []))
        found = named(stage_costs(told, planned, LOCAL, 1e9, []))
        assert (found["score"].cpu_s, found["score"].gpu_s) == (pytest.approx(cpu_s), pytest.approx(gpu_s))
        assert found["publish"].read == pytest.approx(165 * 50_000)


def test_a_detector_on_the_cpu_takes_no_gpu() -> None:
    whole = figures(1000, 500)
    for device, gpu_s, cpu_s in (("cuda", 500 * 0.1, 0.0), ("cpu", 0.0, 500 * 15.0)):
        owl = step(Owlv2WorkerConfig(kind="owlv2", model="m", device=device))  # type: ignore[arg-type]
        (found,) = (s for s in stage_costs(config(), whole, LOCAL, 1e9, [(owl, None)]) if s.requests)
        assert found.gpu_s == pytest.approx(gpu_s)
        assert found.cpu_s == pytest.approx(cpu_s + 500 * 0.0079)


def test_the_table_sums_its_rows() -> None:
    stages = [
        StageCost(name="a", cpu_s=3600, gpu_s=7200, requests=10, read=1024, written=2048, tokens=3),
        StageCost(name="b", cpu_s=3600 * 200, written=1024),
    ]
    lines = [line.split() for line in scaling_table(stages, 10**6, 100e9)]
    assert lines[1] == ["a", "1", "2", "10", "1.0", "KiB", "2.0", "KiB", "7.07"]  # 0.07 + 4 + 3
    assert lines[2] == ["b", "200", "1.0", "KiB", "14.00"]
    assert lines[3] == ["all", "201", "2", "10", "1.0", "KiB", "3.0", "KiB", "21.07"]
    assert lines[4][-1] == "2.00"


def test_a_job_grows_with_its_samples() -> None:
    small, large = named(web_job(10**8)), named(web_job(10**9))
    for name in small.keys() - {"dedup"}:  # which compares more keys of a hash
        assert large[name].cpu_s == pytest.approx(10 * small[name].cpu_s)
    # 9.7 s for 4,192 photos: with half of them kept, all but half of dedup's, annotate's and publish's share.
    by_rule = sum(small[name].cpu_s for name in ("profile", "annotate laclip by rules", "publish"))
    assert by_rule == pytest.approx(1e8 * 9.7 / 4192 * (0.65 + 0.5 * (0.13 + 0.16)))


def test_a_plan_of_many_samples_ends_with_the_table_of_its_configuration(tmp_path: Path) -> None:
    write_scenes(tmp_path, count=16, seed=5, size_px=64, per_shard=4)
    told = config(
        input={"shards": f"{tmp_path}/*.tar"},
        workers={"r": {"kind": "rules"}},
        annotate=[{"recipe": "laclip", "worker": "r"}],
    )
    lines = list(plan(told, sample=128, total=10**9))
    start = next(n for n, line in enumerate(lines) if line.startswith("1.000 bn samples"))
    assert [line[:26].strip() for line in lines[start + 1 : start + 7]] == [
        "profile", "dedup", "annotate laclip", "publish", "all", "a month of storage"
    ]  # fmt: skip
    size = sum(path.stat().st_size for path in tmp_path.glob("*.tar")) / 16 * 1e9
    assert show_bytes(size) in lines[start + 1]
    assert "a GPU hour" in lines[start + 7]
    assert not any("a GPU hour" in line for line in plan(told, sample=128))


def test_the_page_shows_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    printed = capsys.readouterr().out.strip()
    page = (ROOT / "docs" / "scaling.md").read_text()
    assert f"$ python -m pipelines.plan_scaling\n{printed}\n```" in page

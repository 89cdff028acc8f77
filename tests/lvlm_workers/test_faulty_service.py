"""With a service that fails in every way there is, a run ends by itself and accounts for every sample."""

import json
import re
import tarfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq
import pytest

from demo_data.scenes import render_scene, scene_members
from demo_data.tar_writing import add_member
from lvlm_workers.openai import OpenAIWorker
from lvlm_workers.pacing import Pace
from pipelines.command import run_stage
from pipelines.curate import run_curate
from pipelines.run import open_run
from pipelines.verify import verify
from schemas.config import RunConfig

SCENES = 45
PER_SHARD = 9
RECIPES = ("hqclip", "laclip")
QUICK = Pace(backoff_s=0.01, backoff_cap_s=0.05, rest_s=0.02, rest_cap_s=0.05)
ALWAYS = {"400": "refused_request", "500": "refused_request"}
REASONS = {
    "empty": "empty_reply",
    "null": "empty_reply",
    "refusal": "refusal",
    "refused-field": "refusal",
    "length": "cut_reply",
    "control": "bad_reply",
    "prose": "bad_reply",
    "wrong-fields": "bad_reply",
}
"""What becomes of a sample about which a model never says anything else, to either recipe."""


def write_marked(folder: Path, marks: list[str]) -> None:
    """Write scenes, the first of which have alt text that tells the server how to fail."""
    folder.mkdir()
    for start in range(0, SCENES, PER_SHARD):
        with tarfile.open(folder / f"{start:05d}.tar", "w", format=tarfile.USTAR_FORMAT) as shard:
            for number in range(start, min(SCENES, start + PER_SHARD)):
                mark = f" [[{marks[number]}]]".encode() if number < len(marks) else b""
                for ending, data in scene_members(render_scene(number, 64)):
                    add_member(shard, f"{number:09d}.{ending}", data + mark if ending == "txt" else data)


def configure(folder: Path, servers: list[Any]) -> RunConfig:
    """Return a run of both recipes, and patience for a stall of 0.3 s."""
    worker = {
        "kind": "openai",
        "base_urls": [server.url for server in servers],
        "model": "tiny",
        "in_flight": 16,
        "timeout_s": 0.3,
    }
    return RunConfig.model_validate(
        {
            "name": "faulty",
            "input": {"shards": f"{folder}/input/*.tar"},
            "output": str(folder / "out"),
            "workers": {"model": worker},
            "annotate": [{"recipe": name, "worker": "model"} for name in RECIPES],
            "chunk_samples": 4,
            "publish": {"samples_per_shard": 25},
        }
    )


def published(output: Path) -> list[dict[str, Any]]:
    found = []
    for path in sorted((output / "shards").glob("*.tar")):
        with tarfile.open(path) as tar:
            found += [json.load(tar.extractfile(m)) for m in tar if m.name.endswith(".json")]  # type: ignore[arg-type]
    return found


def check_all_are_there(output: Path, expected: list[str | None]) -> None:
    """Check that every sample is published or rejected, once; the first for the reasons expected."""
    records = published(output)
    tables = [pq.read_table(path) for path in sorted((output / "rejected").iterdir())]
    rows = [row for table in tables for row in table.to_pylist()]
    kept, rejected = [int(r["source"]["key"]) for r in records], [int(row["key"]) for row in rows]
    assert sorted(kept + rejected) == list(range(SCENES))
    assert {row["stage"] for row in rows} == {"annotate"}
    for record in records:
        assert record["long_positive"] != []
        assert record["rewrites"] != []
    reasons = {int(row["key"]): row["reason"] for row in rows}
    assert [reasons.get(number) for number in range(len(expected))] == expected
    assert json.loads((output / "run.json").read_text())["counts"] == {
        "in": SCENES,
        "published": len(kept),
        "dropped": {},
        "failed": {"annotate": dict(sorted(Counter(reasons.values()).items()))},
    }


def test_every_sample_is_annotated_or_rejected_with_its_reason(
    serve: Callable[..., Any], openai_server: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each fault of the service once a recipe; each of the model and two statuses for good; others at random.
    passing = [f"{fault}*1" for fault in openai_server.BROKEN] + ["slow"]
    assert set(REASONS) == set(openai_server.REPLIES)
    marks = [*passing, *REASONS, *ALWAYS]
    write_marked(tmp_path / "input", marks)

    def answer(body: Mapping[str, Any]) -> str:
        """Repeat the mark in rewrites, which must keep its number."""
        if "response_format" not in body:  # whether anybody is there
            return "Yes."
        texts = json.loads(openai_server.json_answer(body))
        mark = re.search(r"\[\[.*?\]\]", str(body["messages"]))
        if mark and "rewrites" in texts:
            texts["rewrites"] = [f"{texts['rewrites'][0]} {mark[0]}"]
        return json.dumps(texts)

    told = {"fault_rate": 0.3, "slow_s": 0.01, "retry_after": "0.02", "answer": answer}
    servers = [serve(seed=seed, **told) for seed in (1, 2)]
    config = configure(tmp_path, servers)
    for place in ("transforms.annotate_shards.make_worker", "pipelines.annotate.make_worker"):
        monkeypatch.setattr(place, lambda config: OpenAIWorker(config, QUICK))
    counted = run_stage(run_curate, open_run(config))
    output = tmp_path / "out"
    assert verify(str(output)) == []
    assert counted.entered == SCENES

    seen = [one for server in servers for one in server.seen]
    assert {one.fault for one in seen} == {*openai_server.FAULTS, *ALWAYS, None}
    unmarked = [one for one in seen if "[[" not in one.prompt]
    assert sum(one.fault is not None for one in unmarked) > 0.1 * len(unmarked)

    check_all_are_there(output, [None] * len(passing) + [*REASONS.values(), *ALWAYS.values()])
    total = sum(len(server.seen) for server in servers)
    run_stage(run_curate, open_run(config))
    assert sum(len(server.seen) for server in servers) == total

"""Planned work over a few small shards, and runs over them with a worker in a model's place."""

import hashlib
import json
import random
import tarfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from demo_data.scenes import write_scenes
from lvlm_workers.base import Reply, Request, Worker
from lvlm_workers.mock import MockWorker
from pipelines.command import run_stage
from pipelines.curate import run_curate
from pipelines.run import open_run
from pipelines.verify import verify
from recipes.hqclip import HqClip
from schemas.config import RunConfig
from transforms.reading.shard_paths import find_shards
from transforms.shard_job import ShardJob, plan_jobs

Planned = tuple[RunConfig, list[ShardJob]]


@pytest.fixture(scope="session")
def scene_shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two shards of five scenes, each of another text."""
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=10, seed=3, size_px=64, per_shard=5)
    return folder


@pytest.fixture
def plan(scene_shards: Path, tmp_path: Path) -> Callable[..., Planned]:
    """Plan a run over the scenes, its work below tmp_path; keywords change the configuration."""

    def make(**changes: Any) -> Planned:
        values = {"name": "test", "input": {"shards": f"{scene_shards}/*.tar"}, "output": "unused"} | changes
        config = RunConfig.model_validate(values)
        shards = find_shards(config.input.shards)
        work = str(tmp_path / "work")
        return config, plan_jobs(config, shards, work, needs_text=True, evaluation=())

    return make


NO_DIGITS = str.maketrans("0123456789", "ghijklmnop")  # a rewrite may add no number


def answer(request: Request) -> Reply:
    """Return a reply that fits, and that only this request has."""
    asked = f"{request.prompt} {digest(request.image)}".encode()
    name = hashlib.sha256(asked).hexdigest()[:8].translate(NO_DIGITS)
    if "rewrites" in (request.schema or {})["required"]:
        text = json.dumps({"rewrites": [f"Words about {name}."]})
    else:
        lists = [f"A photo of {name}."], [f"A map of {name}."], [f"tag {name}"], [f"hat {name}"]
        text = json.dumps(dict(zip(HqClip.fields, lists, strict=True)))
    return Reply(text=text, model="tiny", tokens_in=7, tokens_out=5, seconds=random.random())


def digest(image: bytes | None) -> str | None:
    return None if image is None else hashlib.sha256(image).hexdigest()


@dataclass
class Erring:
    """Gives the replies listed for a sample, by its place in the run, one an attempt; then good ones.

    The places are those of the samples' first requests: `uids`.
    """

    replies: Mapping[int, list[str | Reply]]
    attempts: Counter[str] = field(default_factory=Counter)
    uids: list[str] = field(default_factory=list)

    def __call__(self, request: Request) -> Reply | str:
        uid = request.tag.facts.uid
        if not self.attempts[uid]:
            self.uids.append(uid)
        given = self.replies.get(self.uids.index(uid), [])
        self.attempts[uid] += 1
        return given[self.attempts[uid] - 1] if self.attempts[uid] <= len(given) else answer(request)


@dataclass(kw_only=True)
class Model:
    """Runs the ten scenes with a worker in the model's place, and reads what the run left."""

    folder: Path
    shards: str
    patch: pytest.MonkeyPatch
    samples: int = 10
    answer = staticmethod(answer)
    digest = staticmethod(digest)
    erring = Erring

    def run(self, worker: Worker, output: str = "out", **changes: Any) -> Path:
        values = {
            "name": "asked",
            "input": {"shards": self.shards},
            "output": str(self.folder / output),
            "workers": {"model": {"kind": "openai", "base_urls": ["http://127.0.0.1:9/v1"], "model": "tiny"}},
            "annotate": [{"recipe": "hqclip", "worker": "model"}],
            "publish": {"samples_per_shard": 4},
            "chunk_samples": 3,
        }
        config = RunConfig.model_validate(values | changes)
        for place in ("transforms.annotate_shards.make_worker", "pipelines.annotate.make_worker"):
            self.patch.setattr(place, lambda _: worker)
        run_stage(run_curate, open_run(config))
        assert verify(config.output) == []
        return Path(config.output)

    def asked(self, worker: MockWorker) -> Counter[tuple[str, str | None]]:
        """Return what a worker was asked, each with how often."""
        return Counter((request.prompt, digest(request.image)) for request in worker.seen)

    def records(self, output: Path) -> list[dict[str, Any]]:
        """Return every KEY.json, in order."""
        found = []
        for path in sorted((output / "shards").glob("*.tar")):
            with tarfile.open(path) as tar:
                found += [json.load(tar.extractfile(m)) for m in tar if m.name.endswith(".json")]  # type: ignore[arg-type]
        return found

    def contents(self, output: Path) -> dict[str, bytes]:
        """Return every file that a rerun must repeat."""
        names = [path.relative_to(output) for path in sorted(output.rglob("*")) if path.is_file()]
        return {
            str(name): (output / name).read_bytes()
            for name in names
            if name.parts[0] != "work" and str(name) not in ("run.json", "report.html")
        }

    def counts(self, output: Path) -> dict[str, Any]:
        """Return what run.json says became of the samples."""
        counted: dict[str, Any] = json.loads((output / "run.json").read_text())["counts"]
        return counted

    def rejected(self, output: Path) -> list[dict[str, Any]]:
        """Return the rows of `rejected/`."""
        tables = (pq.read_table(path) for path in sorted((output / "rejected").iterdir()))
        return [row for table in tables for row in table.to_pylist()]


@pytest.fixture
def model(tmp_path: Path, scene_shards: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """Return a maker of runs over the scenes."""
    return Model(folder=tmp_path, shards=f"{scene_shards}/*.tar", patch=monkeypatch)

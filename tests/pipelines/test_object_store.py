"""A run into an object store, where nothing can append: the same bytes out, and no reply asked for twice."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo_data.scenes import write_scenes
from lvlm_workers.base import Reply, Request, WorkerError
from lvlm_workers.mock import MockWorker
from pipelines.curate import run_curate
from pipelines.load_config import load_config
from pipelines.run import Run, only_writer, open_run
from pipelines.usage import count_spent
from pipelines.verify import verify
from schemas.config import RunConfig
from schemas.errors import RunError
from tests.object_store import Shelf

SAMPLES = 12
URL = "http://127.0.0.1:9/v1"
VARYING = ("work/", "run.json", "report.html")
"""What holds times, and so is another in every run."""


class Answering:
    """Rewrites each text once; gives up at the reply of that number."""

    def __init__(self, last: int | None = None) -> None:
        self.asked: list[str] = []
        self._last = last

    def __call__(self, request: Request) -> Reply:
        if len(self.asked) == self._last:
            raise WorkerError("the server is gone; start it and run again")
        self.asked.append(request.prompt)
        text = json.dumps({"rewrites": [f"Words about {request.prompt.split()[-1].strip('.')}."]})
        return Reply(text=text, model="tiny", tokens_in=7, tokens_out=5, endpoint=URL)


@pytest.fixture
def run_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, Answering], Run]]:
    """Return what makes a run into a folder."""
    Shelf.reset()
    write_scenes(tmp_path / "in", count=SAMPLES, seed=3, size_px=64, per_shard=6)
    config = {
        "name": "test",
        "input": {"shards": f"{tmp_path}/in/*.tar"},
        "workers": {"server": {"kind": "openai", "base_urls": [URL], "model": "tiny"}},
        "annotate": [{"recipe": "laclip", "worker": "server"}],
        "chunk_samples": 2,
    }

    def opened(output: str, answering: Answering) -> Run:
        for place in ("transforms.annotate_shards.make_worker", "pipelines.annotate.make_worker"):
            monkeypatch.setattr(place, lambda _: MockWorker(answering))
        path = tmp_path / "run.json"
        path.write_text(json.dumps(config | {"output": output}))
        return open_run(load_config(str(path), RunConfig))

    yield opened
    Shelf.reset()


def curate(run: Run) -> dict[str, int]:
    """Curate; return what the replies cost, which are of one recipe and one server."""
    with only_writer(run):
        run_curate(run)
    return spent(run)


def spent(run: Run) -> dict[str, int]:
    return {what: n for (_, _, what), n in count_spent(run).items()}


def segments() -> list[str]:
    folder = "shelf://b/out/work/replies/laclip/"
    return sorted(name.removeprefix(folder) for name in Shelf.files if name.startswith(folder))


def published(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if not name.startswith(VARYING)}


def test_an_object_store_gets_the_same_bytes_and_keeps_what_was_answered(
    run_of: Callable[[str, Answering], Run], tmp_path: Path
) -> None:
    local = tmp_path / "out"
    whole = curate(run_of(str(local), Answering()))
    assert whole["replies"] == SAMPLES

    # Four replies are saved with the chunks of two, the fifth when the worker gives up.
    first, second, third = Answering(last=5), Answering(), Answering()
    run = run_of("shelf://b/out", first)
    with pytest.raises(RunError, match="the server is gone"):
        curate(run)
    assert [name.split("/")[1][:8] for name in segments()] == ["000000-0", "000001-0", "000002-0"]
    assert spent(run)["replies"] == 5

    assert curate(run_of("shelf://b/out", second)) == whole
    assert len(second.asked) == SAMPLES - 5
    assert not set(first.asked) & set(second.asked)
    assert len(segments()) == len({name.split("/")[0] for name in segments()}) == 2  # a packed one a shard

    there = {str(p.relative_to(local)): p.read_bytes() for p in local.rglob("*") if p.is_file()}
    here = {name.removeprefix("shelf://b/out/"): data for name, data in Shelf.files.items()}
    assert published(here) == published(there)
    assert "shards/00000.tar" in published(here)
    assert not [name for name in here if ".writing-" in name]
    assert verify("shelf://b/out") == []

    # The journals alone are enough to ask nothing again.
    for name in [name for name in Shelf.files if "/work/annotations/" in name]:
        del Shelf.files[name]
    assert curate(run_of("shelf://b/out", third)) == whole
    assert third.asked == []

"""A whole `curate` with vLLM's engine in its process, killed and with its engine killed."""

import os
import select
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.verify import verify
from schemas.reasons import REASONS

Start = Callable[[Path], "subprocess.Popen[str]"]
WAIT_S = 240


def journaled(output: Path) -> int:
    """Return how many replies have been kept."""
    return sum(path.read_bytes().count(b"\n") for path in (output / "work" / "replies").rglob("*.jsonl"))


def wait_for(replies: int, output: Path, process: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + WAIT_S
    while journaled(output) < replies and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    assert process.poll() is None, "the run ended too early"
    assert journaled(output) >= replies


def engine_of(pid: int) -> int:
    """Return the process of a run's engine."""
    import psutil

    (engine,) = (
        child.pid
        for child in psutil.Process(pid).children(recursive=True)
        if child.name().startswith("VLLM::EngineCor")
    )
    return engine


@pytest.fixture(scope="module")
def config(
    tiny_model: Path, write_config: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    worker = {"kind": "vllm", "model": str(tiny_model), "dtype": "float32", "max_model_len": 1536}
    return write_config(tmp_path_factory.mktemp("in-process"), worker)


@pytest.fixture(scope="module")
def runs(config: Path, start: Start, curate: Callable[[Path], Any]) -> dict[str, Any]:
    """Return the end of a run that was killed, resumed, its engine killed, and run once more when done."""
    output = config.parent / "out"
    with start(config) as process:
        wait_for(40, output, process)
        engine = os.pidfd_open(engine_of(process.pid))
        process.kill()
        process.communicate()
    kept = journaled(output)
    engine_ended = bool(select.select([engine], [], [], 30)[0])
    os.close(engine)
    with start(config) as process:
        wait_for(kept + 40, output, process)
        os.kill(engine_of(process.pid), signal.SIGKILL)
        printed, _ = process.communicate()
        assert process.returncode == 0, printed[-3000:]
    replies = journaled(output)
    return {"run": curate(config), "engine_ended": engine_ended, "replies": replies}


@pytest.fixture
def run(runs: dict[str, Any]) -> Any:
    return runs["run"]


def test_a_killed_run_leaves_no_engine(runs: dict[str, Any]) -> None:
    assert runs["engine_ended"]


def test_every_sample_is_published_or_rejected_with_its_reason(run: Any) -> None:
    counts = run.record["counts"]
    assert verify(str(run.output)) == []
    assert counts["in"] == counts["published"] + len(run.rejected)
    assert counts["published"] == len(run.published) >= 1
    assert {row["reason"] for row in run.rejected} <= set(REASONS)
    uids = [row["uid"] for row in (*run.published, *run.rejected)]
    assert len(set(uids)) == counts["in"]


def test_only_the_prompt_that_is_too_long_was_refused(run: Any) -> None:
    (row,) = (row for row in run.rejected if row["reason"] == "refused_request")
    assert row["uid"] == "too-long"
    assert row["value"].startswith("This model's maximum context length is 1536 tokens.")


def test_nothing_was_asked_twice_but_what_was_in_flight(run: Any) -> None:
    requests = Counter(reply["request"] for reply in run.replies)
    assert set(requests.values()) == {1}
    attempts = Counter(reply["attempts"] for reply in run.replies)
    assert set(attempts) == {1, 2}
    assert attempts[2] <= 16


def test_fields_name_the_engine_and_no_folder(run: Any, tiny_model: Path) -> None:
    for record in run.published:
        assert len(record["long_positive"]) == len(record["long_negative"]) >= 1
        for where in record["provenance"].values():
            assert (where["worker"], where["model"]) == ("vllm", tiny_model.name)
    assert str(tiny_model) not in str(run.published)


def test_a_run_that_is_done_asks_nothing_and_starts_no_engine(runs: dict[str, Any]) -> None:
    assert len(runs["run"].replies) == runs["replies"]
    assert "safetensors" not in runs["run"].printed  # what vLLM prints when it loads a model

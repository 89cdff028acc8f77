"""What people are told, and when; speeds from a clock that the test turns."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import torch
import yaml

from contrastive_trainer import reporter as reporting
from contrastive_trainer.checkpoints import Progress
from contrastive_trainer.data.batch import Batch
from contrastive_trainer.log import read_log
from contrastive_trainer.reporter import Reporter, say_where
from schemas.evaluate import EvaluateConfig
from schemas.train import TrainConfig

ROOT = Path(__file__).parents[2]
Make = Callable[..., TrainConfig]
FIGURES = {"loss": 2.5, "contrastive": 2.0, "hni": 0.5, "gradient_norm": 3.0, "lr": 1e-3, "scale": 14.28}


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time, to be set."""
    time = [100.0]
    monkeypatch.setattr(reporting.time, "monotonic", lambda: time[0])
    return time


def progress(step: int) -> Progress:
    return Progress(step=step, skipped=1, settings={})


def seen(faults: Sequence[str] = (), notes: Sequence[str] = ()) -> Batch:
    nothing = torch.zeros(0)
    return Batch(
        step=0, samples=(), image_BCHW=nothing, text_BL=nothing, faults=tuple(faults), notes=tuple(notes)
    )


def test_lines_rows_and_warnings(tmp_path: Path, configure: Make, now: list[float]) -> None:
    (tmp_path / "out").mkdir()
    said: list[str] = []
    told = Reporter(configure(batch=10, log_steps=5, optim={"warmup": 10}), progress(10), 20, said.append)
    for step in range(11, 21):
        now[0] += 2.0
        told.tell(progress(step), FIGURES, seen(["torn"] if step == 12 else []), waited=1.2 * (step - 10))
    told.end(progress(20), 12.0)
    told.close()
    line = "loss 2.5000 contrastive 2.0000 hni 0.5000 lr 1.00e-03 scale 14.3 5 samples/s waiting 60% left"
    assert said == [
        "goes on after step 10",
        "warning: torn; another stands in its place",
        f"step 15/20 {line} 0:00:10",
        f"step 20/20 {line} 0:00:00",
        "warning: 60% of the time goes into waiting for data: raise data.workers, or make the pictures in "
        "the shards smaller",
        "20 steps done, 5 samples/s, waiting 60%; 1 samples could not be read",
        f"model: {tmp_path}/out/final",
        f"evaluate it: pairwright evaluate {tmp_path}/out/final CONFIG, over data that "
        "docs/evaluation.md lists",
    ]
    rows = read_log(tmp_path / "out")
    assert [row["step"] for row in rows] == [15, 20]
    assert rows[1] == FIGURES | {
        "step": 20, "samples_per_second": 5.0, "waiting": pytest.approx(0.6), "skipped": 1,
    }  # fmt: skip


def test_the_command_that_is_told_measures_the_model_on_its_own_set(tmp_path: Path, configure: Make) -> None:
    """Its words, as a shell divides them, are those of a configuration that is valid."""
    folder = tmp_path / "my: set"
    folder.mkdir()
    (folder / "index.parquet").touch()
    said: list[str] = []
    say_where(configure(data={"shards": [str(folder)]}), said.append, "model")
    words = shlex.split(said[-1].removeprefix("evaluate it: "))
    model, out = f"{tmp_path}/out/final", f"{tmp_path}/out/evaluation"
    assert words[:4] == ["pairwright", "evaluate", model, "configs/evaluate_demo.yaml"]
    assert words[4] == "--set"
    assert words[6:] == ["--out", out]
    path = ROOT / words[3]
    values = yaml.safe_load(path.read_text()) | dict([words[5].split("=", 1)])
    values["evaluations"] = yaml.safe_load(values["evaluations"])
    (evaluation,) = EvaluateConfig.model_validate(values).evaluations
    assert (evaluation.kind, evaluation.data.path) == ("retrieval", str(folder))


def test_a_stop_is_told(tmp_path: Path, configure: Make, now: list[float]) -> None:
    (tmp_path / "out").mkdir()
    said: list[str] = []
    told = Reporter(configure(), progress(0), 20, said.append)
    told.end(progress(7), 0.0)
    told.close()
    assert said == ["stopped after step 7 of 20, saved; the same command resumes"]


def test_a_run_that_had_only_to_publish_has_no_speed(tmp_path: Path, configure: Make) -> None:
    (tmp_path / "out").mkdir()
    said: list[str] = []
    told = Reporter(configure(), progress(20), 20, said.append)
    told.end(progress(20), 0.0)
    told.close()
    assert [line.partition(":")[0] for line in said] == ["goes on after step 20", "model", "evaluate it"]


def test_a_plateau_is_told(tmp_path: Path, configure: Make) -> None:
    (tmp_path / "out").mkdir()
    said: list[str] = []
    told = Reporter(configure(log_steps=1000), progress(0), 900, said.append)
    for step in range(1, 400):
        told.tell(progress(step), FIGURES | {"contrastive": 1.39}, seen(), 0.0)  # ln 4
    told.close()
    assert len(said) == 1
    assert said[0].startswith("warning: the loss has been at chance (ln of the batch, 1.39) for 300 steps")


def test_only_the_first_unreadable_samples_and_odd_shards_are_named(tmp_path: Path, configure: Make) -> None:
    (tmp_path / "out").mkdir()
    said: list[str] = []
    told = Reporter(configure(log_steps=1000), progress(0), 900, said.append)
    faults: Iterator[int] = iter(range(100))
    for step in range(1, 9):
        faulty = seen([f"sample {next(faults)}", f"sample {next(faults)}"], [f"shard {step // 2}"])
        told.tell(progress(step), FIGURES, faulty, 0.0)
    told.close()
    named = [f"warning: sample {n}; another stands in its place" for n in range(reporting.FEW)]
    odd = [f"warning: shard {n}" for n in range(reporting.FEW)]
    assert [line for line in said if "sample" in line] == named
    assert [line for line in said if "shard" in line] == odd

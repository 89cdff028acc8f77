"""Killed at any moment and run again, a run gives the same bits, and sees every sample once an epoch."""

import multiprocessing
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from contrastive_trainer import checkpoints, learner
from contrastive_trainer.data.batch import Batch
from contrastive_trainer.log import read_log
from contrastive_trainer.training import train
from schemas.train import TrainConfig

STEPS = 10
Make = Callable[..., TrainConfig]
# A process that has everything imported is forked for each run, so that kills hit the work.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["contrastive_trainer.training", "tensorboard", "torch.utils.tensorboard"])

ALL_LOSSES = {
    "hni": {"weight": 0.5},
    "stc": {"weight": 0.1, "vocabulary": 9},
    "multi_text": {"texts": 2},
    "long_clip": {"components": 3},
    "regions": {"per_image": 2},
}
TEXTS = {"p_raw": 1, "p_long": 1, "p_short": 1, "p_rewrite": 1}


def work(values: dict[str, Any], place: str, number: int, step: int) -> None:
    """Train in this process, which gets a signal at a step; leave it with the run's exit status.

    Args:
        place: `step`: when the weights have changed; `saving`: when its checkpoint is half written.
    """
    torch.set_num_threads(1)
    multiprocessing.set_start_method("fork", force=True)  # of the readers, as from the command line
    os.setpgrp()  # a signal is for the readers too, as from a scheduler
    learn, save = learner.Learner.step, learner.Learner.save
    told = Path(values["output"]).with_suffix(".seen")

    def noted_step(self: learner.Learner, batch: Batch, at: int, steps: int) -> dict[str, float]:
        figures = learn(self, batch, at, steps)
        with told.open("a") as stream:
            stream.write(f"{at} {' '.join(batch.samples)}\n")
        if (place, at) == ("step", step):
            os.killpg(0, number)
        return figures

    def halted_save(self: learner.Learner, folder: Path) -> None:
        save(self, folder)
        if (place, folder.name) == ("saving", f".half-step-{step:08d}"):
            (folder / "model.safetensors").write_bytes(b"torn")
            os.kill(os.getpid(), number)

    learner.Learner.step = noted_step  # type: ignore[method-assign]
    learner.Learner.save = halted_save  # type: ignore[method-assign]
    outcome = train(TrainConfig.model_validate(values), say=lambda _: None)
    os._exit(0 if outcome.signal is None else 128 + outcome.signal)


def run(config: TrainConfig, place: str = "", number: int = signal.SIGKILL, step: int = -1) -> int | None:
    """Train in a process of its own; return its exit code."""
    process = PROCESSES.Process(
        target=work, args=(config.model_dump(mode="json", exclude_unset=True), place, number, step)
    )
    process.start()
    process.join()
    return process.exitcode


def seen(output: Path) -> list[list[str]]:
    """Return the samples of each step, as the run that got furthest from it saw them."""
    steps: dict[int, list[str]] = {}
    for line in output.with_suffix(".seen").read_text().splitlines():
        number, *uids = line.split()
        steps[int(number)] = uids
    return [steps[number] for number in range(STEPS)]


def same_bits(one: Path, other: Path) -> None:
    """Check that two runs ended with the same finished model, heads, averages and optimiser."""
    finished = [{path.name: path.read_bytes() for path in (o / "final").iterdir()} for o in (one, other)]
    assert finished[0] == finished[1]
    last = f"step-{STEPS:08d}"
    for path in (one / last).glob("*.safetensors"):
        mine, theirs = load_file(path), load_file(other / last / path.name)
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[name], theirs[name]) for name in mine), path.name
    states = [torch.load(o / last / "optimizer.pt", weights_only=True)["state"] for o in (one, other)]
    assert states[0].keys() == states[1].keys()
    for key, state in states[0].items():
        assert all(torch.equal(state[name], states[1][key][name]) for name in state)


@pytest.mark.parametrize(
    ("workers", "changes"),
    [
        (0, {"chunk": 2, "optim": {"lr": 1e-3, "warmup": 2, "ema": 0.9}}),
        (2, {"losses": ALL_LOSSES, "texts": TEXTS}),
    ],
    ids=["grad_cache_ema", "all_losses_workers"],
)
def test_killed_at_random_steps(
    tmp_path: Path, configure: Make, small_clip: Path, workers: int, changes: dict[str, Any]
) -> None:
    changes = changes | {"model": {"checkpoint": str(small_clip), "dropout": 0.2}}
    whole = configure(output=str(tmp_path / "whole"), **changes)
    assert run(whole) == 0
    broken = configure(output=str(tmp_path / "broken"), data={"workers": workers}, **changes)
    kills = sorted(random.Random(workers).sample(range(STEPS), 2))
    for step in kills:
        assert run(broken, "step", signal.SIGKILL, step) == -signal.SIGKILL
    assert run(broken) == 0
    same_bits(tmp_path / "whole", tmp_path / "broken")

    steps = seen(tmp_path / "broken")
    assert steps == seen(tmp_path / "whole")
    for epoch in (steps[:5], steps[5:]):
        assert Counter(uid for step in epoch for uid in step) == Counter(f"u{n:02d}" for n in range(20))
    rows = [read_log(tmp_path / name) for name in ("whole", "broken")]
    assert [row["step"] for row in rows[1]] == list(range(1, STEPS + 1))
    assert [row["loss"] for row in rows[0]] == [row["loss"] for row in rows[1]]


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGTERM, 2), (signal.SIGINT, 0)])
def test_a_signal_saves_and_the_same_command_resumes(
    tmp_path: Path, configure: Make, number: int, workers: int
) -> None:
    whole = configure(output=str(tmp_path / "whole"))
    stopped = configure(output=str(tmp_path / "stopped"), data={"workers": workers})
    train(whole, say=lambda _: None)
    assert run(stopped, "step", number, 4) == 128 + number
    assert checkpoints.checkpoints(tmp_path / "stopped")[-1].name == "step-00000005"
    assert not (tmp_path / "stopped" / "final").exists()
    assert run(stopped) == 0
    same_bits(tmp_path / "whole", tmp_path / "stopped")
    told = (tmp_path / "stopped.seen").read_text().splitlines()
    assert [int(line.split()[0]) for line in told] == list(range(STEPS))  # no step was done twice


def test_killed_while_a_checkpoint_is_written(tmp_path: Path, configure: Make) -> None:
    whole, broken = (configure(output=str(tmp_path / name)) for name in ("whole", "broken"))
    train(whole, say=lambda _: None)
    assert run(broken, "saving", signal.SIGKILL, 0) == -signal.SIGKILL  # the very first
    assert checkpoints.checkpoints(tmp_path / "broken") == []
    assert run(broken, "saving", signal.SIGKILL, 6) == -signal.SIGKILL
    assert (tmp_path / "broken" / ".half-step-00000006").is_dir()
    assert checkpoints.checkpoints(tmp_path / "broken")[-1].name == "step-00000003"
    assert run(broken) == 0
    assert not list((tmp_path / "broken").glob(".half-*"))
    same_bits(tmp_path / "whole", tmp_path / "broken")


def test_a_finished_run_is_left_as_it_is(tmp_path: Path, configure: Make) -> None:
    config = configure(output=str(tmp_path / "run"))
    assert run(config) == 0
    before = {p: p.read_bytes() for p in (tmp_path / "run" / "final").iterdir()}
    assert run(config, "step", signal.SIGKILL, 9) == 0  # there is no step to be killed in
    assert {p: p.read_bytes() for p in (tmp_path / "run" / "final").iterdir()} == before
    assert len(read_log(tmp_path / "run")) == STEPS

"""Two gloo ranks give the weights of one, stop together, fail together; another number of them goes on."""

import multiprocessing
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from contrastive_trainer import learner
from contrastive_trainer.checkpoints import checkpoints
from contrastive_trainer.data.batch import Batch
from contrastive_trainer.log import read_log
from contrastive_trainer.training import train
from schemas.errors import ConfigError
from schemas.train import TrainConfig

Make = Callable[..., TrainConfig]
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["contrastive_trainer.training", "tensorboard", "torch.utils.tensorboard"])

# Where gradients are tiny Adam divides rounding by rounding; an eps of 1e-3 (conftest) keeps that out.
TOLERANCE = {"rtol": 1e-4, "atol": 2e-6}
LOSSES = {
    "contrastive": {"same_text": True, "tile": 3, "smoothing": 0.1, "negatives": {}},
    "hni": {"weight": 0.5},
    "stc": {"weight": 0.1, "vocabulary": 9},
    "long_clip": {"components": 3},
    "regions": {"per_image": 2},
}


def work(values: dict[str, Any], rank: int, ranks: int, port: int, stop_at: int) -> None:
    """Be a rank; leave with 0, 2 for a wrong configuration, or 128 and a signal's number."""
    torch.set_num_threads(1)
    multiprocessing.set_start_method("fork", force=True)
    os.environ |= {"WORLD_SIZE": str(ranks), "RANK": str(rank), "LOCAL_RANK": str(rank)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    learn = learner.Learner.step

    def step(self: learner.Learner, batch: Batch, at: int, steps: int) -> dict[str, float]:
        if at == stop_at and rank == ranks - 1:
            os.kill(os.getpid(), signal.SIGTERM)  # this rank alone
        return learn(self, batch, at, steps)

    learner.Learner.step = step  # type: ignore[method-assign]
    try:
        outcome = train(TrainConfig.model_validate(values), say=lambda _: None)
    except ConfigError as error:
        Path(f"{values['output']}.error{rank}").write_text(str(error))
        os._exit(2)
    os._exit(0 if outcome.signal is None else 128 + outcome.signal)


def run(config: TrainConfig, ranks: int, stop_at: int = -1) -> list[int | None]:
    """Train in so many processes; return their exit codes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    values = config.model_dump(mode="json", exclude_unset=True)
    processes = [
        PROCESSES.Process(target=work, args=(values, rank, ranks, port, stop_at)) for rank in range(ranks)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def assert_close(one: Path, other: Path) -> None:
    mine, theirs = (load_file(folder / "final" / "model.safetensors") for folder in (one, other))
    for name, value in mine.items():
        torch.testing.assert_close(theirs[name], value, **TOLERANCE, msg=lambda m, name=name: f"{name}: {m}")


def test_two_ranks_are_one(tmp_path: Path, configure: Make) -> None:
    settings = {"losses": LOSSES, "texts": {"p_raw": 1, "p_long": 1}, "epochs": 1.2}
    names = ("one", "two", "stopped")
    one, two, stopped = (configure(output=str(tmp_path / name), **settings) for name in names)
    assert run(one, 1) == [0]
    assert run(two, 2) == [0, 0]
    assert_close(tmp_path / "one", tmp_path / "two")
    rows = [read_log(tmp_path / name) for name in ("one", "two")]
    parts = ("loss", "contrastive", "hni", "stc", "long_clip", "regions", "grounding", "gradient_norm")
    for mine, theirs in zip(*rows, strict=True):
        for part in parts:
            assert theirs[part] == pytest.approx(mine[part], rel=2e-4, abs=1e-6), part

    assert run(stopped, 2, stop_at=2) == [128 + signal.SIGTERM] * 2  # the one that was not told as well
    assert checkpoints(tmp_path / "stopped")[-1].name == "step-00000003"
    data = stopped.data.model_copy(update={"workers": 2})
    assert run(stopped.model_copy(update={"data": data}), 1) == [0]
    assert_close(tmp_path / "one", tmp_path / "stopped")


def test_what_one_rank_finds_wrong_all_ranks_say(tmp_path: Path, configure: Make) -> None:
    config = configure(epochs=0.6)
    assert run(config, 1) == [0]
    wrong = config.model_copy(update={"seed": 1})
    assert run(wrong, 2) == [2, 2]
    (tmp_path / "out" / ".lock").unlink()
    (tmp_path / "out" / ".lock").mkdir()  # only the first rank looks
    assert run(config, 2) == [2, 2]
    for rank in range(2):
        said = (tmp_path / f"out.error{rank}").read_text()
        assert said == f"output {tmp_path}/out cannot be used (Is a directory); give another --out"


def test_a_batch_that_does_not_divide(tmp_path: Path, configure: Make) -> None:
    assert run(configure(batch=5), 2) == [2, 2]
    said = (tmp_path / "out.error1").read_text()
    assert said == "batch: 5 does not divide among 2 ranks; change it"
    assert not (tmp_path / "out").exists()

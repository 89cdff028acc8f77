import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from contrastive_trainer.data.batch_reader import BatchReader
from contrastive_trainer.data.loader import Loader
from contrastive_trainer.data.shard_list import list_shards
from schemas.errors import RunError
from schemas.train import TrainConfig

# What torch says on a machine of fewer cores than the workers that are tried.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


def reader(make: Any, config: TrainConfig, encode: Any = None) -> BatchReader:
    return BatchReader(list_shards(config.data.shards), config, encode or make.encode, image_size=8)


@pytest.fixture(scope="module")
def config(make: Any, tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    """Return a configuration over three shards, one of which is dead."""
    folder = make.pack_set(tmp_path_factory.mktemp("set"), [9, 9, 9])
    (folder / "00001.tar").write_bytes(b"rubbish" * 500)
    found: TrainConfig = make.configure(folder, data={"crop_scale": (0.3, 1.0), "shuffle_shards": 2})
    return found


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_any_number_of_workers_gives_the_same_batches(make: Any, config: TrainConfig, workers: int) -> None:
    plain = reader(make, config)
    loader = Loader(reader(make, config), workers=workers)
    for first, last in ((0, 9), (5, 7)):
        batches = list(loader.batches(first, last))
        assert [batch.step for batch in batches] == list(range(first, last))
        for batch in batches:
            expected = plain[batch.step]
            assert batch.samples == expected.samples
            assert batch.faults == expected.faults
            assert batch.image_BCHW.equal(expected.image_BCHW)
            assert batch.text_BL.equal(expected.text_BL)
    assert loader.waited > 0
    assert list(loader.batches(3, 3)) == []


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_arrives_as_it_was_raised(make: Any, tmp_path: Path, workers: int) -> None:
    found = reader(make, make.configure(make.pack_set(tmp_path, [4])))
    (tmp_path / "00000.tar").write_bytes(b"rubbish" * 500)
    with pytest.raises(RunError, match=r"^16 samples in a row cannot be read .*doctor`$"):
        list(Loader(found, workers=workers).batches(0, 1))


def dying(texts: Sequence[str]) -> torch.Tensor:
    os.kill(os.getpid(), signal.SIGKILL)
    return torch.zeros(0)


def test_a_worker_that_dies_is_an_error_and_no_hang(make: Any, tmp_path: Path) -> None:
    found = reader(make, make.configure(make.pack_set(tmp_path, [4])), dying)
    with pytest.raises(RunError, match=r"a process that reads data died.*lower data\.workers"):
        list(Loader(found, workers=1).batches(0, 1))


def test_workers_read_on_when_all_of_a_job_is_told_to_stop(make: Any, config: TrainConfig) -> None:
    before = set(multiprocessing.active_children())
    batches = Loader(reader(make, config), workers=2).batches(0, 30)
    next(batches)
    for worker in set(multiprocessing.active_children()) - before:
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(worker.pid or 0, number)
    assert [batch.step for batch in batches] == list(range(1, 30))


def test_a_loader_left_early_leaves_no_process(make: Any, config: TrainConfig) -> None:
    before = set(multiprocessing.active_children())
    batches = Loader(reader(make, config), workers=2).batches(0, 100)
    next(batches)
    assert len(set(multiprocessing.active_children()) - before) == 2
    batches.close()  # type: ignore[attr-defined]
    assert set(multiprocessing.active_children()) <= before


def test_a_trainer_that_fails_ends_at_once_and_its_workers_too(make: Any, config: TrainConfig) -> None:
    script = f"""if True:
        import multiprocessing, sys
        sys.path[:0] = {sys.path!r}
        from contrastive_trainer.data.batch_reader import BatchReader
        from contrastive_trainer.data.loader import Loader
        from contrastive_trainer.data.shard_list import list_shards
        import torch
        from schemas.train import TrainConfig
        config = TrainConfig.model_validate_json({config.model_dump_json()!r})
        encode = lambda texts: torch.zeros(len(texts), 8, dtype=torch.int64)
        reader = BatchReader(list_shards(config.data.shards), config, encode, image_size=8)
        batches = Loader(reader, workers=1).batches(0, 1000)
        next(batches)
        print(*(child.pid for child in multiprocessing.active_children()), flush=True)
        raise SystemExit(3)
    """
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (found.returncode, found.stderr) == (3, "")
    assert not Path(f"/proc/{int(found.stdout)}").exists()

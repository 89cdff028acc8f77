"""One run at a time writes a folder, and a run that was refused leaves none."""

import multiprocessing
import os
from pathlib import Path

import pytest

from contrastive_trainer import output_lock
from contrastive_trainer.output_lock import only_writer
from schemas.errors import ConfigError


def _hold(folder: Path, held: object, done: object) -> None:
    with only_writer(folder):
        held.set()  # type: ignore[attr-defined]
        done.wait()  # type: ignore[attr-defined]


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    held, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path / "out", held, done))
    other.start()
    held.wait()
    said = pytest.raises(ConfigError, match="another process is writing .*out; wait for it or stop it")
    with said, only_writer(tmp_path / "out"):
        pass
    done.set()
    other.join()
    with only_writer(tmp_path / "out"):
        assert (tmp_path / "out").is_dir()
    (tmp_path / "file").write_text("mine")
    with (
        pytest.raises(ConfigError, match=r"cannot be used \(.*/file is a file\); give another --out"),
        only_writer(tmp_path / "file" / "out"),
    ):
        pass
    assert (tmp_path / "file").read_text() == "mine"


def test_a_published_set_is_no_output(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(ConfigError, match="is a published set; give another --out"), only_writer(tmp_path):
        pass


def test_what_was_refused_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(ConfigError, match="no"), only_writer(tmp_path / "mine" / "a" / "b"):
        raise ConfigError("no")
    assert list((tmp_path / "mine").iterdir()) == []
    with pytest.raises(ConfigError, match="no"), only_writer(tmp_path / "mine"):
        raise ConfigError("no")
    assert list((tmp_path / "mine").iterdir()) == []
    with only_writer(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "file").write_text("written")
    assert sorted(os.listdir(tmp_path / "a" / "b")) == [".lock", "file"]
    with pytest.raises(ConfigError, match="no"), only_writer(tmp_path / "a" / "b"):
        raise ConfigError("no")
    assert sorted(os.listdir(tmp_path / "a" / "b")) == [".lock", "file"]


def test_a_lock_that_was_removed_when_it_was_opened_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / ".lock"
    locks = []
    real = output_lock.fcntl.flock

    def flock(stream: object, how: int) -> None:
        if not locks:
            lock.unlink()  # as another run does that ends at this moment
        locks.append(how)
        real(stream, how)  # type: ignore[arg-type]

    monkeypatch.setattr(output_lock.fcntl, "flock", flock)
    with only_writer(tmp_path):
        assert len(locks) == 2
        assert lock.exists()

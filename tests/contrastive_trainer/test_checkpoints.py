"""Checkpoints are whole, the newest is found, and what is damaged or another's is named."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from contrastive_trainer.checkpoints import (
    Progress,
    checkpoints,
    keep_newest,
    load_state,
    load_tensors,
    read_progress,
    save_checkpoint,
    write_whole,
)
from schemas.errors import ConfigError, RunError

MARK = {"batch": 4, "optim": {"lr": 0.1}}


def fill(folder: Path) -> None:
    save_file({"w": torch.arange(6.0)}, folder / "heads.safetensors")
    torch.save({"state": {0: torch.ones(3)}}, folder / "optimizer.pt")


def save(output: Path, step: int) -> Path:
    return save_checkpoint(output, Progress(step=step, skipped=1, settings=MARK), fill)


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    path = save(tmp_path, 12)
    assert path == tmp_path / "step-00000012"
    assert read_progress(path, MARK) == Progress(step=12, skipped=1, settings=MARK)
    assert torch.equal(load_tensors(path, "heads")["w"], torch.arange(6.0))
    assert load_tensors(path, "ema") == {}
    assert torch.equal(load_state(path, "optimizer.pt")["state"][0], torch.ones(3))
    assert {oct(file.stat().st_mode & 0o777) for file in path.iterdir()} == {"0o644"}


def test_the_newest_by_number_and_not_by_name(tmp_path: Path) -> None:
    for step in (3, 99_999_999, 100_000_000, 20):
        save(tmp_path, step)
    (tmp_path / ".half-step-00000021").mkdir()
    (tmp_path / "step-mine").mkdir()
    found = [path.name for path in checkpoints(tmp_path)]
    assert found == ["step-00000003", "step-00000020", "step-99999999", "step-100000000"]
    keep_newest(tmp_path, 2)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"step-99999999", "step-100000000", "step-mine"}


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    write_whole(tmp_path / "final", lambda folder: (folder / "a").write_text("old"))

    def full(folder: Path) -> None:
        (folder / "a").write_text("new")
        raise OSError(28, "No space left on device")

    with pytest.raises(RunError, match=r"final cannot be written \(.*No space left on device\); free some"):
        write_whole(tmp_path / "final", full)
    assert (tmp_path / "final" / "a").read_text() == "old"
    write_whole(tmp_path / "final", lambda folder: (folder / "b").write_text("new"))
    assert [path.name for path in (tmp_path / "final").iterdir()] == ["b"]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("progress.json", cut),
        ("progress.json", lambda path: path.write_text("[]")),
        ("progress.json", lambda path: path.write_text('{"files": {}, "step": 1}')),
        ("progress.json", Path.unlink),
        ("heads.safetensors", cut),
        ("optimizer.pt", Path.unlink),
    ],
)
def test_a_damaged_checkpoint_is_named(tmp_path: Path, name: str, harm: Callable[[Path], object]) -> None:
    path = save(tmp_path, 5)
    harm(path / name)
    with pytest.raises(
        ConfigError, match=r"step-00000005 is damaged \(.*\); remove it: the run goes on from"
    ):
        read_progress(path, MARK)


def test_files_of_the_right_size_and_the_wrong_bytes(tmp_path: Path) -> None:
    path = save(tmp_path, 5)
    for name in ("heads.safetensors", "optimizer.pt"):
        (path / name).write_bytes(b"\x00" * (path / name).stat().st_size)
    assert read_progress(path, MARK).step == 5
    with pytest.raises(ConfigError, match="step-00000005 is damaged"):
        load_tensors(path, "heads")
    with pytest.raises(ConfigError, match="step-00000005 is damaged"):
        load_state(path, "optimizer.pt")


class Evil:
    """What a pickle must not be able to do."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return (exec, ("raise SystemExit('executed')",))


def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path) -> None:
    torch.save({"state": Evil()}, tmp_path / "optimizer.pt")
    with pytest.raises(ConfigError, match="is damaged"):
        load_state(tmp_path, "optimizer.pt")


def test_the_checkpoint_of_other_settings_names_them(tmp_path: Path) -> None:
    path = save(tmp_path, 5)
    with pytest.raises(ConfigError) as caught:
        read_progress(path, {"batch": 8, "optim": {"lr": 0.2}})
    assert str(caught.value) == (
        f"{path} was trained with other settings (batch: 4 -> 8; optim.lr: 0.1 -> 0.2): set them back, or "
        f"give another --out; to go on from its weights there, set model to {{checkpoint: {path}}}"
    )
    assert json.loads((path / "progress.json").read_text())["settings"] == MARK

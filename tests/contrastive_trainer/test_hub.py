"""A hub that does not answer is one line at once; a copy on this machine is taken all the same."""

from pathlib import Path

import pytest
from huggingface_hub import constants

from contrastive_trainer import hub
from contrastive_trainer.hub import loadable
from contrastive_trainer.model import load_clip
from contrastive_trainer.tokenizer import load_tokenizer
from schemas.errors import ConfigError

NAME = "someone/small-clip"


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have the hub at a port where nobody listens, and its cache empty."""
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("load", [load_clip, load_tokenizer])
def test_without_a_hub_and_a_copy_it_is_said_at_once(load: type, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigError, match=f"^'{NAME}' is no folder here, and the hub cannot be reached;"):
        load(NAME)
    assert "Retrying" not in caplog.text


def test_a_copy_is_loaded(tmp_path: Path, small_clip: Path, caplog: pytest.LogCaptureFixture) -> None:
    commit = "0" * 40
    place = tmp_path / "cache" / f"models--{NAME.replace('/', '--')}"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text(commit)
    (place / "snapshots").mkdir()
    (place / "snapshots" / commit).symlink_to(small_clip)
    found, there = load_clip(NAME), load_clip(str(small_clip))
    assert {n: v.sum() for n, v in found.state_dict().items()} == {
        n: v.sum() for n, v in there.state_dict().items()
    }
    assert load_tokenizer(NAME).get_vocab() == load_tokenizer(str(small_clip)).get_vocab()
    assert "Retrying" not in caplog.text


def test_a_hub_that_answers_and_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert loadable(str(tmp_path)) == str(tmp_path)
    monkeypatch.setattr(hub, "get_hf_file_metadata", lambda url, timeout: None)
    assert loadable(NAME) == NAME

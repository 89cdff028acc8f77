"""What is wrong with a checkpoint that scores is said in one line, before anything is scored."""

import json
import runpy
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from lvlm_workers.clip_checkpoint import check_clip, load_clip
from lvlm_workers.clip_scorer import ClipScorer
from schemas.errors import ConfigError
from schemas.score import ClipConfig
from tests.lvlm_workers.breaking import change, raised

TESTS = Path(__file__).parents[1]
CLIP = SimpleNamespace(**runpy.run_path(str(TESTS / "tiny_clip.py")))
TINY = SimpleNamespace(**runpy.run_path(str(TESTS / "tiny_models.py")))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return CLIP.save_clip(tmp_path_factory.mktemp("checkpoints") / "clip")


@pytest.fixture
def copied(clip: Path, tmp_path: Path) -> Path:
    """Return a checkpoint to be broken."""
    return shutil.copytree(clip, tmp_path / "broken")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def config(checkpoint: Path | str, **settings: Any) -> ClipConfig:
    return ClipConfig(checkpoint=str(checkpoint), **{"device": "cpu", **settings})


def fails(checkpoint: Path | str, **settings: Any) -> str:
    """Return the line that a check, and a load, say of a checkpoint."""
    scorer = ClipScorer(config(checkpoint, **settings))
    checked, loaded = (
        raised(ConfigError, act) for act in (scorer.check, lambda: scorer.score([b""], [["a"]]))
    )
    assert loaded == checked
    return checked


def test_a_good_checkpoint_passes(clip: Path, capfd: pytest.CaptureFixture[str]) -> None:
    check_clip(config(clip))
    check_clip(config(clip, device="auto", dtype="bfloat16", revision="abc"))
    assert capfd.readouterr() == ("", "")


def test_only_the_last_three_layers_have_a_graph(clip: Path) -> None:
    loaded = load_clip(config(clip))
    assert loaded.model.text_model.config._attn_implementation == "eager"
    assert not loaded.model.training
    assert [name for name, value in loaded.model.named_parameters() if value.requires_grad] == [
        f"text_model.encoder.layers.{layer}.self_attn.q_proj.bias" for layer in range(2)
    ]


@pytest.mark.parametrize(
    "name",
    ["/nowhere/clip", "./clip", "../clip", "~/no-such-clip", "runs/train/final", "OUT/", "a\\b", "--x"],
)
def test_a_mistyped_folder_is_not_asked_of_the_hub(name: str) -> None:
    told = fails(name)
    assert told.startswith("checkpoint: ")
    assert repr(name) in told
    assert "give the folder of a checkpoint" in told


def test_a_path_in_a_folder_that_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "OUT").mkdir()
    monkeypatch.chdir(tmp_path)
    assert "there is no folder 'OUT/finall'" in fails("OUT/finall")


def test_a_file_and_an_empty_folder(clip: Path, tmp_path: Path) -> None:
    assert "is a file; give the folder" in fails(clip / "config.json")
    assert "holds no checkpoint (no config.json)" in fails(tmp_path)


def test_the_output_of_a_training(clip: Path, tmp_path: Path) -> None:
    shutil.copytree(clip, tmp_path / "final")
    assert fails(tmp_path).endswith(f"is the output of a training; its model is {tmp_path / 'final'}")


def test_a_relative_folder_is_found(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clip.parent)
    check_clip(config("clip"))


def test_another_class(tmp_path: Path) -> None:
    llama = TINY.save_text_model(tmp_path / "llama")
    assert "it is a 'llama', not one of clip, siglip, siglip2" in fails(llama)


def test_broken_weights(copied: Path) -> None:
    whole = (copied / "model.safetensors").read_bytes()
    (copied / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    assert "cannot be used" in fails(copied)
    (copied / "model.safetensors").write_bytes(b"{}")
    assert "cannot be used" in fails(copied)


def test_weights_that_are_missing(copied: Path) -> None:
    weights = load_file(copied / "model.safetensors")
    del weights["text_projection.weight"]
    save_file(weights, copied / "model.safetensors", {"format": "pt"})
    assert "it lacks 1 of its weights, such as text_projection.weight" in fails(copied)


def test_weights_of_another_size(copied: Path) -> None:
    change(copied / "config.json", projection_dim=24)
    assert "cannot be used" in fails(copied)


def test_pickled_weights_are_not_read(copied: Path) -> None:
    weights = load_file(copied / "model.safetensors")
    (copied / "model.safetensors").unlink()
    torch.save(weights, copied / "pytorch_model.bin")
    assert "it has no model.safetensors, and pickled weights are not read" in fails(copied)


def test_code_of_a_checkpoint_is_not_run(copied: Path) -> None:
    (copied / "own.py").write_text("raise SystemExit('run')\n")
    change(copied / "config.json", model_type="own", auto_map={"AutoConfig": "own.Own"})
    assert "cannot be used" in fails(copied)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"model_type": "clip", "text_config": 3}', '{"model_type": 3}']
)
def test_settings_that_are_none(copied: Path, text: str) -> None:
    (copied / "config.json").write_text(text)
    assert "cannot be used" in fails(copied)


def test_a_tokenizer_that_is_not_the_models(copied: Path) -> None:
    for path in copied.glob("token*"):
        path.unlink()
    assert "cannot be used" in fails(copied)


def test_a_model_that_pools_where_no_text_ends(copied: Path) -> None:
    told = json.loads((copied / "config.json").read_text())
    told["text_config"]["eos_token_id"] = 7
    (copied / "config.json").write_text(json.dumps(told))
    assert "its model pools at token 7, with which its tokenizer ends no text" in fails(copied)


def test_a_tokenizer_of_more_tokens_than_the_model(copied: Path) -> None:
    weights = load_file(copied / "model.safetensors")
    name = "text_model.embeddings.token_embedding.weight"
    weights[name] = weights[name][:200].clone()
    save_file(weights, copied / "model.safetensors", {"format": "pt"})
    told = json.loads((copied / "config.json").read_text())
    told["text_config"]["vocab_size"] = 200
    (copied / "config.json").write_text(json.dumps(told))
    assert "tokens, its model only 200" in fails(copied)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (
            {"crop_size": {"height": 64, "width": 64}},
            "3 x 64 x 64 of a picture, but its model takes 3 x 32 x 32",
        ),
        ({"size": {"shortest_edge": 10**6}}, "has a size of 1000000 pixels"),
        ({"crop_size": {"height": 32, "width": 10**9}}, "has a crop_size of 1000000000 pixels"),
        ({"size": {"shortest_edge": "32"}}, "cannot be used"),
        ({"size": {"shortest_edge": 0}}, "has a size of 0 pixels"),
        ({"size": {}}, "cannot be used"),
        ({"image_mean": [0.5, 0.5]}, "cannot be used"),
        ({"image_processor_type": "NoSuchProcessor"}, "cannot be used"),
    ],
)
def test_preprocessing_that_does_not_fit(copied: Path, values: dict[str, Any], says: str) -> None:
    change(copied / "preprocessor_config.json", **values)
    assert says in fails(copied)


def test_no_preprocessing(copied: Path) -> None:
    (copied / "preprocessor_config.json").unlink()
    assert "cannot be used" in fails(copied)


def test_a_gpu_that_is_not_there(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert fails(clip, device="cuda") == "device 'cuda': torch finds no GPU here; set device to auto or cpu"


def test_a_hub_id_that_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    assert "checkpoint: 'openai/no-such-clip' cannot be used" in fails("openai/no-such-clip")


def test_a_hub_checkpoint_is_checked_without_its_weights(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub's name is looked for where its files would be; its weights are not opened."""
    place, commit = tmp_path / "models--organisation--model", "0" * 40
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text(commit)
    (place / "snapshots").mkdir()
    (place / "snapshots" / commit).symlink_to(clip)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    opened: Callable[..., Any] = lambda *_, **__: pytest.fail("weights were read")  # noqa: E731
    monkeypatch.setattr("transformers.CLIPModel.from_pretrained", opened)
    check_clip(config("organisation/model"))

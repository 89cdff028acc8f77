"""Checkpoints are loaded whole or refused with a line that says why; their mark follows what they compute."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPModel, SiglipConfig, SiglipModel

from clip_evaluation.checkpoint import load_checkpoint
from contrastive_trainer.model import Clip
from contrastive_trainer.tokenizer import TextEncoder, load_tokenizer
from schemas.errors import ConfigError

Change = Callable[[Path], object]


def edit(name: str, **changes: object) -> Change:
    def change(folder: Path) -> None:
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def drop_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def cut(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


def remove(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


def pickle_alone(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (shutil.rmtree, "cannot be "),
        (remove("config.json"), "cannot be "),
        (remove("model.safetensors"), "cannot be "),
        (remove("tokenizer.json"), "cannot be "),
        (remove("preprocessor_config.json"), "preprocessor_config.json"),
        (pickle_alone, "cannot be "),
        (cut, "cannot be "),
        (drop_weight, "lacks weights of its model .visual_projection.weight."),
        (edit("config.json", model_type="bert"), "cannot be "),
        (edit("config.json", projection_dim=99), "cannot be "),
        (edit("preprocessor_config.json", crop_size=31), "its model takes 32 x 32"),
        (edit("preprocessor_config.json", image_mean="x"), "cannot be "),
        (lambda folder: (folder / "preprocessor_config.json").write_text("{"), "cannot be "),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be "),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, tiny_clip: Path, change: Change, told: str) -> None:
    folder = tmp_path / "clip"
    shutil.copytree(tiny_clip, folder)
    change(folder)
    with pytest.raises(ConfigError, match=told) as caught:
        load_checkpoint(str(folder), "cpu")
    assert "\n" not in str(caught.value)


def test_a_tokenizer_of_another_model(tmp_path: Path, tiny_clip: Path) -> None:
    folder = tmp_path / "clip"
    shutil.copytree(tiny_clip, folder)
    tokenizer = load_tokenizer(str(folder))
    tokenizer.add_tokens([f"word{number}" for number in range(200)])
    tokenizer.save_pretrained(folder)
    with pytest.raises(ConfigError, match="its tokenizer has 4.. tokens, its model"):
        load_checkpoint(str(folder), "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(tiny_clip: Path) -> None:
    with pytest.raises(ConfigError, match="finds no GPU"):
        load_checkpoint(str(tiny_clip), "cuda")


def test_the_mark_follows_what_is_computed_not_where_it_lies(tmp_path: Path, tiny_clip: Path) -> None:
    marks = [load_checkpoint(str(tiny_clip), "cpu").mark]
    folder = tmp_path / "moved"
    shutil.copytree(tiny_clip, folder)
    edit("config.json", transformers_version="5.0.0")(folder)
    assert load_checkpoint(str(folder), "cpu").mark == marks[0]
    edit("preprocessor_config.json", resample=2)(folder)
    marks.append(load_checkpoint(str(folder), "cpu").mark)
    model = CLIPModel.from_pretrained(folder)
    with torch.no_grad():
        model.text_projection.weight[0, 0] += 1e-6
    model.save_pretrained(folder)
    marks.append(load_checkpoint(str(folder), "cpu").mark)
    assert len(set(marks)) == 3


def test_what_the_trainer_saves_is_squashed(tmp_path: Path, tiny_clip: Path) -> None:
    loaded = load_checkpoint(str(tiny_clip), "cpu")
    assert (loaded.preprocessing.resize, loaded.preprocessing.crop) == (32, (32, 32))
    loaded.clip.save(tmp_path)
    loaded.encoder.save(tmp_path)
    again = load_checkpoint(str(tmp_path), "cpu")
    assert (again.preprocessing.resize, again.preprocessing.crop) == ((32, 32), None)
    torch.testing.assert_close(again.clip.std_C11, loaded.clip.std_C11)


def test_siglip(tmp_path: Path, tiny_clip: Path) -> None:
    tokenizer = load_tokenizer(str(tiny_clip))
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {"vocab_size": len(tokenizer), "max_position_embeddings": 16, "projection_size": 32}
    settings = SiglipConfig(
        vision_config=sizes | {"image_size": 32, "patch_size": 8}, text_config=sizes | text
    )
    Clip(SiglipModel(settings)).save(tmp_path)
    TextEncoder(tokenizer, 16).save(tmp_path)
    loaded = load_checkpoint(str(tmp_path), "cpu")
    assert loaded.preprocessing.mean == pytest.approx((0.5,) * 3)
    assert loaded.clip.embedding == 32


def test_the_tokenizer_is_missing(tmp_path: Path, tiny_clip: Path) -> None:
    folder = tmp_path / "clip"
    shutil.copytree(tiny_clip, folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(ConfigError, match="tokenizer .*clip"):
        load_checkpoint(str(folder), "cpu")

"""Our towers are transformers' own: stock classes give the same embeddings of what we saved."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import (
    AutoModel,
    AutoProcessor,
    CLIPImageProcessorPil,
    CLIPModel,
    SiglipImageProcessorPil,
    SiglipModel,
)

from contrastive_trainer.data.picture import load_picture
from contrastive_trainer.model import CLIP_MEAN, CLIP_STD, Clip, load_clip
from contrastive_trainer.tokenizer import TextEncoder, load_tokenizer
from contrastive_trainer.training import train
from schemas.errors import ConfigError
from schemas.train import TrainConfig

Make = Callable[..., TrainConfig]
TEXTS = ["a red circle", "There is a green square. It flies.", "", "x" * 500]


@pytest.fixture
def picture_png(tmp_path: Path) -> Path:
    """Return a photograph-like picture, larger than the model's."""
    ramp_HWC = np.stack([*np.meshgrid(np.arange(50), np.arange(70)), np.full((70, 50), 30)], axis=2)
    Image.fromarray((ramp_HWC * 3 % 256).astype(np.uint8)).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_stock_transformers_says_the_same_of_a_trained_model(
    family: str, configure: Make, small_siglip: Path, small_clip: Path, tmp_path: Path, picture_png: Path
) -> None:
    folder = small_siglip if family == "siglip" else small_clip
    kind = "sigmoid" if family == "siglip" else "softmax"
    train(
        configure(epochs=0.6, model={"checkpoint": str(folder)}, losses={"contrastive": {"kind": kind}}),
        say=lambda _: None,
    )
    final = tmp_path / "out" / "final"
    ours = load_clip(str(final)).eval()

    stock = AutoModel.from_pretrained(final).eval()
    assert type(stock) is (SiglipModel if family == "siglip" else CLIPModel)
    processor = SiglipImageProcessorPil if family == "siglip" else CLIPImageProcessorPil
    prepared = processor.from_pretrained(final)(Image.open(picture_png), return_tensors="pt")
    words = AutoProcessor.from_pretrained(final)(
        text=TEXTS, padding="max_length", truncation=True, return_tensors="pt"
    )
    assert set(words) == ({"input_ids"} if family == "siglip" else {"input_ids", "attention_mask"})
    token_NL = TextEncoder(load_tokenizer(str(final)), 24)(TEXTS)
    assert words["input_ids"].equal(token_NL)
    image_CHW, _ = load_picture(picture_png.read_bytes(), 32, (1.0, 1.0), np.random.default_rng(0))
    with torch.no_grad():
        output = stock(**words, **prepared)
        image_BD, _ = ours.encode_image(image_CHW.unsqueeze(0))
        text_BD = ours.encode_text(token_NL)
    torch.testing.assert_close(image_BD, output.image_embeds, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(text_BD, output.text_embeds, rtol=1e-5, atol=1e-6)
    bias = ours.bias.detach() if ours.bias is not None else 0.0
    logits = ours.scale.detach() * image_BD @ text_BD.T + bias
    torch.testing.assert_close(logits, output.logits_per_image, rtol=1e-4, atol=1e-4)


def test_how_pictures_are_prepared_is_written_down(small_clip: Path, small_siglip: Path) -> None:
    told = json.loads((small_clip / "preprocessor_config.json").read_text())
    assert told["image_mean"] == pytest.approx(CLIP_MEAN)
    assert told["image_std"] == pytest.approx(CLIP_STD)
    assert (told["size"], told["resample"], told["do_center_crop"]) == ({"height": 32, "width": 32}, 3, False)
    told = json.loads((small_siglip / "preprocessor_config.json").read_text())
    assert (told["image_mean"], told["image_std"]) == ([0.5] * 3, [0.5] * 3)


def test_a_checkpoints_own_mean_is_kept(small_clip: Path, tmp_path: Path) -> None:
    clip = Clip(CLIPModel.from_pretrained(small_clip), [0.5, 0.4, 0.3], [0.2, 0.2, 0.1])
    clip.save(tmp_path)
    again = load_clip(str(tmp_path))
    assert again.mean_C11.flatten().tolist() == pytest.approx([0.5, 0.4, 0.3])
    assert again.std_C11.flatten().tolist() == pytest.approx([0.2, 0.2, 0.1])
    image_BCHW = torch.full((1, 3, 32, 32), 0.5)
    usual_BD, mine_BD = (
        load_clip(str(small_clip)).encode_image(image_BCHW)[0],
        again.encode_image(image_BCHW)[0],
    )
    assert not torch.allclose(usual_BD, mine_BD, atol=1e-3)


@torch.no_grad()
def test_bytes_and_shares_of_light_are_the_same_picture(small_clip: Path) -> None:
    clip = load_clip(str(small_clip))
    image_BCHW = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    whole_BD, token_BPF = clip.encode_image(image_BCHW)
    assert token_BPF.shape == (2, 5, 16)  # 2 x 2 patches, and the class token
    torch.testing.assert_close(clip.encode_image(image_BCHW.float() / 255)[0], whole_BD)
    torch.testing.assert_close(whole_BD.norm(dim=1), torch.ones(2))


@torch.no_grad()
def test_attention_is_switched_and_says_the_same(small_clip: Path) -> None:
    fast, plain = (load_clip(str(small_clip), attention).eval() for attention in ("sdpa", "eager"))
    image_BCHW = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    torch.testing.assert_close(fast.encode_image(image_BCHW)[0], plain.encode_image(image_BCHW)[0])
    pixels = torch.randn(1, 3, 32, 32)
    maps = plain.model.vision_model(pixels, output_attentions=True).attentions
    assert [tuple(layer.shape) for layer in maps] == [(1, 2, 5, 5)]
    torch.testing.assert_close(maps[0].sum(-1), torch.ones(1, 2, 5))


def test_dropout_works_in_training_alone(small_clip: Path) -> None:
    clip = load_clip(str(small_clip), dropout=0.5)
    image_BCHW = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    clip.eval()
    assert torch.equal(clip.encode_image(image_BCHW)[0], clip.encode_image(image_BCHW)[0])
    clip.train()
    assert not torch.equal(clip.encode_image(image_BCHW)[0], clip.encode_image(image_BCHW)[0])


def test_clips_scale_is_bounded_and_siglips_is_not(small_clip: Path, small_siglip: Path) -> None:
    for folder, expected in ((small_clip, 100.0), (small_siglip, 150.0)):
        clip = load_clip(str(folder))
        with torch.no_grad():
            clip.model.logit_scale.fill_(math.log(150))
        clip.limit_scale()
        assert clip.scale.item() == pytest.approx(expected, rel=1e-5)
        clip.scale.backward()  # type: ignore[no-untyped-call]
        assert clip.model.logit_scale.grad.item() > 0  # at the bound it still learns


def test_torch_compile_reaches_both_towers(small_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[nn.Module] = []
    monkeypatch.setattr(nn.Module, "compile", lambda module: compiled.append(module))
    clip = load_clip(str(small_clip))
    clip.compile_towers()
    assert compiled == [clip.model.vision_model, clip.model.text_model]


def test_folders_that_hold_no_clip(tmp_path: Path, small_clip: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"checkpoint '.*none' cannot be loaded .*; name a folder or hub id"
    ):
        load_clip(str(tmp_path / "none"))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ConfigError, match="its model type is 'bert', not clip or siglip"):
        load_clip(str(tmp_path))
    for path in small_clip.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(ConfigError, match="cannot be loaded"):
        load_clip(str(tmp_path))


@pytest.mark.parametrize(
    ("file", "changes", "why"),
    [
        ("config.json", {"text_config": "x"}, "text_config"),
        ("config.json", {"text_config": {"num_attention_heads": 0}}, "modulo by zero"),
        ("config.json", {"text_config": {"hidden_size": "x"}}, "expected int, got str"),
        ("preprocessor_config.json", {"image_mean": "x"}, "its image_mean is x, not three numbers"),
        ("preprocessor_config.json", {"image_mean": [0.5]}, "not three numbers"),
        ("preprocessor_config.json", {"image_std": [0.0, 1.0, 1.0]}, "not above 0"),
    ],
)
def test_files_that_say_nonsense_are_one_line(
    small_clip: Path, tmp_path: Path, file: str, changes: dict[str, object], why: str
) -> None:
    shutil.copytree(small_clip, tmp_path / "clip")
    told = json.loads((tmp_path / "clip" / file).read_text())
    for name, value in changes.items():
        told[name] = told[name] | value if isinstance(value, dict) else value
    (tmp_path / "clip" / file).write_text(json.dumps(told))
    with pytest.raises(ConfigError, match=why) as caught:
        load_clip(str(tmp_path / "clip"))
    assert "\n" not in str(caught.value)


def _changed(folder: Path, to: Path, change: Callable[[dict[str, Tensor]], None]) -> str:
    shutil.copytree(folder, to)
    tensors = load_file(to / "model.safetensors")
    change(tensors)
    save_file(tensors, to / "model.safetensors", {"format": "pt"})
    return str(to)


def test_weights_that_are_not_all_those_of_the_model_are_named(small_clip: Path, tmp_path: Path) -> None:
    def more(tensors: dict[str, Tensor]) -> None:
        tensors["text_model.embeddings.position_ids"] = torch.arange(24).unsqueeze(0)  # of old, and idle
        for name in ("a", "b", "c", "d"):
            tensors[f"head.{name}"] = torch.zeros(1)

    path = _changed(small_clip, tmp_path / "more", more)
    with pytest.raises(ConfigError, match=r"has not \(head\.a, head\.b, head\.c and 1 more\): config"):
        load_clip(path)

    def less(tensors: dict[str, Tensor]) -> None:
        del tensors["visual_projection.weight"], tensors["logit_scale"]

    path = _changed(small_clip, tmp_path / "less", less)
    with pytest.raises(
        ConfigError, match=r"lacks weights of its model \(logit_scale, visual_projection.weight\): it is cut"
    ):
        load_clip(path)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_no_numbers_are_named(small_clip: Path, tmp_path: Path, value: float) -> None:
    def broken(tensors: dict[str, Tensor]) -> None:
        tensors["text_projection.weight"][1, 2] = value

    path = _changed(small_clip, tmp_path / "broken", broken)
    with pytest.raises(
        ConfigError,
        match=r"has weights that are NaN or infinite \(text_projection.weight\): .*; use another checkpoint$",
    ):
        load_clip(path)


@pytest.mark.parametrize("text", ["{", "", "\xff", "[1]", '"x"'])
def test_a_broken_preprocessor_config_is_no_silent_default(
    small_clip: Path, tmp_path: Path, text: str
) -> None:
    shutil.copytree(small_clip, tmp_path / "clip")
    (tmp_path / "clip" / "preprocessor_config.json").write_text(text, "latin-1")
    with pytest.raises(ConfigError, match=r"its preprocessor_config\.json is ") as caught:
        load_clip(str(tmp_path / "clip"))
    assert "\n" not in str(caught.value)
    (tmp_path / "clip" / "preprocessor_config.json").unlink()
    assert load_clip(str(tmp_path / "clip")).mean_C11.flatten().tolist() == pytest.approx(CLIP_MEAN)

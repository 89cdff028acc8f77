"""Scores are the library's own, alone and in batches; what cannot be scored says so."""

import functools
import importlib.util
import io
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from transformers import AutoProcessor, CLIPModel, Siglip2Model, SiglipModel

from lvlm_workers.base import WorkerError
from lvlm_workers.clip_scorer import ClipScorer, Scored
from schemas.errors import ConfigError
from schemas.score import ClipConfig

TESTS = Path(__file__).parents[1]
CLIP = SimpleNamespace(**runpy.run_path(str(TESTS / "tiny_clip.py")))
SIGLIP = SimpleNamespace(**runpy.run_path(str(TESTS / "tiny_siglip.py")))
MAKERS: dict[str, tuple[Callable[[Path], Path], Any]] = {
    "clip": (CLIP.save_clip, CLIPModel),
    "siglip": (SIGLIP.save_siglip, SiglipModel),
    "siglip2": (SIGLIP.save_siglip2, Siglip2Model),
}
TEXTS = ["a photo of a red cat", "the blue dog", "a", "not true, not true at all " * 9, "the red cat: a dog"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("checkpoints")
    return {kind: make(place / kind) for kind, (make, _) in MAKERS.items()}


@pytest.fixture
def clip(folders: dict[str, Path]) -> ClipScorer:
    return scorer(folders["clip"])


def scorer(folder: Path, **settings: Any) -> ClipScorer:
    return ClipScorer(ClipConfig(checkpoint=str(folder), device="cpu", **settings))


def picture(seed: int, size: tuple[int, int] = (50, 40)) -> Image.Image:
    """Return a picture of soft random colours."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def encode(image: Image.Image, kind: str = "PNG", **settings: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **settings)
    return out.getvalue()


@functools.cache
def library(kind: str, folder: Path) -> tuple[Any, Any]:
    """Return the library's model and processor."""
    return MAKERS[kind][1].from_pretrained(folder).eval(), AutoProcessor.from_pretrained(folder)


def own_forward(kind: str, folder: Path, image: Image.Image, text: str) -> tuple[Any, Any, float]:
    """Return embeddings and cosine by the library's forward pass of one picture and one text."""
    model, processor = library(kind, folder)
    settings: dict[str, Any] = {"padding": True} if kind == "clip" else {"padding": "max_length"}
    if kind == "siglip2":  # its processor does not look at its image processor's
        settings |= {"patch_size": 8, "max_num_patches": 16}
    length = model.config.text_config.max_position_embeddings
    inputs = processor(
        text=[text], images=[image], truncation=True, max_length=length, return_tensors="pt", **settings
    )
    with torch.inference_mode():
        found = model(**inputs)
        logit = found.logits_per_image - (0 if kind == "clip" else model.logit_bias)
        cosine = float(logit / model.logit_scale.exp())
    return found.image_embeds[0].numpy(), found.text_embeds[0].numpy(), cosine


@pytest.mark.parametrize("kind", sorted(MAKERS))
@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_scores_are_those_of_the_library(folders: dict[str, Path], kind: str, batch_size: int) -> None:
    images = [picture(0), picture(1, (31, 90)), picture(2, (200, 77)), picture(3, (32, 32))]
    samples = [TEXTS[:3], TEXTS[3:], [], TEXTS]
    found = scorer(folders[kind], batch_size=batch_size).score([encode(image) for image in images], samples)
    for image, texts, scored in zip(images, samples, found, strict=True):
        assert scored.reason is None
        assert scored.image_E is not None
        assert (len(scored.cosine_K), len(scored.text_KE)) == (len(texts), len(texts))
        assert scored.image_E.dtype == scored.text_KE.dtype == np.float32
        for text, text_E, cosine in zip(texts, scored.text_KE, scored.cosine_K, strict=True):
            image_ref_E, text_ref_E, cosine_ref = own_forward(kind, folders[kind], image, text)
            np.testing.assert_allclose(scored.image_E, image_ref_E, atol=1e-5)
            np.testing.assert_allclose(text_E, text_ref_E, atol=1e-5)
            assert cosine == pytest.approx(cosine_ref, abs=1e-5)
            assert np.linalg.norm(text_E) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_scores_do_not_depend_on_the_batch(folders: dict[str, Path], kind: str) -> None:
    pictures = [encode(picture(seed, (30 + 9 * seed, 50))) for seed in range(5)]
    samples = [TEXTS[k:] + TEXTS[:1] for k in range(5)]
    one = scorer(folders[kind])
    together = one.score(pictures, samples)
    for data, texts, scored in zip(pictures, samples, together, strict=True):
        (alone,) = one.score([data], [texts])
        assert alone.image_E is not None
        assert scored.image_E is not None
        np.testing.assert_allclose(scored.image_E, alone.image_E, atol=1e-5)
        np.testing.assert_allclose(scored.text_KE, alone.text_KE, atol=1e-5)
        np.testing.assert_allclose(
            np.array(scored.cosine_K, float), np.array(alone.cosine_K, float), atol=1e-5
        )


def only(scored: list[Scored]) -> float:
    (cosine,) = scored[0].cosine_K
    assert cosine is not None
    return cosine


def test_a_checkpoint_of_the_trainer_scores_as_it_was_trained(tmp_path: Path) -> None:
    from contrastive_trainer.model import Clip
    from contrastive_trainer.presets import preset_siglip
    from contrastive_trainer.tokenizer import TextEncoder, train_tokenizer
    from schemas.train import ModelConfig

    tokenizer = train_tokenizer(TEXTS, 300)
    torch.manual_seed(0)
    settings = ModelConfig(preset="tiny", family="siglip", text_length=16)
    trained, encoder = Clip(preset_siglip(settings, tokenizer)), TextEncoder(tokenizer, 16)
    trained.save(tmp_path)
    encoder.save(tmp_path)
    image = picture(5, (64, 64))
    with torch.inference_mode():
        pixels_BCHW = torch.from_numpy(np.asarray(image).transpose(2, 0, 1).copy())[None]
        image_BD, _ = trained.eval().encode_image(pixels_BCHW)
        wanted = (trained.encode_text(encoder(TEXTS)) @ image_BD.T).flatten().tolist()
    assert scorer(tmp_path).score([encode(image)], [TEXTS])[0].cosine_K == pytest.approx(wanted, abs=1e-5)


def test_a_picture_is_turned_upright_first(clip: ClipScorer) -> None:
    stored = picture(4, (40, 60))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = clip.score([encode(stored, exif=exif)], [TEXTS])[0]
    upright = clip.score([encode(stored.transpose(Image.Transpose.ROTATE_270))], [TEXTS])[0]
    flat = clip.score([encode(stored)], [TEXTS])[0]
    assert turned.cosine_K == upright.cosine_K
    assert turned.cosine_K != flat.cosine_K


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
def test_pictures_of_other_modes_are_the_librarys_too(folders: dict[str, Path], mode: str) -> None:
    image = picture(6)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    else:
        image = image.convert(mode)
    data = encode(image, "JPEG" if mode == "CMYK" else "PNG")
    with Image.open(io.BytesIO(data)) as stored:
        stored.load()
        wanted = own_forward("clip", folders["clip"], stored, "a red cat")[2]
    assert only(scorer(folders["clip"]).score([data], [["a red cat"]])) == pytest.approx(wanted, abs=1e-5)


def test_the_mirror_image_counts_half(folders: dict[str, Path], clip: ClipScorer) -> None:
    image = picture(7)
    plain, mirrored = (clip.score([encode(view)], [TEXTS])[0] for view in (image, ImageOps.mirror(image)))
    both = scorer(folders["clip"], average_flipped=True).score([encode(image)] * 2, [TEXTS, TEXTS[:1]])
    wanted = np.mean([np.array(view.cosine_K, float) for view in (plain, mirrored)], axis=0)
    assert both[0].cosine_K == pytest.approx(wanted, abs=1e-6)
    assert plain.cosine_K != pytest.approx(mirrored.cosine_K, abs=1e-4)
    assert both[0].image_E == pytest.approx(plain.image_E, abs=1e-6)
    assert len(both[1].cosine_K) == 1


def test_digits_are_left_out_where_asked(folders: dict[str, Path], clip: ClipScorer) -> None:
    data = encode(picture(8))
    stripped = scorer(folders["clip"], strip_digits=True)
    found = stripped.score([data], [["1920 a red 3 cat 2", "2024", "a r٣ed cat"]])[0]
    wanted = only(clip.score([data], [["a red cat"]]))
    assert found.cosine_K == (wanted, None, wanted)
    assert clip.score([data], [["2024"]])[0].cosine_K != (None,)


def test_a_text_without_anything_to_read_has_no_score(clip: ClipScorer) -> None:
    (found,) = clip.score([encode(picture(9))], [["", "a cat", " \n\u3000"]])
    assert [cosine is None for cosine in found.cosine_K] == [True, False, True]
    assert np.isnan(found.text_KE).all(axis=1).tolist() == [True, False, True]
    assert clip.score([encode(picture(9))], [["", " "]])[0].cosine_K == (None, None)


def test_hostile_texts_are_scored(clip: ClipScorer) -> None:
    data = encode(picture(10))
    hostile = ["\ud83d cat \udc00", "<end> a cat", "a <pad> cat <start>", "x" * 3_000_000, "\x00", "🙂" * 500]
    found = clip.score([data], [hostile])[0]
    assert np.isfinite(np.array(found.cosine_K, float)).all()
    asked = clip.score([data], [["? cat ?"]])[0]
    assert found.cosine_K[0] == pytest.approx(only([asked]), abs=1e-6)


def test_a_special_token_in_a_text_ends_nothing(clip: ClipScorer) -> None:
    data = encode(picture(10))
    cut, whole = clip.score([data], [["a<end> red cat", "a<end> blue dog"]])[0].cosine_K
    assert cut != pytest.approx(whole, abs=1e-6)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no known format"),
        (b"<html>not found</html>", "no known format"),
        (encode(picture(0, (300, 300)), "JPEG")[:900], "truncated"),
        (encode(Image.new("L", (700, 10))), "700 x 10 pixels, one side over 64 times the other"),
        (encode(Image.new("1", (20_000, 6_000))), "20000 x 6000 pixels, over 100000000"),
    ],
    ids=["empty", "page", "truncated", "line", "bomb"],
)
def test_a_picture_that_cannot_be_read_has_a_reason(clip: ClipScorer, data: bytes, says: str) -> None:
    good = encode(picture(11))
    first, bad, last = clip.score([good, data, good], [["a cat"], ["a cat", "a dog"], ["a cat"]])
    assert bad.reason is not None
    assert says in bad.reason
    assert "0x" not in bad.reason  # an address would differ from run to run
    assert (bad.image_E, bad.cosine_K, bad.text_KE.size) == (None, (None, None), 0)
    alone = clip.score([good], [["a cat"]])[0].cosine_K
    assert first.cosine_K == last.cosine_K == pytest.approx(alone, abs=1e-6)


def test_nothing_to_score(clip: ClipScorer) -> None:
    assert clip.score([], []) == []
    assert clip.score([b"", b""], [["a"], []])[1].cosine_K == ()
    with pytest.raises(ValueError, match="shorter"):
        clip.score([b""], [])


def test_it_can_be_closed_and_used_again(clip: ClipScorer) -> None:
    data = encode(picture(12))
    before = only(clip.score([data], [["a cat"]]))
    clip.close()
    clip.close()
    assert only(clip.score([data], [["a cat"]])) == before


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_smaller_numbers_round(folders: dict[str, Path], clip: ClipScorer, dtype: Any) -> None:
    data = encode(picture(13))
    rounded = scorer(folders["clip"], dtype=dtype).score([data], [TEXTS])[0]
    assert rounded.image_E is not None
    assert rounded.image_E.dtype == np.float32
    assert rounded.cosine_K == pytest.approx(clip.score([data], [TEXTS])[0].cosine_K, abs=0.02)


def test_weights_that_give_no_numbers_stop_the_run(tmp_path: Path) -> None:
    folder = CLIP.save_clip(tmp_path / "clip")
    model = CLIPModel.from_pretrained(folder)
    with torch.no_grad():
        model.text_projection.weight.fill_(float("nan"))
    model.save_pretrained(folder)
    with pytest.raises(WorkerError, match="embeds as NaN"):
        scorer(folder).score([encode(picture(0))], [["a"]])


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_a_missing_package(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else find(name))
    with pytest.raises(ConfigError, match=rf"needs {package}.*pip install 'pairwright\[torch\]'"):
        ClipScorer(ClipConfig(checkpoint="x"))

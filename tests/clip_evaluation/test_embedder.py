"""Embeddings are transformers' own, computed once, and the same after an interruption."""

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoTokenizer, CLIPImageProcessorPil, CLIPModel

from clip_evaluation import embedder as embedder_module
from clip_evaluation import pictures as pictures_module
from clip_evaluation.checkpoint import load_checkpoint
from clip_evaluation.embedder import Embedder
from clip_evaluation.embedding_store import EmbeddingStore
from clip_evaluation.pictures import Pictures, scan
from clip_evaluation.progress import Progress
from contrastive_trainer.model import Clip
from schemas.errors import RunError

TEXTS = ["a red cat", "", "a blue dog " * 30, "a red cat", "A RED CAT", "été 猫 \ud800"]


def make(folder: Path, tiny_clip: Path, batch: int = 4) -> Embedder:
    checkpoint = load_checkpoint(str(tiny_clip), "cpu")
    store = EmbeddingStore(folder / "work", checkpoint.mark, checkpoint.clip.embedding)
    return Embedder(checkpoint, store, batch=batch, workers=2, progress=Progress(enabled=False))


def picture_set(files: list[bytes]) -> Pictures:
    def read() -> Iterator[tuple[str, bytes, None]]:
        for number, data in enumerate(files):
            yield f"picture {number}", data, None

    return scan(read)[0]


@pytest.fixture
def files(picture: Callable[..., bytes]) -> list[bytes]:
    """Return ten pictures, two of them equal files."""
    return [picture(seed, (40 + seed, 36)) for seed in (0, 1, 2, 3, 4, 5, 1, 7, 8, 9)]


@pytest.fixture
def forwards(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the sizes of the batches that the towers saw."""
    seen: list[int] = []
    for name in ("encode_image", "encode_text"):
        real = getattr(Clip, name)

        def counted(self: Clip, batch: torch.Tensor, real: Any = real) -> Any:
            seen.append(len(batch))
            return real(self, batch)

        monkeypatch.setattr(Clip, name, counted)
    return seen


@pytest.mark.parametrize("batch", [1, 4, 64])
def test_against_transformers(tmp_path: Path, tiny_clip: Path, files: list[bytes], batch: int) -> None:
    mine = make(tmp_path, tiny_clip, batch)
    model = CLIPModel.from_pretrained(tiny_clip).eval()
    processor = CLIPImageProcessorPil.from_pretrained(tiny_clip)
    tokenizer = AutoTokenizer.from_pretrained(tiny_clip)
    opened = [Image.open(io.BytesIO(data)) for data in files]
    texts = TEXTS[:-1]
    with torch.no_grad():
        seen = model.get_image_features(**processor(opened, return_tensors="pt")).pooler_output
        tokens = tokenizer(texts, padding=True, truncation=True, max_length=24, return_tensors="pt")
        read = model.get_text_features(**tokens).pooler_output
    for found, expected in ((mine.images(picture_set(files), "x"), seen), (mine.texts(texts, "x"), read)):
        unit = torch.nn.functional.normalize(expected, dim=-1).numpy()
        np.testing.assert_allclose(found, unit, atol=1e-5)
    assert mine.scale == pytest.approx(model.logit_scale.exp().item())


def test_what_is_equal_is_embedded_once_and_is_equal(
    tmp_path: Path, tiny_clip: Path, files: list[bytes], forwards: list[int]
) -> None:
    mine = make(tmp_path, tiny_clip)
    images = mine.images(picture_set(files), "x")
    assert forwards == [4, 4, 1]
    np.testing.assert_array_equal(images[1], images[6])
    forwards.clear()
    texts = mine.texts(TEXTS, "x")
    assert sum(forwards) == 4  # the tokenizer writes in lower case
    np.testing.assert_array_equal(texts[0], texts[3])
    np.testing.assert_array_equal(texts[0], texts[4])


def test_a_rerun_computes_nothing(
    tmp_path: Path, tiny_clip: Path, files: list[bytes], forwards: list[int]
) -> None:
    first = make(tmp_path, tiny_clip)
    images, texts = first.images(picture_set(files), "x"), first.texts(TEXTS, "x")
    forwards.clear()
    again = make(tmp_path, tiny_clip, batch=3)
    np.testing.assert_array_equal(again.images(picture_set(files), "x"), images)
    np.testing.assert_array_equal(again.texts(TEXTS, "x"), texts)
    assert forwards == []
    assert again.images(picture_set(files), "x", corruption=("jpeg", 1)).shape == images.shape
    assert forwards == [3, 3, 3]


def test_an_interrupted_run_goes_on(
    tmp_path: Path,
    tiny_clip: Path,
    files: list[bytes],
    forwards: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embedder_module, "CHUNK", 3)
    whole = make(tmp_path / "whole", tiny_clip, batch=2).images(picture_set(files), "x")
    assert forwards == [2, 1, 2, 1, 2, 1]
    broken = [*files[:7], b"no picture", *files[8:]]
    with monkeypatch.context() as patch:
        patch.setattr(pictures_module, "flaw", lambda data: "")  # as if it were damaged within
        overlooked = picture_set(broken)
    with pytest.raises(RunError, match="^picture 7: its picture cannot be decoded"):
        make(tmp_path / "cut", tiny_clip, batch=2).images(overlooked, "x")
    forwards.clear()
    resumed = make(tmp_path / "cut", tiny_clip, batch=2).images(picture_set(files), "x")
    assert forwards == [2, 1]
    np.testing.assert_array_equal(resumed, whole)
    for path in (tmp_path / "whole").rglob("*.npy"):
        twin = tmp_path / "cut" / path.relative_to(tmp_path / "whole")
        assert path.read_bytes() == twin.read_bytes()


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"PK\x03\x04", None])
def test_a_damaged_cache_is_computed_again(
    tmp_path: Path, tiny_clip: Path, files: list[bytes], damage: bytes | None
) -> None:
    whole = make(tmp_path, tiny_clip).images(picture_set(files), "x")
    (path,) = tmp_path.rglob("*.npy")
    path.write_bytes(path.read_bytes()[:-1] if damage is None else damage)
    np.testing.assert_array_equal(make(tmp_path, tiny_clip).images(picture_set(files), "x"), whole)
    stored = np.load(path, allow_pickle=False)
    np.testing.assert_array_equal(stored, whole[[0, 1, 2, 3, 4, 5, 7, 8, 9]])


def test_corruptions_change_embeddings_and_are_repeatable(
    tmp_path: Path, tiny_clip: Path, files: list[bytes]
) -> None:
    parts = [
        make(tmp_path / name, tiny_clip).images(picture_set(files), "x", corruption=("gaussian_noise", 5))
        for name in ("a", "b")
    ]
    np.testing.assert_array_equal(*parts)
    clean = make(tmp_path / "a", tiny_clip).images(picture_set(files), "x")
    assert np.abs(parts[0] - clean).max() > 1e-3


def test_data_that_change_meanwhile(tmp_path: Path, tiny_clip: Path, files: list[bytes]) -> None:
    pictures = picture_set(files)
    files[2] = files[3]
    with pytest.raises(RunError, match="picture 2 has changed since"):
        make(tmp_path, tiny_clip).images(pictures, "x")


def test_weights_that_embed_nothing(tmp_path: Path, tiny_clip: Path, files: list[bytes]) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(tiny_clip, folder)
    model = CLIPModel.from_pretrained(folder)
    with torch.no_grad():
        model.visual_projection.weight.zero_()
    model.save_pretrained(folder)
    mine = make(tmp_path, folder)
    with pytest.raises(RunError, match="embeds as NaN, infinite or 0: its weights are broken"):
        mine.images(picture_set(files), "x")
    assert not list(tmp_path.rglob("*.npy"))

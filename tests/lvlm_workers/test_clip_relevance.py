"""Word scores equal a plain computation, one text at a time, by attention that is written out here."""

import io
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import AutoModel, AutoTokenizer, CLIPModel

from lvlm_workers.base import WorkerError
from lvlm_workers.clip_checkpoint import LoadedClip, load_clip
from lvlm_workers.clip_relevance import score_words
from lvlm_workers.clip_scorer import ClipScorer
from lvlm_workers.clip_words import WordScores
from schemas.errors import ConfigError
from schemas.score import TEMPLATE, ClipConfig

TESTS = Path(__file__).parents[1]
CLIP = SimpleNamespace(**runpy.run_path(str(TESTS / "tiny_clip.py")))
SIGLIP = SimpleNamespace(**runpy.run_path(str(TESTS / "tiny_siglip.py")))
MAKERS: dict[str, Callable[[Path], Path]] = {
    "clip": CLIP.save_clip,
    "siglip": SIGLIP.save_siglip,
    "siglip2": SIGLIP.save_siglip2,
}
TEXTS = ["a red cat", "the dog", "Cat, dog: a cat's red dog!", "it is not true", "a", "dog dog"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("checkpoints")
    return {kind: make(place / kind) for kind, make in MAKERS.items()}


def load(folder: Path, **settings: Any) -> LoadedClip:
    return load_clip(ClipConfig(checkpoint=str(folder), device="cpu", **settings))


def images(clip: LoadedClip, count: int, seed: int = 0) -> np.ndarray:
    """Return random directions in the place of pictures' embeddings."""
    text = clip.model.config.text_config
    width = clip.model.config.projection_dim if hasattr(clip.model, "text_projection") else text.hidden_size
    rows = np.random.default_rng(seed).normal(size=(count, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def attend(layer: Any, states_LF: Tensor, *, causal: bool) -> tuple[Tensor, Tensor]:
    """Return what a layer makes of its input, and its attention maps (H, L, L)."""
    attention, normed_LF = layer.self_attn, layer.layer_norm1(states_LF)
    heads, length = attention.num_heads, len(states_LF)

    def split(projection: Any) -> Tensor:
        return projection(normed_LF).view(length, heads, -1).transpose(0, 1)

    scores_HLL = split(attention.q_proj) @ split(attention.k_proj).mT * attention.head_dim**-0.5
    if causal:
        scores_HLL = scores_HLL.masked_fill(torch.ones(length, length).triu(1).bool(), -torch.inf)
    map_HLL = scores_HLL.softmax(-1)
    mixed_LF = (map_HLL @ split(attention.v_proj)).transpose(0, 1).reshape(length, -1)
    states_LF = states_LF + attention.out_proj(mixed_LF)
    return states_LF + layer.mlp(layer.layer_norm2(states_LF)), map_HLL


def plain(folder: Path, image_E: np.ndarray, text: str) -> tuple[np.ndarray, float, list[tuple[int, int]]]:
    """Return the relevance of each token of template and text, the cosine, and the tokens' characters."""
    model = AutoModel.from_pretrained(folder).double().eval()
    is_clip = isinstance(model, CLIPModel)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    length = model.config.text_config.max_position_embeddings
    found = tokenizer(TEMPLATE + text, truncation=True, max_length=length, return_offsets_mapping=True)
    ids, tower = found["input_ids"], model.text_model
    own = len(ids)
    if not is_clip:
        ids = ids + [tokenizer.pad_token_id] * (length - own)
    states_LF = tower.embeddings(torch.tensor([ids]))[0]
    maps = []
    for layer in tower.encoder.layers:
        states_LF, map_HLL = attend(layer, states_LF, causal=is_clip)
        maps.append(map_HLL)
    pooled_F = tower.final_layer_norm(states_LF)[-1]
    text_E = model.text_projection(pooled_F) if is_clip else tower.head(pooled_F)
    cosine = text_E @ torch.tensor(image_E, dtype=torch.float64) / text_E.norm()
    relevance_L = torch.zeros(len(ids), dtype=torch.float64)
    last = maps[-3:]
    for map_HLL, slope_HLL in zip(last, torch.autograd.grad(cosine, last), strict=True):
        relevance_L += (slope_HLL * map_HLL).mean(dim=0)[-1] / len(last)
    return relevance_L[:own].detach().numpy(), float(cosine.detach()), found["offset_mapping"]


def values(found: WordScores) -> np.ndarray:
    return np.array([word.score for word in found.words])


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_words_score_as_by_a_plain_computation(folders: dict[str, Path], kind: str) -> None:
    clip = load(folders[kind])
    image_NE = images(clip, len(TEXTS))
    found = score_words(clip, image_NE, TEXTS, 4)
    checked = 0
    for text, image_E, scores in zip(TEXTS, image_NE, found, strict=True):
        relevance_L, cosine, spans = plain(folders[kind], image_E, text)
        assert scores.cosine == pytest.approx(cosine, abs=1e-6)
        for word in scores.words:
            assert text[word.start : word.end] == word.word
            start, end = word.start + len(TEMPLATE), word.end + len(TEMPLATE)
            inside = [
                place for place, (a, b) in enumerate(spans) if set(range(a, b)) & set(range(start, end))
            ]
            wanted = relevance_L[inside].mean()
            assert word.score == pytest.approx(wanted, abs=1e-5 * abs(relevance_L).max())
            checked += 1
    assert checked >= 10


@pytest.mark.parametrize("kind", sorted(MAKERS))
@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_batches_equal_one_by_one(folders: dict[str, Path], kind: str, batch_size: int) -> None:
    clip = load(folders[kind])
    clip.model.double()
    image_NE = images(clip, len(TEXTS))
    together = score_words(clip, image_NE, TEXTS, batch_size)
    for text, image_E, scores in zip(TEXTS, image_NE, together, strict=True):
        (alone,) = score_words(clip, image_E[None], [text], 1)
        assert [word.word for word in scores.words] == [word.word for word in alone.words]
        assert scores.cosine == pytest.approx(alone.cosine, abs=1e-7)
        np.testing.assert_allclose(
            values(scores), values(alone), rtol=0, atol=1e-6 * abs(values(alone)).max()
        )


def test_the_words_are_those_of_the_text(folders: dict[str, Path]) -> None:
    clip = load(folders["clip"])
    text = "Cat, dog: a cat's red dog!"
    (found,) = score_words(clip, images(clip, 1), [text], 8)
    assert [word.word for word in found.words] == ["Cat", "dog", "a", "cat's", "red", "dog"]
    assert [text[word.start : word.end] for word in found.words] == [word.word for word in found.words]
    assert found.unread == 0


def test_words_beyond_the_models_length_are_counted(folders: dict[str, Path]) -> None:
    clip = load(folders["clip"])
    short, long = score_words(clip, images(clip, 2), ["a cat", "a dog " * 100], 8)
    assert (len(short.words), short.unread) == (2, 0)
    assert len(long.words) + long.unread == 200
    assert 0 < len(long.words) < 24
    assert [word.word for word in long.words] == ["a", "dog"] * (len(long.words) // 2) + ["a"] * (
        len(long.words) % 2
    )


def test_a_word_that_is_cut_has_no_score(folders: dict[str, Path]) -> None:
    clip = load(folders["clip"])
    (found,) = score_words(clip, images(clip, 1), ["a " + "zq" * 40], 8)
    assert ([word.word for word in found.words], found.unread) == (["a"], 1)


def test_hostile_texts(folders: dict[str, Path]) -> None:
    clip = load(folders["clip"])
    texts = ["", " ...!", "\ud800 cat \udc00", "🙂 cat", "<end> cat", "x" * 2_000_000]
    found = score_words(clip, images(clip, 6), texts, 8)
    assert [len(scores.words) for scores in found] == [0, 0, 1, 1, 2, 0]
    assert [scores.cosine is None for scores in found] == [True, True, False, False, False, False]
    assert found[2].words[0].word == texts[2][2:5] == "cat"
    assert (found[3].words[0].start, found[3].words[0].end) == (2, 5)
    assert score_words(clip, images(clip, 0), [], 8) == []
    with pytest.raises(ValueError, match="1 pictures for 2 texts"):
        score_words(clip, images(clip, 1), ["a", "b"], 8)


def test_a_scorers_words_are_those_of_its_pictures(folders: dict[str, Path]) -> None:
    from PIL import Image

    out = io.BytesIO()
    Image.linear_gradient("L").save(out, "PNG")
    scorer = ClipScorer(ClipConfig(checkpoint=str(folders["clip"]), device="cpu"))
    (scored,) = scorer.score([out.getvalue()], [[TEMPLATE + "a red cat"]])
    assert scored.image_E is not None
    (found,) = scorer.word_scores([scored.image_E], ["a red cat"])
    assert found.cosine == pytest.approx(scored.cosine_K[0], abs=1e-6)
    assert scorer.word_scores([], []) == []


def test_gradients_leave_scores_alone(folders: dict[str, Path]) -> None:
    clip = load(folders["clip"])
    before = {name: value.clone() for name, value in clip.model.state_dict().items()}
    score_words(clip, images(clip, 1), ["a cat"], 8)
    assert all(torch.equal(value, before[name]) for name, value in clip.model.state_dict().items())
    assert all(parameter.grad is None for parameter in clip.model.parameters())


def test_bfloat16_is_near_and_float16_refused(folders: dict[str, Path]) -> None:
    clip = load(folders["clip"])
    (wanted,) = score_words(clip, images(clip, 1), TEXTS[2:3], 8)
    (found,) = score_words(load(folders["clip"], dtype="bfloat16"), images(clip, 1), TEXTS[2:3], 8)
    np.testing.assert_allclose(values(found), values(wanted), atol=0.1 * abs(values(wanted)).max())
    with pytest.raises(ConfigError, match=r"dtype: .* set it to float32 or bfloat16"):
        score_words(load(folders["clip"], dtype="float16"), images(clip, 1), ["a"], 8)


def test_weights_that_give_no_numbers_stop_the_run(folders: dict[str, Path]) -> None:
    clip = load(folders["clip"])
    with torch.no_grad():
        clip.model.text_projection.weight.fill_(float("inf"))
    with pytest.raises(WorkerError, match="embeds as NaN"):
        score_words(clip, images(clip, 1), ["a cat"], 8)


def test_a_tokenizer_without_places_is_refused(folders: dict[str, Path]) -> None:
    clip = load(folders["siglip"])
    clip.texts.has_spans = False
    with pytest.raises(ConfigError, match=r"checkpoint: .* tokenizer that does not say where"):
        score_words(clip, images(clip, 1), ["a"], 8)

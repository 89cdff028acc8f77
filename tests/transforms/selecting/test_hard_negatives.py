import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.selecting import hard_negatives
from transforms.selecting.hard_negatives import SCHEMA, Texts, mine


def slow_mine(images: np.ndarray, own: Texts, pool: Texts, most: int, beta: float) -> list[tuple[str, ...]]:
    """Look at every text of the pool, one by one."""

    def unit(vector: np.ndarray) -> np.ndarray:
        return vector / np.linalg.norm(vector)

    def plain(text: str) -> str:
        return " ".join(text.lower().split())

    rows = []
    for image, uid, text, embedding in zip(images, own.uids, own.texts, own.embeddings, strict=True):
        true = {plain(text)} | {plain(t) for u, t in zip(pool.uids, pool.texts, strict=True) if u == uid}
        bound = unit(image) @ unit(embedding) + beta
        best: dict[str, tuple[float, str]] = {}
        for n in sorted(range(len(pool.uids)), key=lambda n: pool.uids[n]):
            cosine = float(unit(image) @ unit(pool.embeddings[n]))
            if plain(pool.texts[n]) not in true and cosine <= bound:
                best.setdefault(plain(pool.texts[n]), (cosine, pool.uids[n]))
        chosen = sorted(best.items(), key=lambda item: -item[1][0])[:most]
        rows += [(uid, text_uid, text) for text, (_, text_uid) in chosen]
    return rows


def told(table: pa.Table) -> list[tuple[str, ...]]:
    return list(zip(*(table[name].to_pylist() for name in ("uid", "text_uid", "text")), strict=True))


def random_pool(number: int, seed: int) -> tuple[np.ndarray, Texts]:
    """Return pictures and texts of which some are alike; equal texts have equal embeddings."""
    rng = np.random.default_rng(seed)
    distinct = rng.normal(size=(number, 6))
    which = rng.integers(0, max(1, number * 3 // 4), number)
    texts = Texts(
        uids=[f"u{n:03d}" for n in rng.permutation(number)],
        texts=[f"text {n}" for n in which],
        embeddings=distinct[which],
    )
    return texts.embeddings + rng.normal(size=(number, 6)), texts


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(0, 10**6), st.integers(1, 9), st.floats(-0.5, 0.5))
def test_equals_looking_at_every_text(number: int, seed: int, most: int, beta: float) -> None:
    images, texts = random_pool(number, seed)
    table = mine(images, texts, texts, most=most, beta=beta)
    assert table.schema == SCHEMA
    assert told(table) == slow_mine(images, texts, texts, most, beta)


def test_blocks_and_the_order_of_the_pool_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    images, texts = random_pool(60, 1)
    whole = mine(images, texts, texts, most=5)
    monkeypatch.setattr(hard_negatives, "OTHERS", 7)
    order = np.random.default_rng(2).permutation(60).tolist()
    mixed = Texts(
        uids=[texts.uids[n] for n in order],
        texts=[texts.texts[n] for n in order],
        embeddings=texts.embeddings[order],
    )
    assert mine(images, texts, mixed, most=5).equals(whole)


def test_the_guard_and_fewer_than_asked_for() -> None:
    # Cosines with the picture: own 0.6; 0.72 is within beta, 0.8 is likely a true text as well.
    angles = np.arccos([0.6, 0.72, 0.8, 0.1])
    pool = Texts(
        uids=["a", "b", "c", "d"],
        texts=["own", "near", "true as well", "far"],
        embeddings=np.stack([np.cos(angles), np.sin(angles)], axis=1),
    )
    own = Texts(uids=["a"], texts=["own"], embeddings=pool.embeddings[:1])
    assert told(mine(np.array([[1.0, 0.0]]), own, pool, beta=0.1)) == [("a", "d", "far")]
    table = mine(np.array([[1.0, 0.0]]), own, pool, beta=0.15)
    assert told(table) == [("a", "b", "near"), ("a", "d", "far")]
    assert table["rank"].to_pylist() == [0, 1]
    assert table["cosine"].to_pylist() == pytest.approx([0.72, 0.1], abs=1e-6)


def test_what_the_sample_has_itself_is_no_negative() -> None:
    vectors = np.eye(3)
    pool = Texts(
        uids=["x", "b", "a", "c"], texts=["A  Dog", "mine", "MINE", "other"], embeddings=np.ones((4, 3))
    )
    own = Texts(uids=["a"], texts=["a dog"], embeddings=vectors[:1])
    assert told(mine(vectors[:1], own, pool)) == [("a", "c", "other")]


def test_what_has_no_embedding_is_left_out() -> None:
    nothing = np.array([[np.nan, 0.0], [0.0, 0.0], [1.0, 0.0], [0.9, 0.1]], np.float16)
    texts = Texts(uids=list("abcd"), texts=list("abcd"), embeddings=nothing)
    assert told(mine(np.ones((4, 2)), texts, texts, beta=1)) == [("c", "d", "d"), ("d", "c", "c")]
    assert told(mine(nothing[:1], texts_of("q"), texts)) == []
    empty = Texts(uids=[], texts=[], embeddings=np.empty((0, 2)))
    assert mine(np.empty((0, 2)), empty, texts).num_rows == 0
    assert mine(np.ones((1, 2)), texts_of("q"), empty).schema == SCHEMA


def texts_of(uid: str) -> Texts:
    return Texts(uids=[uid], texts=["own"], embeddings=np.ones((1, 2)))


def test_wrong_lengths() -> None:
    with pytest.raises(ValueError, match="2 uids, 1 texts"):
        Texts(uids=["a", "b"], texts=["a"], embeddings=np.ones((2, 2)))
    with pytest.raises(ValueError, match="2 pictures have 1 texts"):
        mine(np.ones((2, 2)), texts_of("a"), texts_of("b"))
    with pytest.raises(ValueError, match="most is 0"):
        mine(np.ones((1, 2)), texts_of("a"), texts_of("b"), most=0)

import math

import numpy as np
import pytest

from transforms.selecting.context_tags import ATTRIBUTES, TEMPLATES, Tag, attribute_texts, make_tagger

LIGHT = {"light": {"day": ["by day"], "night": ["at night", "in the dark"]}, "place": {"sea": ["at sea"]}}


def test_by_hand() -> None:
    texts = attribute_texts(LIGHT, ["a photo {}."])
    assert [text for _, _, text in texts] == [
        "a photo by day.",
        "a photo at night.",
        "a photo in the dark.",
        "a photo at sea.",
    ]
    # Cosines with (1, 0): day 0.6; night the mean of 0.8 and 0, 0.4; sea 0.
    embeddings = np.array([[0.6, 0.8], [1.6, 1.2], [0.0, 1.0], [0.0, 2.0]])
    tagger = make_tagger(texts, embeddings, scale=10)
    found = tagger.probabilities(np.array([[3.0, 0.0]]))
    day = math.exp(6) / (math.exp(6) + math.exp(4))
    np.testing.assert_allclose(found["light"], [[day, 1 - day]], rtol=1e-12)
    np.testing.assert_allclose(found["place"], [[1.0]])
    assert tagger.tags(np.array([[3.0, 0.0]])) == [
        {
            "light": Tag(value="day", probability=pytest.approx(day)),
            "place": Tag(value="sea", probability=1.0),
        }
    ]
    sure = make_tagger(texts, embeddings, scale=10, bound=0.9)
    assert sure.tags(np.array([[3.0, 0.0]])) == [{"place": Tag(value="sea", probability=1.0)}]


def test_stays_finite_and_says_nothing_of_pictures_without_embedding() -> None:
    tagger = make_tagger(attribute_texts(LIGHT), RNG.normal(size=(len(attribute_texts(LIGHT)), 4)), scale=1e5)
    images = np.array([[1.0, 2.0, 3.0, 4.0], [np.nan] * 4, [0.0] * 4])
    found = tagger.probabilities(images)
    assert np.isfinite(found["light"][0]).all()
    assert found["light"][0].sum() == pytest.approx(1)
    assert np.isnan(found["light"][1:]).all()
    assert tagger.tags(images)[1:] == [{}, {}]
    assert tagger.tags(images[:0]) == []


RNG = np.random.default_rng(0)


def test_no_scale_is_no_opinion() -> None:
    texts = attribute_texts()
    tagger = make_tagger(texts, RNG.normal(size=(len(texts), 8)), scale=0)
    for name, found in tagger.probabilities(RNG.normal(size=(2, 8))).items():
        np.testing.assert_allclose(found, 1 / len(ATTRIBUTES[name]))


def test_the_attributes_that_ship() -> None:
    texts = attribute_texts()
    assert {"background", "illumination", "orientation", "quality"} <= set(ATTRIBUTES)
    assert len({text for _, _, text in texts}) == len(texts)
    assert len(texts) == len(TEMPLATES) * sum(
        len(phrases) for values in ATTRIBUTES.values() for phrases in values.values()
    )


def test_texts_without_embedding() -> None:
    texts = attribute_texts(LIGHT, ["{}"])
    with pytest.raises(ValueError, match="4 texts have 3 embeddings"):
        make_tagger(texts, np.eye(4)[:3])
    with pytest.raises(ValueError, match="'by day' has no embedding"):
        make_tagger(texts, np.zeros((4, 2)))

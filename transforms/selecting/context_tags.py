"""Tag a picture with its context: where it was taken, in what light, how.

PerceptionCLIP's attribute inference (An et al. 2024, arXiv 2308.01313), without the class:

    p(z | x) = exp(f(z; x) / t) / sum over z' of exp(f(z'; x) / t)

over the values z of an attribute, where f(z; x) is the model's scale (100 for OpenAI's CLIPs) times the mean
cosine of the picture x with the texts of z, each wording in each template, and t a temperature.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transforms.selecting.unit_vectors import unit_vectors

Floats = NDArray[np.float64]

TEMPLATES = ("a photo {}.", "a picture {}.", "an image {}.", "this was taken {}.")
SCALE = 100.0
BOUND = 0.5

ATTRIBUTES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "background": {
        "indoors": ("indoors", "inside a room", "inside a building"),
        "city": ("in a city", "on a street", "between buildings"),
        "nature": ("in nature", "in a forest", "in the countryside"),
        "water": ("on the water", "by the sea", "under water"),
        "sky": ("in the sky", "against the sky"),
        "plain": ("on a plain background", "on a white background", "cut out from its background"),
    },
    "illumination": {
        "daylight": ("in daylight", "in bright sunshine"),
        "night": ("at night", "in the dark"),
        "twilight": ("at sunset", "at dawn"),
        "artificial": ("under artificial light", "in a studio"),
    },
    "orientation": {
        "upright": ("that is upright", "the right way up"),
        "upside_down": ("that is upside down", "turned on its head"),
        "rotated": ("that is rotated", "turned on its side"),
    },
    "quality": {
        "sharp": ("that is sharp", "in high quality"),
        "blurry": ("that is blurry", "out of focus"),
        "pixelated": ("that is pixelated", "in low resolution"),
        "noisy": ("that is noisy", "with a lot of grain"),
    },
    "style": {
        "photo": ("of a real scene", "made with a camera"),
        "drawing": ("that is a drawing", "drawn by hand"),
        "painting": ("that is a painting", "of a painting"),
        "graphic": ("that is computer graphics", "that is a logo"),
        "screenshot": ("that is a screenshot", "of a screen"),
    },
}
"""Attributes with their values, and for each value phrases that stand in a template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A value of an attribute, and its probability among the attribute's values."""

    value: str
    probability: float


def attribute_texts(
    attributes: Mapping[str, Mapping[str, Sequence[str]]] = ATTRIBUTES, templates: Sequence[str] = TEMPLATES
) -> list[tuple[str, str, str]]:
    """Return (attribute, value, text) for every text that is to be embedded, once a run.

    >>> attribute_texts({"light": {"night": ["at night"]}}, ["a photo {}."])
    [('light', 'night', 'a photo at night.')]
    """
    return [
        (attribute, value, template.replace("{}", phrase))
        for attribute, values in attributes.items()
        for value, phrases in values.items()
        for phrase in phrases
        for template in templates
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextTagger:
    """The attributes' texts as one model sees them.

    Args:
        directions: by attribute the mean embedding (values, E) of each value's texts; means of vectors of
            unit length, so that products with them are mean cosines.
        values: by attribute its values, in the same order.
        scale: of the model, over the temperature: 100 for OpenAI's CLIPs with the paper's t = 1.
        bound: a tag's probability is at least that, or there is none.
    """

    directions: Mapping[str, Floats]
    values: Mapping[str, tuple[str, ...]]
    scale: float = SCALE
    bound: float = BOUND

    def probabilities(self, images: NDArray[np.floating]) -> dict[str, Floats]:
        """Return by attribute p(z | x) of pictures (N, E): (N, values); NaN for one without embedding."""
        units = unit_vectors(images)
        units[~units.any(axis=1)] = np.nan
        return {name: _softmax(self.scale * units @ means.T) for name, means in self.directions.items()}

    def tags(self, images: NDArray[np.floating]) -> list[dict[str, Tag]]:
        """Return each picture's tags by attribute, of pictures (N, E); an attribute may have none."""
        found: list[dict[str, Tag]] = [{} for _ in range(len(images))]
        for name, of_images in self.probabilities(images).items():
            for of_image, probabilities in zip(found, of_images, strict=True):
                best = int(probabilities.argmax())
                if probabilities[best] >= self.bound:
                    value, probability = self.values[name][best], float(probabilities[best])
                    of_image[name] = Tag(value=value, probability=probability)
        return found


def make_tagger(
    texts: Sequence[tuple[str, str, str]],
    embeddings: NDArray[np.floating],
    *,
    scale: float = SCALE,
    bound: float = BOUND,
) -> ContextTagger:
    """Return a tagger of `attribute_texts`.

    Args:
        texts: what was embedded.
        embeddings: (T, E) of the texts, in their order.
        scale: what a cosine is multiplied by: the model's, over the temperature.
        bound: the least probability of a tag.

    Raises:
        ValueError: texts and embeddings differ in number, or an embedding has no direction.
    """
    if len(texts) != len(embeddings):
        raise ValueError(f"{len(texts)} texts have {len(embeddings)} embeddings; give one for each")
    units = unit_vectors(embeddings)
    for (_, _, text), unit in zip(texts, units, strict=True):
        if not unit.any():
            raise ValueError(f"the text {text!r} has no embedding; leave its phrase or template out")
    places: dict[str, dict[str, list[int]]] = {}
    for place, (attribute, value, _) in enumerate(texts):
        places.setdefault(attribute, {}).setdefault(value, []).append(place)
    return ContextTagger(
        directions={
            attribute: np.stack([units[of_value].mean(axis=0) for of_value in of_values.values()])
            for attribute, of_values in places.items()
        },
        values={attribute: tuple(of_values) for attribute, of_values in places.items()},
        scale=scale,
        bound=bound,
    )


def _softmax(logits: Floats) -> Floats:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares

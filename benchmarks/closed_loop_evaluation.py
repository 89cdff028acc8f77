"""What a model of the closed loop has learnt, on scenes that none of them saw, by `clip_evaluation`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.closed_loop_scenes import (
    COLOUR_NAMES,
    SHAPE_NAMES,
    LoopScene,
    Random,
    Reading,
    Thing,
    held_out,
    make_scene,
)
from benchmarks.closed_loop_texts import a_thing, changed_at, relation_text, swapped_colours, turned
from clip_evaluation.compositional import Pairs, mean_picture, pair_similarities, score_pairs
from clip_evaluation.retrieval import Retrieval, retrieval
from clip_evaluation.zero_shot import ZeroShot, class_embeddings, zero_shot
from contrastive_trainer.model import load_clip
from contrastive_trainer.tokenizer import TextEncoder, load_tokenizer
from demo_data.scene_drawing import draw

Floats = NDArray[np.float32]

SINGLES = 480
GROUPS = {
    "replace_att": "replace",
    "replace_obj": "replace",
    "replace_rel": "replace",
    "swap_att": "swap",
    "swap_obj": "swap",
}
"""SugarCrepe's types (Hsieh et al. 2023, arXiv 2306.14610) that scenes can have: attributes are colours."""

_BLOCK = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All that is measured of a model.

    Zero-shot classification is of scenes with one object: among colour and shape (`both`, 48 classes), and
    among either alone. `blind` scores the pairs with the mean picture in place of each: what it reaches is in
    the texts.
    """

    both: ZeroShot
    colour: ZeroShot
    shape: ZeroShot
    retrieval: Retrieval
    pairs: Pairs
    blind: Pairs


class Model:
    """A trained model, and how large its pictures are."""

    def __init__(self, folder: Path) -> None:
        self._clip = load_clip(str(folder)).eval()
        self._encode = TextEncoder(load_tokenizer(str(folder)), self._clip.text_length)

    @torch.no_grad()
    def texts(self, texts: Sequence[str]) -> Floats:
        """Return the embeddings of texts (N, D)."""
        parts = [texts[i : i + _BLOCK] for i in range(0, len(texts), _BLOCK)]
        return np.concatenate([self._clip.encode_text(self._encode(part)).numpy() for part in parts])

    @torch.no_grad()
    def pictures(self, scenes: Sequence[LoopScene]) -> Floats:
        """Return the embeddings of scenes (N, D)."""
        size = self._clip.image_size
        drawn = np.stack([np.asarray(draw(scene.layout, size)).transpose(2, 0, 1) for scene in scenes])
        parts = torch.split(torch.from_numpy(drawn), _BLOCK)
        return np.concatenate([self._clip.encode_image(part)[0].numpy() for part in parts])


def evaluate(folder: Path, *, seed: int, scenes: int) -> Measured:
    """Measure a checkpoint on the scenes of a seed; the same seed gives the same ones."""
    model, random = Model(folder), np.random.default_rng(seed)
    singles = [make_scene(seed + i, objects=1) for i in range(SINGLES)]
    doubles = held_out(seed, scenes)
    single_ND, double_ND = model.pictures(singles), model.pictures(doubles)
    things = [scene.truth.things[0] for scene in singles]
    each = [[Thing(colour, shape)] for colour in COLOUR_NAMES for shape in SHAPE_NAMES]
    of_colour = [[Thing(colour, shape) for shape in SHAPE_NAMES] for colour in COLOUR_NAMES]
    of_shape = [[Thing(colour, shape) for colour in COLOUR_NAMES] for shape in SHAPE_NAMES]
    truths = [scene.truth for scene in doubles]
    caption_ND = model.texts([relation_text(truth) for truth in truths])
    pairs = _false_twins(truths, random)
    pictures = np.tile(double_ND, (len(GROUPS), 1))
    captions = np.tile(caption_ND, (len(GROUPS), 1))
    false_ND = model.texts([text for texts in pairs.values() for text in texts])
    types = [kind for kind, texts in pairs.items() for _ in texts]
    return Measured(
        both=_zero_shot(model, single_ND, things, each),
        colour=_zero_shot(model, single_ND, things, of_colour),
        shape=_zero_shot(model, single_ND, things, of_shape),
        retrieval=retrieval(double_ND, caption_ND, np.arange(len(doubles)), ks=(1, 5)),
        pairs=_score(pictures, captions, false_ND, types),
        blind=_score(mean_picture(pictures), captions, false_ND, types),
    )


def _zero_shot(
    model: Model, image_ND: Floats, things: Sequence[Thing], classes: Sequence[Sequence[Thing]]
) -> ZeroShot:
    """Classify pictures among classes, each a set of objects whose names are its templates filled in."""
    text_CTD = np.stack([model.texts([a_thing(thing.name) for thing in members]) for members in classes])
    labels_N = np.array(
        [next(c for c, members in enumerate(classes) if thing in members) for thing in things]
    )
    return zero_shot(image_ND, class_embeddings(text_CTD), labels_N)


def _false_twins(truths: Sequence[Reading], random: Random) -> dict[str, list[str]]:
    """Return a false caption of each scene by type."""
    changes: dict[str, Callable[[Reading], Reading]] = {
        "replace_att": lambda truth: changed_at(truth, int(random.integers(2)), 0, random),
        "replace_obj": lambda truth: changed_at(truth, int(random.integers(2)), 1, random),
        "replace_rel": turned,
        "swap_att": swapped_colours,
        "swap_obj": lambda truth: replace(truth, things=truth.things[::-1]),
    }
    return {kind: [relation_text(change(truth)) for truth in truths] for kind, change in changes.items()}


def _score(image_ND: Floats, true_ND: Floats, false_ND: Floats, types: Sequence[str]) -> Pairs:
    true_N, false_N = pair_similarities(image_ND, true_ND, false_ND)
    scenes_N = np.tile(np.arange(len(types) // len(GROUPS)), len(GROUPS))
    return score_pairs(true_N, false_N, types, groups=GROUPS, clusters=scenes_N)

"""Captions: retrieval, true ones against false ones, and sentences that may be false."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.blind import FOLDS, blind_scores
from clip_evaluation.caption_sets import read_coco_set, read_published_set, read_statement_set
from clip_evaluation.compositional import Compositional, mean_picture, pair_similarities, score_pairs
from clip_evaluation.datasets.sugar_crepe import GROUPS, read_sugar_crepe
from clip_evaluation.embedder import Embedder
from clip_evaluation.evaluation import Measured, Prepared, fingerprint
from clip_evaluation.pictures import Pictures
from clip_evaluation.plot import recall_plot
from clip_evaluation.retrieval import retrieval
from clip_evaluation.similarity import Floats, row_similarities, unit_rows
from clip_evaluation.statements import statements
from schemas.evaluate import (
    CocoOpenData,
    CompositionalConfig,
    PublishedData,
    RetrievalConfig,
    StatementsConfig,
    SugarCrepeData,
)


def prepare_retrieval(name: str, config: RetrievalConfig) -> Prepared:
    """Prepare retrieval among the pictures that have a caption.

    Raises:
        ValueError: fewer than two have one.
    """
    if isinstance(config.data, CocoOpenData):
        coco = read_coco_set(config.data.path)
        pictures, captions = coco.pictures, coco.captions
    else:
        published = read_published_set(config.data)
        pictures = published.pictures
        captions = [(text,) if text else () for text in published.texts]
    kept = [row for row, texts in enumerate(captions) if texts]
    if len(kept) < 2:
        raise ValueError(f"{len(kept)} pictures have a caption; retrieval needs two or more")
    texts = [text for row in kept for text in captions[row]]
    image_of_text_M = np.repeat(np.arange(len(kept)), [len(captions[row]) for row in kept])

    def measure(embedder: Embedder) -> Measured:
        image_ND = embedder.images(pictures, name)[kept]
        text_MD = embedder.texts(texts, f"{name}: captions")
        record = retrieval(image_ND, text_MD, image_of_text_M, ks=config.k)
        lines = {"picture to text": record.image_to_text, "text to picture": record.text_to_image}
        return Measured(record=record, plot=recall_plot(name, lines))

    notes = {"pictures": len(kept), "captions": len(texts), "without_caption": len(captions) - len(kept)}
    data = fingerprint([pictures.digests[row] for row in kept], texts, image_of_text_M.tolist())
    return Prepared(data=data, notes=notes, measure=measure)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pairs:
    """True and false captions, the row of the picture of each pair, and what was changed in it."""

    pictures: Pictures
    positive: list[str]
    negative: list[str]
    kinds: list[str]
    row_N: NDArray[np.int64]
    groups: Mapping[str, str]
    corpus: Sequence[str]
    left_out: int


def prepare_compositional(name: str, config: CompositionalConfig) -> Prepared:
    """Prepare pairs of captions, with the text-only baselines beside the model.

    Raises:
        ValueError: there are pairs of fewer than five pictures, too few for the learnt baseline.
    """
    pairs = _sugar_crepe(config.data) if isinstance(config.data, SugarCrepeData) else _published(config.data)
    seen = len(set(pairs.row_N.tolist()))
    if seen < FOLDS:
        raise ValueError(
            f"{len(pairs.kinds)} pairs of {seen} pictures, {pairs.left_out} left out for want of a picture; "
            f"it needs pairs of {FOLDS} pictures or more"
        )

    def measure(embedder: Embedder) -> Measured:
        image_ND = embedder.images(pairs.pictures, name)[pairs.row_N]
        text_ND = embedder.texts([*pairs.positive, *pairs.negative], f"{name}: captions")
        positive_ND, negative_ND = text_ND[: len(pairs.kinds)], text_ND[len(pairs.kinds) :]
        scores: dict[str, tuple[Floats, Floats]] = {
            "model": pair_similarities(image_ND, positive_ND, negative_ND),
            "mean_picture": pair_similarities(mean_picture(image_ND), positive_ND, negative_ND),
            **blind_scores(pairs.positive, pairs.negative, pairs.row_N, corpus=pairs.corpus),
        }
        records = {
            who: score_pairs(*both, pairs.kinds, groups=pairs.groups, clusters=pairs.row_N)
            for who, both in scores.items()
        }
        return Measured(record=Compositional(model=records.pop("model"), blind=records))

    notes = {"pairs": len(pairs.kinds), "pictures": seen, "pairs_without_picture": pairs.left_out}
    shown = [pairs.pictures.digests[row] for row in pairs.row_N]
    data = fingerprint(shown, pairs.positive, pairs.negative, pairs.kinds)
    return Prepared(data=data, notes=notes, measure=measure)


def _sugar_crepe(data: SugarCrepeData) -> _Pairs:
    coco = read_coco_set(data.images)
    given = read_sugar_crepe(Path(data.path))
    pairs = [pair for pair in given if pair.coco_id in coco.row_of_id]
    return _Pairs(
        pictures=coco.pictures,
        positive=[pair.positive for pair in pairs],
        negative=[pair.negative for pair in pairs],
        kinds=[pair.kind for pair in pairs],
        row_N=np.array([coco.row_of_id[pair.coco_id] for pair in pairs], dtype=np.int64),
        groups=GROUPS,
        corpus=[text for texts in coco.captions for text in texts],
        left_out=len(given) - len(pairs),
    )


def _published(data: PublishedData) -> _Pairs:
    found = read_published_set(data)
    pairs = [(row, *pair) for row, own in enumerate(found.pairs) for pair in own]
    return _Pairs(
        pictures=found.pictures,
        positive=[positive for _, positive, _ in pairs],
        negative=[negative for _, _, negative in pairs],
        kinds=["sentence"] * len(pairs),
        row_N=np.array([row for row, _, _ in pairs], dtype=np.int64),
        groups={},
        corpus=(),
        left_out=0,
    )


def prepare_statements(name: str, config: StatementsConfig) -> Prepared:
    """Prepare sentences that are true or false of a picture.

    Raises:
        ValueError: no sentence is true of one picture and false of another.
    """
    found = read_statement_set(config.data)
    true_N = np.array(found.truths, dtype=np.bool_)
    numbers: dict[str, int] = {}
    sentence_N = np.array([numbers.setdefault(text, len(numbers)) for text in found.sentences])
    if true_N.all() or not true_N.any():
        raise ValueError(
            f"{len(true_N)} sentences, {true_N.sum()} of them true; it needs true and false ones"
        )
    statements(np.zeros(len(true_N)), true_N, sentence_N)

    def measure(embedder: Embedder) -> Measured:
        images = unit_rows(embedder.images(found.pictures, name), "image")
        texts = unit_rows(embedder.texts(found.sentences, f"{name}: sentences"), "text")
        return Measured(record=statements(row_similarities(images, texts), true_N, sentence_N))

    notes = {"items": len(true_N), "left_out_repeats": found.repeats}
    data = fingerprint(found.pictures.digests, found.sentences, found.truths)
    return Prepared(data=data, notes=notes, measure=measure)

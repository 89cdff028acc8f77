"""Zero-shot classification, by group, and on corrupted pictures."""

import numpy as np

from clip_evaluation.class_sets import ClassSet, read_class_set
from clip_evaluation.corruption import SEVERITIES
from clip_evaluation.embedder import Embedder
from clip_evaluation.evaluation import Measured, Prepared, embed_classes, fingerprint
from clip_evaluation.plot import Line, line_plot
from clip_evaluation.robustness import Accuracies, robustness
from clip_evaluation.subgroups import subgroups
from clip_evaluation.zero_shot import zero_shot
from schemas.evaluate import RobustnessConfig, SubgroupsConfig, ZeroShotConfig


def class_data(found: ClassSet) -> str:
    """Return the fingerprint of a set with classes."""
    return fingerprint(found.pictures.digests, found.names, found.labels_N.tolist(), found.groups)


def class_notes(found: ClassSet) -> dict[str, int]:
    """Return how much a set has, and what was left out."""
    left_out = {f"left_out_{reason}": number for reason, number in found.left_out.items()}
    return {"pictures": len(found.labels_N), "classes": len(found.names)} | left_out


def prepare_zero_shot(name: str, config: ZeroShotConfig) -> Prepared:
    """Prepare zero-shot classification."""
    found = read_class_set(config.data)

    def measure(embedder: Embedder) -> Measured:
        class_CD = embed_classes(embedder, found.names, config.templates, name)
        return Measured(record=zero_shot(embedder.images(found.pictures, name), class_CD, found.labels_N))

    return Prepared(data=class_data(found), notes=class_notes(found), measure=measure)


def prepare_subgroups(name: str, config: SubgroupsConfig) -> Prepared:
    """Prepare zero-shot accuracy by group; a picture level with a wrong class counts as wrong.

    Raises:
        ValueError: fewer than two groups are large enough.
    """
    found = read_class_set(config.data)
    chance = 1 / len(found.names)
    nothing_N = np.zeros(len(found.groups), dtype=np.bool_)
    subgroups(nothing_N, found.groups, chance=chance, min_items=config.min_items)

    def measure(embedder: Embedder) -> Measured:
        class_CD = embed_classes(embedder, found.names, config.templates, name)
        hits_N = zero_shot(embedder.images(found.pictures, name), class_CD, found.labels_N).top1.items
        assert hits_N is not None
        record = subgroups(hits_N == 1, found.groups, chance=chance, min_items=config.min_items)
        return Measured(record=record)

    return Prepared(data=class_data(found), notes=class_notes(found), measure=measure)


def prepare_robustness(name: str, config: RobustnessConfig) -> Prepared:
    """Prepare zero-shot accuracy on corrupted pictures."""
    found = read_class_set(config.data)

    def measure(embedder: Embedder) -> Measured:
        class_CD = embed_classes(embedder, found.names, config.templates, name)

        def accuracy(corruption: tuple[str, int] | None, what: str) -> float:
            image_ND = embedder.images(found.pictures, what, corruption=corruption)
            return zero_shot(image_ND, class_CD, found.labels_N).top1.value

        clean = accuracy(None, name)
        corrupted: dict[str, list[float]] = {
            kind: [accuracy((kind, severity), f"{name}: {kind} {severity}") for severity in SEVERITIES]
            for kind in dict.fromkeys(config.corruptions)
        }
        record = robustness(
            Accuracies(clean=clean, corrupted=corrupted), n=len(found.labels_N), chance=1 / len(found.names)
        )
        lines = [
            Line(name=kind, points=list(enumerate([clean, *values]))) for kind, values in corrupted.items()
        ]
        ticks = [float(severity) for severity in (0, *SEVERITIES)]
        return Measured(record=record, plot=line_plot(name, "severity", "accuracy", lines, x_ticks=ticks))

    return Prepared(data=class_data(found), notes=class_notes(found), measure=measure)

"""Zero-shot classification, by group, and on corrupted pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clip_evaluation.class_sets import ClassSet, read_class_set
from clip_evaluation.corruption import SEVERITIES
from clip_evaluation.embedder import Embedder
from clip_evaluation.evaluation import Measured, Prepared, embed_classes, fingerprint
from clip_evaluation.plot import severity_plot
from clip_evaluation.report import read_results
from clip_evaluation.robustness import Accuracies, Hits, robustness
from clip_evaluation.subgroups import subgroups
from clip_evaluation.zero_shot import zero_shot
from schemas.errors import ConfigError
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
    """Prepare zero-shot accuracy on corrupted pictures.

    Raises:
        ConfigError: the reference has no results of this evaluation on these pictures.
        RunError: its results are damaged.
    """
    found = read_class_set(config.data)
    data = class_data(found)
    kinds = tuple(dict.fromkeys(config.corruptions))
    reference = None if config.reference is None else read_reference(config.reference, name, data, kinds)

    def measure(embedder: Embedder) -> Measured:
        class_CD = embed_classes(embedder, found.names, config.templates, name)

        def hits(corruption: tuple[str, int] | None, what: str) -> Hits:
            image_ND = embedder.images(found.pictures, what, corruption=corruption)
            items_N = zero_shot(image_ND, class_CD, found.labels_N).top1.items
            assert items_N is not None
            return items_N.astype(np.float64)

        clean_N = hits(None, name)
        by_severity = {
            kind: [hits((kind, severity), f"{name}: {kind} {severity}") for severity in SEVERITIES]
            for kind in kinds
        }
        corrupted: dict[str, Hits] = {kind: np.mean(all_N, axis=0) for kind, all_N in by_severity.items()}
        record = robustness(
            Accuracies(clean_N=clean_N, corrupted=corrupted),
            chance=1 / len(found.names),
            clusters=found.pictures.clusters(),
            reference=reference,
        )
        means: dict[str, list[float]] = {
            kind: [float(h.mean()) for h in (clean_N, *all_N)] for kind, all_N in by_severity.items()
        }
        return Measured(record=record, plot=severity_plot(name, means, chance=1 / len(found.names)))

    return Prepared(data=data, notes=class_notes(found), measure=measure)


def read_reference(folder: str, name: str, data: str, corruptions: Sequence[str]) -> Accuracies:
    """Return what another evaluation of this name measured on the same pictures.

    Raises:
        ConfigError: it has none, or measured other pictures.
        RunError: the results are damaged.
    """
    found = read_results(Path(folder))
    if found.data.get(name) != data:
        has = "was measured on other data" if name in found.data else "is not there"
        raise ConfigError(
            f"reference {folder!r}: {name!r} {has}; evaluate the reference by this configuration"
        )
    wanted = {kind: f"{name}.corrupted.{kind}" for kind in corruptions}
    hits = {}
    for path in (f"{name}.clean", *wanted.values()):
        figure = found.figures.get(path)
        if figure is None or figure.items is None:
            raise ConfigError(f"reference {folder!r} has no {path}; evaluate it by this configuration")
        hits[path] = figure.items.astype(np.float64)
    return Accuracies(
        clean_N=hits[f"{name}.clean"], corrupted={kind: hits[path] for kind, path in wanted.items()}
    )

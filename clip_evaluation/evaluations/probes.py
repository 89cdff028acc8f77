"""What can be learnt from frozen embeddings: the linear probe, Gaussian discriminants, leakage.

Equal files stay on one side of every split.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.class_sets import ClassSet, read_class_set
from clip_evaluation.embedder import Embedder, Rows
from clip_evaluation.evaluation import Measured, Prepared, embed_classes, fingerprint
from clip_evaluation.evaluations.classification import class_data, class_notes
from clip_evaluation.folds import assign_folds
from clip_evaluation.gda import fit_discriminant, gda_probe
from clip_evaluation.leakage import leakage
from clip_evaluation.linear_probe import Split, linear_probe
from schemas.evaluate import GdaConfig, LeakageConfig, LinearProbeConfig


def prepare_linear_probe(name: str, config: LinearProbeConfig) -> Prepared:
    """Prepare a linear probe.

    Raises:
        ValueError: there are fewer different pictures than folds, or a class has none to fit.
    """
    found = read_class_set(config.data)
    fold_N = _folds(found, config.folds, config.seed)

    def measure(embedder: Embedder) -> Measured:
        train, validation, test = _splits(embedder.images(found.pictures, name), found, fold_N)
        return Measured(record=linear_probe(train, validation, test, classes=len(found.names)))

    return Prepared(data=_data(found, fold_N), notes=_notes(found, fold_N), measure=measure)


def prepare_gda(name: str, config: GdaConfig) -> Prepared:
    """Prepare Gaussian discriminants joined to zero-shot.

    Raises:
        ValueError: as for the linear probe, or no class has two different pictures to learn from.
    """
    found = read_class_set(config.data)
    fold_N = _folds(found, config.folds, config.seed)
    train, _, _ = _splits(found.pictures.clusters()[:, None].astype(np.float32), found, fold_N)
    fit_discriminant(train.rows_ND, train.labels_N, classes=len(found.names))

    def measure(embedder: Embedder) -> Measured:
        class_CD = embed_classes(embedder, found.names, config.templates, name)
        splits = _splits(embedder.images(found.pictures, name), found, fold_N)
        return Measured(record=gda_probe(*splits, class_CD, scale=embedder.scale))

    return Prepared(data=_data(found, fold_N), notes=_notes(found, fold_N), measure=measure)


def prepare_leakage(name: str, config: LeakageConfig) -> Prepared:
    """Prepare how well the class of a set, here an attribute, can be read from embeddings.

    Raises:
        ValueError: a value has fewer pictures than there are folds.
    """
    found = read_class_set(config.data)
    clusters_N = found.pictures.clusters()
    counts = np.unique(found.labels_N, return_counts=True)[1]
    if len(counts) < 2 or counts.min() < config.folds:
        raise ValueError(
            f"{len(counts)} values, the rarest of {counts.min()} pictures: it needs two or more, "
            f"each of {config.folds} (folds) or more"
        )
    assign_folds(found.labels_N, folds=config.folds, seed=config.seed, clusters_N=clusters_N)
    attribute = [found.names[label] for label in found.labels_N]

    def measure(embedder: Embedder) -> Measured:
        image_ND = embedder.images(found.pictures, name)
        record = leakage(
            image_ND,
            attribute,
            clusters=clusters_N,
            folds=config.folds,
            shuffles=config.shuffles,
            seed=config.seed,
        )
        return Measured(record=record)

    data = fingerprint(class_data(found), config.folds, config.seed)
    return Prepared(data=data, notes=class_notes(found), measure=measure)


def _folds(found: ClassSet, folds: int, seed: int) -> NDArray[np.int64]:
    """Return the part of each picture; every class must have pictures to fit."""
    clusters_N = found.pictures.clusters()
    fold_N = assign_folds(found.labels_N, folds=folds, seed=seed, clusters_N=clusters_N)
    fitted_C = np.bincount(found.labels_N[fold_N > 1], minlength=len(found.names))
    missing = np.flatnonzero(fitted_C == 0)
    if missing.size:
        own = len(np.unique(clusters_N[found.labels_N == missing[0]]))
        raise ValueError(
            f"class {found.names[missing[0]]!r} has {own} different picture(s), none of them left to fit "
            f"({missing.size} of {len(found.names)} classes are so); give each class three or more, remove "
            "such classes, or measure them by zero_shot, which fits nothing"
        )
    return fold_N


def _splits(rows_ND: Rows, found: ClassSet, fold_N: NDArray[np.int64]) -> tuple[Split, Split, Split]:
    """Return training rows, those to choose by (fold 1), and those to test on (fold 0)."""
    masks: Sequence[NDArray[np.bool_]] = (fold_N > 1, fold_N == 1, fold_N == 0)
    train, validation, test = (Split(rows_ND=rows_ND[mask], labels_N=found.labels_N[mask]) for mask in masks)
    return train, validation, test


def _data(found: ClassSet, fold_N: NDArray[np.int64]) -> str:
    return fingerprint(class_data(found), fold_N.tolist())


def _notes(found: ClassSet, fold_N: NDArray[np.int64]) -> dict[str, int]:
    parts = {"train": fold_N > 1, "validation": fold_N == 1, "test": fold_N == 0}
    return class_notes(found) | {name: int(mask.sum()) for name, mask in parts.items()}

"""Whether a model knows what it knows: calibration, and pictures of no class."""

import numpy as np

from clip_evaluation.calibration import temperature_scaling
from clip_evaluation.caption_sets import read_pictures
from clip_evaluation.class_sets import read_class_set
from clip_evaluation.embedder import Embedder
from clip_evaluation.evaluation import Measured, Prepared, embed_classes, fingerprint
from clip_evaluation.evaluations.classification import class_data, class_notes
from clip_evaluation.folds import assign_folds
from clip_evaluation.ood import out_of_distribution
from clip_evaluation.plot import reliability_plot
from clip_evaluation.similarity import scaled_similarities, unit_rows
from schemas.evaluate import CalibrationConfig, OutOfDistributionConfig


def prepare_calibration(name: str, config: CalibrationConfig) -> Prepared:
    """Prepare calibration on one half, with a temperature fitted on the other.

    Raises:
        ValueError: there are fewer than two different pictures.
    """
    found = read_class_set(config.data)
    clusters_N = found.pictures.clusters()
    half_N = assign_folds(found.labels_N, folds=2, seed=config.seed, clusters_N=clusters_N) == 1

    def measure(embedder: Embedder) -> Measured:
        class_CD = embed_classes(embedder, found.names, config.templates, name)
        image_ND = embedder.images(found.pictures, name)
        logits_NC = scaled_similarities(
            unit_rows(image_ND, "image"), unit_rows(class_CD, "class"), embedder.scale
        )
        labels_N = found.labels_N
        record = temperature_scaling(
            logits_NC[~half_N], labels_N[~half_N], logits_NC[half_N], labels_N[half_N]
        )
        lines = {
            "as it is": record.before,
            f"temperature {record.after.temperature:.3g}": record.after,
        }
        return Measured(record=record, plot=reliability_plot(name, lines))

    data = fingerprint(class_data(found), np.flatnonzero(half_N).tolist())
    return Prepared(data=data, notes=class_notes(found), measure=measure)


def prepare_out_of_distribution(name: str, config: OutOfDistributionConfig) -> Prepared:
    """Prepare the detection of pictures of no class.

    Raises:
        ValueError: there are none, or some are also in the set with the classes.
    """
    found = read_class_set(config.data)
    outside = read_pictures(config.outside)
    shared = len(set(found.pictures.digests) & set(outside.digests))
    if shared:
        raise ValueError(f"{shared} pictures of outside are also in data; remove them from one")

    def measure(embedder: Embedder) -> Measured:
        class_CD = embed_classes(embedder, found.names, config.templates, name)
        inside_ND = embedder.images(found.pictures, name)
        outside_ND = embedder.images(outside, f"{name}: outside")
        return Measured(record=out_of_distribution(inside_ND, outside_ND, class_CD, scale=embedder.scale))

    return Prepared(
        data=fingerprint(class_data(found), outside.digests),
        notes=class_notes(found) | {"outside": len(outside.digests)},
        measure=measure,
    )

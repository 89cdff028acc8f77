"""The evaluations by their kind."""

from clip_evaluation.evaluation import Prepared
from clip_evaluation.evaluations.captions import (
    prepare_compositional,
    prepare_retrieval,
    prepare_statements,
)
from clip_evaluation.evaluations.classification import (
    prepare_robustness,
    prepare_subgroups,
    prepare_zero_shot,
)
from clip_evaluation.evaluations.confidence import prepare_calibration, prepare_out_of_distribution
from clip_evaluation.evaluations.probes import prepare_gda, prepare_leakage, prepare_linear_probe
from schemas.evaluate import Evaluation

HEADLINES: dict[str, tuple[str, ...]] = {
    "zero_shot": ("top1", "top5", "mean_per_class"),
    "retrieval": ("*.recall.*", "*.median_rank"),
    "compositional": (
        "model.overall.*",
        "model.groups.*",
        "model.types.*.accuracy",
        "blind.*.overall.accuracy",
    ),
    "statements": ("pooled", "within"),
    "linear_probe": ("test.top1", "test.mean_per_class"),
    "gda": ("joined.top1", "alone.top1", "zero_shot.top1"),
    "calibration": ("before.accuracy", "*.nll", "*.brier", "*.ece", "*.ece_floor"),
    "out_of_distribution": ("*",),
    "subgroups": ("worst", "gap", "groups.*"),
    "leakage": ("balanced_accuracy",),
    "robustness": ("*",),
}
"""Patterns of the figures that a terminal shows; results.md has all."""


def prepare(name: str, config: Evaluation) -> Prepared:
    """Read and check the data of an evaluation.

    Raises:
        ConfigError: they are not there, or empty.
        RunError: a part of them is damaged.
        ValueError: they cannot be measured, such as classes without pictures.
    """
    match config.kind:
        case "zero_shot":
            return prepare_zero_shot(name, config)
        case "retrieval":
            return prepare_retrieval(name, config)
        case "compositional":
            return prepare_compositional(name, config)
        case "statements":
            return prepare_statements(name, config)
        case "linear_probe":
            return prepare_linear_probe(name, config)
        case "gda":
            return prepare_gda(name, config)
        case "calibration":
            return prepare_calibration(name, config)
        case "out_of_distribution":
            return prepare_out_of_distribution(name, config)
        case "subgroups":
            return prepare_subgroups(name, config)
        case "leakage":
            return prepare_leakage(name, config)
        case "robustness":
            return prepare_robustness(name, config)

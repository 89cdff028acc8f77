"""Which samples their scores keep."""

from collections.abc import Mapping, Sequence

from schemas.examining import OcrConfig
from schemas.scoring import KeepRule, ScoreConfig
from transforms.scoring.score_table import Scores

UNREADABLE = "unreadable_picture"
UNSCORED = "no_score"
PRINTED = "text_printed"

Thresholds = Mapping[str, float]
"""By `share_name`: the lowest score that is kept."""


def share_name(rule: KeepRule) -> str:
    """Return the name under which a share's threshold is kept.

    >>> share_name(KeepRule(of="clip_alt", share=0.3))
    'clip_alt 0.3'
    """
    return f"{rule.of} {rule.bound()[1]!r}"


def shares(config: ScoreConfig) -> list[KeepRule]:
    """Return the rules that need to know the whole pool."""
    return [rule for rule in config.keep if rule.bound()[0] == "share"]


def objection(scores: Scores, rules: Sequence[KeepRule], thresholds: Thresholds) -> tuple[str, str] | None:
    """Return the reason why a sample is dropped, and its value; None where it is kept.

    A sample without the score that a rule asks for (nothing to read in its text) is dropped by that rule.
    """
    for rule in rules:
        score = getattr(scores, rule.of)
        kind, bound = rule.bound()
        least = bound if kind == "min" else thresholds[share_name(rule)]
        if score is None:
            return UNSCORED, rule.of
        if score < least:
            return rule.of, f"{score:.4f}"
    return None


def printed_objection(scores: Scores, ocr: OcrConfig | None) -> tuple[str, str] | None:
    """Return the reason where too much of the alt text stands in the picture, and the share of its words."""
    if ocr is None or ocr.max_printed is None or scores.text_printed is None:
        return None
    return (PRINTED, f"{scores.text_printed:.4f}") if scores.text_printed > ocr.max_printed else None

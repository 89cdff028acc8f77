"""Which samples their scores keep."""

from collections.abc import Mapping

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


def objection(scores: Scores, config: ScoreConfig, thresholds: Thresholds) -> tuple[str, str] | None:
    """Return the reason why a sample with scores is dropped, and its value; None where it is kept.

    A sample without the score that a rule asks for (nothing to read in its text) is dropped by that rule.
    The last rule is that of `ocr`: too large a share of the alt text's words stands in the picture.
    """
    for rule in config.keep:
        score = getattr(scores, rule.of)
        kind, bound = rule.bound()
        least = bound if kind == "min" else thresholds[share_name(rule)]
        if score is None:
            return UNSCORED, rule.of
        if score < least:
            return rule.of, f"{score:.4f}"
    most, printed = config.ocr.max_printed if config.ocr else None, scores.text_printed
    if most is None or printed is None or printed <= most:
        return None
    return PRINTED, f"{printed:.4f}"


def is_kept(scores: Scores, config: ScoreConfig, thresholds: Thresholds) -> bool:
    """Return whether a sample has scores, and no rule objects to it."""
    return scores.reason is None and objection(scores, config, thresholds) is None

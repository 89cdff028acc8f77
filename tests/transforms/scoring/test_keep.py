import pytest
from pydantic import ValidationError

from schemas.scoring import KeepRule, ScoreConfig
from transforms.scoring.keep import UNSCORED, objection, share_name
from transforms.scoring.score_table import Scores


def scores(alt: float | None, caption: float | None) -> Scores:
    return Scores(index=0, uid="u", clip_alt=alt, clip_caption=caption)


def scoring(*rules: dict[str, object]) -> ScoreConfig:
    return ScoreConfig.model_validate({"clip": {"checkpoint": "x/y"}, "keep": rules})


@pytest.mark.parametrize(
    ("rule", "alt", "caption", "wanted"),
    [
        ({"min": 0.25}, 0.25, 0.0, None),
        ({"min": 0.25}, 0.2499, 0.9, ("clip_alt", "0.2499")),
        ({"of": "clip_caption", "min": 0.25}, 0.9, 0.1, ("clip_caption", "0.1000")),
        ({"of": "clip_best", "min": 0.25}, 0.1, 0.3, None),
        ({"of": "clip_best", "min": 0.25}, None, 0.3, None),
        ({"of": "clip_best", "min": 0.25}, None, None, (UNSCORED, "clip_best")),
        ({"min": 0.25}, None, 0.3, (UNSCORED, "clip_alt")),
        ({"preset": "laion-400m"}, 0.3, 0.0, None),
        ({"preset": "laion-5b-en"}, 0.27, 0.0, ("clip_alt", "0.2700")),
        ({"share": 0.5}, 0.4, 0.0, None),
        ({"share": 0.5}, 0.39, 0.0, ("clip_alt", "0.3900")),
        ({"preset": "datacomp-l14"}, 0.39, 0.0, ("clip_alt", "0.3900")),
    ],
)
def test_a_rule(
    rule: dict[str, object], alt: float | None, caption: float | None, wanted: tuple[str, str] | None
) -> None:
    config = scoring(rule)
    thresholds = {share_name(config.keep[0]): 0.4}
    assert objection(scores(alt, caption), config, thresholds) == wanted


def test_the_first_that_objects_gives_the_reason() -> None:
    config = scoring({"of": "clip_caption", "min": 0.2}, {"of": "clip_alt", "min": 0.2})
    assert objection(scores(0.1, 0.1), config, {}) == ("clip_caption", "0.1000")


@pytest.mark.parametrize("rule", [{}, {"min": 0.2, "share": 0.3}, {"share": 0}, {"share": 1.5}, {"min": 2}])
def test_bad_rules(rule: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        KeepRule.model_validate(rule)

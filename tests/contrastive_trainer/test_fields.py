from typing import Any

import pytest

from contrastive_trainer.data.sample import TrainSample
from contrastive_trainer.fields import check_fields
from schemas.errors import ConfigError
from schemas.train import TrainConfig

FULL = {
    "alt_text": "raw",
    "long_positive": ["a"],
    "long_negative": ["b"],
    "short_positive": ["t"],
    "short_negative": ["f"],
    "rewrites": ["r"],
    "regions": [{"box": [0, 0, 1, 1], "phrase": "p"}],
}


def sample(**changes: Any) -> TrainSample:
    return TrainSample(uid="", image=b"", text="", fields=FULL | changes)


def configure(texts: Any = None, losses: Any = None) -> TrainConfig:
    values = {"output": "x", "data": {"shards": "x"}, "model": {"preset": "tiny"}}
    return TrainConfig.model_validate(values | {"texts": texts or {}, "losses": losses or {}})


LONG = {"p_long": 1}
EXTRA = {"contrastive": {"negatives": {}}}
CASES: list[tuple[dict[str, Any] | None, dict[str, Any] | None, dict[str, Any], str]] = [
    (None, None, {"alt_text": " "}, r"data\.shards: none of the first 3 samples has text"),
    (LONG, {"hni": {}}, {"long_negative": []}, r"losses\.hni: .*long_negative.*hqclip"),
    (LONG, EXTRA, {"long_negative": []}, r"losses\.contrastive\.negatives: .*long_negative.*hqclip"),
    (LONG, EXTRA, {"long_negative": ["a"]}, r"losses\.contrastive\.negatives: "),
    (LONG, {"hni": {}}, {"long_negative": ["b", "c"]}, r"losses\.hni: "),
    (LONG, {"hni": {}}, {"long_negative": ["a"]}, r"losses\.hni: "),
    (None, {"stc": {}}, {"short_positive": [""]}, r"losses\.stc: .*short_positive.*hqclip"),
    (None, {"stc": {}}, {"short_negative": []}, r"losses\.stc: .*short_negative.*hqclip"),
    (None, {"regions": {}}, {"regions": [{"box": [0, 0, 1], "phrase": "p"}]}, r"losses\.regions: .*phrase"),
    (None, {"long_clip": {}}, {"long_positive": []}, r"losses\.long_clip: .*recaption"),
    (LONG, None, {"long_positive": []}, r"texts\.p_long: .*fused or recaption"),
    ({"p_short": 1}, None, {"short_positive": None}, r"texts\.p_short: .*short_positive"),
    ({"p_rewrite": 1}, None, {"rewrites": "r"}, r"texts\.p_rewrite: .*rewrites.*laclip"),
]


@pytest.mark.parametrize(("texts", "losses", "lacking", "message"), CASES)
def test_a_field_that_no_sample_has_is_named(texts: Any, losses: Any, lacking: Any, message: str) -> None:
    config = configure(texts, losses)
    with pytest.raises(ConfigError, match=message):
        check_fields([sample(**lacking)] * 3, config)
    # One sample that has it is enough: the weights of the others are dealt out anew.
    check_fields([sample(**lacking), sample()], config)


def test_no_more_samples_are_read_than_needed() -> None:
    def samples() -> Any:
        yield sample()
        pytest.fail("a second sample was read")

    check_fields(samples(), configure(LONG, {"hni": {}, "stc": {}, "regions": {}}))


def test_a_recaption_is_a_long_text() -> None:
    check_fields([sample(long_positive=[], recaption="A text.")], configure(LONG, {"long_clip": {}}))


def test_no_sample_at_all_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no sample can be read"):
        check_fields([], configure())

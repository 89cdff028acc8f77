"""A configuration is right as a whole, or refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.config import InputConfig, RunConfig
from schemas.workers import RulesWorkerConfig, TransformersWorkerConfig

VALUES: dict[str, Any] = {"name": "run-1", "input": {"shards": "a.tar"}, "output": "out"}


def make(**changes: Any) -> RunConfig:
    return RunConfig.model_validate(VALUES | changes)


def test_the_least_configuration_and_its_defaults() -> None:
    config = make()
    assert config.input.shards == ("a.tar",)
    assert (config.input.image[0], config.input.text[0], config.input.json_) == ("jpg", "txt", ("json",))
    assert config.input.formats == ("jpeg", "png", "webp")
    assert (config.profile.filters, config.dedup, config.annotate) == ((), None, ())
    assert (config.profile.max_drop_ratio, config.max_failed_replies) == (0.9, 0.5)
    assert (config.publish.samples_per_shard, config.chunk_samples) == (10_000, 256)


def test_a_name_may_stand_alone_or_in_a_list() -> None:
    one = InputConfig.model_validate({"shards": "a", "image": "jpg", "formats": "png", "json": "meta"})
    assert (one.shards, one.image, one.formats, one.json_) == (("a",), ("jpg",), ("png",), ("meta",))
    assert one == InputConfig.model_validate(
        {"shards": ["a"], "image": ["jpg"], "formats": ["png"], "json": ["meta"]}
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "at least 1 character"),
        ({"name": "../up"}, "should match pattern"),
        ({"name": ".hidden"}, "should match pattern"),
        ({"name": "a" * 129}, "at most 128 characters"),
        ({"output": ""}, "at least 1 character"),
        ({"input": {"shards": []}}, "at least 1 item"),
        ({"input": {"shards": "a", "formats": "svg"}}, "Input should be 'jpeg', 'png'"),
        ({"input": {"shards": "a", "max_pixels": 0}}, "greater than or equal to 1"),
        ({"input": {"shards": "a", "max_expansion": 1}}, "greater than 1"),
        ({"profile": {"max_drop_ratio": 1.5}}, "less than or equal to 1"),
        ({"dedup": {"near": {"max_distance": 17}}}, "less than or equal to 16"),
        ({"publish": {"samples_per_shard": 0}}, "greater than or equal to 1"),
        ({"chunk_samples": 0}, "greater than or equal to 1"),
        ({"extra": 1}, "Extra inputs are not permitted"),
        (
            {"annotate": [{"recipe": "hqclip", "worker": "w"}]},
            "annotate names worker 'w', but workers has none; add it under workers",
        ),
        (
            {
                "workers": {"w": {"kind": "rules"}},
                "annotate": [{"recipe": "hqclip", "worker": "w"}, {"recipe": "hqclip", "worker": "w"}],
            },
            "annotate runs recipe 'hqclip' twice; run it once",
        ),
    ],
)
def test_what_is_wrong_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        make(**changes)


def test_a_configuration_survives_its_json() -> None:
    config = make(profile={"filters": [{"kind": "words"}, {"kind": "aspect"}]}, dedup={"near": {}})
    assert RunConfig.model_validate(config.model_dump(mode="json", by_alias=True)) == config


def test_the_identity_of_rules() -> None:
    assert RulesWorkerConfig(kind="rules").identity() == {"kind": "rules", "model": "rules"}


def test_what_decides_the_replies_of_a_checkpoint() -> None:
    usual: dict[str, Any] = {"kind": "transformers", "model": "m"}

    def identity(name: str, value: Any) -> dict[str, str]:
        return TransformersWorkerConfig(**usual | {name: value}).identity()

    plain = TransformersWorkerConfig(**usual).identity()
    deciding = [("model", "n"), ("revision", "2"), ("image_pixels", 784), ("dtype", "bfloat16")]
    assert all(identity(name, value) != plain for name, value in deciding)
    others = [("batch_size", 1), ("device", "cpu"), ("price_in", 1.0), ("gpu", "nvidia-h100")]
    assert all(identity(name, value) == plain for name, value in others)


@pytest.mark.parametrize("name", ["price_in", "price_out"])
@pytest.mark.parametrize("price", [float("inf"), float("nan"), -1.0])
def test_a_price_is_a_number(name: str, price: float) -> None:
    usual: dict[str, Any] = {"kind": "transformers", "model": "m"}
    with pytest.raises(ValidationError, match=name):
        TransformersWorkerConfig(**usual | {name: price})

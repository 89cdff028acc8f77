"""Every mistake in a configuration is a line that names the field, the value and the mend."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.load_config import apply_setting, config_schema, load_config
from schemas.config import RunConfig
from schemas.errors import ConfigError
from schemas.evaluate import EvaluateConfig
from schemas.section import Section
from schemas.train import TrainConfig

ROOT = Path(__file__).parents[2]
GOOD: dict[str, Any] = {
    "name": "x",
    "input": {"shards": "a.tar"},
    "output": "o",
    "profile": {"filters": [{"kind": "words"}, {"kind": "side", "min_px": 100}]},
    "workers": {"w": {"kind": "rules"}},
    "annotate": [{"recipe": "hqclip", "worker": "w"}],
}


def write(folder: Path, values: Any) -> str:
    path = folder / "run.yaml"
    path.write_text(values if isinstance(values, str) else yaml.safe_dump(values))
    return str(path)


def error_of(folder: Path, values: Any, *settings: str) -> str:
    with pytest.raises(ConfigError) as raised:
        load_config(write(folder, values), RunConfig, settings)
    return str(raised.value)


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_configuration_is_valid(path: Path) -> None:
    kinds: dict[str, type[Section]] = {"train": TrainConfig, "evaluate": EvaluateConfig}
    assert load_config(str(path), kinds.get(path.stem.partition("_")[0], RunConfig))


def test_defaults_are_the_papers(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD), RunConfig)
    assert [f.model_dump(exclude_none=True) for f in config.profile.filters] == [
        {"kind": "words", "min": 3.0},
        {"kind": "side", "min_px": 100},
    ]
    assert config.publish.samples_per_shard == 10_000
    assert config.input.text == ("txt", "text", "caption")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"outptu": "o"}, "outptu: unknown field; did you mean 'output'?"),
        ({"input": {"shards": "a", "imgae": "x"}}, "input.imgae: unknown field; did you mean 'image'?"),
        ({"input": {}}, "input.shards: missing; add it"),
        ({"publish": {"samples_per_shard": 0}}, "publish.samples_per_shard: 0 is too small; give 1 or more"),
        ({"profile": {"filters": [{"kind": "wrods"}]}}, "unknown kind 'wrods'; did you mean 'words'?"),
        ({"profile": {"filters": [{"kind": "side", "min": 3}]}}, "did you mean 'min_px'?"),
        ({"profile": {"filters": [{"kind": "words", "min": 4, "max": 2}]}}, "min 4 is over max 2"),
        ({"profile": {"filters": [{"kind": "pixels"}]}}, "give min, max or both"),
        ({"annotate": [{"recipe": "hqclip", "worker": "v"}]}, "annotate names worker 'v', but workers has w"),
        ({"annotate": [{"recipe": "a", "worker": "w"}] * 2}, "annotate runs recipe 'a' twice"),
        ({"profile": {"max_drop_ratio": 2}}, "profile.max_drop_ratio: 2 is too large; give 1 or less"),
        ({"name": "../x"}, "name: '../x' does not match ^[A-Za-z0-9]"),
    ],
)
def test_mistakes_name_field_value_and_mend(tmp_path: Path, change: dict[str, Any], line: str) -> None:
    message = error_of(tmp_path, GOOD | change)
    assert line in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name: [", "run.yaml, line 1, column 8: the file ends within a bracket ["),
        ("just words", "holds no `field: value` lines"),
        ("", "holds no `field: value` lines"),
        ("name: a\nname: b\n", "run.yaml, line 2, column 1: 'name' is given twice; take one out"),
        (
            "a: !!python/object/apply:os.system ['true']",
            "line 1, column 4: a tag such as !!name is not taken",
        ),
    ],
)
def test_files_that_are_no_configuration(tmp_path: Path, text: str, line: str) -> None:
    assert line in error_of(tmp_path, text)


def test_missing_binary_and_huge_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file.*such as those in configs/"):
        load_config(str(tmp_path / "none.yaml"), RunConfig)
    path = tmp_path / "b.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load_config(str(path), RunConfig)
    path.write_bytes(b" " * (2**20 + 1))
    with pytest.raises(ConfigError, match="over 1 MiB"):
        load_config(str(path), RunConfig)


def test_settings_change_fields_and_items_of_lists(tmp_path: Path) -> None:
    settings = [
        "publish.samples_per_shard=7",
        "profile.filters.1.min_px=6",
        "profile.filters[1].min_px=5",
        "dedup.near.max_distance=2",
        "input.shards=[b.tar, c.tar]",
    ]
    config = load_config(write(tmp_path, GOOD), RunConfig, settings, output="elsewhere")
    assert config.publish.samples_per_shard == 7
    assert config.profile.filters[1].model_dump()["min_px"] == 5
    assert config.dedup is not None
    assert config.dedup.near is not None
    assert config.dedup.near.max_distance == 2
    assert config.input.shards == ("b.tar", "c.tar")
    assert config.output == "elsewhere"


def test_an_output_is_needed_only_where_something_is_written(tmp_path: Path) -> None:
    path = write(tmp_path, {name: value for name, value in GOOD.items() if name != "output"})
    with pytest.raises(ConfigError, match="output: missing; add it"):
        load_config(path, RunConfig)
    assert load_config(path, RunConfig, writes=False).name == "x"
    with pytest.raises(ConfigError, match="output: 5 is no text"):
        load_config(path, RunConfig, ["output=5"], writes=False)


@pytest.mark.parametrize(
    "setting",
    ["a", "=1", "a..b=1", "profile.filters.9.min=1", "name.x=1", "name=[", "name=*a", "name=2020-13-99"],
)
def test_settings_that_lead_nowhere(tmp_path: Path, setting: str) -> None:
    assert "--set" in error_of(tmp_path, GOOD, setting)


NAMES = st.sampled_from(["name", "input", "shards", "output", "profile", "filters", "kind", "words", "near"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
YAML = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(YAML)
@settings(max_examples=200)
def test_any_yaml_is_a_configuration_or_a_readable_error(
    tmp_path_factory: pytest.TempPathFactory, values: Any
) -> None:
    path = tmp_path_factory.mktemp("c") / "run.yaml"
    path.write_text(yaml.safe_dump(values))
    try:
        config = load_config(str(path), RunConfig)
    except ConfigError as error:
        assert str(error)
        assert str(error).count("\n") <= 5
    else:
        assert isinstance(config, RunConfig)


@given(st.text(max_size=40))
def test_any_setting_applies_or_is_refused(setting: str) -> None:
    values = json.loads(json.dumps(GOOD))
    try:
        apply_setting(values, setting)
    except ConfigError as error:
        assert "--set" in str(error)


def test_the_schema_for_editors_knows_every_section() -> None:
    schema = json.loads(config_schema(RunConfig))
    assert set(schema["properties"]) >= {"name", "input", "output", "profile", "dedup", "annotate", "publish"}
    assert schema["additionalProperties"] is False
    assert "json" in schema["$defs"]["InputConfig"]["properties"]

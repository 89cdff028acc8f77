"""What is checked before a run starts, and what makes it start over."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo_data.scenes import write_scenes
from pipelines.command import run_stage
from pipelines.curate import run_curate
from pipelines.run import only_writer, open_run
from pipelines.verify import verify
from recipes.hqclip import HqClip
from schemas.config import RunConfig
from schemas.errors import ConfigError

Configure = Callable[..., RunConfig]


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Return a maker of configurations over a few scenes."""
    write_scenes(tmp_path / "input", count=6, seed=1, size_px=64, per_shard=3)

    def make(output: str = "out", **changes: Any) -> RunConfig:
        values = {
            "name": "run",
            "input": {"shards": f"{tmp_path}/input/*.tar"},
            "output": str(tmp_path / output),
            "workers": {"rules": {"kind": "rules"}},
            "annotate": [{"recipe": "hqclip", "worker": "rules"}],
            "publish": {"samples_per_shard": 4},
        }
        return RunConfig.model_validate(values | changes)

    return make


def tars(config: RunConfig) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(config.output).glob("shards/*.tar")}


def test_an_output_whose_name_is_a_glob_is_written_again_where_shards_are_lost(configure: Configure) -> None:
    config = configure("run[1]*")
    run_stage(run_curate, open_run(config))
    whole = tars(config)
    (Path(config.output) / "shards" / "00000.tar").unlink()
    run_stage(run_curate, open_run(config))
    assert tars(config) == whole
    assert len(whole) == 2
    assert verify(config.output) == []


def test_a_changed_recipe_writes_the_shards_again(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configure()
    run_stage(run_curate, open_run(config))
    before = tars(config)
    monkeypatch.setattr(HqClip, "version", "2")
    monkeypatch.setattr("recipes.base._prompt_sha256", lambda recipe: f"of version {recipe.version}")
    run_stage(run_curate, open_run(config))
    assert tars(config).keys() == before.keys()
    assert all(b"of version 2" in data for data in tars(config).values())


def test_a_filter_that_keeps_nothing_leaves_no_old_shards(configure: Configure) -> None:
    run_stage(run_curate, open_run(configure()))
    strict = {"filters": [{"kind": "words", "min": 999}], "max_drop_ratio": 1}
    config = configure(profile=strict)
    run_stage(run_curate, open_run(config))
    assert tars(config) == {}
    assert verify(config.output) == []


def test_a_caption_edited_in_place_is_read_again(configure: Configure, tmp_path: Path) -> None:
    config = configure()
    run_stage(run_curate, open_run(config))
    path = tmp_path / "input" / "00000.tar"
    data = path.read_bytes()
    assert b"triangle" in data or b"circle" in data or b"square" in data
    word = next(w for w in (b"triangle", b"circle", b"square") if w in data)
    path.write_bytes(data.replace(word, word.upper()))
    run_stage(run_curate, open_run(config))
    published = b"".join(tars(config).values())
    assert word.upper() in published


def test_a_claim_is_made_under_the_lock(configure: Configure) -> None:
    first, second = open_run(configure()), open_run(configure(name="other"))
    with (
        only_writer(first),
        pytest.raises(ConfigError, match="another process is writing"),
        only_writer(second),
    ):
        pass
    with pytest.raises(ConfigError, match="holds the run 'run', not 'other'"), only_writer(second):
        pass
    assert json.loads(Path(first.path("work", "run-of.json")).read_text())["name"] == "run"


@pytest.mark.parametrize("note", ["{}", "[]", '{"name": 1}'])
def test_a_note_of_another_shape_is_refused(configure: Configure, note: str) -> None:
    config = configure()
    path = Path(config.output) / "work" / "run-of.json"
    path.parent.mkdir(parents=True)
    path.write_text(note)
    with pytest.raises(ConfigError, match="is not what a run writes"):
        open_run(config)


def test_local_paths_are_absolute_for_workers_elsewhere(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = open_run(configure().model_copy(update={"output": "here"}))
    assert run.config.output == str(tmp_path / "here")
    assert run.jobs[0].work == str(tmp_path / "here" / "work")


def test_a_server_address_holds_no_password(configure: Configure) -> None:
    worker = {"kind": "openai", "base_urls": ["http://me:s3cret@host/v1"], "model": "m"}
    with pytest.raises(ValueError, match="base_urls must hold no name or password") as raised:
        configure(workers={"rules": {"kind": "rules"}, "model": worker})
    assert "api_key_env" in str(raised.value)

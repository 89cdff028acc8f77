"""The example of docs/recipes.md is a recipe, and a run uses it from outside the tree."""

import json
import re
import tarfile
from pathlib import Path

import pytest
import yaml

from demo_data.scenes import write_scenes
from lvlm_workers.mock import MockWorker
from pipelines.command import run_stage
from pipelines.curate import run_curate
from pipelines.run import open_run
from recipes.base import Recipe
from recipes.registry import _RECIPES, get_recipe
from schemas.annotation import FIELDS
from schemas.config import RunConfig

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text()
NAME = "my_recipes.first_words:FirstWords"


def example(language: str) -> str:
    """Return the page's one block of code in a language."""
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(block)


def rows(section: str) -> list[str]:
    """Return what the rows of a section's table are about."""
    (text,) = re.findall(rf"^## {section}\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    return re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE)


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the page's module on the path, as the page says, and scenes beside it."""
    package = tmp_path / "elsewhere" / "my_recipes"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "first_words.py").write_text(example("python"))
    monkeypatch.syspath_prepend(str(package.parent))
    write_scenes(tmp_path / "scenes", count=6, seed=3, size_px=64, per_shard=3)
    return tmp_path


def run(folder: Path, worker: dict[str, object] | None = None) -> list[dict[str, object]]:
    told = yaml.safe_load(example("yaml"))
    assert told["annotate"] == [{"recipe": NAME, "worker": "rules"}]
    if worker:
        told["workers"] = {"rules": worker}
    values = {"name": "own", "input": {"shards": f"{folder}/scenes/*.tar"}, "output": f"{folder}/out"}
    run_stage(run_curate, open_run(RunConfig.model_validate(values | told)))
    found = []
    for path in sorted((folder / "out" / "shards").glob("*.tar")):
        with tarfile.open(path) as tar:
            found += [json.load(tar.extractfile(m)) for m in tar if m.name.endswith(".json")]  # type: ignore[arg-type]
    return found


def test_the_example_curates_by_rule(outside: Path) -> None:
    found = run(outside)
    assert len(found) == 6
    for record in found:
        words = str(record["alt_text"]).lower().split()
        assert record["short_positive"] == [f"{words[0]} {words[1]}"]
        assert record["short_negative"] == ["zebra crossing"]
        assert record["provenance"]["short_positive"]["recipe"] == "first-words"  # type: ignore[index]
        assert record["long_positive"] == []


def test_the_example_curates_by_a_model(outside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tags = json.dumps({"short_positive": ["a thing"], "short_negative": ["other thing"]})
    worker = MockWorker(lambda request: tags if "refused: it was empty" in request.prompt else "")
    for place in ("transforms.annotate_shards.make_worker", "pipelines.annotate.make_worker"):
        monkeypatch.setattr(place, lambda _: worker)
    server: dict[str, object] = {"kind": "openai", "base_urls": ["http://127.0.0.1:9/v1"], "model": "tiny"}
    assert [record["short_positive"] for record in run(outside, server)] == [["a thing"]] * 6
    assert len(worker.seen) == 12
    assert (outside / "out" / "work" / "replies" / "first-words").is_dir()


@pytest.mark.usefixtures("outside")
def test_the_page_names_what_there_is() -> None:
    assert isinstance(get_recipe(NAME), Recipe)
    assert set(rows("What a recipe holds")) == set(Recipe.__annotations__)
    assert rows("Those that are here") == list(_RECIPES)
    for field in FIELDS:
        assert f"`{field}`" in PAGE
    for module, function in (
        ("reply", "read_object"), ("reply", "read_strings"), ("reply", "tidy_texts"), ("reply", "read_lines"),
    ):  # fmt: skip
        assert f"`{function}`" in PAGE
        assert callable(getattr(__import__(f"recipes.{module}", fromlist=[function]), function))

"""The example of docs/writing_a_recipe.md is a recipe, and a run uses it from outside the tree."""

import importlib
import json
import re
import tarfile
from pathlib import Path

import pytest
import yaml

from demo_data.scenes import write_scenes
from lvlm_workers.base import Request
from lvlm_workers.mock import MockWorker
from pipelines.command import run_stage
from pipelines.curate import run_curate
from pipelines.run import open_run
from recipes import reply
from recipes.base import Recipe
from recipes.registry import _RECIPES, get_recipe
from schemas.annotation import FIELDS
from schemas.config import RunConfig

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "writing_a_recipe.md").read_text()
LIST = (DOCS / "recipes.md").read_text()
NAME = "headline:Headline"


def example(name: str) -> str:
    """Return the block that the page has its reader save as a file of that name."""
    (block,) = re.findall(rf"[Ss]ave as `{name}`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(block)


def rows(page: str, section: str) -> list[str]:
    """Return what the rows of a section's table are about."""
    (text,) = re.findall(rf"^## {section}\n(.*?)^## ", page, re.MULTILINE | re.DOTALL)
    return re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE)


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the page's module on the path, as the page says, and scenes beside it."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "headline.py").write_text(example("headline.py"))
    monkeypatch.syspath_prepend(str(elsewhere))
    write_scenes(tmp_path / "scenes", count=6, seed=3, size_px=64, per_shard=3)
    return tmp_path


def run(folder: Path, worker: dict[str, object] | None = None) -> list[dict[str, object]]:
    told = yaml.safe_load(example("headline.yaml"))
    assert told["annotate"][1] == {"recipe": NAME, "worker": "rules"}
    if worker:
        told["workers"]["model"] = worker
        told["annotate"][1]["worker"] = "model"
    values = {"input": {"shards": f"{folder}/scenes/*.tar"}, "output": f"{folder}/out"}
    run_stage(run_curate, open_run(RunConfig.model_validate(told | values)))
    found = []
    for path in sorted((folder / "out" / "shards").glob("*.tar")):
        with tarfile.open(path) as tar:
            found += [json.load(tar.extractfile(m)) for m in tar if m.name.endswith(".json")]  # type: ignore[arg-type]
    return found


def test_the_example_curates_by_rule(outside: Path) -> None:
    found = run(outside)
    assert len(found) == 6
    for record in found:
        sentences: list[str] = record["long_positive"]  # type: ignore[assignment]
        short = [text for text in sentences if len(text.split()) <= 12]
        assert record["compressed"] == (short[0] if short else None)
        assert record["provenance"]["compressed"]["recipe"] == "headline"  # type: ignore[index]


def test_the_example_curates_by_a_model(outside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: Request) -> str:
        said = json.loads(request.prompt.partition("Sentences: ")[2].partition("\n")[0]).split()
        again = "refused: it was too long: write at most 12 words." in request.prompt
        return json.dumps({"compressed": " ".join(said[:3] if again else (said * 13)[:13])})

    worker = MockWorker(answer)
    for place in ("transforms.annotate_shards.make_worker", "pipelines.annotate.make_worker"):
        make = importlib.import_module(place.rpartition(".")[0]).make_worker
        monkeypatch.setattr(place, lambda told, make=make: worker if told.kind == "openai" else make(told))
    server: dict[str, object] = {"kind": "openai", "base_urls": ["http://127.0.0.1:9/v1"], "model": "tiny"}
    for record in run(outside, server):
        sentences: list[str] = record["long_positive"]  # type: ignore[assignment]
        assert record["compressed"] == " ".join(" ".join(sentences).split()[:3])
    assert len(worker.seen) == 12
    assert (outside / "out" / "work" / "replies" / "headline").is_dir()


@pytest.mark.usefixtures("outside")
def test_the_pages_name_what_there_is() -> None:
    assert isinstance(get_recipe(NAME), Recipe)
    methods = {name for name in vars(Recipe) if not name.startswith("_") and callable(getattr(Recipe, name))}
    told = re.findall(r"^\| `(\w+)\(", PAGE, re.MULTILINE)
    assert set(told) == methods - {"prompt_sha256"}
    assert set(rows(PAGE, "The parts")) == set(Recipe.__annotations__)
    assert rows(LIST, "Those that are here") == list(_RECIPES)
    for field in FIELDS:
        assert f"`{field}`" in PAGE
    for function in ("read_object", "read_strings", "tidy_texts", "read_lines"):
        assert f"`{function}`" in PAGE
        assert callable(getattr(reply, function))

"""What users type and import: a change here is a change for them."""

import ast
import runpy
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, get_args

import pytest
import setuptools

from pairwright.cli import make_parser
from recipes.registry import get_recipe
from schemas.annotation import FIELDS
from schemas.config import RunConfig
from schemas.filters import Filter
from schemas.train import LossesConfig, TrainConfig

ROOT = Path(__file__).parents[1]


def packages_on_disk() -> set[str]:
    tops = [path.parent for path in ROOT.glob("*/__init__.py")]
    return {
        ".".join(path.parent.relative_to(ROOT).parts) for top in tops for path in top.rglob("__init__.py")
    }


def test_setup_lists_every_package(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: told.update(arguments))
    runpy.run_path(str(ROOT / "setup.py"))
    assert set(told["packages"]) == packages_on_disk()


def test_no_other_distribution_ships_our_top_level_names() -> None:
    owners = packages_distributions()
    for name in {package.split(".")[0] for package in packages_on_disk()}:
        assert set(owners.get(name, ["pairwright"])) == {"pairwright"}, f"{name} belongs to {owners[name]}"


def test_commands() -> None:
    (subparsers,) = (action for action in make_parser()._actions if action.choices)
    assert set(subparsers.choices or ()) == {
        "curate", "plan", "doctor", "inspect", "report", "verify", "hashes", "schema", "train",
        "evaluate", "compare",
    }  # fmt: skip


def test_sections_of_a_configuration() -> None:
    assert {field.alias or name for name, field in RunConfig.model_fields.items()} == {
        "name",
        "license",
        "source",
        "card",
        "input",
        "output",
        "profile",
        "dedup",
        "workers",
        "annotate",
        "regions",
        "score",
        "publish",
        "chunk_samples",
        "max_failed_replies",
    }


def test_sections_of_a_trainers_configuration() -> None:
    assert set(TrainConfig.model_fields) == {
        "output", "data", "model", "tokenizer", "texts", "losses", "optim", "batch", "chunk", "epochs",
        "seed", "precision", "device", "compile", "checkpoint_steps", "keep_checkpoints", "log_steps",
    }  # fmt: skip
    assert set(LossesConfig.model_fields) == {
        "contrastive", "hni", "stc", "multi_text", "long_clip", "regions", "distill",
    }  # fmt: skip


def test_filters() -> None:
    kinds = {get_args(model.model_fields["kind"].annotation)[0] for model in get_args(get_args(Filter)[0])}
    assert kinds == {
        "words", "chars", "side", "aspect", "language", "bytes", "pixels", "brightness", "contrast",
        "sharpness", "entropy", "html", "url", "file_name", "animated", "repetition", "json",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["hqclip", "laclip"])
def test_recipes_write_fields_of_the_record(name: str) -> None:
    recipe = get_recipe(name)
    assert recipe.name == name
    assert set(recipe.fields) <= set(FIELDS)


def test_every_public_function_and_class_has_a_docstring() -> None:
    for package in packages_on_disk():
        for path in sorted((ROOT / package.replace(".", "/")).glob("*.py")):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                    assert ast.get_docstring(node), f"{path.relative_to(ROOT)}: {node.name} has no docstring"

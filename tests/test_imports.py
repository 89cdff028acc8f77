"""Imports point one way: each folder knows only what design and README say it knows."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KNOWS: dict[str, set[str]] = {
    "schemas": set(),
    "recipes": {"schemas"},
    "lvlm_workers": {"schemas"},
    "demo_data": {"schemas"},
    "dataset_cards": {"schemas"},
    "transforms": {"schemas", "recipes", "lvlm_workers"},
    "pipelines": {"schemas", "recipes", "lvlm_workers", "transforms", "dataset_cards"},
    "contrastive_trainer": {"schemas"},
    "clip_evaluation": {"schemas", "contrastive_trainer"},
    "pairwright": {"schemas", "pipelines", "contrastive_trainer", "clip_evaluation"},
}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively; write whole import paths"
            yield node.module or ""


@pytest.mark.parametrize("package", sorted(KNOWS))
def test_a_package_knows_only_those_below_it(package: str) -> None:
    allowed = KNOWS[package] | {package}
    for path in sorted((ROOT / package).rglob("*.py")):
        ours = {name.split(".")[0] for name in imported(path)} & set(KNOWS)
        assert ours <= allowed, f"{path.relative_to(ROOT)} imports {sorted(ours - allowed)}"


def test_every_package_has_its_place_in_the_order() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == set(KNOWS)

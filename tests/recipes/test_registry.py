import hashlib
import json
from pathlib import Path

import pytest

from recipes.hqclip import HqClip
from recipes.registry import _RECIPES, get_recipe
from schemas.annotation import FIELDS
from schemas.facts import Facts

NAMES = (
    "bilingual", "cloc_phrases", "compress", "compress-alt-text", "compress-fused", "detect", "fuse", "grain",
    "hqclip", "laclip", "lvlm_grounding", "recaption",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_answers_to_its_name_and_writes_known_fields(name: str) -> None:
    recipe = get_recipe(name)
    assert recipe.name == name
    assert set(recipe.fields) <= set(FIELDS)
    assert set(recipe.fields) == set(recipe.schema["properties"]) == set(recipe.schema["required"])


class _Asks(HqClip):
    def __init__(self, question: str) -> None:
        self._question = question

    def prompt(self, facts: Facts) -> str:
        return self._question + facts.alt_text


def test_the_hash_covers_name_version_schema_and_prompt() -> None:
    recipe = _Asks("What is seen?")
    identity = json.dumps(["hqclip", recipe.version, recipe.schema, "What is seen?"], sort_keys=True)
    assert recipe.prompt_sha256() == hashlib.sha256(identity.encode()).hexdigest()
    assert recipe.prompt_sha256() == _Asks("What is seen?").prompt_sha256()
    others = [_Asks("What is there?"), HqClip(), get_recipe("laclip")]
    assert len({other.prompt_sha256() for other in (recipe, *others)}) == 4


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(
        ValueError, match="recipe 'hqlip' is not known; use one of bilingual, .*recaption, or"
    ):
        get_recipe("hqlip")


HEAD = "from recipes.hqclip import HqClip\nfrom recipes.base import Recipe\n"
MODULES = {
    "own_good": HEAD + "class Mine(HqClip):\n    name = 'mine'",
    "own_same_name": HEAD + "class Mine(HqClip):\n    pass",
    "own_path": HEAD + "class Mine(HqClip):\n    name = '../mine'",
    "own_fields": HEAD + "class Mine(HqClip):\n    name = 'mine'\n    fields = ('caption',)",
    "own_unfinished": HEAD + "class Mine(Recipe):\n    name = 'mine'",
    "own_bare": HEAD + "class Mine(Recipe):\n    prompt = parse = by_rule = None",
    "own_arguments": HEAD + "class Mine(HqClip):\n    def __init__(self, x):\n        pass",
    "own_other": "Mine = 3",
    "own_broken": "1 / 0",
    "own_syntax": "class",
}


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, source in MODULES.items():
        (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("modules")
def test_a_class_outside_the_tree_is_a_recipe() -> None:
    recipe = get_recipe("own_good:Mine")
    assert recipe.name == "mine"
    assert get_recipe("own_good:Mine") is recipe


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("own_same_name:Mine", "calls itself 'hqclip', as one of ours; give it another name"),
        ("own_path:Mine", "calls itself '../mine'; use up to 64 of"),
        ("own_fields:Mine", "writes fields ['caption']; use those of long_positive,"),
        ("own_unfinished:Mine", "cannot be made without arguments (Can't instantiate abstract class"),
        ("own_bare:Mine", "has no 'name'; set it in the class"),
        ("own_arguments:Mine", "cannot be made without arguments (Mine.__init__() missing"),
        ("own_other:Mine", "is no subclass of recipes.base.Recipe; make it one"),
        ("own_broken:Mine", "cannot be imported (ZeroDivisionError: division by zero)"),
        ("own_syntax:Mine", "cannot be imported (SyntaxError"),
        ("own_good:Yours", "cannot be imported (AttributeError"),
        ("own_absent:Mine", "cannot be imported (ModuleNotFoundError: No module named 'own_absent')"),
        (":Mine", "cannot be imported (ValueError: Empty module name)"),
        ("own_good:", "cannot be imported (AttributeError"),
        ("..own_good:Mine", "cannot be imported (TypeError"),
    ],
)
@pytest.mark.usefixtures("modules")
def test_a_class_that_is_no_recipe_is_told_in_one_line(name: str, problem: str) -> None:
    with pytest.raises(ValueError, match="recipe") as caught:
        get_recipe(name)
    assert str(caught.value).startswith(f"recipe {name!r} {problem}")
    assert "\n" not in str(caught.value)


def test_every_recipe_of_ours_has_another_name_and_asks_something_else() -> None:
    recipes = [get_recipe(name) for name in NAMES]
    assert sorted(_RECIPES) == sorted(NAMES)
    assert len({recipe.prompt_sha256() for recipe in recipes}) == len(NAMES)
    for recipe in recipes:
        writers = [other for other in recipes if set(other.fields) & set(recipe.reads)]
        assert bool(writers) == bool(recipe.reads)
        assert recipe.source.endswith(")")

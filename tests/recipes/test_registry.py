import hashlib
import json

import pytest

from recipes.hqclip import HqClip
from recipes.registry import get_recipe
from schemas.annotation import FIELDS
from schemas.facts import Facts


@pytest.mark.parametrize("name", ["hqclip", "laclip"])
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
    with pytest.raises(ValueError, match="recipe 'hqlip' is not known; use one of hqclip, laclip"):
        get_recipe("hqlip")

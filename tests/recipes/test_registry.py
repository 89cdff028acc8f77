import pytest

from recipes.registry import get_recipe
from schemas.annotation import FIELDS


@pytest.mark.parametrize("name", ["hqclip", "laclip"])
def test_a_recipe_answers_to_its_name_and_writes_known_fields(name: str) -> None:
    recipe = get_recipe(name)
    assert recipe.name == name
    assert set(recipe.fields) <= set(FIELDS)
    assert set(recipe.fields) == set(recipe.schema["properties"]) == set(recipe.schema["required"])
    assert len(recipe.prompt_sha256()) == 64


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(ValueError, match="recipe 'hqlip' is not known; use one of hqclip, laclip"):
        get_recipe("hqlip")

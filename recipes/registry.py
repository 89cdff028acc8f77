"""The recipes a configuration can name. A new paper is a new file and one line here."""

from recipes.base import Recipe
from recipes.hqclip import HqClip
from recipes.laclip import LaClip

_RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        HqClip(),
        LaClip(),
    )
}


def get_recipe(name: str) -> Recipe:
    """Return the recipe of that name.

    Raises:
        ValueError: there is none.
    """
    if name not in _RECIPES:
        raise ValueError(f"recipe {name!r} is not known; use one of {', '.join(sorted(_RECIPES))}")
    return _RECIPES[name]

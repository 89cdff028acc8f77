"""The recipes a configuration can name. A new paper is a new file and one line here, or a module of yours."""

import importlib
import re
from functools import cache

from recipes.base import Recipe
from recipes.bilingual import Bilingual
from recipes.cloc_phrases import ClocPhrases
from recipes.compress import Compress, CompressAltText, CompressFused
from recipes.detect import Detect
from recipes.fuse import Fuse
from recipes.grain import Grain
from recipes.hqclip import HqClip
from recipes.laclip import LaClip
from recipes.lvlm_grounding import LvlmGrounding
from recipes.realign import Realign
from recipes.recaption import Recaption
from schemas.annotation import FIELDS

_RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        HqClip(),
        LaClip(),
        Recaption(),
        Fuse(),
        Bilingual(),
        Compress(),
        CompressFused(),
        CompressAltText(),
        ClocPhrases(),
        Grain(),
        LvlmGrounding(),
        Detect(),
    )
}
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")


def get_recipe(name: str) -> Recipe:
    """Return the recipe of that name, or an instance of the class that `package.module:Class` names.

    Raises:
        ValueError: there is none, the class is no recipe, or only the score stage puts it.
    """
    if ":" in name:
        return _import_recipe(name)
    if name == Realign.name:
        raise ValueError(
            f"recipe {name!r} is put by score.words.rewrite; name its worker there, not in annotate"
        )
    if name not in _RECIPES:
        known = ", ".join(sorted(_RECIPES))
        raise ValueError(f"recipe {name!r} is not known; use one of {known}, or your own as module:Class")
    return _RECIPES[name]


@cache
def _import_recipe(name: str) -> Recipe:
    module, _, class_name = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), class_name)
    except Exception as error:  # whatever the module raises: it is not ours
        line = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ValueError(
            f"recipe {name!r} cannot be imported ({line}); write module:Class, its folder in PYTHONPATH"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Recipe)):
        raise ValueError(f"recipe {name!r} is no subclass of recipes.base.Recipe; make it one")
    try:
        recipe = found()
    except Exception as error:
        line = " ".join(str(error).split())[:200]
        raise ValueError(f"recipe {name!r} cannot be made without arguments ({line})") from error
    _check(name, recipe)
    return recipe


def _check(name: str, recipe: Recipe) -> None:
    for attribute in ("name", "version", "source", "fields", "needs_text", "needs_image", "schema"):
        if not hasattr(recipe, attribute):
            raise ValueError(f"recipe {name!r} has no {attribute!r}; set it in the class")
    if not isinstance(recipe.name, str) or not _NAME.fullmatch(recipe.name):
        raise ValueError(
            f"recipe {name!r} calls itself {recipe.name!r}; use up to 64 of a-z, 0-9, _ and -, a letter first"
        )
    if recipe.name in _RECIPES or recipe.name == Realign.name:
        raise ValueError(
            f"recipe {name!r} calls itself {recipe.name!r}, as one of ours; give it another name"
        )
    unknown = sorted(set(recipe.fields) - FIELDS.keys())
    if unknown:
        raise ValueError(f"recipe {name!r} writes fields {unknown}; use those of {', '.join(FIELDS)}")

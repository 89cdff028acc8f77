"""What a run asks for: its recipes, who answers each, and which of them start from what others write."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from recipes.base import Recipe
from recipes.realign import Realign
from recipes.registry import get_recipe
from schemas.annotation import ABOUT_PARTS
from schemas.choosing import Choosing
from schemas.config import RunConfig
from schemas.errors import ConfigError
from schemas.workers import DETECTORS, WorkerConfig
from transforms.code_mark import ASKING, code_mark

REALIGN = Realign()
"""Put by the score stage, to mend what the steps of `annotate` wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A recipe put to a worker; `sources` are the steps that write what it starts from."""

    recipe: Recipe
    worker: WorkerConfig
    choosing: Choosing = dataclasses.field(default_factory=Choosing)  # of regions
    sources: tuple["Step", ...] = ()

    @property
    def asked(self) -> list[object]:
        """What decides the annotations: what is asked, who answers, how replies are read, and all the same
        of the sources."""
        recipe, sampling = self.recipe, dataclasses.asdict(self.recipe.sampling)
        mine = [recipe.name, recipe.prompt_sha256(), sampling, self.worker.identity(), code_mark(*ASKING)]
        if "regions" in self.recipe.fields:
            mine.append(self.choosing.model_dump())
        return [*mine, *(source.asked for source in self.sources)]

    @property
    def starts_from(self) -> tuple[str, ...]:
        """The fields of its sources that it is told."""
        there = {field for source in self.sources for field in source.recipe.fields}
        return tuple(field for field in (*self.recipe.reads, *self.recipe.uses) if field in there)

    @property
    def wave(self) -> int:
        """How many steps one after another must be done before this one."""
        return max((source.wave + 1 for source in self.sources), default=0)


def plan_steps(config: RunConfig) -> dict[str, Step]:
    """Return the steps of a run by the name that the configuration gives their recipes, in its order.

    Raises:
        ConfigError: a recipe is not known, two write the same field, a field that one reads is written by
            none, or only after it, or a detector is asked for texts, or a model to detect.
    """
    recipes = {step.recipe: _recipe(step.recipe) for step in config.annotate}
    workers = {step.recipe: config.workers[step.worker] for step in config.annotate}
    writers = _writers(recipes)
    sources = {name: _sources(recipes, writers, name) for name in recipes}
    made: dict[str, Step] = {}
    for name in _in_turn(recipes, sources):
        before = tuple(made[source] for source in sources[name])
        made[name] = Step(recipe=recipes[name], worker=workers[name], choosing=config.regions, sources=before)
        _check_detector(made[name])
    return {name: made[name] for name in recipes}


def find_step(config: RunConfig, recipe: str) -> Step:
    """Return the step of that name: `REALIGN`, which starts from all others, where the run asks for it.

    Raises:
        ConfigError: as `plan_steps`; or a detector is to mend sentences.
    """
    steps = plan_steps(config)
    if recipe != REALIGN.name or config.rewriter is None:
        return steps[recipe]
    worker = config.workers[config.rewriter]
    if worker.kind in DETECTORS:
        raise ConfigError(
            f"score.words.rewrite: worker {config.rewriter!r}, of kind {worker.kind!r}, is a detector and "
            "writes no sentences; give another"
        )
    return Step(recipe=REALIGN, worker=worker, sources=tuple(steps.values()))


def needs_text(steps: Iterable[Step]) -> bool:
    """Return whether a sample without alt text gets a text from no step; one that reads others makes none."""
    writing = (step for step in steps if not step.sources and not ABOUT_PARTS.issuperset(step.recipe.fields))
    return all(step.recipe.needs_text for step in writing)


def _check_detector(step: Step) -> None:
    name, kind = step.recipe.name, step.worker.kind
    if step.recipe.detected and kind not in DETECTORS:
        raise ConfigError(
            f"annotate: recipe {name!r} is for detectors, and its worker is of kind {kind!r}; "
            f"use one of {', '.join(DETECTORS)}, or a recipe for models (lvlm_grounding)"
        )
    if not step.recipe.detected and kind in DETECTORS:
        raise ConfigError(
            f"annotate: recipe {name!r} asks for texts, and its worker, of kind {kind!r}, is a detector; "
            "give it another worker"
        )


def _recipe(name: str) -> Recipe:
    try:
        return get_recipe(name)
    except ValueError as error:
        raise ConfigError(f"annotate: {error}") from error


def _writers(recipes: Mapping[str, Recipe]) -> dict[str, str]:
    """Return who writes each field."""
    writers: dict[str, str] = {}
    for name, recipe in recipes.items():
        for field in recipe.fields:
            if field in writers:
                raise ConfigError(
                    f"annotate: recipes {writers[field]!r} and {name!r} both write {field}; leave one out"
                )
            writers[field] = name
    return writers


def _sources(recipes: Mapping[str, Recipe], writers: Mapping[str, str], name: str) -> list[str]:
    """Return the recipes that write what one starts from, in the order of its fields."""
    for field in recipes[name].reads:
        if field not in writers:
            raise ConfigError(
                f"annotate: recipe {name!r} reads {field}, which no recipe of this run writes; "
                f"add one that does, or leave {name!r} out"
            )
    wanted = (*recipes[name].reads, *recipes[name].uses)
    return list(dict.fromkeys(writers[field] for field in wanted if field in writers))


def _in_turn(recipes: Mapping[str, Recipe], sources: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the recipes in an order in which each comes after its sources."""
    try:
        return list(TopologicalSorter(sources).static_order())
    except CycleError as error:
        source, name = error.args[1][:2]
        wanted = (*recipes[name].reads, *recipes[name].uses)
        field = next(field for field in wanted if field in recipes[source].fields)
        raise ConfigError(
            f"annotate: recipe {name!r} reads {field} of {source!r}, which starts from what {name!r} writes; "
            "leave one of them out"
        ) from None

"""Recipes that start from other recipes' fields come after those, in whatever order they are configured."""

from collections.abc import Callable, Mapping
from itertools import permutations
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recipes import registry
from recipes.base import Recipe
from schemas.choosing import Choosing
from schemas.config import RunConfig
from schemas.errors import ConfigError
from schemas.facts import Facts
from transforms.steps import needs_text, plan_steps

Configure = Callable[..., RunConfig]


def recipe(
    name: str,
    fields: tuple[str, ...],
    reads: tuple[str, ...] = (),
    *,
    uses: tuple[str, ...] = (),
    text: bool = True,
    detected: bool = False,
) -> Recipe:
    """Return a recipe of that shape."""

    class Made(Recipe):
        version: ClassVar[str] = "1"
        source: ClassVar[str] = "a test"
        needs_text: ClassVar[bool] = text
        needs_image: ClassVar[bool] = False
        schema: ClassVar[Mapping[str, Any]] = {"type": "object"}

        def prompt(self, facts: Facts) -> str:
            return f"{name} {self.version}"

        def parse(self, text: str, facts: Facts, *, finish_reason: str = "stop") -> Mapping[str, Any]:
            return {}

    Made.name, Made.fields, Made.reads, Made.uses, Made.detected = name, fields, reads, uses, detected
    return Made()


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Return a maker of configurations that run recipes in the order given."""

    def make(*recipes: Recipe, **models: str) -> RunConfig:
        monkeypatch.setattr(registry, "_RECIPES", {one.name: one for one in recipes})
        workers = {
            one.name: {
                "kind": "openai",
                "base_urls": ["http://127.0.0.1:9/v1"],
                "model": models.get(one.name, "tiny"),
            }
            for one in recipes
        }
        return RunConfig.model_validate(
            {
                "name": "test",
                "input": {"shards": "a.tar"},
                "output": "out",
                "workers": workers,
                "annotate": [{"recipe": one.name, "worker": one.name} for one in recipes],
            }
        )

    return make


CHAIN = (
    recipe("first", ("recaption",), text=False),
    recipe("second", ("fused",), ("recaption",)),
    recipe("third", ("compressed",), ("fused", "recaption")),
    recipe("other", ("rewrites",)),
)


@pytest.mark.parametrize("order", list(permutations(CHAIN)))
def test_a_chain_is_followed_in_any_order(configure: Configure, order: tuple[Recipe, ...]) -> None:
    steps = plan_steps(configure(*order))
    assert list(steps) == [one.name for one in order]
    assert {name: step.wave for name, step in steps.items()} == {
        "first": 0, "second": 1, "third": 2, "other": 0
    }  # fmt: skip
    assert [source.recipe.name for source in steps["third"].sources] == ["second", "first"]
    assert steps["first"].sources == steps["other"].sources == ()


FIELDS = ["recaption", "fused", "compressed", "english", "chinese", "rewrites"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_plan_either_holds_or_names_what_is_wrong(configure: Configure, data: st.DataObject) -> None:
    written = data.draw(st.lists(st.sampled_from(FIELDS), unique=True, min_size=1))
    reads = {field: data.draw(st.sets(st.sampled_from(FIELDS), max_size=2)) for field in written}
    made = [recipe(f"r-{field}", (field,), tuple(sorted(reads[field]))) for field in written]
    # An independent reference: take away what reads nothing that is left, until nothing goes.
    left, waves = dict(reads), dict[str, int]()
    while ready := [field for field in left if not reads[field] & left.keys()]:
        at = len(set(waves.values()))
        waves |= dict.fromkeys(ready, at)
        left = {field: of for field, of in left.items() if field not in ready}
    missing = {one for field in written for one in reads[field]} - set(written)
    if missing:
        with pytest.raises(ConfigError, match="which no recipe of this run writes"):
            plan_steps(configure(*made))
    elif left:
        with pytest.raises(ConfigError, match="which starts from what") as raised:
            plan_steps(configure(*made))
        reader, field, writer = (str(raised.value).split()[n].strip("',") for n in (2, 4, 6))
        assert field in reads[reader.removeprefix("r-")]
        assert writer == f"r-{field}"
        assert {reader.removeprefix("r-"), field} <= left.keys()
    else:
        steps = plan_steps(configure(*made))
        assert {name.removeprefix("r-"): step.wave for name, step in steps.items()} == waves


def test_a_field_that_nobody_writes_is_named_with_the_mend(configure: Configure) -> None:
    with pytest.raises(ConfigError) as raised:
        plan_steps(configure(CHAIN[0], CHAIN[2]))
    assert str(raised.value) == (
        "annotate: recipe 'third' reads fused, which no recipe of this run writes; add one that does, or "
        "leave 'third' out"
    )


def test_a_cycle_is_named_with_the_mend(configure: Configure) -> None:
    made = recipe("a", ("fused",), ("compressed",)), recipe("b", ("compressed",), ("recaption", "fused"))
    with pytest.raises(ConfigError) as raised:
        plan_steps(configure(*made, CHAIN[0]))
    assert str(raised.value).removeprefix("annotate: recipe ").removesuffix("; leave one of them out") in (
        "'a' reads compressed of 'b', which starts from what 'a' writes",
        "'b' reads fused of 'a', which starts from what 'b' writes",
    )


def test_two_that_write_the_same_are_named(configure: Configure) -> None:
    with pytest.raises(ConfigError, match="recipes 'first' and 'twin' both write recaption; leave one"):
        plan_steps(configure(CHAIN[0], recipe("twin", ("recaption",))))


def test_who_reads_does_not_make_texts_of_nothing(configure: Configure) -> None:
    from_text, from_picture = recipe("words", ("recaption",)), CHAIN[0]
    reader = recipe("reader", ("fused",), ("recaption",), text=False)
    needing = recipe("needing", ("compressed",), ("recaption",), text=True)
    for recipes, expected in (
        ((), True),
        ((from_text,), True),
        ((from_text, reader), True),
        ((from_text, needing), True),
        ((from_picture,), False),
        ((from_picture, reader), False),
        ((from_picture, needing), False),
        ((CHAIN[3], from_picture), False),
    ):
        assert needs_text(plan_steps(configure(*recipes)).values()) is expected


def test_what_is_asked_changes_with_all_that_it_starts_from(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(config: RunConfig) -> dict[str, str]:
        return {name: str(step.asked) for name, step in plan_steps(config).items()}

    def changed(config: RunConfig) -> set[str]:
        return {name for name, what in asked(config).items() if what != before[name]}

    before = asked(configure(*CHAIN))
    assert changed(configure(*reversed(CHAIN))) == set()
    assert changed(configure(*CHAIN, first="large")) == {"first", "second", "third"}
    assert changed(configure(*CHAIN, second="large")) == {"second", "third"}
    assert changed(configure(*CHAIN, third="large")) == {"third"}
    assert changed(configure(*CHAIN, other="large")) == {"other"}
    reworded = recipe("first", ("recaption",), text=False)
    monkeypatch.setattr(type(reworded), "version", "2")
    assert changed(configure(reworded, *CHAIN[1:])) == {"first", "second", "third"}


def test_what_is_used_is_told_where_there_is_somebody_who_writes_it(configure: Configure) -> None:
    boxes = recipe("boxes", ("phrases",), uses=("recaption", "fused", "rewrites"), text=False)
    alone = plan_steps(configure(boxes))["boxes"]
    assert (alone.sources, alone.starts_from, alone.wave) == ((), (), 0)
    among = plan_steps(configure(boxes, CHAIN[3], CHAIN[0]))["boxes"]
    assert [source.recipe.name for source in among.sources] == ["first", "other"]
    assert (among.starts_from, among.wave) == (("recaption", "rewrites"), 1)
    assert among.asked != alone.asked


def test_parts_of_a_picture_are_no_text_for_a_sample_without(configure: Configure) -> None:
    phrases = recipe("parts", ("phrases",), text=False)
    assert needs_text(plan_steps(configure(phrases)).values())
    assert needs_text(plan_steps(configure(phrases, CHAIN[3])).values())
    assert not needs_text(plan_steps(configure(phrases, CHAIN[0])).values())


def test_detectors_detect_and_models_write(configure: Configure) -> None:
    finder = recipe("finder", ("regions",), detected=True)
    config = configure(finder, CHAIN[0])
    with pytest.raises(ConfigError, match="'finder' is for detectors, and its worker is of kind 'openai'"):
        plan_steps(config)
    segments = RunConfig.model_validate(
        config.model_dump(by_alias=True)
        | {"workers": {name: {"kind": "segments"} for name in config.workers}}
    )
    with pytest.raises(ConfigError, match="'first' asks for texts, and its worker, of kind 'segments'"):
        plan_steps(segments)


def test_other_thresholds_choose_anew_but_ask_nothing_again(configure: Configure) -> None:
    finder = recipe("finder", ("regions",), text=False)
    config = configure(finder, CHAIN[0])
    stricter = config.model_copy(update={"regions": Choosing(min_score=0.5)})
    before, after = plan_steps(config), plan_steps(stricter)
    assert before["finder"].asked != after["finder"].asked
    assert before["first"].asked == after["first"].asked

"""What a recipe of anybody's gives of a sample is held to its fields."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from lvlm_workers.base import Reply
from lvlm_workers.mock import MockWorker
from recipes.hqclip import HqClip
from recipes.registry import get_recipe
from schemas.annotation import Annotation
from schemas.errors import RunError
from schemas.facts import Facts
from schemas.workers import OpenAIWorkerConfig
from transforms.questions import Questions
from transforms.steps import Step

FACTS = Facts(index=0, uid="u", key="k", alt_text="A dog")
WORKER = OpenAIWorkerConfig(kind="openai", base_urls=("http://127.0.0.1:9/v1",), model="m")


class Mine(HqClip):
    """Gives whatever it is told, read or known or when nothing was usable."""

    name = "mine"
    fields = ("rewrites", "recaption")

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given

    def parse(self, text: str, facts: Facts, *, finish_reason: str = "stop") -> Mapping[str, Any]:
        return self.given

    def known(self, facts: Facts) -> Mapping[str, Any] | None:
        return self.given


def questions(given: Mapping[str, Any]) -> Questions:
    return Questions(step=Step(recipe=Mine(given), worker=WORKER), worker=MockWorker(lambda _: ""))


@pytest.mark.parametrize(
    "given",
    [{"rewrites": ["a", "b"], "recaption": "c"}, {"rewrites": [], "recaption": None}, {"recaption": ""}, {}],
)
def test_texts_of_its_own_fields_are_taken(given: Mapping[str, Any]) -> None:
    read = questions(given).read(FACTS, None, Reply(text="", model="m"))
    known = questions(given).known(FACTS)
    assert known is not None
    assert read.fields == known.fields == given  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rewrites": "abc"}, "gives 'rewrites' as 'abc', but it holds a list of texts"),
        ({"rewrites": ["a", None]}, "a list of texts"),
        ({"rewrites": None}, "a list of texts"),
        ({"recaption": ["a"]}, r"gives 'recaption' as \['a'\], but it holds one text or null"),
        ({"recaption": 7}, "one text or null"),
        ({"short_positive": ["a"]}, "gives 'short_positive', which is none of its fields"),
        ({"caption": "a"}, "gives 'caption', which is none of its fields"),
    ],
)
def test_anything_else_stops_the_run(given: Mapping[str, Any], said: str) -> None:
    with pytest.raises(RunError, match=f"recipe 'mine' .*{said}.*; mend it"):
        questions(given).read(FACTS, None, Reply(text="", model="m"))
    with pytest.raises(RunError, match=said):
        questions(given).known(FACTS)


def test_the_seed_of_a_drawn_reply_is_told_and_a_greedy_one_has_none() -> None:
    worker = MockWorker(lambda _: "")
    facts = Facts(index=0, uid="u", key="k", alt_text="A brown dog runs on the beach.", language="en")
    rewrites = json.dumps({"rewrites": ["On the beach, a brown dog is running."]})
    recaption = json.dumps({"recaption": "A brown dog with a red collar runs along a wide sandy beach."})
    for name, text, told in (
        ("laclip", rewrites, 5),
        ("recaption", recaption, None),
    ):
        step = Step(recipe=get_recipe(name), worker=WORKER)
        read = Questions(step=step, worker=worker).read(facts, 5, Reply(text=text, model="m"))
        assert isinstance(read, Annotation), read
        assert read.provenance is not None
        assert read.provenance.seed == told

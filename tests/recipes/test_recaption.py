import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.base import BadReply
from recipes.recaption import Recaption
from schemas.facts import Facts

RECIPE = Recaption()
FACTS = Facts(index=0, uid="u", key="k", alt_text="Sale! Sofa $40", language="en")
GOOD = "A brown dog lies on a red sofa. A tall lamp stands to its left, in front of a white wall."


def reply(text: Any = GOOD) -> str:
    return json.dumps({"recaption": text})


def test_a_good_reply_gives_its_text() -> None:
    assert RECIPE.parse(reply(), FACTS) == {"recaption": GOOD}
    assert RECIPE.parse(f"```json\n{reply('This image shows ' + GOOD)}\n```", FACTS) == {"recaption": GOOD}


def test_the_prompt_is_the_same_for_all_and_holds_no_alt_text() -> None:
    assert RECIPE.prompt(FACTS) == RECIPE.prompt(Facts(index=1, uid="v", key="l", alt_text="x"))
    assert not RECIPE.needs_text
    assert RECIPE.by_rule(FACTS) is RECIPE.known(FACTS) is RECIPE.fallback(FACTS, "bad_reply") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("A brown dog.", "bad_reply"),
        ([GOOD], "bad_reply"),
        ("a " * 601, "bad_reply"),
        ("一只棕色的狗坐在红色的沙发上\u3002旁边有一盏灯\u3002", "wrong_language"),
        ("Un chien brun assis sur l'herbe verte du parc", "wrong_language"),
        ("A dog and a cat and a dog and a cat and a dog and a cat", "looping_reply"),
        ("I cannot describe this picture of a dog on a sofa.", "refusal"),
        ("Name objects with their colour, number, size, material and action here.", "prompt_leak"),
    ],
)
def test_what_spoils_a_reply(text: Any, reason: str) -> None:
    with pytest.raises(BadReply) as caught:
        RECIPE.parse(reply(text), FACTS)
    assert caught.value.reason == reason


@given(st.text(), st.sampled_from(["stop", "length", "content_filter"]))
def test_any_text_is_a_reply_or_a_bad_one(text: str, finish_reason: str) -> None:
    for whole in (text, reply(text), reply(f"{GOOD} {text}")):
        try:
            fields = RECIPE.parse(whole, FACTS, finish_reason=finish_reason)
        except BadReply as error:
            error.value.encode()
        else:
            assert list(fields) == ["recaption"]
            assert 0 < len(fields["recaption"].encode()) <= 4_800

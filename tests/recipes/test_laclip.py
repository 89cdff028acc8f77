import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.base import BadReply
from recipes.laclip import PAIRS, LaClip
from schemas.facts import Facts

RECIPE = LaClip()
FACTS = Facts(index=0, uid="u", key="k", alt_text="Two dogs in Paris, 2019", language="en")


def test_a_good_reply_gives_its_rewrites_without_repeats_and_without_the_alt_text() -> None:
    text = json.dumps({"rewrites": [" A. ", "a.", "B.", "two DOGS in Paris, 2019"]})
    assert RECIPE.parse(text, FACTS) == {"rewrites": ["A.", "B."]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"rewrites": []}', "empty_reply"),
        ('{"rewrites": ["Two dogs in Paris, 2019"]}', "empty_reply"),
        ("", "empty_reply"),
        ('{"rewrites": ["a", "b", "c", "d", "e"]}', "bad_reply"),
        ('{"rewrites": ["a", ""]}', "bad_reply"),
        ('{"rewrites": "a"}', "bad_reply"),
        ("Two dogs => a pair of dogs", "bad_reply"),
    ],
)
def test_bad_replies(text: str, reason: str) -> None:
    with pytest.raises(BadReply) as caught:
        RECIPE.parse(text, FACTS)
    assert caught.value.reason == reason


@pytest.mark.parametrize("changes", [{"alt_text": "IMG_1.jpg"}, {"alt_text": "Ein Haus", "language": "de"}])
def test_nothing_to_rewrite_is_no_failure(changes: dict[str, str]) -> None:
    facts = replace(FACTS, **changes)  # type: ignore[arg-type]
    assert RECIPE.by_rule(facts) == {"rewrites": []}
    assert RECIPE.parse('{"rewrites": []}', facts) == {"rewrites": []}


def test_three_different_pairs_are_shown_and_all_are_drawn_evenly() -> None:
    counts = dict.fromkeys((source for source, _ in PAIRS), 0)
    for n in range(1_200):
        prompt = RECIPE.prompt(replace(FACTS, uid=str(n)))
        shown = re.findall(r'^"(.*)" => "', prompt, re.MULTILINE)
        assert len(set(shown)) == len(shown) == 3
        for source in shown:
            counts[source] += 1
        assert prompt.endswith('\n\nCaption: "Two dogs in Paris, 2019"')
    # 300 expected of each; six standard deviations of a binomial are about 90.
    assert all(abs(count - 300) < 90 for count in counts.values()), counts


def test_the_pairs_keep_numbers_and_invent_no_names() -> None:
    written = {"3": "three", "6": "six"}
    for source, target in PAIRS:
        for number in re.findall(r"\d+", source):
            assert number in target or written[number] in target.lower()
        for name in re.findall(r"(?<=\s)[A-Z][a-z]+", target):
            assert name in source


@given(st.text(), st.text(max_size=4))
def test_what_rules_write_parses_to_itself(text: str, uid: str) -> None:
    facts = replace(FACTS, alt_text=text, uid=uid)
    fields = RECIPE.by_rule(facts)
    assert RECIPE.parse(json.dumps(fields), facts) == fields
    assert all(1 <= len(r) <= 400 for r in fields["rewrites"])
    RECIPE.prompt(facts).encode()

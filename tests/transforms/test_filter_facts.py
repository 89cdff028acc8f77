import dataclasses
import math
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from schemas.facts import Facts
from schemas.filters import Filter
from transforms.filter_facts import objection

FILTER: TypeAdapter[Filter] = TypeAdapter(Filter)
BASE = Facts(
    index=0,
    uid="u",
    key="k",
    width=640,
    height=480,
    frames=1,
    words=5,
    chars=30,
    size_bytes=50_000,
    language="en",
    language_probability=0.9,
    brightness=100.0,
    contrast=50.0,
    sharpness=300.0,
    entropy=7.0,
    extra='{"a.b": 0.5}',
)

# kind, options, facts that pass at the threshold, facts that do not, and the value then told.
CASES: list[tuple[str, dict[str, object], dict[str, object], dict[str, object], str]] = [
    ("words", {}, {"words": 3}, {"words": 2}, "2 words"),
    ("words", {"max": 9}, {"words": 9}, {"words": 10}, "10 words"),
    ("chars", {}, {"chars": 6}, {"chars": 5}, "5 characters"),
    ("side", {}, {"width": 200, "height": 900}, {"width": 900, "height": 199}, "199 px"),
    ("aspect", {}, {"width": 100, "height": 300}, {"width": 421, "height": 100}, "aspect 4.21"),
    ("aspect", {}, {"width": 300, "height": 100}, {"width": 0, "height": 0}, "0x0 px"),
    ("language", {}, {"language": "en"}, {"language": "fr", "language_probability": 0.87}, "fr 0.87"),
    ("language", {"allow": ["de", "fr"]}, {"language": "fr"}, {"language": None}, "no language"),
    (
        "language",
        {"min_probability": 0.5},
        {"language_probability": 0.5},
        {"language_probability": 0.49},
        "en 0.49",
    ),
    ("language", {}, {"language_probability": 0.0}, {"language_probability": math.nan}, "en nan"),
    ("bytes", {}, {"size_bytes": 5000}, {"size_bytes": 4999}, "4999 bytes"),
    ("bytes", {"max": 1e7}, {"size_bytes": 10**7}, {"size_bytes": 12_345_678}, "12345678 bytes"),
    ("pixels", {"max": 640 * 480}, {"width": 640}, {"width": 641}, "307680 pixels"),
    ("brightness", {"min": 10, "max": 245}, {"brightness": 10.0}, {"brightness": 9.9}, "brightness 9.9"),
    ("brightness", {"min": 10, "max": 245}, {"brightness": 245.0}, {"brightness": 245.5}, "brightness 245.5"),
    ("brightness", {"min": 10}, {"brightness": math.inf}, {"brightness": math.nan}, "brightness nan"),
    ("contrast", {"min": 5}, {"contrast": 5.0}, {"contrast": 4.5}, "contrast 4.5"),
    ("sharpness", {"min": 20}, {"sharpness": 20.0}, {"sharpness": 1.25}, "sharpness 1.25"),
    ("entropy", {"min": 3}, {"entropy": 3.0}, {"entropy": 2.5}, "entropy 2.5 bits"),
    ("html", {}, {}, {"has_html": True}, "html"),
    ("url", {}, {}, {"has_url": True}, "url"),
    ("file_name", {}, {}, {"is_file_name": True}, "file name"),
    ("animated", {}, {"frames": 1}, {"frames": 3}, "3 frames"),
    ("repetition", {}, {"repetition": 0.3}, {"repetition": 0.31}, "repetition 0.31"),
    ("repetition", {"max": 1}, {"repetition": 1.0}, {"repetition": math.nan}, "repetition nan"),
    ("json", {"field": "a.b", "min": 0.5}, {}, {"extra": '{"a.b": 0.49}'}, "a.b 0.49"),
    ("json", {"field": "a.b", "max": 0.5}, {}, {"extra": '{"a.b": 0.51}'}, "a.b 0.51"),
    ("json", {"field": "a.b", "max": 0.5}, {}, {"extra": "{}"}, "no a.b"),
]


@pytest.mark.parametrize(("kind", "options", "passes", "fails", "value"), CASES)
def test_each_filter_at_and_beside_its_threshold(
    kind: str, options: dict[str, object], passes: dict[str, object], fails: dict[str, object], value: str
) -> None:
    condition = FILTER.validate_python({"kind": kind, **options})
    assert objection([condition], dataclasses.replace(BASE, **passes)) is None  # type: ignore[arg-type]
    assert objection([condition], dataclasses.replace(BASE, **fails)) == (kind, value)  # type: ignore[arg-type]


def test_every_filter_has_a_case() -> None:
    union = typing.get_args(Filter)[0]
    kinds = {typing.get_args(each.model_fields["kind"].annotation)[0] for each in typing.get_args(union)}
    assert kinds == {case[0] for case in CASES}


def test_a_missing_number_can_be_kept() -> None:
    keeps = FILTER.validate_python({"kind": "json", "field": "x", "min": 1, "missing": "keep"})
    assert objection([keeps], BASE) is None


def test_the_first_objection_counts() -> None:
    filters = [FILTER.validate_python({"kind": kind}) for kind in ("html", "words", "chars")]
    assert objection(filters, dataclasses.replace(BASE, words=1, chars=1)) == ("words", "1 words")
    assert objection(filters[::-1], dataclasses.replace(BASE, words=1, chars=1)) == ("chars", "1 characters")
    assert objection([], BASE) is None


def test_a_filter_without_a_rule_is_an_error() -> None:
    with pytest.raises(TypeError, match="has no rule"):
        objection([object()], BASE)  # type: ignore[list-item]


BASIC = [FILTER.validate_python({"kind": kind}) for kind in ("language", "words", "chars", "aspect", "side")]


@given(
    words=st.integers(0, 6),
    chars=st.integers(0, 12),
    width=st.integers(1, 1000) | st.sampled_from([199, 200, 201, 600]),
    height=st.integers(1, 1000) | st.sampled_from([199, 200, 201, 600]),
    language=st.sampled_from(["en", "de", None]),
)
def test_the_basic_filter_of_datacomp(
    words: int, chars: int, width: int, height: int, language: str | None
) -> None:
    # Gadre et al. 2023: English, over 2 words, over 5 characters, aspect at most 3, side at least 200 px.
    keeps = (
        language == "en"
        and words > 2
        and chars > 5
        and max(width, height) <= 3 * min(width, height)
        and min(width, height) >= 200
    )
    facts = dataclasses.replace(BASE, words=words, chars=chars, width=width, height=height, language=language)
    assert (objection(BASIC, facts) is None) == keeps

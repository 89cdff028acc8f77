import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.annotation import Fields
from schemas.choosing import Choosing
from schemas.regions import read_region
from transforms.regions.choose import NO_PHRASE
from transforms.regions.chosen_fields import choose_fields
from transforms.regions.soft_nms import BAD_BOX, BAD_SCORE, LOW_SCORE, NO_AREA


def found(box: object, phrase: object = "a dog", score: object = 0.5) -> dict[str, Any]:
    return {"box": box, "phrase": phrase, "raw_score": score}


def test_what_is_wrong_with_each_box_is_counted() -> None:
    regions = [
        found([0.1, 0.1, 0.5, 0.5]),
        found([0.6, 0.6, 1.25, 0.9], "a cat", 0.75),  # cut at the edge
        found([0.1, 0.1, 0.5]),
        found("everywhere"),
        found([0.1, 0.1, math.nan, 0.5]),
        found([0.5, 0.5, 0.1, 0.1]),
        found([0, 0, 1, 1], 7),
        found([0, 0, 1, 1], "sky", math.nan),
        found([0, 0, 1, 1], "sky", "high"),
        found([0, 0, 1, 1], "sky", 0.01),
    ]
    fields = choose_fields(Fields({"regions": regions}, {"regions": {"not asked": 2}}), Choosing())
    assert fields["regions"] == [
        {"box": [0.6, 0.6, 1.0, 0.9], "phrase": "a cat", "score": 0.75, "raw_score": 0.75},
        {"box": [0.1, 0.1, 0.5, 0.5], "phrase": "a dog", "score": 0.5, "raw_score": 0.5},
    ]
    assert fields.dropped["regions"] == {
        "not asked": 2, BAD_BOX: 3, NO_AREA: 1, NO_PHRASE: 1, BAD_SCORE: 2, LOW_SCORE: 1
    }  # fmt: skip


def test_other_fields_and_what_they_leave_out_stay() -> None:
    given = Fields({"regions": [], "phrases": ["a dog"]}, {"phrases": {"hollow": 1}})
    fields = choose_fields(given, Choosing())
    assert fields == {"regions": [], "phrases": ["a dog"]}
    assert fields.dropped == {"phrases": {"hollow": 1}}
    assert choose_fields({"regions": []}, Choosing()).dropped == {}


@pytest.mark.parametrize("regions", [None, 7, [7], ["box"], {"box": 1}])
def test_no_list_of_objects(regions: object) -> None:
    with pytest.raises(TypeError, match="no list of objects"):
        choose_fields({"regions": regions}, Choosing())


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=8,
)


@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(("box", "phrase", "raw_score"), ANYTHING))))
def test_whatever_is_found_becomes_regions_or_is_counted(regions: list[dict[str, Any]]) -> None:
    fields = choose_fields({"regions": regions}, Choosing())
    assert len(fields["regions"]) + sum(fields.dropped.get("regions", {}).values()) == len(regions)
    for region in fields["regions"]:
        assert read_region(json.loads(json.dumps(region, allow_nan=False))) is not None

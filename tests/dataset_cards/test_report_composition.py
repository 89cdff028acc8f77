"""Tables of which values the samples have, from hand-made run.json."""

import re
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dataset_cards.report import Report, report_page
from dataset_cards.report_against import Against
from dataset_cards.report_composition import MAX_VALUES, composition, compositions
from dataset_cards.report_measures import Measures
from tests.report_views import RUN, SCRIPT

Rows = list[list[str]]


def _counted(values: dict[str, int], others: int = 0, missing: int = 0) -> dict[str, Any]:
    return {"values": values, "others": others, "missing": missing}


def _rows(page: str, field: str) -> Rows:
    start = page.index(f"Samples by {field}<")
    table = page[start : page.index("</table>", start)]
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", table)]


def test_values_by_their_number() -> None:
    run = {
        "composition": {
            "label": _counted({"word": 336, "true": 5568}),
            "licence": _counted({"b": 2, "CC0": 4, "a": 2}, others=1, missing=1),
        }
    }
    page = "".join(composition(run))
    heads = ["value", "samples", "share"]
    assert _rows(page, "label") == [heads, ["true", "5,568", "94.3%"], ["word", "336", "5.7%"]]
    assert _rows(page, "licence") == [
        heads,
        ["CC0", "4", "40.0%"],
        ["a", "2", "20.0%"],
        ["b", "2", "20.0%"],
        ["other values", "1", "10.0%"],
        ["without the field", "1", "10.0%"],
    ]


def test_nothing_counted_is_no_table() -> None:
    runs: list[dict[str, Any]] = [{}, {"composition": {}}, {"composition": None}]
    for run in runs:
        assert list(composition(run)) == []
        assert list(compositions(run, run)) == []
    nothing = "".join(composition({"composition": {"label": _counted({})}}))
    assert _rows(nothing, "label") == [["value", "samples", "share"]]


def test_two_runs_side_by_side() -> None:
    here = {"licence": _counted({"CC0": 1, "BY": 3}, missing=4), "only_here": _counted({"x": 2})}
    there = {"only_there": _counted({"y": 5}), "licence": _counted({"CC0": 9, "NC": 3, "BY": 0})}
    page = "".join(compositions({"composition": here}, {"composition": there}))
    heads = ["value", "here", "share here", "there", "share there"]
    assert _rows(page, "licence") == [
        heads,
        ["BY", "3", "37.5%", "0", "0.0%"],
        ["CC0", "1", "12.5%", "9", "75.0%"],
        ["NC", "0", "0.0%", "3", "25.0%"],
        ["without the field", "4", "50.0%", "0", "0.0%"],
    ]
    assert _rows(page, "only_here") == [heads, ["x", "2", "100.0%", "", ""]]
    assert _rows(page, "only_there") == [heads, ["y", "", "", "5", "100.0%"]]


def test_a_value_that_may_be_among_the_others_has_no_number() -> None:
    here, there = _counted({"a": 3, "b": 1}), _counted({"a": 6}, others=2)
    page = "".join(compositions({"composition": {"f": here}}, {"composition": {"f": there}}))
    assert _rows(page, "f")[1:] == [
        ["a", "3", "75.0%", "6", "75.0%"],
        ["b", "1", "25.0%", "", ""],
        ["other values", "0", "0.0%", "2", "25.0%"],
    ]


def test_rare_values_are_summed() -> None:
    values = {f"v{number:04d}": 1000 - number for number in range(200)}
    rows = _rows("".join(composition({"composition": {"f": _counted(values, others=5)}})), "f")[1:]
    assert [row[0] for row in rows[:-1]] == [f"v{number:04d}" for number in range(MAX_VALUES)]
    assert rows[-1][:2] == ["other values", f"{5 + sum(range(801, 1001 - MAX_VALUES)):,}"]


def test_hostile_values_stay_text() -> None:
    values = {SCRIPT: 3, "\u202eltr": 2, "": 1, "x" * 10_000: 1, "other values": 1}
    page = "".join(composition({"composition": {SCRIPT: _counted(values, others=1)}}))
    assert "<script>" not in page
    assert "<img" not in page
    assert "[U+202E]ltr" in page
    assert len(page) < 3000
    # The one is a value of the samples; the other stands below all of them, in the table's foot.
    assert page.index(">other values<") < page.index("<tfoot>") < page.rindex(">other values<")


@given(st.dictionaries(st.text(max_size=4), st.integers(0, 10**9), max_size=80), st.integers(0, 99))
def test_no_sample_is_lost(values: dict[str, int], missing: int) -> None:
    page = "".join(composition({"composition": {"f": _counted(values, missing=missing)}}))
    cells = re.findall(r'data-head="samples">([\d,]+)</td>', page)
    assert sum(int(cell.replace(",", "")) for cell in cells) == sum(values.values()) + missing


def test_where_the_page_shows_it() -> None:
    run = RUN | {"composition": {"licence": _counted({"CC0": 120})}}
    measures = Measures(side=Counter({64.0: 120}))
    alone = report_page(Report(run=run, measures=measures, views=[]))
    assert _rows(alone, "licence")[1] == ["CC0", "120", "100.0%"]
    other = Against(run=RUN, measures=measures, both=120, only_here=0, only_there=0, records=0, captions=0)
    both = report_page(Report(run=run, measures=measures, views=[], against=other))
    assert both.count("Samples by licence") == 1
    assert _rows(both, "licence")[1] == ["CC0", "120", "100.0%", "", ""]

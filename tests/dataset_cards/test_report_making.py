import re
from collections import Counter
from typing import Any

import pytest

from dataset_cards.report_against import Against, against_section
from dataset_cards.report_making import making, table
from dataset_cards.report_measures import Measures, distributions, score_counts

RUN: dict[str, Any] = {
    "name": "here",
    "config": {"input": {"shards": ["</pre><script>"]}},
    "recipes": [
        {"name": "hqclip", "version": "1", "source": "HQ-CLIP", "prompt_sha256": "ab" * 32,
         "worker": "openai", "model": "a<b>"},
    ],
    "counts": {"in": 10, "published": 8, "dropped": {"profile": {"words": 2}}, "failed": {}},
    "coverage": {"long_positive": 6, "rewrites": 0},
    "cost": 0.5,
    "usage": {
        "recipes": {
            "hqclip": {"replies": 9, "requests": 11, "tokens_in": 1200, "tokens_out": 300,
                       "model_seconds": 2.5, "cost": 0.5},
        },
        "endpoints": {
            "http://h:8000": {"replies": 9, "requests": 11, "tokens_in": 1200, "tokens_out": 300,
                              "model_seconds": 2.5},
        },
    },
    "seconds": {"profile": 1.25},
    "versions": {"python": "3.11"},
}  # fmt: skip


def _rows(page: str) -> dict[str, list[str]]:
    """Return the cells of every row of every table, by the row's head."""
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', page)
    return {head: re.findall(r"<td.*?>(.*?)</td>", cells) for head, cells in rows}


def test_tokens_and_cost_are_those_of_the_run() -> None:
    page = "".join(making(RUN))
    rows = _rows(page)
    assert rows["http://h:8000"] == ["9", "11", "1,200", "300", "2.5"]
    assert rows["long_positive"] == ["6", "75.0%"]
    assert "rewrites" not in rows
    assert rows["profile"] == ["1.2"]
    assert ">9</td>" in page
    assert "cost: 0.5000 in all" in page
    assert "a&lt;b&gt;" in page
    assert "<script>" not in page


def test_a_run_without_a_model_costs_nothing() -> None:
    recipes = [RUN["recipes"][0] | {"worker": "rules", "model": "rules"}]
    page = "".join(making(RUN | {"recipes": recipes, "usage": {"recipes": {}, "endpoints": {}}}))
    assert "No model was asked" in page
    bare = {"recipes": [], "usage": {}, "seconds": {}, "versions": {}}
    assert "the captions are the alt text" in "".join(making(RUN | bare))


def test_a_clip_that_scored_is_a_model() -> None:
    recipes = [RUN["recipes"][0] | {"worker": "rules", "model": "rules"}]
    usage = {"recipes": {"hqclip": {"texts": {"long_positive": {"kept": 3, "dropped": {"same": 1}}}}}}
    score = {
        "clip": {"checkpoint": "a<b>/clip", "sha256": "0f" * 32, "average_flipped": "False"},
        "texts_left_out": {"rewrites": {"under texts.min": 3, "below alt": 1200}, "recaption": {}},
    }
    page = "".join(making(RUN | {"recipes": recipes, "usage": usage, "score": score}))
    assert "No model was asked" not in page
    assert "CLIP or SigLIP: checkpoint a&lt;b&gt;/clip, sha256 0f0f0f0f0f0f.</p>" in page
    assert page.index("below alt") < page.index("under texts.min")
    assert _rows(page)["rewrites"] == ["under texts.min", "3"]
    assert "replies" not in page
    assert "No model was asked" in "".join(making(RUN | {"recipes": recipes, "usage": usage}))


@pytest.mark.parametrize("rewritten", [None, {}])
def test_nothing_was_sent_back(rewritten: Any) -> None:
    score = {"clip": {"checkpoint": "clip"}, "rewritten": rewritten}
    assert "sent back" not in "".join(making(RUN | {"score": score}))


def test_sentences_that_were_sent_back() -> None:
    rewritten = {"rewrites": {"asked": 3, "mended": 0}, "long_positive": {"asked": 1200, "mended": 1003}}
    page = "".join(making(RUN | {"score": {"clip": {"checkpoint": "clip"}, "rewritten": rewritten}}))
    start = page.index("Sentences sent back with their misaligned words named")
    told = page[start : page.index("</table>", start)]
    heads = ["field", "sent back", "came back true and stayed"]
    assert re.findall(r'scope="col"[^>]*>([^<]+)', told) == heads
    assert list(_rows(told).items()) == [("long_positive", ["1,200", "1,003"]), ("rewrites", ["3", "0"])]


def test_wide_tables_name_their_cells_for_narrow_screens() -> None:
    heads = ["a", "b", "c", "d", "e<"]
    assert '<table class="stacked">' in "".join(table(heads, [["x", 1, 2, 3, 4]]))
    assert '<td class="n" data-head="e&lt;">4</td>' in "".join(table(heads, [["x", 1, 2, 3, 4]]))
    assert "stacked" not in "".join(table(heads[:4], [["x", 1, 2, 3]]))


def test_columns_of_figures_stand_to_the_right() -> None:
    page = "".join(table(["a", "b", "c"], [["x", 1, "text"], ["y", "+1,200", "2"]]))
    assert '<th scope="col">a</th><th scope="col" class="n">b</th><th scope="col">c</th>' in page


def test_two_runs_side_by_side() -> None:
    other = RUN | {
        "name": "th<e>re",
        "counts": {"in": 10, "published": 4, "dropped": {"profile": {"words": 1, "side": 4}}, "failed": {}},
        "coverage": {"long_positive": 4, "rewrites": 4},
    }
    against = Against(
        run=other,
        measures=Measures(caption_chars=Counter({10.0: 4})),
        both=3, only_here=5, only_there=1, records=2, captions=1,
    )  # fmt: skip
    page = "".join(against_section(RUN, Measures(caption_chars=Counter({20.0: 8})), against))
    rows = _rows(page)
    assert rows["in"] == ["10", "10", "0"]
    assert rows["published"] == ["8", "4", "+4"]
    assert rows["dropped by profile: words"] == ["2", "1", "+1"]
    assert rows["dropped by profile: side"] == ["0", "4", "−4"]
    assert rows["long_positive"] == ["6", "4", "+2"]
    assert rows["rewrites"] == ["0", "4", "−4"]
    assert rows["caption, characters"] == ["20", "10"] * 3
    assert "caption, words" not in rows
    assert re.findall(r"<li><b>(\d+)</b> ([a-z ]+?) (?:<|</li>)", page) == [
        ("3", "samples in both"), ("1", "with another caption"), ("2", "with another record"),
        ("5", "only here"), ("1", "only there"),
    ]  # fmt: skip
    assert "th&lt;e&gt;re" in page


def test_a_run_with_scores_beside_one_without() -> None:
    """The second round of a loop: trained on the first, its checkpoint scores the same input."""
    lost = {"profile": {"words": 2}, "score": {"clip_best": 3, "clip_alt": 1}}
    score = {
        "clip": {"checkpoint": "c"},
        "texts_left_out": {"long_positive": {"misaligned": 5}, "rewrites": {}},
    }
    here = RUN | {"counts": {"in": 10, "published": 4, "dropped": lost, "failed": {}}, "score": score}
    there = RUN | {"counts": RUN["counts"] | {"failed": {"read": {"empty_text": 9}}}}
    ours = Measures(scores={"clip_alt": Counter({-0.25: 3, 0.5: 1})}, texts=Counter({"long_positive": 7}))
    theirs = Measures(texts=Counter({"long_positive": 24}))
    both = {"both": 4, "only_here": 0, "only_there": 4, "records": 4, "captions": 0}
    page = "".join(against_section(here, ours, Against(run=there, measures=theirs, **both)))
    rows = _rows(page)
    assert rows["dropped by score: clip_best"] == ["3", "0", "+3"]
    assert rows["long_positive: misaligned"] == ["5", ""]
    assert rows["clip_alt"] == ["−0.25", "", "−0.25", "", "0.5", ""]
    assert rows["long_positive"] == ["7", "24", "−17"]  # the later table: texts, after samples
    order = ["in", "failed by read", "dropped by profile", "clip_best", "by score: clip_alt", "published"]
    places = [page.index(name, page.index("What became")) for name in order]
    assert places == sorted(places)
    charts = "".join(
        distributions(Measures(side=Counter({64: 4}), scores=ours.scores), {}, theirs, ("h", "t"))
    )
    assert '<i class="swatch line"></i>t: none</span>' in charts


def test_rows_of_the_index_are_counted() -> None:
    measures = Measures()
    row = {"caption": "two words", "words": 5, "width": 640, "height": 480, "language": None}
    measures.add(row)
    measures.add(row | {"language": "en", "width": 480, "height": 640})
    assert measures.caption_chars == {9: 2}
    assert measures.caption_words == {2: 2}
    assert measures.alt_words == {5: 2}
    assert measures.side == {480: 2}
    assert measures.megapixels == {0.307: 2}
    assert measures.aspect == {1.33: 1, 0.75: 1}
    assert measures.languages == {"unknown": 1, "en": 1}
    assert (measures.scores, measures.texts.total()) == ({}, 0)
    measures.add(row | {"clip_alt": -0.12345, "clip_caption": None, "n_long_positive": 2, "n_rewrites": 1})
    measures.add(row | {"clip_alt": -0.1234, "n_long_positive": 3, "n_rewrites": None})
    assert measures.scores == {"clip_alt": {-0.123: 2}}
    assert measures.texts == Counter({"long_positive": 5, "rewrites": 1})


def test_scores_are_counted_with_those_of_texts_and_regions() -> None:
    cosines = {
        "rewrites": {"clip": [0.125, None, 0.1251], "realigned": [7]},
        "descriptions": {"realigned": [0]},
    }
    views: list[dict[str, Any]] = [
        {"scores": {"clip": 0.25}, "regions": [{"score": 0.5}, {"score": None}]},
        {"scores": {"clip": 0.2501}, "beside": cosines},
    ]
    assert score_counts(views) == {"clip": {0.25: 2}, "clip_rewrites": {0.125: 2}, "regions": {0.5: 1}}


@pytest.mark.parametrize(
    ("width", "height", "told"),
    [(48, 48, "0.0023"), (10, 10, "0.0001"), (336, 336, "0.113"), (640, 480, "0.307"), (4000, 3000, "12")],
)
def test_small_pictures_have_a_resolution_too(width: int, height: int, told: str) -> None:
    measures = Measures()
    measures.add({"caption": "c", "words": 1, "width": width, "height": height, "language": "en"})
    page = "".join(distributions(measures, {}))
    assert f"median {told} megapixels, 90% from {told} to {told}" in page


def test_the_one_who_mended_sentences_is_among_those_who_wrote() -> None:
    rewriter = {"name": "realign", "version": "2", "source": "CLIP4DM", "prompt_sha256": "cd" * 32,
                "worker": "openai", "model": "m<b>"}  # fmt: skip
    page = "".join(making(RUN | {"score": {"clip": {"checkpoint": "c"}, "rewriter": rewriter}}))
    assert _rows(page)["realign"] == ["2", "CLIP4DM", "openai", "m&lt;b&gt;", "cd" * 6]
    assert "realign" not in "".join(making(RUN | {"score": {"clip": {"checkpoint": "c"}}}))

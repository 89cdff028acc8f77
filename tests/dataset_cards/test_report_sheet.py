"""The sheet of a sample in a real browser: its scores beside its texts, and who mended them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataset_cards.report import report_page
from dataset_cards.report_sample import published_view
from dataset_cards.report_text import TextRoom
from tests.chromium import opened
from tests.report_views import SCRIPT, hostile_report, picture, record

LONG = "A sentence of several words about two dogs on a wide lawn in front of a house of brick. " * 3
MODEL = f"org/a-model-of-{'very' * 30}-long-name {SCRIPT}"
SCORED: dict[str, Any] = record(1) | {
    "uid": "scored",
    "long_positive": [LONG, "It is day.", "Left is a dog."],
    "long_negative": ["", "It is night.", "Right is a dog."],
    "short_positive": ["dog", "lawn"],
    "short_negative": ["cat"],
    "rewrites": ["A dog.", SCRIPT, "x" * 300],
    "descriptions": ["a brown dog"],
    "scores": {
        "clip_alt": 0.25,
        "clip_long_positive": [0.31275, 0.2, -0.04],
        "clip_long_negative": [None, 0.1, None],
        "clip_short_positive": [0.25, None],
        "clip_rewrites": [0.5, 0.75, None],
        "clip_descriptions": [0.5, 0.6],
        "f_clipscore_grad_long_positive": [0.0, -0.0000512, None],
        "quality": 0.0625,
        "clip_masked": None,
        "text_printed": 0.5,
        "context_tags": {"style": "photo", "background": SCRIPT},
    },
    "provenance": {
        "long_positive": {"recipe": "hqclip", "model": "m"},
        "realigned": {
            "recipe": "realign",
            "model": MODEL,
            "sentences": {"long_positive": [2], "rewrites": [0]},
        },
    },
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a report whose first sample is `SCORED`; another 120 have no list of scores."""
    report = hostile_report()
    place = {"shard": "00000.tar", "key": "scored"}
    view = published_view(SCORED, place, TextRoom(left=10**6)) | {"picture": picture().view()}
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(report_page(replace(report, views=[view, *report.views])), encoding="utf-8")
    return file


def _rows(sheet: Any) -> list[list[str]]:
    """Return the cells of all rows with scores, without the first, their text."""
    return [row.locator("td").all_inner_texts()[1:] for row in sheet.locator("tbody tr").all()]


def test_each_text_has_its_scores_beside_it(browser: Any, path: Path) -> None:
    with opened(browser, path) as page:
        page.locator(".card").first.click()
        sheet = page.locator("#sample")
        assert _rows(sheet) == [
            ["0.313", "0"],
            ["0.200", "\N{MINUS SIGN}0.000051"],
            ["0.100", ""],
            ["\N{MINUS SIGN}0.040", "none"],
            ["none", ""],
            ["0.500"],
            ["0.750"],
            ["none"],
        ]
        assert sheet.locator("thead th").all_inner_texts() == ["cosine", "F-CLIPScore", "cosine"]
        assert sheet.get_by_role("row", name="night.").locator("td").nth(1).inner_text() == "0.100"
        tags = [" ".join(text.split()) for text in sheet.locator(".tags li").all_inner_texts()]
        assert tags == ["dog 0.250", "lawn none", "not cat"]
        scores = sheet.locator("details", has_text="Scores").locator("dt, dd").all_inner_texts()
        assert dict(zip(scores[::2], scores[1::2], strict=True)) == {
            "clip alt": "0.25",
            "quality": "0.0625",
            "text printed": "0.5",
            "clip descriptions": "0.5, 0.6",  # of one text
            "clip masked": "none",
            "context tags": f"style photo, background {SCRIPT}",
        }


def test_mended_sentences_are_marked(browser: Any, path: Path) -> None:
    with opened(browser, path) as page:
        card = page.locator(".card").first
        assert card.get_by_text(f"2 mended by {MODEL}", exact=True).count() == 1
        assert page.locator(".card").get_by_text("mended").count() == 1
        card.click()
        sheet = page.locator("#sample")
        marked = sheet.locator("tr", has_text=f"mended by {MODEL}").all_inner_texts()
        assert [text.lstrip("✓ ").partition(".")[0] for text in marked] == ["Left is a dog", "A dog"]
        who = sheet.locator("details", has_text="Who wrote it")
        who.locator("summary").click()
        assert "sentences long_positive[2], rewrites[0]" in who.inner_text()
        page.keyboard.press("Escape")
        page.select_option("#has", "recipe:realign")
        assert page.locator("#found").inner_text() == "1 sample"


def test_samples_by_the_scores_of_their_texts(browser: Any, path: Path) -> None:
    with opened(browser, path) as page:
        page.select_option("#score", "clip_rewrites")
        for least, found in (("0.7", "1 sample"), ("0.76", "0 samples")):
            page.fill("#least", least)
            assert page.locator("#found").inner_text() == found


@pytest.mark.parametrize("width", [390, 1440])
def test_scores_stand_in_line_and_leave_room_to_read(browser: Any, path: Path, width: int) -> None:
    with opened(browser, path, width=width) as page:
        page.locator(".card").first.click()
        assert page.evaluate("document.getElementById('sample').scrollWidth") <= width
        table = page.locator("#sample tbody").first
        boxes = [
            [cell.bounding_box() for cell in row.locator("td").all()] for row in table.locator("tr").all()
        ]
        for column in (1, 2):
            assert len({round(row[column]["x"] + row[column]["width"]) for row in boxes}) == 1
        texts = [row[0]["width"] for row in boxes]
        assert min(texts) > 0.5 * table.bounding_box()["width"]
        assert all(0 <= row[2]["x"] + row[2]["width"] <= width for row in boxes)

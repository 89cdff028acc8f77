"""The report in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataset_cards.report import report_page
from dataset_cards.report_text import visible_text
from tests.chromium import opened
from tests.report_views import HOSTILE, SAMPLES, SCRIPT, hostile_report


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(report_page(hostile_report(compared=True)), encoding="utf-8")
    return file


@pytest.fixture
def page(browser: Any, path: Path) -> Iterator[Any]:
    with opened(browser, path) as shown:
        yield shown


def _found(page: Any) -> str:
    return str(page.locator("#found").inner_text())


def test_captions_with_scripts_stay_text(page: Any) -> None:
    card = page.locator(".card").first
    assert SCRIPT in card.locator(".alt").text_content()
    assert card.locator(".caption").text_content() == f"Caption {SCRIPT}"
    assert page.locator("script").count() == 2
    card.click()
    sheet = page.locator("#sample")
    assert visible_text(HOSTILE) in sheet.inner_text().replace("\n\n", "\n")
    assert sheet.locator("img").count() == 1
    assert page.locator("script").count() == 2
    assert page.title() == "a<b>run: Pairwright report"


def test_search_looks_at_texts_phrases_and_uids(page: Any) -> None:
    assert _found(page) == "125 samples"
    with_seven = sum("7" in str(number) for number in range(1, SAMPLES))
    for words, found in (
        ("uid-0042", "1 sample"),
        ("TEAL corner", "1 sample"),
        ("7 thing", f"{with_seven} samples"),  # both words, anywhere
        ("blue", "120 samples"),
        ("onerror=alert", "1 sample"),
        ("nowhere to be found", "0 samples"),
        ("", "125 samples"),
    ):
        page.fill("#query", words)
        assert _found(page) == found, words
    page.fill("#query", "uid-0042")
    assert page.locator(".card .alt").all_text_contents() == ["alt text number 42"]


def test_filters(page: Any) -> None:
    page.locator("label", has_text="Rejected").click()
    assert _found(page) == "5 samples"
    page.locator("label", has_text="Published").click()
    assert _found(page) == "120 samples"
    page.select_option("#has", "field:regions")
    assert _found(page) == "1 sample"
    page.select_option("#has", "recipe:hqclip")
    assert _found(page) == "120 samples"
    page.select_option("#score", "clip")
    page.fill("#least", "0.1")
    page.fill("#most", "0.195")
    assert _found(page) == "10 samples"
    page.select_option("#order", "high")
    assert page.locator(".card .alt").first.text_content() == "alt text number 19"
    page.locator("button[type=reset]").click()
    page.locator("#found", has_text="125 samples").wait_for()


def test_a_reason_of_the_funnel_shows_its_samples(page: Any) -> None:
    page.locator("[data-reason='profile/words']").click()
    page.locator("#found", has_text="5 samples").wait_for()
    assert page.locator(".card").count() == 5
    assert page.locator(".card .none").all_text_contents() == ["the input shard is not there any more"]
    assert page.locator(".card .why").first.text_content() == "dropped by profile: words"


def test_one_page_of_samples_is_drawn_at_a_time(page: Any) -> None:
    assert page.locator("#page option").all_inner_texts() == ["1 to 48", "49 to 96", "97 to 125"]
    before, after = page.locator("#before"), page.locator("#after")
    drawn = []
    for _ in range(3):
        assert page.evaluate("document.activeElement.dataset.place || '0'") == str(sum(drawn))
        drawn.append(page.locator(".card").count())
        if after.is_enabled():
            after.click()
    assert drawn == [48, 48, 29]
    assert (before.is_enabled(), after.is_enabled()) == (True, False)
    page.select_option("#page", "48")
    assert page.evaluate("document.activeElement.dataset.place") == "48"
    assert page.locator("#page").input_value() == "48"
    page.fill("#query", "uid-00")
    assert page.locator("#page option").count() == 3
    page.fill("#query", "uid-0042")
    assert page.locator("#pages").is_hidden()


def test_details_show_what_changed_and_who_wrote_it(page: Any) -> None:
    page.locator(".card").nth(3).click()
    sheet = page.locator("#sample")
    assert sheet.locator("h2").inner_text() == "000000003 4 of 125"
    assert sheet.locator(".was").all_inner_texts() == ["red"]
    assert sheet.locator("mark.now").all_inner_texts() == ["blue"]
    assert sheet.locator(".tags .not").all_inner_texts() == ["not boat"]
    assert "0.03" in sheet.locator("details", has_text="Scores").inner_text()
    who = sheet.locator("details", has_text="Who wrote it")
    assert who.locator("dd").is_hidden()
    who.locator("summary").click()
    assert who.locator("dd").inner_text() == "recipe hqclip; worker rules; model rules"
    sheet.locator("button", has_text="Close").click()
    assert sheet.is_hidden()


def test_regions_are_drawn_where_they_are(page: Any) -> None:
    card = page.locator(".card").first
    boxes = card.locator(".boxes")
    assert boxes.evaluate("one => getComputedStyle(one).opacity") == "0"
    page.locator("#boxes").check()
    picture, box = card.locator("img").bounding_box(), card.locator(".box").nth(1).bounding_box()
    assert box["x"] == pytest.approx(picture["x"] + picture["width"] / 2, abs=1)
    assert box["y"] == pytest.approx(picture["y"] + picture["height"] / 2, abs=1)
    assert box["width"] == pytest.approx(picture["width"] / 2, abs=1)
    assert box["height"] == pytest.approx(picture["height"] / 2, abs=1)
    card.click()
    phrase = page.locator("#sample [data-box='0']")
    assert phrase.inner_text() == "a teal corner (0.75, raw 0.9)"
    phrase.hover()
    assert page.locator("#sample .box.on span").all_inner_texts() == ["a teal corner"]
    page.locator("#sample h2").hover()
    assert page.locator("#sample .box.on").count() == 0
    phrase.focus()
    assert page.locator("#sample .box.on").count() == 1


def test_all_of_it_works_by_keyboard(page: Any) -> None:
    page.keyboard.press("/")
    page.keyboard.type("uid-00")
    assert _found(page) == "100 samples"
    page.locator(".card").first.focus()
    for key, place in (("ArrowRight", 1), ("ArrowDown", 3), ("ArrowLeft", 2), ("ArrowUp", 0), ("End", 99),
                       ("ArrowRight", 99), ("Home", 0), ("ArrowRight", 1)):  # fmt: skip
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.dataset.place") == str(place), key
    page.keyboard.press("Enter")
    sheet = page.locator("#sample")
    assert sheet.locator("h2").inner_text().startswith("000000001 ")
    page.keyboard.press("ArrowRight")
    assert sheet.locator("h2").inner_text().startswith("000000002 ")
    page.keyboard.press("Escape")
    page.locator(".card[data-place='2']:focus").wait_for()
    assert sheet.is_hidden()
    # One card is in the order of the Tab key, not a hundred.
    assert page.locator(".card[tabindex='0']").count() == 1


def test_two_runs_are_compared_side_by_side(page: Any) -> None:
    page.locator("[data-set=differs]").click()
    page.locator("#found", has_text="1 sample").wait_for()
    card = page.locator(".card")
    assert card.locator("del").all_text_contents() == ["An old"]
    assert card.locator("ins").all_text_contents() == ["A"]
    card.click()
    there, here = page.locator("#sample details[open] p .text").all_inner_texts()
    assert (there, here) == ("An old caption about thing 1.", "A caption about thing 1.")


def test_light_and_dark(browser: Any, path: Path) -> None:
    for scheme, paper, other in (("light", "248", "21"), ("dark", "21", "248")):
        with opened(browser, path, color_scheme=scheme) as page:
            colour = "getComputedStyle(document.body).backgroundColor"
            assert page.evaluate(colour).startswith(f"rgb({paper},")
            page.locator("#theme").click()
            assert page.evaluate(colour).startswith(f"rgb({other},")


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_is_wider_than_the_screen(browser: Any, path: Path, width: int) -> None:
    with opened(browser, path, width=width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.locator(".card").first.click()
        assert page.locator("#sample").bounding_box()["width"] <= width
        assert page.evaluate("document.getElementById('sample').scrollWidth") <= width

"""A walk through a report as a reader takes it, in a real browser; what it meets is told beforehand."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chromium import opened

SCRIPT = "<script>window.ran = 1</script><img src=x onerror='window.ran = 2'> a red cross above a blue square"
"""An alt text that a report must show as it is."""
PAGE = 48
MOST_ELEMENTS = 6000
"""In the whole page, with 48 samples that have 20 regions each; five thousand samples would have 80,000."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """How many samples a reader finds, counted without the report.

    `words` are searched among the published ones. `scores` are (name, least): samples. `planted` is the uid
    of the sample whose alt text is `SCRIPT`, and `planted_caption` its caption, where it is published.
    """

    samples: int
    published: int
    words: Mapping[str, int]
    reasons: Mapping[str, int]
    recipes: Mapping[str, int]
    planted: str
    planted_caption: str | None
    scores: Mapping[tuple[str, float], int] = field(default_factory=dict)
    phrases: Mapping[str, list[str]] = field(default_factory=dict)
    """Of the regions of samples, by uid; empty where there are none."""


def walk(browser: Any, path: Path, told: Told) -> None:
    """Search, filter, open, hover and turn pages, on a wide and on a narrow screen."""
    with opened(browser, path) as page:
        _search(page, told)
        _filter(page, told)
        _bounded(page, told)
        _planted_script(page, told)
        _details(page)
        if told.phrases:
            _regions(page, told)
        else:
            assert page.locator("#boxes, .box").count() == 0
    for scheme in ("light", "dark"):
        with opened(browser, path, width=390, height=844, color_scheme=scheme) as page:
            _narrow(page)


def found(page: Any) -> int:
    """Return how many samples the page says that it shows."""
    number, word = page.locator("#found").inner_text().split()
    assert word == ("sample" if number == "1" else "samples")
    return int(number.replace(",", ""))


def _clear(page: Any, told: Told) -> None:
    page.locator("button[type=reset]").click()
    _shows(page, told.samples)


def _shows(page: Any, samples: int) -> None:
    """Wait until the page says that it shows so many."""
    page.locator("#found").filter(has_text=re.compile(rf"^{samples:,} samples?$")).wait_for()


def _search(page: Any, told: Told) -> None:
    assert found(page) == told.samples
    page.locator("label", has_text="Published").click()
    assert found(page) == told.published
    for words, number in told.words.items():
        page.fill("#query", words)
        assert found(page) == number, words
        assert page.locator(".card").count() == min(PAGE, number)
    page.fill("#query", "no sample says this")
    assert page.locator("#samples .empty").count() == 1
    _clear(page, told)


def _filter(page: Any, told: Told) -> None:
    assert set(told.reasons) == {
        option
        for option in page.locator("#reason option").evaluate_all("all => all.map(one => one.value)")
        if option
    }
    for reason, number in told.reasons.items():
        page.select_option("#reason", reason)
        assert found(page) == number, reason
        why = page.locator(".card .why").all_text_contents()
        assert {text.partition(" by ")[2] for text in why} == {reason.replace("/", ": ")}
        page.locator(f"[data-reason='{reason}']").click()  # in the funnel: the same samples
        _shows(page, number)
    _clear(page, told)
    for recipe, number in told.recipes.items():
        page.select_option("#has", f"recipe:{recipe}")
        assert found(page) == number, recipe
    _clear(page, told)
    assert bool(told.scores) == (page.locator("#score").count() == 1)
    for (name, least), number in told.scores.items():
        page.select_option("#score", name)
        page.fill("#least", repr(least))
        assert found(page) == number, name
        _clear(page, told)


def _bounded(page: Any, told: Told) -> None:
    """However many samples there are, one page of them is drawn, from the first to the last."""

    def drawn() -> int:
        assert page.evaluate("document.getElementsByTagName('*').length") < MOST_ELEMENTS
        cards: int = page.locator(".card").count()
        assert page.locator("#samples img").count() + page.locator("#samples .none").count() == cards
        return cards

    assert drawn() == min(PAGE, told.samples)
    page.locator(".card").first.focus()
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.dataset.place") == str(told.samples - 1)
    assert drawn() == (told.samples - 1) % PAGE + 1
    page.keyboard.press("Home")
    page.locator("#after").click()
    assert page.evaluate("document.activeElement.dataset.place") == str(PAGE)
    assert drawn() == min(PAGE, told.samples - PAGE)
    page.select_option("#page", "0")
    page.locator(".card").nth(PAGE - 1).focus()
    page.keyboard.press("ArrowRight")  # over the edge of a page
    assert page.evaluate("document.activeElement.dataset.place") == str(PAGE)
    page.select_option("#order", "long")
    assert drawn() == PAGE
    _clear(page, told)


def _planted_script(page: Any, told: Told) -> None:
    page.fill("#query", "window.ran")
    assert found(page) == 1
    card = page.locator(".card")
    assert card.locator(".alt").text_content() == SCRIPT
    card.click()
    sheet = page.locator("#sample")
    assert SCRIPT in sheet.locator("p.text").first.text_content()
    if told.planted_caption is not None:
        assert "<script>" in told.planted_caption
        assert sheet.locator("p.text").nth(1).text_content() == told.planted_caption
    sheet.locator("summary", has_text="Where it is").click()
    assert told.planted in sheet.locator("details", has_text="Where it is").inner_text()
    assert page.evaluate("window.ran") is None
    assert page.locator("script").count() == 2
    page.keyboard.press("Escape")
    _clear(page, told)


def _details(page: Any) -> None:
    sheet = page.locator("#sample")
    page.locator(".card").nth(2).click()
    assert " 3 of " in sheet.locator("h2").inner_text()
    assert sheet.locator("img").evaluate("one => one.decode().then(() => one.naturalWidth)") > 0
    sheet.locator("button", has_text="Close").click()
    assert sheet.is_hidden()
    page.locator("h1").click()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "query"
    page.locator(".card").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert " 2 of " in sheet.locator("h2").inner_text()
    page.keyboard.press("ArrowRight")
    assert " 3 of " in sheet.locator("h2").inner_text()
    page.keyboard.press("Escape")
    page.locator(".card[data-place='2']:focus").wait_for()
    assert sheet.is_hidden()


def _regions(page: Any, told: Told) -> None:
    uid, phrases = next((uid, phrases) for uid, phrases in told.phrases.items() if len(phrases) > 1)
    page.fill("#query", uid)
    frame = page.locator(".card .frame")
    assert frame.locator(".boxes").evaluate("one => getComputedStyle(one).opacity") == "0"
    frame.hover()
    faded = "one => Promise.all(one.getAnimations().map((fading) => fading.finished))"
    shown = f"one => ({faded})(one).then(() => getComputedStyle(one).opacity)"
    assert frame.locator(".boxes").evaluate(shown) == "1"
    assert frame.locator(".box span").all_text_contents() == phrases
    page.locator(".card").click()
    buttons = page.locator("#sample [data-box]")
    assert [text.rpartition(" (")[0] for text in buttons.all_text_contents()] == phrases
    for place in (0, len(phrases) - 1):
        buttons.nth(place).hover()
        assert page.locator("#sample .box.on span").all_text_contents() == [phrases[place]]
    page.locator("#sample h2").hover()
    buttons.nth(1).focus()
    assert page.locator("#sample .box.on span").all_text_contents() == [phrases[1]]
    page.keyboard.press("Escape")


def _narrow(page: Any) -> None:
    wide = "document.documentElement.scrollWidth"
    assert page.evaluate(wide) == 390
    page.locator("details:not([open]) summary").evaluate_all("all => all.forEach((one) => one.click())")
    assert page.evaluate(wide) == 390
    for kind in ("Published", "Rejected"):
        page.locator("#controls label", has_text=kind).click()
        page.locator(".card").first.click()
        assert page.locator("#sample").bounding_box()["width"] <= 390
        assert page.evaluate("document.getElementById('sample').scrollWidth") <= 390
        page.locator("#sample button", has_text="Close").click()
        assert page.evaluate(wide) == 390

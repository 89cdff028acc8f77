import base64
import hashlib
import json
import re
from html.parser import HTMLParser

from dataset_cards.report import report_page
from dataset_cards.report_text import visible_text
from tests.report_views import HOSTILE, SAMPLES, SCRIPT, hostile_report


class _Page(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts: list[tuple[str | None, str]] = []
        self.styles: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.inside = ""
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag if tag in ("script", "style") else ""
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag == "script":
            self.scripts.append((dict(attrs).get("type"), ""))

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        elif self.inside == "style":
            self.styles.append(data)
        else:
            self.text += data

    def values(self, name: str) -> list[str | None]:
        return [value for _, of, value in self.attributes if of == name]


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_policy_allows_exactly_the_pages_own_style_and_script() -> None:
    page = _Page(report_page(hostile_report()))
    (policy,) = (value for value in page.values("content") if value and "default-src" in value)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    (style,) = page.styles
    scripts = [text for kind, text in page.scripts if kind is None]
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": _hash(style),
        "script-src": _hash(scripts[0]),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert len(scripts) == 1


def test_nothing_is_fetched_and_nothing_runs_but_the_script() -> None:
    page = _Page(report_page(hostile_report(compared=True)))
    assert [kind for kind, _ in page.scripts] == ["application/json", None]
    assert [value for value in page.values("href") if not (value or "").startswith("#")] == []
    assert page.values("src") == []
    assert page.values("style") == []  # the policy would refuse them
    assert [name for _, name, _ in page.attributes if name.startswith("on")] == []
    assert not re.search(r"url\(|@import|https?:", "".join(page.styles))


def test_the_script_never_parses_html() -> None:
    (script,) = (text for kind, text in _Page(report_page(hostile_report())).scripts if kind is None)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|DOMParser", script)


def test_the_data_are_whole_and_hold_hostile_texts_as_texts() -> None:
    page = report_page(hostile_report())
    ((_, data),) = (row for row in _Page(page).scripts if row[0] == "application/json")
    views = json.loads(data)["views"]
    assert len(views) == SAMPLES + 5
    assert views[0]["alt"] == visible_text(HOSTILE)
    assert views[0]["caption"] == f"Caption {SCRIPT}"
    assert "<script>alert" not in page
    assert "\0" not in page
    assert "\u202e" not in page


def test_the_page_says_what_the_run_is() -> None:
    text = " ".join(_Page(report_page(hostile_report())).text.split())
    assert "a<b>run" in text
    assert "126 units of image-text shards came in, 120 (95.2%) are published" in text
    assert "a baseline without a model" in text
    assert "120 of 120 published samples" in text
    assert "5 of 6 that were not published" in text


def test_the_same_report_gives_the_same_page() -> None:
    assert report_page(hostile_report(compared=True)) == report_page(hostile_report(compared=True))


def test_every_label_names_a_thing_on_the_page() -> None:
    page = _Page(report_page(hostile_report(compared=True)))
    ids = [value for value in page.values("id") if value]
    assert len(ids) == len(set(ids))
    # The sheet's title is made by the script.
    assert set(page.values("aria-labelledby")) <= {*ids, "sample-title"}
    assert {(value or "")[1:] for value in page.values("href")} <= set(ids)

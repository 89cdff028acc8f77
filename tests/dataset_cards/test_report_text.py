import json
import unicodedata
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from dataset_cards.report_text import Allowance, TextRoom, embed_json, escape, visible_text

ANY_TEXT = st.text(st.characters(), max_size=200)  # lone surrogates too
JSON = st.recursive(st.none() | st.booleans() | st.integers() | ANY_TEXT, st.lists, max_leaves=10)


class _Reader(HTMLParser):
    """What a parser makes of a page: the tags, the text, and what stands in scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.attributes: dict[str, str | None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= dict(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader


@given(ANY_TEXT)
def test_visible_text_holds_nothing_that_hides_or_turns(text: str) -> None:
    shown = visible_text(text)
    bad = [c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn")]
    assert set(bad) <= set("\n\t\u200c\u200d")
    assert visible_text(shown) == shown
    shown.encode()  # there are no lone surrogates left


def test_visible_text() -> None:
    assert visible_text("plain") == "plain"
    assert visible_text("a\0b\x1b\x7f") == "a␀b␛[U+007F]"
    assert visible_text("\u202eevil\u2066") == "[U+202E]evil[U+2066]"
    assert visible_text("\ud800") == "[U+D800]"
    assert visible_text("a\r\nb\u2028c") == "a\nb\nc"
    assert visible_text("می‌خواهم 👩\u200d🌾 猫") == "می‌خواهم 👩\u200d🌾 猫"


@given(ANY_TEXT)
def test_escaped_text_is_text_between_tags_and_in_attributes(text: str) -> None:
    read = _read(f'<p title="{escape(text)}">{escape(text)}</p>')
    assert read.tags == ["p"]
    assert read.text == visible_text(text)
    assert (read.attributes["title"] or "") == visible_text(text)


@given(JSON)
def test_embedded_json_is_the_value_and_closes_no_script(value: object) -> None:
    text = embed_json(value)
    assert json.loads(text) == value
    assert not set(text) & set("<>&\u2028\u2029")


def test_a_script_in_the_data_stays_in_the_data() -> None:
    read = _read(f'<script type="application/json">{embed_json("</script><script>alert(1)<!--")}</script>')
    assert read.tags == ["script"]


@given(st.lists(ANY_TEXT, max_size=20), st.integers(0, 500))
def test_texts_keep_to_their_room(texts: list[str], room: int) -> None:
    taker = TextRoom(left=room)
    note = len(embed_json("… (999 more characters)").encode())
    shown = [taker.take(text) for text in texts]
    assert sum(len(embed_json(text).encode()) for text in shown) <= room + len(texts) * note
    whole = TextRoom(left=10**9)
    assert [whole.take(text) for text in texts] == [visible_text(text) for text in texts]


def test_a_cut_text_says_how_much_is_missing() -> None:
    assert TextRoom(left=10**6).take("x" * 100_000, most=6) == "xxxxxx… (99,994 more characters)"
    assert TextRoom(left=0).take("abc") == "… (3 more characters)"
    assert TextRoom(left=0).take("") == ""


def test_what_one_part_leaves_the_next_may_use() -> None:
    room = Allowance(left=100, parts=4)
    assert room.share() == 25
    room.spend(10)
    assert room.share() == 30
    room.spend(0)
    room.spend(0)
    assert room.share() == 90
    room.spend(500)
    assert room.share() == 0

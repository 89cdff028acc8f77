import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.text_patterns import has_html, has_url, is_file_name


@pytest.mark.parametrize(
    "text",
    [
        "<b>Game 20</b>",
        "1837<br />",
        "<A HREF='x'>a link",
        "<!-- 0201 -->Hip Hop",
        "<!DOCTYPE html>",
        "Trees &amp; Fog",
        "A&#39;s Colorway",
        "&#x27;quoted&#X27;",
        "r&eacute;daction",
    ],
)
def test_html_is_seen(text: str) -> None:
    assert has_html(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a < b and c > d",
        "I <3 you",
        "Salt & pepper",
        "R&D; later",
        "AT&T",
        "&nosuchentity;",
        "5 &# 6;",
        "<>",
    ],
)
def test_other_text_is_no_html(text: str) -> None:
    assert not has_html(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/a.jpg",
        "see HTTP://EXAMPLE.ORG",
        "at www.example",
        "Buy Online at johnlewis.com",
        "Steel-Toe-Shoes.com.",
        "from shop.example.co.uk!",
        "(asos.com)",
        "tutorialblog.org",
    ],
)
def test_addresses_are_seen(text: str) -> None:
    assert has_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nice.It was fun",
        "St. Paul's",
        "1.5 kg",
        "a.com.b",
        "photo.jpg",
        "bob@example.com",
        "e.g. this",
        "..com",
    ],
)
def test_other_text_is_no_address(text: str) -> None:
    assert not has_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "IMG_0032.jpg",
        "IMG_0032",
        "IMG-20200101-WA0001",
        "DSC01234",
        "DSC_0032 (2)",
        "P1010032",
        "image-1.png",
        " photo123.JPG\n",
        "photo 12",
        "Image (3)",
        "untitled",
        "Untitled-1",
        "no image",
        "Old US41 Bridge Baraga MI.jpg",
        "1200x630.webp",
        "d41d8cd98f00b204e9800998ecf8427e",
        "a3a9ab5b7645_n",
        "12345678_1234567890_n",
        "550e8400-e29b-41d4-a716-446655440000",
        "a_stitchers_journey",
        "waiting-for-the-nba-finals-to-start",
    ],
)
def test_file_names_are_seen(text: str) -> None:
    assert is_file_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "St. Paul's",
        "1.5 kg",
        "a red car",
        "image of a dog",
        "photo",
        "a picture 3",
        "jack-in-the-box",
        "T-shirt",
        "effacedfaded",
        "2019",
        "Dr. No",
        "DSC Ltd.",
        "a photo of the file a.jpg on a screen of a large computer in the office.jpg",
        "IMG_0032.jpg" + "x" * 300,
    ],
)
def test_other_text_is_no_file_name(text: str) -> None:
    assert not is_file_name(text)


HOSTILE = (
    "<",
    "<a ",
    "</",
    "<!",
    "&a",
    "&#",
    "&amp",
    "www",
    "a.",
    "a-",
    "-.",
    "a@",
    ".com",
    "http:",
    "x.de.",
    "a1.",
)


@pytest.mark.parametrize("repeated", HOSTILE)
def test_hostile_repeats_end(repeated: str) -> None:
    # 2 MB: a pattern of quadratic time would run for hours here.
    text = repeated * (2_000_000 // len(repeated))
    assert isinstance(has_html(text), bool)
    assert isinstance(has_url(text), bool)
    assert not is_file_name(text)


@pytest.mark.parametrize("repeated", ["a ", "a_", "0", "0_", "f", "(", "IMG0", "1-", "a-", "_", ". ", "a.b_"])
def test_the_longest_hostile_names_end(repeated: str) -> None:
    assert isinstance(is_file_name((repeated * 255)[:254] + "!"), bool)


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    assert {type(judge(text)) for judge in (has_html, has_url, is_file_name)} == {bool}

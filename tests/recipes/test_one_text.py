import pytest

from recipes.base import BadReply
from recipes.one_text import check_english, read_text, text_schema, tidy_text


def test_the_schema_by_hand() -> None:
    text = {"type": "string", "minLength": 1, "maxLength": 9}
    assert text_schema(["a", "b"], 9) == {
        "type": "object",
        "properties": {"a": text, "b": text},
        "required": ["a", "b"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize("value", [None, 3, [], ["a"], {}, "", " \n", "\x00", "x" * 10])
def test_what_is_no_text(value: object) -> None:
    with pytest.raises(BadReply) as caught:
        read_text({"a": value}, "a", 9)
    assert caught.value.reason == "bad_reply"


def test_a_text_is_put_on_one_line() -> None:
    assert read_text({"a": " a\n dog\x07 "}, "a", 20) == "a dog"


def test_openings_and_closing_impressions_go() -> None:
    text = (
        "The image shows a brown dog on a sofa. In the picture, a lamp is on the left. "
        "Overall, the scene is cosy. The atmosphere evokes calm."
    )
    assert tidy_text(text, "") == "A brown dog on a sofa. A lamp is on the left."
    assert tidy_text("Overall view of a harbour. The mood ring is blue.", "") == (
        "Overall view of a harbour. The mood ring is blue."
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("A dog sits. I'm sorry, but I can't help with that.", "refusal"),
        ("A dog sits. A dog sits. A dog sits. A cat.", "looping_reply"),
        ("A dog. Write one two three four five six seven eight.", "prompt_leak"),
    ],
)
def test_each_sentence_is_judged(text: str, reason: str) -> None:
    with pytest.raises(BadReply) as caught:
        tidy_text(text, "write one two three four five six seven eight nine")
    assert caught.value.reason == reason


def test_english() -> None:
    check_english("Skiers wait to take a lift up a snowy hill.")
    with pytest.raises(BadReply) as caught:
        check_english("Bir köpek parkta yeşil çimlerin üzerinde oturuyor.")
    assert (caught.value.reason, caught.value.fault) == ("wrong_language", "it was not in English.")

from hypothesis import given
from hypothesis import strategies as st

from dataset_cards.report_changes import MAX_WORDS, Part, word_changes

WORDS = st.lists(st.sampled_from(["a", "b", "c", "red", "<b>"]), max_size=12)


def _side(parts: list[Part], side: int) -> list[str]:
    texts = [part[side] if isinstance(part, list) else part for part in parts]
    return " ".join(texts).split()


@given(WORDS, WORDS)
def test_each_side_of_the_changes_is_its_text(before: list[str], after: list[str]) -> None:
    parts = word_changes("  ".join(before), " ".join(after))
    assert _side(parts, 0) == before
    assert _side(parts, 1) == after
    assert any(isinstance(part, list) for part in parts) == (before != after)


def test_only_the_changed_words_are_marked() -> None:
    assert word_changes("The dog is left of the cat.", "The dog is right of the cat.") == [
        "The dog is",
        ["left", "right"],
        "of the cat.",
    ]


def test_long_texts_are_one_change() -> None:
    long = "word " * (MAX_WORDS + 1)
    assert word_changes(long, "word") == [[long, "word"]]

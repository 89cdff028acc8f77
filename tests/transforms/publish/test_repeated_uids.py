from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.publish.repeated_uids import repeated_uids


def _by_hand(named: list[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    first: dict[str, str] = {}
    for uid, place in named:
        if uid in first:
            yield uid, first[uid], place
        first.setdefault(uid, place)


@settings(max_examples=20)
@given(st.lists(st.text(st.characters(), max_size=2), max_size=60))
def test_finds_what_a_dictionary_finds(uids: list[str]) -> None:
    named = [(uid, f"place\n{i}") for i, uid in enumerate(uids)]
    assert sorted(repeated_uids(named)) == sorted(_by_hand(named))


def test_each_further_place_is_told() -> None:
    assert list(repeated_uids([("a", "1"), ("b", "2"), ("a", "3"), ("a", "4")])) == [
        ("a", "1", "3"),
        ("a", "1", "4"),
    ]

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.hygiene import words_of
from recipes.wording.plain import plain
from recipes.wording.synonyms import SYNONYMS

SUGAR_CREPE = Path(__file__).parents[4] / "shared" / "data" / "sugar_crepe"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("A dog on a sofa.", "The dog on the couch!", True),
        ("A man rides a bike.", "A man rides a bicycle.", True),
        ("A guy next to a TV", "A gentleman beside the television", True),
        ("A couple of kids", "two children", True),
        ("Lots of grey stores", "Many gray shops", True),
        ("A man in a T-shirt", "A man in a tee shirt", True),
        ("A dog chases a cat.", "A cat chases a dog.", False),
        ("A dog under a table", "A dog on a table", False),
        ("A car", "A scar", False),
        ("A kidskin bag", "A childrenskin bag", False),
    ],
)
def test_the_same_in_other_words(one: str, other: str, same: bool) -> None:
    assert (plain(words_of(one)) == plain(words_of(other))) is same


@given(st.sampled_from(sorted(SYNONYMS)))
def test_a_word_and_what_may_stand_for_it_are_one(word: str) -> None:
    assert plain(words_of(f"A {word} here")) == plain(words_of(f"The {SYNONYMS[word]} here"))


def test_no_negative_of_sugar_crepe_says_what_its_caption_says() -> None:
    if not SUGAR_CREPE.is_dir():
        pytest.skip("needs SugarCrepe in shared/data")
    files = sorted(SUGAR_CREPE.glob("with_images_*.jsonl"))
    rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert len(rows) > 200
    for row in rows:
        assert plain(words_of(row["caption"])) != plain(words_of(row["negative_caption"]))

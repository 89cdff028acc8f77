import json
import random
import tarfile
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.content import content
from recipes.hygiene import words_of
from recipes.mended import keeps_subject, mend, same_words

DATA = Path(__file__).parents[3] / "shared" / "data"
SENTENCE = "A red car on a road by a house."
RED_CAR, BLUE_CAR = "\u4e00\u8f86\u7ea2\u8272\u7684\u6c7d\u8f66", "\u4e00\u8f86\u84dd\u8272\u7684\u6c7d\u8f66"


@pytest.mark.parametrize(
    ("text", "sentence", "words", "kept"),
    [
        ("A blue car.", "A red car.", ["red"], True),
        ("A car.", "A red car.", ["red"], True),
        ("A red truck.", "A red car.", ["car"], True),
        ("A blue truck.", "A red car.", ["red", "car"], True),  # one for each suspect
        ("A blue truck on a bridge.", "A red car.", ["red", "car"], False),  # and a third
        ("A cat.", "A dog.", ["dog"], True),
        ("A grey cat.", "A dog.", ["dog"], False),
        ("A dog on grass.", "A dog.", ["cat"], True),  # 1 of 2 is the half
        ("A dog on wet grass.", "A dog.", ["cat"], False),  # 1 of 3 is not
        ("A man.", "A man with a hat and a dog.", ["hat", "dog"], True),
        ("A man.", "A man with a hat and a dog.", ["dog"], True),
        ("A man.", "A man with a hat, a coat and a dog.", ["dog"], False),
        ("Two dogs run.", "Two dogs running.", [], True),  # stems
        ("A cat on a blue sofa.", SENTENCE, ["red"], False),  # the same small words
        ("It is there.", "A dog.", ["dog"], False),  # nothing is said
        ("...", "A dog.", ["dog"], False),
        (BLUE_CAR, RED_CAR, ["\u7ea2\u8272"], True),
        ("\u4e00\u53ea\u732b\u5750\u7740", RED_CAR, ["\u7ea2\u8272"], False),  # a cat sits
    ],
)
def test_what_is_about_the_same(text: str, sentence: str, words: list[str], kept: bool) -> None:
    assert keeps_subject(text, sentence, words) is kept


@given(st.text(max_size=60), st.text(max_size=60), st.lists(st.text(max_size=9), max_size=3))
def test_a_sentence_is_about_what_it_is_about(sentence: str, text: str, words: list[str]) -> None:
    assert keeps_subject(sentence, sentence, words) is bool(content(sentence))
    longer = f"{sentence} {text}"
    if len(content(text)) <= len(content(sentence)) and content(longer) >= content(sentence) > set():
        assert keeps_subject(longer, sentence, [])


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("A blue car on a road by a house.", ("A blue car on a road by a house.", "")),
        ("The image shows a blue car on a road.", ("A blue car on a road.", "")),
        ("a RED car, on a road by a house", ("", "unchanged")),
        ("The image shows a red car on a road by a house.", ("", "unchanged")),
        ("A cat on a blue sofa.", ("", "about something else")),
        ("I'm sorry, but I can't see a car.", ("", "refusal")),
        ("A red car " * 8, ("", "looping_reply")),
        ("A car. Leave out what cannot be seen in it, ok?", ("", "prompt_leak")),
    ],
)
def test_what_is_made_of_an_answer(text: str, mended: tuple[str, str]) -> None:
    assert mend(SENTENCE, ["red"], text, "Leave out what cannot be seen in it, ok?") == mended


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        (SENTENCE, "Ein blaues Auto auf einer Strasse und ein Haus mit dem Hund."),
        (SENTENCE, BLUE_CAR),
        (RED_CAR, "A blue car."),
    ],
)
def test_another_language_mends_nothing(sentence: str, text: str) -> None:
    assert mend(sentence, ["red"], text, "") == ("", "wrong_language")


def test_a_sentence_may_be_left_out() -> None:
    assert mend(SENTENCE, ["red"], "", "") == ("", "left out")


def test_a_sentence_in_german_stays_german() -> None:
    german = "Ein rotes Auto steht auf der Strasse vor dem Haus."
    blue = german.replace("rotes", "blaues")
    assert mend(german, ["rotes"], blue, "") == (blue, "")


def test_texts_without_words_are_compared_as_they_are() -> None:
    assert same_words("?") != same_words("!")


def changed(old: str, new: str) -> list[str]:
    """Return the words of the old text that the new one has not in their place."""
    ours, theirs = words_of(old), words_of(new)
    blocks = SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
    same = {place for block in blocks for place in range(block.a, block.a + block.size)}
    return [word for place, word in enumerate(ours) if place not in same]


@pytest.mark.skipif(not (DATA / "sugar_crepe").is_dir(), reason="SugarCrepe is not here")
def test_false_captions_are_mended_by_their_true_ones() -> None:
    kept = []
    for kind in ("replace_att", "replace_obj", "replace_rel", "swap_att", "swap_obj"):
        pairs = json.loads((DATA / "sugar_crepe" / "data" / f"{kind}.json").read_text()).values()
        for pair in pairs:
            true, false = pair["caption"], pair["negative_caption"]
            kept.append(keeps_subject(true, false, changed(false, true)))
    assert len(kept) == 4757
    assert sum(kept) >= 0.999 * len(kept)


@pytest.mark.skipif(not (DATA / "coco_open").is_dir(), reason="COCO is not here")
def test_captions_of_another_picture_are_about_something_else() -> None:
    captions: list[list[str]] = []
    for path in sorted((DATA / "coco_open" / "shards").glob("*.tar")):
        with tarfile.open(path) as tar:
            members = [m for m in tar if m.name.endswith(".json")]
            captions += [json.load(tar.extractfile(m))["captions"] for m in members]  # type: ignore[arg-type]
    captions = [own for own in captions if own]
    lot = random.Random(1)
    kept = []
    for k, own in enumerate(captions):
        for step in range(1, 21):
            sentence, text = lot.choice(own), lot.choice(captions[(k + step) % len(captions)])
            words = [word for word in words_of(sentence) if content(word)]
            kept.append(keeps_subject(text, sentence, lot.sample(words, min(len(words), lot.choice([1, 2])))))
    assert len(kept) > 2_000
    assert sum(kept) <= 0.01 * len(kept)

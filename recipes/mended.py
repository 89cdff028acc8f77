"""Whether a sentence that was written anew mends the one it stands for."""

from collections.abc import Sequence

from recipes.base import BadReply
from recipes.content import content
from recipes.hygiene import words_of
from recipes.languages import is_in_script_of, is_surely_english
from recipes.one_text import check_english
from recipes.reply import fold, tidy_texts

MIN_KEPT = 0.5
"""Share of the content beside the suspect words that must stay. Of 4,757 pairs of SugarCrepe, which differ in
one thing, 99.9 % reach it; of captions of two pictures of COCO, with a word or two suspected, 0.4 %."""

UNCHANGED = "unchanged"
LEFT_OUT = "left out"
ELSEWHERE = "about something else"


def mend(sentence: str, words: Sequence[str], text: str, instruction: str) -> tuple[str, str]:
    """Return a model's text for a sentence, tidied; or an empty one, and why it cannot be used.

    Args:
        sentence: what is to be mended.
        words: those of it that are under suspicion.
        text: what the model wrote instead.
        instruction: none of it may be in the text.
    """
    if not text:
        return "", LEFT_OUT
    if same_words(text) == same_words(sentence):
        return "", UNCHANGED
    try:
        (text,) = tidy_texts([text], instruction)
        if is_surely_english(sentence):
            check_english(text)
    except BadReply as error:
        return "", error.reason
    if same_words(text) == same_words(sentence):
        return "", UNCHANGED
    if not is_in_script_of(text, sentence):
        return "", "wrong_language"
    return (text, "") if keeps_subject(text, sentence, words) else ("", ELSEWHERE)


def same_words(text: str) -> str:
    """Return what is the same of two texts that differ in case and punctuation alone.

    >>> same_words("A dog, running!") == same_words("a dog running")
    True
    """
    return " ".join(words_of(text)) or fold(text)


def keeps_subject(text: str, sentence: str, words: Sequence[str]) -> bool:
    """Return whether a text is about what the sentence is about, its suspect words aside.

    Compared are the stems of content words. Suspect words may go, and as many others come; of what else is in
    the longer of the two, `MIN_KEPT` must be in both.

    >>> keeps_subject("A blue car by a house.", "A red car by a house.", ["red"])
    True
    >>> keeps_subject("A cat on a blue sofa.", "A red car by a house.", ["red"])
    False
    """
    said, wanted = content(text), content(sentence)
    suspect = wanted & content(" ".join(words))
    others = wanted - suspect
    kept = len(others & said)
    added = max(0, len(said - wanted) - len(suspect))
    return bool(said) and kept >= MIN_KEPT * max(len(others), kept + added)

"""Whether a text is English, by letters and common words: enough to notice a model that strayed."""

import re

from recipes.hygiene import words_of
from recipes.identify import detect_language
from recipes.wording.words import word_set

MAX_OTHER_LETTERS = 0.5
"""A text is of another script when more of its letters than this are not Latin; a sign's name may be."""

MIN_OTHER_WORDS = 3
FOREIGN_PROBABILITY = 0.8
"""Of 8,066 captions of SugarCrepe and COCO none is identified so surely as another language (0.66 at most);
seven of eight sentences in Polish, Turkish, Vietnamese, Danish, Finnish, French and Indonesian are."""

MIN_WORDS = 6
"""Shorter texts are not identified: one name or two decide them."""

_LATIN = re.compile("[A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff]")

# Words that are common in one and rare in the other: no `die`, `in`, `on`, `an`, `no`, `los`
# (Angeles), and no single letter.
_ENGLISH = word_set(
    """
    the of and is are with at by from its his her their this that two which while there has have near behind
    """
)
_OTHERS = word_set(
    """
    der das und ist ein eine einem einen einer mit auf dem den des von zu nicht sind im zwei
    le la les une est avec dans sur et du pour qui deux sont au aux
    el una uno con por del esta est\u00e1 sobre dos que
    il gli della di che nel sono su due
    os um uma com na s\u00e3o dois em
    het een van met op de en zijn twee
    """
)


def other_letters(text: str) -> float:
    """Return the share of letters that are not Latin, 0..1; 0 where there are no letters."""
    letters = sum(map(str.isalpha, text))
    return 1 - len(_LATIN.findall(text)) / letters if letters else 0.0


def is_in_script_of(text: str, source: str) -> bool:
    """Return whether a text is written in letters of a kind that its source has too."""
    share = other_letters(source)
    return share < 1 if other_letters(text) <= MAX_OTHER_LETTERS else share > 0


def is_english(text: str) -> bool:
    """Return whether a text can be English.

    It is not where its letters are not Latin, or where it has three or more of the commonest words of German,
    French, Spanish, Italian, Portuguese or Dutch, and fewer of those of English.

    >>> is_english("Ein Hund liegt auf dem Sofa."), is_english("A dog on the sofa, Rue de la Paix")
    (False, True)
    """
    if other_letters(text) > MAX_OTHER_LETTERS:
        return False
    words = words_of(text)
    others = sum(word in _OTHERS for word in words)
    return others < MIN_OTHER_WORDS or others <= sum(word in _ENGLISH for word in words)


def is_surely_english(text: str) -> bool:
    """Return whether a text can be English, and no other language is identified in it.

    >>> is_surely_english("Pies le\u017cy na trawie obok pi\u0142ki w parku."), is_surely_english("Rue Cler")
    (False, True)
    """
    if not is_english(text):
        return False
    if len(text.split()) < MIN_WORDS:
        return True
    language, probability = detect_language(text)
    return language in ("en", None) or probability < FOREIGN_PROBABILITY

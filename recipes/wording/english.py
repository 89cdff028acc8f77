"""Closed classes of English words, and whether a text is English at all."""

from collections.abc import Sequence
from functools import lru_cache

from recipes.wording.lexicon import LEXICON
from recipes.wording.tokens import Token
from recipes.wording.words import word_set
from schemas.facts import Facts

FUNCTION_WORDS = word_set(
    """
    a an the this that these those my your his her its our their some any each every another other others
    both of in on at by for from with without to into onto over under above below behind beside between near
    next around through across along against during before after about as than up down off out inside
    outside while when where who which whose what how why if then there here and or but nor so yet not no is
    are was were be been being am has have had do does did can could will would may might must shall should
    it he she they them him we us i you me very too also just only more most less least much many few
    several all none one two three four five six seven eight nine ten eleven twelve front back left right
    top bottom side lot bunch couple pair group set style type kind per via vs plus etc full together close
    exactly atleast toward towards underneath beneath lots away upon within among amongst someone somebody
    something anyone anything everyone everything nothing myself yourself himself herself itself ourselves
    themselves
    """
)
"""Words that no tag holds."""

VERBS = word_set(
    """
    sits sit stands stand lies lie walks walk runs run rides holds hold wears wear looks look eats eat plays
    goes go comes come makes make made gets get got takes took put puts shows shown show seen see filled
    covered surrounded parked seated dressed posed taken based located called named getting having being
    holding wearing riding sitting standing lying laying walking running eating looking playing flying
    driving swimming sleeping jumping carrying pulling pushing talking using making taking watching waiting
    hanging leaning working posing preparing drinking cutting reading smiling touching featuring containing
    showing including leading crossing passing grazing throwing catching hitting swinging skiing surfing
    going coming feeding chasing petting sniffing licking brushing chewing facing covering overlooking
    isolated won donated competing pictured said says say keep learn know let help become attend attends
    arrive arrives arrived performs performing contains consists touches appears play ride wait watch fly
    jump cross approach approaches plans features kept cut lit placed jumps flies waits watches prepares
    serves seems keeps gives give hangs
    """
)
"""Verb forms that end a tag."""

FINITE_VERBS = word_set(
    """
    is are was were has have had do does did can could will would may might must sits stands lies walks runs
    rides holds wears looks eats plays goes comes makes takes puts shows flies jumps hangs waits
    cuts catches hits sit stand walk run ride wait play eat wear hold look won said says features contains
    arrives arrived attends performs serves prepares keeps gives leads crosses throws pulls
    carries poses sleeps rests grazes uses reads leans feeds drives swims skis
    surfs touches consists approaches
    """
)
"""Verb forms that make a text a clause rather than a noun phrase."""

NEGATIONS = word_set("no not without never none neither nor cannot except minus non")
BLOCKERS = NEGATIONS | word_set(
    """
    or atleast least most only than any either unless if each every all exactly
    """
)
"""After these a changed word need not make a sentence false (`at least two`, `red or blue`, `no dog`)."""

ING_NOUNS = word_set(
    """
    building buildings ceiling wedding painting clothing morning evening ring wing king string spring swing
    thing dining living parking landing railing dressing pudding swimming frosting icing earring lightning
    drawing engraving housing flooring lighting bedding wrapping meeting training farming fishing camping
    hiking cooking reading writing shopping boxing racing sibling duckling gosling bring stocking filling
    opening crossing sling herring awning viking darling pumpkin-carving greeting offering
    """
)
"""Words in -ing that are nouns or stand before one."""

_ENGLISH_ONLY = word_set(
    """
    the with and are this that from his her their its
    """
)
_ASCII_SHARE = 0.8


def is_negation(word: str) -> bool:
    """Return whether a lower-case word negates."""
    return word in NEGATIONS or word.endswith(("n't", "n\u2019t"))


@lru_cache(8192)
def blocks(word: str) -> bool:
    """Return whether a text with this lower-case word may stay true when another word is changed."""
    return word in BLOCKERS or is_negation(word)


def is_english(facts: Facts, tokens: Sequence[Token]) -> bool:
    """Return whether the rules may change these words of the alt text.

    Language identification is often wrong on a few words, so another language is not believed where two
    words of the lexicon are in the text, or one and an English function word. With no language measured, at
    least 80 % of the characters of words must be ASCII.
    """
    if facts.language == "en":
        return True
    if facts.language is None:
        chars = sum(len(token.text) for token in tokens)
        ascii_chars = sum(len(token.text) for token in tokens if token.text.isascii())
        return ascii_chars >= _ASCII_SHARE * chars
    words = {token.lower for token in tokens}
    known = sum(word in LEXICON for word in words)
    return known > 1 or (known == 1 and not words.isdisjoint(_ENGLISH_ONLY))

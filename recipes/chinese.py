"""Whether a text is Chinese in simplified characters, and whether it tells the numbers of an English one."""

import re
import unicodedata

from recipes.hygiene import repetition, words_of
from recipes.kept import in_words, numbers
from recipes.wording.words import word_set

MAX_TRADITIONAL = 0.1
"""Share of ideographs that only traditional Chinese has. Ordinary traditional text has two to four in ten; a
name on a sign may have one or two."""

MIN_IDEOGRAPHS = 4
_IDEOGRAPH = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_OTHER_ASIAN = re.compile("[\u3040-\u30ff\u1100-\u11ff\uac00-\ud7af]")
_LATIN_WORD = re.compile("[A-Za-z\u00c0-\u024f]+(?:['\u2019-][A-Za-z\u00c0-\u024f]+)*")
_ENGLISH_GLUE = word_set("a an and are at by from has in is its on that there this to with")
_OPENING = re.compile(
    "(?:在)?(?:这|该|此|本)?(?:张|幅|个)?"
    "(?:图片|图像|照片|画面|图)(?:里|中|上)?"
    "(?:(?:展示|显示|描绘|呈现|展现)(?:了|的是)?|是|有|\uff0c)"
)
"""`This picture shows`, `in the picture there is`."""

_REFUSAL = re.compile(
    "(?:很|非常)?(?:抱歉|对不起)|我(?:无法|不能)|作为(?:一个)?(?:AI|人工智能)"
    "|(?:没有|未)(?:提供|上传|收到|可用的|看到)(?:任何)?(?:图片|图像|照片)",
    re.IGNORECASE,
)
_NUMERALS = (
    "零\u3007", "一", "二两双对俩", "三仨", "四", "五", "六", "七", "八", "九", "十",
)  # fmt: skip
"""What stands for 0 to 10; twelve is ten and two."""

_COUNTED = re.compile(
    "(?<![一二三四五六七八九十百千万第几数])([两二三四五六七八九十])"
    "(?=[个只条名位辆匹头张把座朵棵本杯瓶盘块片艘架台件根盏扇])"
)
"""A numeral before a measure word: so many things."""

_SMALL = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_COMPOUND = re.compile(rf"\b(?:{'|'.join(_SMALL)})-(?=\w)", re.IGNORECASE)
"""In `a four-way crossing` nothing is counted, and Chinese has a word without a four for it."""

_MONTHS = tuple(
    word_set(names)
    for names in (
        "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul",
        "august aug", "september sep sept", "october oct", "november nov", "december dec",
    )
)  # fmt: skip


def chinese_fault(text: str) -> str | None:
    """Return what keeps a text from being Chinese in simplified characters; None where nothing does.

    Names and signs may be in Latin letters, but there must be more ideographs than such words, and no English
    sentence among them. Simplified is what GB 2312 has, traditional what only Big5 has.

    >>> chinese_fault("一只棕色的狗坐在红色的沙发上\u3002"), chinese_fault("A dog on a sofa")
    (None, 'it was not in Chinese.')
    >>> chinese_fault("一隻棕色的狗坐在紅色的沙發上\u3002")
    'it was in traditional characters.'
    """
    ideographs = _IDEOGRAPH.findall(text)
    words = [word.casefold() for word in _LATIN_WORD.findall(text)]
    if len(ideographs) < MIN_IDEOGRAPHS or len(words) >= len(ideographs) or _OTHER_ASIAN.search(text):
        return "it was not in Chinese."
    if sum(word in _ENGLISH_GLUE for word in words) > 1:
        return "it mixed English into the Chinese."
    if sum(map(_is_traditional, ideographs)) > MAX_TRADITIONAL * len(ideographs):
        return "it was in traditional characters."
    return None


def _is_traditional(character: str) -> bool:
    return not _encodes(character, "gb2312") and _encodes(character, "big5")


def _encodes(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def is_chinese_refusal(text: str) -> bool:
    """Return whether a text opens by declining to answer."""
    return _REFUSAL.match(text) is not None


def is_chinese_loop(text: str, max_repetition: float) -> bool:
    """Return whether the 4-grams of the ideographs repeat earlier ones by more than a share."""
    return repetition(_IDEOGRAPH.findall(text)) > max_repetition


def strip_chinese_opening(text: str) -> str:
    """Return a text without a `this picture shows` before it, where enough is left to stand alone.

    >>> strip_chinese_opening("这张图片展示了一只狗在跑\u3002")
    '一只狗在跑\u3002'
    """
    match = _OPENING.match(text)
    rest = text[match.end() :].lstrip("\uff0c\uff1a:, ") if match else ""
    return rest if len(_IDEOGRAPH.findall(rest)) >= MIN_IDEOGRAPHS else text


def unlike_numbers(english: str, chinese: str) -> list[str]:
    """Return the numbers that one of two texts tells alone, sorted; small ones may be words, months names.

    >>> unlike_numbers("Two dogs, May 2019", "2019年5月\uff0c两只狗"), unlike_numbers("3 dogs", "两只狗")
    ([], ['2', '3'])
    """
    chinese = unicodedata.normalize("NFKC", chinese)
    words = set(words_of(english))
    in_english, in_chinese = numbers(english), numbers(chinese)
    counting = words_of(_COMPOUND.sub(" ", english))
    counted = {str(n) for n, word in enumerate(_SMALL, start=2) if word in counting}
    told = {str(_value(numeral)) for numeral in _COUNTED.findall(chinese)}
    only_english = {n for n in in_english | counted if n not in in_chinese and not _in_numerals(n, chinese)}
    only_chinese = {n for n in in_chinese | told if n not in in_english and not _in_english(n, words)}
    return sorted(only_english | only_chinese)


def _value(numeral: str) -> int:
    return next(n for n, numerals in enumerate(_NUMERALS) if numeral in numerals)


def _in_numerals(number: str, chinese: str) -> bool:
    if not number.isdecimal() or len(number) > 2 or int(number) > 12:
        return False
    tens, ones = divmod(int(number), 10)
    if tens and ones:
        return f"十{_NUMERALS[ones][0]}" in chinese
    return any(numeral in chinese for numeral in _NUMERALS[int(number)])


def _in_english(number: str, words: set[str]) -> bool:
    if in_words(number, words):
        return True
    is_month = number.isdecimal() and len(number) <= 2 and 1 <= int(number) <= len(_MONTHS)
    return is_month and not words.isdisjoint(_MONTHS[int(number) - 1])

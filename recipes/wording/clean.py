"""Alt text without mark-up, addresses and sales talk. What is left was in the text."""

import html
import re
from functools import lru_cache

MAX_CHARS = 300
"""Longest text returned: about 77 CLIP tokens, the context of the text tower (Radford et al. 2021, 2.4)."""

_MAX_READ = 4_000
_TAG = re.compile(r"<[A-Za-z/!][^<>]*(?:>|$)")
_UNPRINTED = re.compile(
    "[\x00-\x1f\x7f-\xa0\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+"
)
_MAY_BE_ADDRESS = re.compile(r"\.\S|@|://")
"""In every address and file name: what the slower patterns find has this."""
_ADDRESS = re.compile(
    r"\b(?:https?://|www\.)\S+|\b[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]+"
    r"|\b[\w-]{1,63}(?:\.[\w-]{1,63}){0,3}\.(?:com|net|org|info|co\.uk|io|eu|ru|de|fr|au)\b(?:/\S*)?",
    re.IGNORECASE,
)
_IMAGE_ENDING = r"\.(?:jpe?g|png|gif|webp|bmp|tiff?|svg|avif|heic)\b"
_WHOLE_FILE_NAME = re.compile(rf"\S+{_IMAGE_ENDING}", re.IGNORECASE)
_FILE_NAME = re.compile(rf"(?:([A-Za-z]+)|[\w()%+.-]+){_IMAGE_ENDING}", re.IGNORECASE)
_CAMERA_NAME = re.compile(r"\b(?:IMG|DSC[NF]?|PICT|MVI|PXL|GOPR|WP)[_-]?\d{3,}\w*", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_SIZE_PX = re.compile(r"[\[(]?\b\d{3,5} ?[x\u00d7] ?\d{3,5}(?: ?(?:px|pixels)\b)?[\])]?", re.IGNORECASE)
_SHOP = (
    "shutterstock|etsy(?: uk)?|ebay|amazon|alamy|getty images|istock(?:photo)?|dreamstime|123rf|pinterest|"
    "depositphotos|adobe stock|fotolia|walmart|zazzle|redbubble|flickr|youtube|vectorstock|wayfair|"
    "aliexpress|can stock photo|canstock|society6|poshmark|overstock"
)
_BOILER_PLATE = re.compile(
    rf"\s*(?:[|\u2013\u2014-]|\bon\b|\bfrom\b|\bat\b)\s*(?:{_SHOP})\b\s*\W*$|"
    r"\b(?:royalty[- ]free(?: stock)? (?:photos?|images?|vectors?|illustrations?)|royalty[- ]free|"
    r"stock (?:photos?|images?|vectors?|illustrations?|photography|pictures?|footage)|vector images?|"
    r"(?:with )?free (?:shipping|delivery|download|returns)|(?:buy|shop|order) (?:now|online|today)|"
    r"add to (?:cart|basket|wish ?list)|click (?:here|to enlarge|to view|for more)(?: details| info)?|"
    r"(?:best|lowest) prices?|(?:on|for) sale|in stock|sold out|all rights reserved|"
    r"(?:hd|4k|desktop) wallpapers?|view full size|read more|image result for)\b!?",
    re.IGNORECASE,
)
_BOILER_STEMS = (
    "stock", "royalty", "vector", "free", "buy", "shop", "order", "cart", "basket", "click", "price", "sale",
    "sold", "rights", "wallpaper", "full size", "read more", "result for", "etsy", "ebay", "amazon", "alamy",
    "getty", "dreamstime", "123rf", "pinterest", "deposit", "fotolia", "walmart", "zazzle", "redbubble",
    "flickr", "youtube", "wayfair", "aliexpress", "society6", "poshmark", "wish",
)  # fmt: skip
_REPEATED = re.compile(r"([^\w\s])\1+")
_HOLLOW = re.compile(r"\(\s*\)|\[\s*\]|\{\s*\}|[,;:|\u2013\u2014-](?=\s*[,;:|\u2013\u2014])")
_BEFORE_MARK = re.compile(r" (?=[,.;:!?](?: |$))")
_SENTENCE_END = re.compile(r"[.!?](?=\s)")
_INCHES = re.compile(r'\d"')
_EDGES = " \t,;:|\u2013\u2014-_/\\*#\u00b7\u2022~^=+>"
_BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"))


def clean(text: str) -> str:
    """Return the sentence in an alt text: at most `MAX_CHARS` characters on one line, or nothing.

    >>> clean("Two red foxes in the snow &amp; ice | Shutterstock")
    'Two red foxes in the snow & ice'
    >>> clean("IMG_0032.jpg")
    ''
    """
    return _clean(text[:_MAX_READ])


@lru_cache(1024)
def _clean(text: str) -> str:
    text = _strip_addresses(_strip_marks(text))
    lower = text.lower()
    if any(map(lower.__contains__, _BOILER_STEMS)):
        text = _BOILER_PLATE.sub(" ", text)
    text = _tidy(text)
    if " " not in text and text.count("-") + text.count("_") >= 2:
        text = _tidy(text.replace("-", " ").replace("_", " "))
    text = _shorten(text)
    return text if any(map(str.isalpha, text)) else ""


def _strip_marks(text: str) -> str:
    if "&" in text:
        text = html.unescape(html.unescape(text))
    if "<" in text:
        text = _TAG.sub(" ", text)
    return text if text.isprintable() else _UNPRINTED.sub(" ", text)


def _strip_addresses(text: str) -> str:
    if _MAY_BE_ADDRESS.search(text):
        text = _ADDRESS.sub(" ", text)
        if _WHOLE_FILE_NAME.fullmatch(text.strip()):
            return ""
        text = _FILE_NAME.sub(lambda m: m[1] or " ", text)
    if _DIGIT.search(text):
        text = _SIZE_PX.sub(" ", _CAMERA_NAME.sub(" ", text))
    return text


def _tidy(text: str) -> str:
    text = _REPEATED.sub(r"\1", text)
    text = _BEFORE_MARK.sub("", " ".join(_HOLLOW.sub(" ", text).split()))
    text = text.strip(_EDGES)
    if text.count('"') % 2:
        text = text.replace('"', " ")
    elif len(text) > 1 and text[0] == text[-1] == '"' and (text.count('"') == 2 or _INCHES.search(text[:-1])):
        text = text[1:-1]
    for left, right in _BRACKETS:
        if text.count(left) != text.count(right):
            text = text.replace(left, " ").replace(right, " ")
    return " ".join(text.split()).strip(_EDGES).lstrip(".!?")


def _shorten(text: str) -> str:
    if len(text) <= MAX_CHARS:
        return text
    head = text[:MAX_CHARS]
    ends = [m.end() for m in _SENTENCE_END.finditer(head)]
    if ends and ends[-1] > MAX_CHARS // 3:
        return head[: ends[-1]]
    return head[: head.rfind(" ")].rstrip(_EDGES) if " " in head else head

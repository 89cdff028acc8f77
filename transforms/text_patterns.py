"""Recognise what is no caption: markup, addresses, file names. Every pattern takes linear time."""

import re
from html.entities import html5

MAX_FILE_NAME_CHARS = 255
"""The longest name that common filesystems allow."""

_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]*)?/?>|<!(?:--|doctype\b)", re.IGNORECASE)
_NUMERIC_ENTITY = re.compile(r"&#(?:[0-9]{1,7}|[xX][0-9a-fA-F]{1,6});")
_NAMED_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31};)")

# Endings that are also words (it, in, me, shop) are left out: "nice.It was" is no address.
_DOMAIN_ENDINGS = "com|org|net|edu|gov|biz|info|io|xyz|eu|uk|de|fr|nl|ru|pl|cz|ch|jp|cn|ca|au|br|kr|tw|ua"
_URL = re.compile(
    r"\b(?:https?|ftp)://\S"
    r"|\bwww\.[a-z0-9-]"
    rf"|(?<![\w@.-])[a-z0-9][a-z0-9-]{{0,62}}\.(?:[a-z0-9-]{{1,63}}\.){{0,3}}(?:{_DOMAIN_ENDINGS})(?![\w-]|\.\w)",
    re.IGNORECASE | re.ASCII,
)

_MEDIA = "jpe?g|jfif|png|gif|webp|bmp|tiff?|svg|heic|heif|avif|psd|eps|pdf|mp4|mov|avi|webm"
_CAMERA = "IMG|IMGP|IMAG|DSC|DSCN|DSCF|CIMG|PICT|MVI|VID|PXL|GOPR|HPIM|DCP|SAM|_MG"
_FILE_NAMES = tuple(
    re.compile(pattern, flags | re.ASCII)
    for pattern, flags in (
        (rf"(?:\S+ ){{0,7}}\S*\.(?:{_MEDIA})", re.IGNORECASE),
        (rf"(?:{_CAMERA})[ _-]?[0-9]{{3,}}[\w()-]{{0,24}}(?: \([0-9]+\))?", 0),
        (r"P[0-9]{7}", 0),
        (
            r"(?:image|img|photo|picture|pic|file|scan|foto|bild|screenshot|thumb|thumbnail|slide|unknown)"
            r"[ _-]?\(?[0-9]{1,18}\)?",
            re.IGNORECASE,
        ),
        (r"(?:untitled|unnamed|placeholder|no[ _-]?image)[ _-]?\(?[0-9]{0,9}\)?", re.IGNORECASE),
        (r"\{?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?", re.IGNORECASE),
        # A hash, or a row of numbers, with the marks of a size or a variant behind it.
        (r"(?=[a-f]*[0-9])[0-9a-f]{12,128}(?:[_-]\w{1,12}){0,3}", re.IGNORECASE),
        (r"[0-9]{6,}(?:[_-][0-9]+)*(?:_[a-z])?", re.IGNORECASE),
        # No written language joins words by underscores.
        (r"[\w().-]*[^\W_]_[^\W_][\w().-]*", 0),
        # Nor five by hyphens; "jack-in-the-box" is four.
        (r"[\w%+]+(?:-[\w%+.]+){4,}", 0),
    )
)


def has_html(text: str) -> bool:
    """Return whether the text holds an HTML tag or an entity of HTML 5."""
    if "<" in text and _TAG.search(text):
        return True
    if "&" not in text:
        return False
    named = any(match[1] in html5 for match in _NAMED_ENTITY.finditer(text))
    return named or _NUMERIC_ENTITY.search(text) is not None


def has_url(text: str) -> bool:
    """Return whether the text holds a URL, or a bare domain of a common ending. E-mail is neither."""
    return ("." in text or "://" in text) and _URL.search(text) is not None


def is_file_name(text: str) -> bool:
    """Return whether the whole text is a name that a camera, a program or a content store gave.

    >>> [is_file_name(text) for text in ("IMG_0032.jpg", "untitled", "St. Paul's", "1.5 kg")]
    [True, True, False, False]
    """
    name = text.strip()
    if len(name) > MAX_FILE_NAME_CHARS:
        return False
    return any(pattern.fullmatch(name) for pattern in _FILE_NAMES)

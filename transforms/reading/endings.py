"""How a member's name falls into a sample's key and an ending."""

import re
from dataclasses import dataclass

from schemas.config import InputConfig

_METADATA = re.compile(r"__[^/]*__(?:$|/)")


def is_metadata(name: str) -> bool:
    """Return whether WebDataset's own loader passes the member over: `__x__`, or all below `__x__/`."""
    return name.startswith("__") and _METADATA.match(name) is not None


def split_short(name: str) -> tuple[str, str]:
    """Return folder and base name up to the first dot, and the ending in lower case (WebDataset's rule).

    The key is empty where the base name begins with a dot; the ending is where there is no dot.

    >>> split_short("a.b/img.v1.JPG")
    ('a.b/img', 'v1.jpg')
    """
    base = name.rfind("/") + 1
    dot = name.find(".", base)
    if dot < 0:
        return (name, "") if base < len(name) else ("", "")
    return (name[:dot], name[dot + 1 :].lower()) if dot > base else ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endings:
    """The endings that a configuration knows, in lower case and without a leading dot."""

    image: tuple[str, ...]
    text: tuple[str, ...]
    json: tuple[str, ...]
    known: frozenset[str]
    compound: tuple[str, ...]  # those with a dot inside, the longest first

    @classmethod
    def of(cls, config: InputConfig) -> "Endings":
        image, text, json = (
            tuple(name.lower().removeprefix(".") for name in names)
            for names in (config.image, config.text, config.json_)
        )
        known = frozenset(image + text + json)
        compound = tuple(sorted((e for e in known if "." in e), key=lambda e: (-len(e), e)))
        return cls(image=image, text=text, json=json, known=known, compound=compound)

    def split_long(self, name: str) -> tuple[str, str]:
        """Return the name up to its last ending, and that ending; a configured one with dots first."""
        base = name.rfind("/") + 1
        lower = name.lower()
        for ending in self.compound:
            cut = len(name) - len(ending) - 1
            if cut > base and lower.endswith("." + ending):
                return name[:cut], ending
        dot = name.rfind(".")
        return (name[:dot], lower[dot + 1 :]) if dot > base else (name, "")

    def names_known(self, name: str) -> bool:
        """Return whether the member's ending, by either way of splitting, is a known one."""
        return split_short(name)[1] in self.known or self.split_long(name)[1] in self.known

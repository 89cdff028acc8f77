"""What would let a run read samples without picture or text, from what else is in them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.config import ENDINGS, InputConfig
from schemas.shard import Unit
from transforms.imaging.sniff import FORMAT_OF_ENDING, image_format

MOST_SAMPLES = 200
"""Of a shard, for each problem: the others are taken to be like them."""
MOST_NAMES = 6
"""Of those in a line."""


@dataclass(slots=True, kw_only=True)
class Beside:
    """What is in samples that lack a half: how many have an ending, and which of them hold what.

    `pictures` are endings of pictures that are not looked for, `texts` those of texts, `fields` the fields of
    JSON, or columns of Parquet, that hold texts; `formats` are those of pictures that are not accepted.
    """

    samples: int = 0
    example: str = ""
    endings: Counter[str] = field(default_factory=Counter)
    pictures: Counter[str] = field(default_factory=Counter)
    texts: Counter[str] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    is_table: bool = False

    def take(self, unit: Unit, members: Iterable[tuple[str, bytes | None]], config: InputConfig) -> None:
        """Note the members of a sample: the ending, and the first bytes where they can be read."""
        if self.samples == MOST_SAMPLES:
            return
        self.samples += 1
        self.example = self.example or unit.key
        known = {*config.image, *config.text, *config.json_}
        for ending, head in members:
            self.endings[ending] += 1
            kind = FORMAT_OF_ENDING.get(ending) if head is None else image_format(head)
            if kind is not None:
                self.pictures[ending] += bool(ending) and ending not in config.image
                self.formats[kind] += kind not in config.formats
            elif ending not in known and head is not None and _is_text(head):
                self.texts[ending] += bool(ending)
        self.fields.update(n for n, v in unit.json.items() if isinstance(v, str) and len(v.split()) > 1)

    def listed(self) -> str:
        """Return the endings of all members, or say that there are none."""
        names = [f".{name}" if name else "a name without an ending" for name in _names(self.endings)]
        return ", ".join(names) or "none"


def _is_text(head: bytes) -> bool:
    # The head may end within a character of UTF-8.
    text = head.decode("utf-8", "ignore")
    is_whole = len(text.encode()) > len(head) - 4
    return is_whole and any(c.isalpha() for c in text) and all(c.isprintable() or c.isspace() for c in text)


def _names(counter: Counter[str]) -> list[str]:
    """Return the names that were counted, the most frequent first."""
    found = sorted((name for name in counter if counter[name]), key=lambda name: (-counter[name], name))
    return found[:MOST_NAMES]


def picture_advice(beside: Beside, config: InputConfig) -> str | None:
    """Return the settings that would find pictures, where there are any."""
    if not (endings := _names(beside.pictures)):
        return None
    formats = _names(beside.formats)
    usual = {ending for name in formats for ending in ENDINGS[name]}
    settings = [_setting("formats", (*config.formats, *formats))] if formats else []
    if any(ending not in usual for ending in endings):
        settings.append(_setting("image", (*config.image, *endings)))
    return f"pictures end in {', '.join(f'.{name}' for name in endings)}; to read them: {' '.join(settings)}"


def format_advice(beside: Beside, config: InputConfig) -> str:
    """Return the setting that would accept pictures of other formats."""
    formats = _names(beside.formats)
    setting = _setting("formats", (*config.formats, *formats))
    return f"they are {', '.join(formats)}; to accept them: {setting}"


def text_advice(beside: Beside, config: InputConfig) -> str | None:
    """Return the setting that would find texts, where there are any."""
    where = "columns of texts are" if beside.is_table else "the JSON has texts under"
    if endings := _names(beside.texts):
        found, names = f"texts end in {', '.join(f'.{name}' for name in endings)}", endings
    elif fields := _names(beside.fields):
        found, names = f"{where} {', '.join(fields)}", fields
    else:
        return None
    to_read = "to read them" if len(names) == 1 else f"to read {names[0]}"
    return f"{found}; {to_read}: {_setting('text', (*config.text, names[0]))}"


def _setting(name: str, values: Sequence[str]) -> str:
    return f"--set 'input.{name}=[{', '.join(values)}]'"


def advise(found: Mapping[str, Beside], config: InputConfig) -> Iterator[tuple[str, str]]:
    """Yield problems with what would mend them; `found` is what is in the samples, by problem."""
    no_image, no_text = found.get("missing_image"), found.get("missing_text")
    pictures = no_image and picture_advice(no_image, config)
    texts = no_text and text_advice(no_text, config)
    if no_image:
        yield "missing_image", pictures or f"no picture is among their members ({no_image.listed()})"
    if no_text:
        none = "no other column holds text" if no_text.is_table else f"their members are {no_text.listed()}"
        yield "missing_text", texts or f"{none}; a model can write from the picture alone (recipe recaption)"
    known = {*config.text, *config.json_}
    if no_image and no_text and not (pictures or texts) and known & no_image.endings.keys():
        yield (
            "missing_image",
            f"where {no_image.example} and {no_text.example} are one sample: give both one name, up to the "
            "first dot",
        )
    if "unsupported_format" in found:
        yield "unsupported_format", format_advice(found["unsupported_format"], config)

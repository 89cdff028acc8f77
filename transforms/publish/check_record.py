"""Checks one `KEY.json`, read back from anywhere, against what `sample_json` promises."""

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.annotation import FIELDS, LANGUAGES, is_list_field
from schemas.facts import COLOURS
from transforms.publish.caption import choose_caption
from transforms.publish.sample_json import REALIGNED

_TEXT = (str,)
_TEXT_OR_NULL = (str, type(None))
_NUMBER_OR_NULL = (int, float, type(None))

_RECORD: dict[str, tuple[type, ...]] = {
    "uid": _TEXT,
    "url": _TEXT_OR_NULL,
    "alt_text": _TEXT,
    "caption": _TEXT,
    "source": (dict,),
    **{name: (list,) if is_list_field(name) else _TEXT_OR_NULL for name in FIELDS},
    "scores": (dict,),
    "facts": (dict,),
    "provenance": (dict,),
}
_SOURCE: dict[str, tuple[type, ...]] = {"shard": _TEXT, "key": _TEXT, "json": (dict,)}
_FACTS: dict[str, tuple[type, ...]] = {
    "width": (int,),
    "height": (int,),
    "format": _TEXT,
    "mode": _TEXT_OR_NULL,
    "frames": (int,),
    "orientation": (int,),
    "sha256": _TEXT,
    "phash": _TEXT_OR_NULL,
    "brightness": _NUMBER_OR_NULL,
    "contrast": _NUMBER_OR_NULL,
    "sharpness": _NUMBER_OR_NULL,
    "entropy": _NUMBER_OR_NULL,
    "colours": (list,),
    "language": _TEXT_OR_NULL,
    "words": (int,),
    "chars": (int,),
    "mended": (list,),
}
_PROVENANCE: dict[str, tuple[type, ...]] = {
    "recipe": _TEXT,
    "worker": _TEXT,
    "model": _TEXT,
    "prompt_sha256": _TEXT,
    "seed": (int, type(None)),
    "tokens_in": (int,),
    "tokens_out": (int,),
}
_REGION: dict[str, tuple[type, ...]] = {
    "box": (list,),
    "phrase": _TEXT,
    "score": _NUMBER_OR_NULL,
    "raw_score": _NUMBER_OR_NULL,
}


def check_record(record: Any) -> list[str]:
    """Return what is wrong with a record, as phrases; none where every field is there and as promised."""
    problems = list(_check_fields("", record, _RECORD))
    if problems:
        return problems
    problems += _check_fields("source.", record["source"], _SOURCE)
    problems += _check_fields("facts.", record["facts"], _FACTS)
    problems += _check_lists(record)
    for name, who in record["provenance"].items():
        if name == REALIGNED:
            problems += _check_realigned(record, who)
            continue
        if name not in FIELDS:
            problems.append(f"provenance names {name!r}, which is no field")
        language = LANGUAGES.get(name)
        wanted = _PROVENANCE if language is None else _PROVENANCE | {"language": _TEXT}
        problems += (wrong := list(_check_fields(f"provenance.{name}.", who, wanted)))
        if language and not wrong and who["language"] != language:
            problems.append(f"provenance.{name}.language is {who['language']!r}, not {language!r}")
    for i, region in enumerate(record["regions"]):
        problems += _check_region(i, region)
    return problems or _check_texts(record)


def _check_realigned(record: Mapping[str, Any], who: Any) -> list[str]:
    """Return what is wrong with who wrote which sentences anew."""
    prefix = f"provenance.{REALIGNED}."
    if problems := list(_check_fields(prefix, who, _PROVENANCE | {"sentences": (dict,)})):
        return problems
    for name, places in who["sentences"].items():
        if name not in FIELDS or not is_list_field(name):
            problems.append(f"{prefix}sentences names {name!r}, which holds no sentences")
        elif not (isinstance(places, list) and all(_is_place(place, record[name]) for place in places)):
            problems.append(f"{prefix}sentences.{name} is not a list of places in it")
    return problems


def _is_place(place: Any, texts: list[Any]) -> bool:
    return type(place) is int and 0 <= place < len(texts)


def _check_fields(prefix: str, value: Any, wanted: Mapping[str, tuple[type, ...]]) -> Iterator[str]:
    """Check that an object has exactly the wanted fields, in that order and of those types."""
    if not isinstance(value, dict):
        yield f"{prefix.rstrip('.') or 'the record'} is no object"
        return
    missing = [f"{prefix}{name}" for name in wanted if name not in value]
    unknown = [f"{prefix}{name}" for name in value if name not in wanted]
    if missing:
        yield f"lacks {', '.join(missing)}"
    if unknown:
        yield f"has unknown {', '.join(unknown)}"
    if not missing and not unknown and list(value) != list(wanted):
        yield f"the fields of {prefix.rstrip('.') or 'the record'} are not in their order"
    for name, kinds in wanted.items():
        if name in value and type(value[name]) not in kinds:
            wanted_kinds = " or ".join(kind.__name__ for kind in kinds)
            yield f"{prefix}{name} is {type(value[name]).__name__}, not {wanted_kinds}"


def _check_lists(record: Mapping[str, Any]) -> Iterator[str]:
    for name in FIELDS:
        if name == "regions" or not is_list_field(name):
            continue
        if not all(isinstance(text, str) for text in record[name]):
            yield f"{name} holds something that is no text"
    colours = record["facts"].get("colours")
    if isinstance(colours, list) and not all(name in COLOURS for name in colours):
        yield "facts.colours holds something that is no colour"
    mended = record["facts"].get("mended")
    if isinstance(mended, list) and not all(isinstance(text, str) for text in mended):
        yield "facts.mended holds something that is no text"


def _check_region(i: int, region: Any) -> Iterator[str]:
    problems = list(_check_fields(f"regions[{i}].", region, _REGION))
    yield from problems
    if problems:
        return
    box = region["box"]
    if len(box) != 4 or not all(type(side) in (int, float) and 0 <= side <= 1 for side in box):
        yield f"regions[{i}].box is not four numbers in 0..1"
    elif not (box[0] < box[2] and box[1] < box[3]):
        yield f"regions[{i}].box is empty"


def _check_texts(record: Mapping[str, Any]) -> list[str]:
    problems = []
    positive, negative = record["long_positive"], record["long_negative"]
    if len(positive) != len(negative):
        problems.append(f"{len(positive)} long_positive, but {len(negative)} long_negative")
    for i, (yes, no) in enumerate(zip(positive, negative, strict=False)):
        if yes == no:
            problems.append(f"long_negative[{i}] repeats long_positive[{i}]")
    if both := sorted(set(record["short_positive"]) & set(record["short_negative"])):
        problems.append(f"{both[0]!r} is both in short_positive and in short_negative")
    if record["caption"] != choose_caption(record, record["alt_text"]):
        problems.append("the caption is not the one that its texts give")
    return problems

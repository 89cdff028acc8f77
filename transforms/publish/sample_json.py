"""What `KEY.json` holds: everything known of a published sample, every field always there."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from schemas.annotation import FIELDS, LANGUAGES, Annotation, Provenance, Realigned
from schemas.facts import COLOURS, Facts
from transforms.publish.caption import choose_caption

MIN_COLOUR_SHARE = 0.05
"""Share of the picture from which a colour is named."""

REALIGNED = "realigned"
"""Beside the fields of `provenance`: who wrote some of their sentences anew, and which."""

_DECIMALS = 3
_WHO = tuple(field.name for field in fields(Provenance))


def sample_json(
    facts: Facts,
    shard_name: str,
    annotations: Sequence[Annotation],
    scores: Mapping[str, Any] | None = None,
    realigned: Realigned | None = None,
) -> dict[str, Any]:
    """Return a sample's record, for `encode_mended`.

    Args:
        facts: of a whole sample (without `reason`).
        shard_name: `Shard.name` of the input shard it came from.
        annotations: in the order of the recipes; those with a reason write nothing.
        scores: as `transforms.scoring.scored.scores_json` returns them.
        realigned: whose sentences stand in place of others; they are under `realigned` in `provenance`.

    Raises:
        ValueError: an annotation writes a field that is not in `FIELDS`, or that another wrote.
    """
    written, provenance = _merge(facts, annotations)
    if realigned is not None:
        places = {name: list(places) for name, places in realigned.sentences.items()}
        provenance[REALIGNED] = _writer(realigned.provenance) | {"sentences": places}
    return {
        "uid": facts.uid,
        "url": facts.url,
        "alt_text": facts.alt_text,
        "caption": choose_caption(written, facts.alt_text),
        "source": {"shard": shard_name, "key": facts.key, "json": json.loads(facts.source_json)},
        **written,
        "scores": dict(scores or {}),
        "facts": _facts(facts),
        "provenance": provenance,
    }


def encode_mended(record: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return the record and its JSON, with null for NaN and infinities and U+FFFD for lone surrogates."""
    try:
        return record, encode_json(record)
    except ValueError:
        mended = _mend(record)
        return mended, encode_json(mended)


def encode_json(record: Mapping[str, Any]) -> bytes:
    """Return the record as one line of compact UTF-8 JSON, keys in their own order, newline at the end.

    Raises:
        ValueError: a number is not finite or a text has lone surrogates.
    """
    text = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f"{text}\n".encode()


def _merge(facts: Facts, annotations: Sequence[Annotation]) -> tuple[dict[str, Any], dict[str, Any]]:
    written: dict[str, Any] = {}
    provenance: dict[str, Any] = {}
    for annotation in annotations:
        writer = annotation.provenance
        who = None if writer is None else _writer(writer)
        for name, value in annotation.fields.items():
            if name not in FIELDS:
                raise ValueError(f"sample {facts.uid}: no field {name!r}; recipes write {', '.join(FIELDS)}")
            if name in written:
                raise ValueError(f"sample {facts.uid}: two recipes write {name!r}; leave one out of annotate")
            written[name] = value
            if who is not None:
                provenance[name] = who | ({"language": LANGUAGES[name]} if name in LANGUAGES else {})
    return (
        {name: written.get(name, empty) for name, empty in FIELDS.items()},
        {name: provenance[name] for name in FIELDS if name in provenance},
    )


def _writer(provenance: Provenance) -> dict[str, Any]:
    return {name: getattr(provenance, name) for name in _WHO}


def _facts(facts: Facts) -> dict[str, Any]:
    return {
        "width": facts.width,
        "height": facts.height,
        "format": facts.format,
        "mode": facts.mode,
        "frames": facts.frames,
        "orientation": facts.orientation,
        "sha256": None if facts.sha256 is None else facts.sha256.hex(),
        "phash": None if facts.phash is None else f"{facts.phash:016x}",
        "brightness": round(facts.brightness, _DECIMALS),
        "contrast": round(facts.contrast, _DECIMALS),
        "sharpness": round(facts.sharpness, _DECIMALS),
        "entropy": round(facts.entropy, _DECIMALS),
        "colours": _colours(facts.colour_shares),
        "language": facts.language,
        "words": facts.words,
        "chars": facts.chars,
        "mended": list(facts.mended),
    }


def _colours(shares: Sequence[float]) -> list[str]:
    named = [(-share, i) for i, share in enumerate(shares) if share >= MIN_COLOUR_SHARE]
    return [COLOURS[i] for _, i in sorted(named)]


def _mend(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else _mend_text(value)
    if isinstance(value, dict):
        return {_mend(name): _mend(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mend(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _mend_text(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

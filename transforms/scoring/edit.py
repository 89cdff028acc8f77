"""Leave out the texts of a sample that its scores speak against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from recipes.clip_tokens import cut_to_fit
from schemas.annotation import FIELDS, Annotation, is_list_field
from schemas.scoring import ScoreConfig, TextRules
from transforms.annotated import Annotated
from transforms.publish.caption import choose_caption
from transforms.scoring.score_table import Cosine, Scores

LOW = "score under texts.min"
BELOW_ALT = "score too far under the alt text's"
MARGIN = "negative not told from its sentence"
MISALIGNED = "word that the picture speaks against"

_NEGATIVE = frozenset({"long_negative", "short_negative"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """A sample without the texts that were left out, its scores without theirs, and how many for what."""

    annotations: tuple[Annotation, ...]
    scores: Scores
    dropped: Mapping[str, Mapping[str, int]]


def edit(sample: Annotated, scores: Scores, config: ScoreConfig) -> Edited:
    """Return a sample's annotations and scores without the texts that a rule objects to.

    The first rule that objects gives the reason: `texts.min`, `texts.below_alt`, `texts.margin`, `words`. A
    sentence of `long_positive` takes its negative with it, and is counted under its own name. Texts without
    a score stay.
    """
    looked_at: list[str] = [name for name in config.fields if name not in _NEGATIVE]
    faults = {name: _faults(name, scores, config.texts) for name in looked_at}
    dropped = {name: _count(of_field) for name, of_field in faults.items()}
    keep = {name: [fault is None for fault in of_field] for name, of_field in faults.items()}
    if "long_positive" in keep:
        keep["long_negative"] = keep["long_positive"]
    annotations = tuple(_edit_annotation(annotation, keep) for annotation in sample.annotations)
    alt_text, left = sample.facts.alt_text, written_fields(annotations)
    caption = cosines(written_fields(sample.annotations), alt_text, scores)[choose_caption(left, alt_text)]
    return Edited(
        annotations=annotations,
        scores=replace(_edit_scores(scores, keep), clip_caption=caption),
        dropped={name: whys for name, whys in dropped.items() if whys},
    )


def cosines(written: Mapping[str, Any], alt_text: str, scores: Scores) -> dict[str, Cosine]:
    """Return the cosines of a sample's texts by the text, cut for the caption; of all that it may become."""
    found: dict[str, Cosine] = {}
    for name, of_field in scores.fields.items():
        texts = written[name] if is_list_field(name) else [written[name]]
        values = of_field if isinstance(of_field, list | tuple) else [of_field]
        found |= {cut_to_fit(text): value for text, value in zip(texts, values, strict=True) if text}
    return found | {
        choose_caption(written, alt_text): scores.clip_caption,
        cut_to_fit(alt_text): scores.clip_alt,
    }


def written_fields(annotations: Sequence[Annotation]) -> dict[str, Any]:
    """Return all fields as a record has them, empty ones too."""
    written = {name: value for annotation in annotations for name, value in annotation.fields.items()}
    return {name: written.get(name, empty) for name, empty in FIELDS.items()}


def _faults(name: str, scores: Scores, rules: TextRules) -> list[str | None]:
    """Return what speaks against each text of a field."""
    found = scores.fields.get(name)
    of_texts: Sequence[Cosine] = found if isinstance(found, list | tuple) else [found]  # type: ignore[list-item]
    wrong = scores.wrong_words.get(name, ())
    negative = scores.fields.get("long_negative") if name == "long_positive" else None
    faults: list[str | None] = []
    for k, cosine in enumerate(of_texts):
        against = negative[k] if isinstance(negative, list) and k < len(negative) else None
        faults.append(_fault(cosine, scores.clip_alt, against, rules))
        if faults[-1] is None and k < len(wrong) and wrong[k]:
            faults[-1] = MISALIGNED
    return faults


def _fault(cosine: Cosine, alt: Cosine, negative: Cosine, rules: TextRules) -> str | None:
    if cosine is None:
        return None
    if rules.min is not None and cosine < rules.min:
        return LOW
    if rules.below_alt is not None and alt is not None and cosine < alt - rules.below_alt:
        return BELOW_ALT
    if rules.margin is not None and negative is not None and cosine - negative < rules.margin:
        return MARGIN
    return None


def _count(faults: Sequence[str | None]) -> dict[str, int]:
    found = [fault for fault in faults if fault is not None]
    return {fault: found.count(fault) for fault in dict.fromkeys(found)}


def _edit_annotation(annotation: Annotation, keep: Mapping[str, Sequence[bool]]) -> Annotation:
    fields = {name: _left(value, keep.get(name)) for name, value in annotation.fields.items()}
    return replace(annotation, fields=fields)


def _edit_scores(scores: Scores, keep: Mapping[str, Sequence[bool]]) -> Scores:
    return replace(
        scores,
        fields={name: _left(value, keep.get(name)) for name, value in scores.fields.items()},
        wrong_words={name: _left(value, keep.get(name)) for name, value in scores.wrong_words.items()},
        f_clipscore={name: _left(value, keep.get(name)) for name, value in scores.f_clipscore.items()},
    )


def _left(value: Any, keep: Sequence[bool] | None) -> Any:
    if keep is None or value is None:
        return value
    if isinstance(value, list | tuple):
        return [item for k, item in enumerate(value) if k >= len(keep) or keep[k]]
    return value if keep[0] else None

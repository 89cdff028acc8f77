"""Leave out the texts of a sample that its scores speak against."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lvlm_workers.clip_words import WordScores, misaligned
from schemas.annotation import FIELDS, Annotation
from schemas.scoring import ScoreConfig, TextRules
from transforms.annotated import Annotated
from transforms.publish.caption import TEXTS, choose_caption
from transforms.scoring.score_table import Cosine, Scores

LOW = "score under texts.min"
BELOW_ALT = "score too far under the alt text's"
MARGIN = "scores too near to its sentence"
BLIND = "told without the picture"
MISALIGNED = "word that the picture speaks against"

FALSE = "long_negative"
NOTHING = WordScores(words=(), cosine=None)
_NEGATIVE = frozenset({FALSE, "short_negative"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """A sample without the texts that were left out, its scores without theirs, and how many for what."""

    annotations: tuple[Annotation, ...]
    scores: Scores
    dropped: Mapping[str, Mapping[str, int]]


def edit(sample: Annotated, scores: Scores, config: ScoreConfig, epsilon: float | None = None) -> Edited:
    """Return a sample's annotations and scores without the texts that a rule objects to.

    The first rule that objects gives the reason: `texts.min`, `texts.below_alt`, `words`. A sentence of
    `long_positive` takes its negative with it, and is counted under its own name. Of `long_negative`, those
    that `texts.margin` objects to become empty texts, so that the others stay beside their sentences. Texts
    without a score stay. Words under `epsilon` are misaligned; none: words are not looked at.
    """
    faults = find_faults(scores, config, epsilon)
    dropped = {name: _count(of_field) for name, of_field in faults.items()}
    keep = {name: [fault is None for fault in of_field] for name, of_field in faults.items()}
    if "long_positive" in keep:
        keep[FALSE] = keep["long_positive"]
    annotations = tuple(_edit_annotation(annotation, keep) for annotation in sample.annotations)
    left_scores = _edit_scores(scores, keep)
    alt_text, left = sample.facts.alt_text, written_fields(annotations)
    caption = scores.captions.get(choose_caption(left, alt_text))
    edited = Edited(
        annotations=annotations,
        scores=replace(left_scores, clip_caption=caption),
        dropped={name: whys for name, whys in dropped.items() if whys},
    )
    return blank_negatives(edited, _too_near(left_scores, config.texts.margin), MARGIN)


def find_faults(scores: Scores, config: ScoreConfig, epsilon: float | None) -> dict[str, list[str | None]]:
    """Return by field what speaks against each of its texts; None against those that stay."""
    looked_at: list[str] = [name for name in config.fields if name not in _NEGATIVE]
    wrong = _wrong_words(scores, config, epsilon)
    return {name: _faults(name, scores, config.texts, wrong.get(name, ())) for name in looked_at}


def blank_negatives(edited: Edited, gone: Collection[int], why: str) -> Edited:
    """Return a sample with empty texts in place of some of its `long_negative`, counted under a reason."""
    if not gone:
        return edited

    def blanked(name: str, value: Any, empty: str | WordScores | None) -> Any:
        return [empty if k in gone else one for k, one in enumerate(value)] if name == FALSE else value

    annotations = tuple(
        replace(one, fields={name: blanked(name, value, "") for name, value in one.fields.items()})
        for one in edited.annotations
    )
    of_fields = {name: blanked(name, value, None) for name, value in edited.scores.fields.items()}
    words = {name: blanked(name, value, NOTHING) for name, value in edited.scores.words.items()}
    counted = dict(edited.dropped.get(FALSE, {})) | {why: len(gone)}
    return Edited(
        annotations=annotations,
        scores=replace(edited.scores, fields=of_fields, words=words),
        dropped={**edited.dropped, FALSE: counted},
    )


def _too_near(scores: Scores, margin: float | None) -> list[int]:
    """Return the places of negatives that score too near to their sentences, or over them."""
    both = [scores.fields.get(name) for name in ("long_positive", FALSE)]
    if margin is None or not all(isinstance(of_field, list) for of_field in both):
        return []
    pairs = enumerate(zip(*both, strict=True))
    return [k for k, (yes, no) in pairs if yes is not None and no is not None and yes - no < margin]


def may_be_caption(written: Mapping[str, Any], alt_text: str) -> list[str]:
    """Return the texts of which one is the caption, whichever others are left out."""
    one_text = (written[name] for name in TEXTS if written[name])
    return [alt_text, *written["long_positive"], *one_text]


def written_fields(annotations: Sequence[Annotation]) -> dict[str, Any]:
    """Return all fields as a record has them, empty ones too."""
    written = {name: value for annotation in annotations for name, value in annotation.fields.items()}
    return {name: written.get(name, empty) for name, empty in FIELDS.items()}


def _wrong_words(scores: Scores, config: ScoreConfig, epsilon: float | None) -> dict[str, list[bool]]:
    """Return of each text of the fields whose words count whether one of them is misaligned."""
    if epsilon is None or config.words is None:
        return {}
    fields: Sequence[str] = config.words.fields
    return {name: [bool(misaligned(text, epsilon)) for text in scores.words.get(name, ())] for name in fields}


def _faults(name: str, scores: Scores, rules: TextRules, wrong: Sequence[bool]) -> list[str | None]:
    """Return what speaks against each text of a field."""
    found = scores.fields.get(name)
    of_texts: Sequence[Cosine] = found if isinstance(found, list | tuple) else [found]  # type: ignore[list-item]
    faults: list[str | None] = []
    for k, cosine in enumerate(of_texts):
        faults.append(_fault(cosine, scores.clip_alt, rules))
        if faults[-1] is None and k < len(wrong) and wrong[k]:
            faults[-1] = MISALIGNED
    return faults


def _fault(cosine: Cosine, alt: Cosine, rules: TextRules) -> str | None:
    if cosine is None:
        return None
    if rules.min is not None and cosine < rules.min:
        return LOW
    if rules.below_alt is not None and alt is not None and cosine < alt - rules.below_alt:
        return BELOW_ALT
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
        words={name: _left(value, keep.get(name)) for name, value in scores.words.items()},
    )


def _left(value: Any, keep: Sequence[bool] | None) -> Any:
    if keep is None or value is None:
        return value
    if isinstance(value, list | tuple):
        return [item for k, item in enumerate(value) if k >= len(keep) or keep[k]]
    return value if keep[0] else None

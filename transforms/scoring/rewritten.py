"""What a worker made of sentences with a misaligned word, and how it scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from recipes.mended import same_words
from schemas.annotation import Annotation
from schemas.config import RunConfig
from schemas.facts import Facts
from transforms.annotated import Annotated
from transforms.annotation_table import annotations_in
from transforms.scoring.edit import FALSE, NOTHING, written_fields
from transforms.scoring.rewriting import Places, misaligned_sentences, rewrites_path
from transforms.scoring.score_table import Scores
from transforms.scoring.scored import scoring_of
from transforms.shard_job import ShardJob
from transforms.storage import read_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """A sample of which sentences were mended.

    Args:
        sample: with the new sentences in the places of the old ones.
        texts: the new sentences by field and place.
        answer: who wrote them.
    """

    sample: Annotated
    texts: Mapping[str, Mapping[int, str]]
    answer: Annotation

    @property
    def only_new(self) -> Annotated:
        """Return the sample with nothing but the new sentences: what is to be scored."""
        fields = {name: list(texts.values()) for name, texts in self.texts.items()}
        only = Annotation(index=self.sample.facts.index, uid=self.sample.facts.uid, fields=fields)
        return replace(self.sample, annotations=(only,))


def rewritten(
    job: ShardJob,
    config: RunConfig,
    chunk: Sequence[Facts],
    samples: Sequence[Annotated],
    rows: Sequence[Scores],
    epsilon: float | None,
) -> dict[int, Rewritten]:
    """Return those of a chunk's samples of which a sentence was mended, by index.

    Args:
        samples: those that every recipe answered.
        rows: their scores.
        epsilon: under which words are misaligned.
    """
    scoring = scoring_of(config)
    by_index = {sample.facts.index: (sample, scores) for sample, scores in zip(samples, rows, strict=True)}
    found: dict[int, Rewritten] = {}
    for answer in annotations_in(read_table(rewrites_path(job, config, chunk))):
        sample, scores = by_index[answer.index]
        mended = _mended(sample, misaligned_sentences(scores, scoring, epsilon), answer.fields)
        if mended:
            found[answer.index] = Rewritten(sample=_substituted(sample, mended), texts=mended, answer=answer)
    return found


def _mended(sample: Annotated, places: Places, answered: Mapping[str, Any]) -> dict[str, dict[int, str]]:
    """Return the new sentences by field and place; the recipe leaves an empty one where it has none.

    One that stands there already in another place, or as a negative, is none.
    """
    written = written_fields(sample.annotations)
    found: dict[str, dict[int, str]] = {}
    for name, of_field in places.items():
        taken = {same_words(text) for text in (*written[name], *written[FALSE])}
        for k, text in zip(of_field, answered.get(name, ()), strict=False):
            if text and same_words(text) not in taken:
                found.setdefault(name, {})[k] = text
                taken.add(same_words(text))
    return found


def _substituted(sample: Annotated, mended: Mapping[str, Mapping[int, str]]) -> Annotated:
    """Return a sample with new sentences; a negative, which was false of the old one, is left out."""
    new = _with_negatives(mended, "")
    annotations = tuple(
        replace(one, fields={name: _put(value, new.get(name, {})) for name, value in one.fields.items()})
        for one in sample.annotations
    )
    return replace(sample, annotations=annotations)


def merge_scores(first: Scores, again: Scores, texts: Mapping[str, Mapping[int, str]]) -> Scores:
    """Return a sample's scores with those of its new sentences in their places; all others stay.

    Args:
        first: of the sample as it was.
        again: of its new sentences alone, in their order.
        texts: those, by field and place.
    """
    of_fields = {
        name: dict(zip(new, again.fields[name], strict=True))  # type: ignore[arg-type]  # they are list fields
        for name, new in texts.items()
    }
    of_words = {name: dict(zip(new, again.words[name], strict=True)) for name, new in texts.items()}
    cosines, words = _with_negatives(of_fields, None), _with_negatives(of_words, NOTHING)
    return replace(
        first,
        fields={name: _put(value, cosines.get(name, {})) for name, value in first.fields.items()},
        words={name: _put(value, words.get(name, {})) for name, value in first.words.items()},
        captions={**again.captions, **first.captions},
        texts={**again.texts, **first.texts},
    )


def _with_negatives(mended: Mapping[str, Mapping[int, Any]], nothing: Any) -> dict[str, Mapping[int, Any]]:
    """Return what is new, with nothing in the places of negatives whose sentences are."""
    return {**mended, FALSE: dict.fromkeys(mended.get("long_positive", ()), nothing)}


def _put(value: Any, new: Mapping[int, Any]) -> Any:
    return [new.get(k, one) for k, one in enumerate(value)] if new else value

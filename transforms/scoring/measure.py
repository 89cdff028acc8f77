"""Have a CLIP compare pictures with their texts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from lvlm_workers.clip_scorer import Scored
from lvlm_workers.clip_words import WordScores
from recipes.clip_tokens import cut_to_fit
from schemas.scoring import ScoreConfig, WordRules
from transforms.annotated import Annotated
from transforms.publish.caption import choose_caption
from transforms.scoring.edit import may_be_caption, written_fields
from transforms.scoring.examine import Examiner
from transforms.scoring.score_table import Cosine, Scores, Vector


class Scorer(Protocol):
    """What is asked of `lvlm_workers.clip_scorer.ClipScorer`."""

    def score(self, pictures: Sequence[bytes], texts: Sequence[Sequence[str]]) -> list[Scored]: ...

    def word_scores(
        self, images: Sequence[Any], texts: Sequence[str], *, template: str
    ) -> list[WordScores]: ...


def measure(
    samples: Sequence[Annotated],
    pictures: Sequence[bytes],
    scorer: Scorer,
    config: ScoreConfig,
    examiner: Examiner | None,
) -> list[Scores]:
    """Return the scores of some samples, in their order.

    Texts are scored as far as a caption goes: cut to CLIP's 77 tokens (`recipes.clip_tokens.cut_to_fit`).
    """
    texts = [_texts(sample, config.fields) for sample in samples]
    scored = scorer.score(pictures, texts)
    found = [
        _scores(sample, of_sample, one, config)
        for sample, of_sample, one in zip(samples, texts, scored, strict=True)
    ]
    if examiner is not None:
        found = examiner.examine(found, scored, pictures, [sample.facts.alt_text for sample in samples])
    if config.words is None:
        return found
    return _with_words(samples, found, scored, scorer, config.words)


def _texts(sample: Annotated, fields: Sequence[str]) -> list[str]:
    """Return a sample's distinct texts, cut."""
    written = written_fields(sample.annotations)
    found = may_be_caption(written, sample.facts.alt_text)
    for name in fields:
        found += _as_list(written[name])
    return list(dict.fromkeys(map(cut_to_fit, found)))


def _as_list(value: Any) -> list[str]:
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


def _scores(sample: Annotated, texts: Sequence[str], scored: Scored, config: ScoreConfig) -> Scores:
    facts = sample.facts
    if scored.reason is not None:
        return Scores(index=facts.index, uid=facts.uid, reason=scored.reason)
    cosine: Mapping[str, Cosine] = dict(zip(texts, scored.cosine_K, strict=True))
    written = written_fields(sample.annotations)

    def of(value: Any) -> Cosine | list[Cosine]:
        if isinstance(value, list | tuple):
            return [cosine[cut_to_fit(text)] for text in value]
        return None if value is None else cosine[cut_to_fit(value)]

    assert scored.image_E is not None
    return Scores(
        index=facts.index,
        uid=facts.uid,
        clip_alt=cosine[cut_to_fit(facts.alt_text)],
        clip_caption=cosine[cut_to_fit(choose_caption(written, facts.alt_text))],
        fields={name: of(written[name]) for name in config.fields},
        image=scored.image_E.astype(np.float16) if config.keeps_images else None,
        captions={text: cosine[text] for text in map(cut_to_fit, may_be_caption(written, facts.alt_text))},
        texts=_candidates(facts.alt_text, written, texts, scored) if config.keeps_texts else {},
    )


def _candidates(
    alt_text: str, written: Mapping[str, Any], texts: Sequence[str], scored: Scored
) -> dict[str, Vector]:
    """Return the embeddings of the texts that may be the caption once others are left out."""
    found = may_be_caption(written, alt_text)
    place = {text: k for k, text in enumerate(texts) if scored.cosine_K[k] is not None}
    kept = [text for text in dict.fromkeys(map(cut_to_fit, found)) if text in place]
    return {text: scored.text_KE[place[text]].astype(np.float16) for text in kept}


def _with_words(
    samples: Sequence[Annotated],
    found: Sequence[Scores],
    scored: Sequence[Scored],
    scorer: Scorer,
    rules: WordRules,
) -> list[Scores]:
    """Return the scores with what the words of the texts say."""
    asked = [
        (n, name, text)
        for n, sample in enumerate(samples)
        if scored[n].image_E is not None
        for name in rules.read
        for text in _as_list(written_fields(sample.annotations)[name])
    ]
    told = scorer.word_scores(
        [scored[n].image_E for n, _, _ in asked], [text for _, _, text in asked], template=rules.template
    )
    words: list[dict[str, list[WordScores]]] = [{name: [] for name in rules.read} for _ in samples]
    for (n, name, _), of_text in zip(asked, told, strict=True):
        words[n][name].append(of_text)
    return [replace(one, words=words[n]) for n, one in enumerate(found)]

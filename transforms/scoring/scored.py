"""What the scores of a shard's samples decide: who is kept, and which of their texts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apache_beam.io.filesystems import FileSystems

from lvlm_workers.clip_words import f_clipscore_grad
from schemas.annotation import Realigned
from schemas.config import RunConfig
from schemas.errors import RunError
from schemas.facts import Facts
from schemas.scoring import ScoreConfig
from transforms.annotated import Annotated
from transforms.code_mark import EXAMINING, SCORING, code_mark
from transforms.fingerprint import fingerprint
from transforms.scoring.examples import examples_mark
from transforms.scoring.keep import Thresholds, shares
from transforms.scoring.score_table import Cosine, Scores, scores_in
from transforms.shard_job import ShardJob
from transforms.steps import REALIGN, find_step, plan_steps
from transforms.storage import read_json, read_table

DECIMALS = 6
"""Of published scores; machines differ in the seventh."""

STAGE = "score"
EPSILON = "epsilon"
"""Among the thresholds: of words."""

LATER = ("negatives", "semantic", "balance", "hard_negatives", "embeddings")
"""Sections that decide once each sample has been judged by its own scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged(Annotated):
    """A sample that is kept, without the texts that were left out, and with its scores.

    Args:
        dropped: how many of its texts were left out, by field and reason.
        epsilon: of words, where they were looked at.
        asked: how many sentences were sent back for a misaligned word, by field.
        realigned: those that came back and stayed.
    """

    scores: Scores
    dropped: Mapping[str, Mapping[str, int]]
    epsilon: float | None = None
    asked: Mapping[str, int] = field(default_factory=dict)
    realigned: Realigned | None = None


def measured(config: RunConfig) -> list[object]:
    """Return what decides the scores."""
    scoring = scoring_of(config)
    asked = [step.asked for step in plan_steps(config).values()]
    words = scoring.words and [list(scoring.words.read), scoring.words.template]
    looked_at = [list(scoring.fields), words, scoring.keeps_texts, scoring.keeps_images]
    of_pictures = [scoring.quality and examples_mark(scoring.quality), scoring.tags, scoring.ocr is not None]
    if any(of_pictures):
        of_pictures.append(code_mark(*EXAMINING))
    how = [looked_at, of_pictures, asked, config.chunk_samples]
    return [code_mark(*SCORING), scoring.clip.identity(), how]


def decided(config: RunConfig, *, without: Collection[str] = ()) -> list[object]:
    """Return what decides who is kept, and which texts; `without` some sections, which come later."""
    scoring = scoring_of(config)
    told = scoring.model_dump(mode="json", exclude={"clip", "max_drop_ratio", *without})
    bounds = [rule.bound() for rule in scoring.keep]
    rewriting = find_step(config, REALIGN.name).asked if config.rewriter else None
    return [
        *measured(config),
        code_mark("transforms/scoring", "transforms/selecting"),
        told,
        bounds,
        rewriting,
    ]


def scoring_of(config: RunConfig) -> ScoreConfig:
    """Return the section `score` of a run that has one."""
    assert config.score is not None, "the run has no section score"
    return config.score


def score_path(job: ShardJob, config: RunConfig, chunk: Sequence[Facts]) -> str:
    """Return where the scores of a chunk lie: the name holds all that decides them."""
    mark = fingerprint("score", measured(config), job.facts_mark, [facts.index for facts in chunk])
    return str(FileSystems.join(job.work, "scores", f"{job.shard.slug}-{chunk[0].index:08d}-{mark}.parquet"))


def thresholds_path(job: ShardJob, config: RunConfig) -> str:
    """Return where the pool's thresholds lie; the same for every shard of a run."""
    wanted = [[rule.of, rule.bound()] for rule in shares(scoring_of(config))]
    code = code_mark("transforms/scoring/thresholds.py", "transforms/scoring/changed_words.py")
    mark = fingerprint("thresholds", measured(config), code, job.dedup_mark, wanted, needs_epsilon(config))
    return str(FileSystems.join(job.work, "scores", f"thresholds-{mark}.json"))


def first_scores(
    job: ShardJob, config: RunConfig, chunk: Sequence[Facts], samples: Sequence[Annotated]
) -> list[Scores]:
    """Return the scores of a chunk's samples.

    Raises:
        RunError: they are of other samples.
    """
    rows = scores_in(read_table(score_path(job, config, chunk)))
    if [sample.facts.uid for sample in samples] != [scores.uid for scores in rows]:
        raise RunError(
            f"the scores of {job.shard.name} are of other samples than were annotated; remove the folder "
            f"{FileSystems.join(job.work, 'scores')} and run again"
        )
    return rows


def read_thresholds(job: ShardJob, config: RunConfig) -> Thresholds:
    """Return the pool's thresholds; none where no rule keeps a share."""
    pooled = shares(scoring_of(config)) or needs_epsilon(config)
    found: Thresholds = read_json(thresholds_path(job, config))["thresholds"] if pooled else {}
    return found


def needs_epsilon(config: RunConfig) -> bool:
    """Return whether the threshold of words is to be found from the pool."""
    words = scoring_of(config).words
    return words is not None and words.epsilon is None


def epsilon_of(scoring: ScoreConfig, thresholds: Thresholds) -> float | None:
    """Return the score under which a word is misaligned; None where words are not looked at."""
    if scoring.words is None:
        return None
    return thresholds[EPSILON] if scoring.words.epsilon is None else scoring.words.epsilon


def scores_json(sample: Judged) -> dict[str, Any]:
    """Return a sample's scores as `KEY.json` has them: beside each text of a field its cosine.

    `f_clipscore_grad` beside those whose words were looked at; `quality`, `context_tags`, `clip_masked` and
    `text_printed` where they are asked for.
    """
    scores, epsilon = sample.scores, sample.epsilon
    found: dict[str, Any] = {
        "clip_alt": _rounded(scores.clip_alt),
        "clip_caption": _rounded(scores.clip_caption),
        **{f"clip_{name}": _rounded(value) for name, value in scores.fields.items()},
    }
    if scores.quality is not None:
        found["quality"] = _rounded(scores.quality)
    if scores.text_printed is not None:
        found["clip_masked"] = _rounded(scores.clip_masked)
        found["text_printed"] = _rounded(scores.text_printed)
    if scores.tags is not None:
        found["context_tags"] = dict(scores.tags)
    if epsilon is not None:
        for name, texts in scores.words.items():
            of_texts = [f_clipscore_grad(text, epsilon) for text in texts]
            found[f"f_clipscore_grad_{name}"] = _rounded(of_texts)
    return found


def _rounded(value: Cosine | Sequence[Cosine]) -> Any:
    if isinstance(value, Sequence):
        return [_rounded(one) for one in value]
    return None if value is None else round(float(value), DECIMALS)

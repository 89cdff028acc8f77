"""What each filter of `score` costs a sample beside embedding its picture, on one core.

    python -m benchmarks.filters [--samples 2000] [--rounds 3]

Embeddings are drawn at random (512 numbers, as ViT-B/32 has), scores and words too: only the work counts.
Times are the processor's, the least of `--rounds`; the last column is the share of what embedding a picture
of 512 px by a ViT-B/32 takes in the same run. Words, OCR and semantic duplicates have benchmarks of their
own: clip_scorer, text_in_image and semantic.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.clip_scorer import best_ms, photo, save
from benchmarks.quality import skewed_pair
from lvlm_workers.clip_scorer import ClipScorer
from lvlm_workers.clip_words import WordScore, WordScores
from schemas.annotation import Annotation
from schemas.facts import Facts
from schemas.score import ClipConfig
from schemas.scoring import ScoreConfig
from schemas.selecting import BalanceConfig
from transforms.annotated import Annotated
from transforms.scoring.edit import edit
from transforms.scoring.keep import objection
from transforms.scoring.score_table import Scores
from transforms.scoring.thresholds import count_lower, count_upper
from transforms.selecting.balance import entries_of, is_kept
from transforms.selecting.blind_negatives import keeps, refine
from transforms.selecting.context_tags import attribute_texts, make_tagger
from transforms.selecting.hard_negatives import Texts, mine
from transforms.selecting.quality_direction import fit_direction, score_quality, sum_units
from transforms.selecting.text_pairs import TextPair

SIZE = 512
POOL = 20_000
PICTURES = 8
SENTENCES = ("A red mug stands on a table.", "The mug is full of coffee.", "Light comes from the left.")
EPSILON = -0.5
CONFIG = ScoreConfig.model_validate(
    {
        "clip": {"checkpoint": "any/model"},
        "keep": [{"of": "clip_best", "min": 0.1}],
        "texts": {"below_alt": 0.1, "margin": 0.01},
        "words": {"epsilon": EPSILON},
    }
)
Work = Callable[[], object]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    torch.set_num_threads(1)
    picture_ms = embedding_ms(told.rounds)
    print(f"| | ms a sample | of embedding the picture ({picture_ms:.0f} ms) |\n|---|---:|---:|")
    for name, work in works(told.samples, np.random.default_rng(0)):
        ms = best_ms(work, told.rounds, told.samples)
        print(f"| {name} | {ms:.4f} | {ms / picture_ms:.3%} |", flush=True)


def embedding_ms(rounds: int) -> float:
    """Return what a ViT-B/32 takes for a picture."""
    pictures = [photo(seed, 512) for seed in range(PICTURES)]
    with tempfile.TemporaryDirectory() as folder:
        save("vit-b-32", Path(folder))
        scorer = ClipScorer(ClipConfig(checkpoint=folder, device="cpu"))
        return best_ms(lambda: scorer.score(pictures, [()] * PICTURES), rounds, PICTURES)


def works(count: int, random: np.random.Generator) -> Iterator[tuple[str, Work]]:
    """Yield what each filter does with so many samples."""
    samples = [sample(n) for n in range(count)]
    scores = [drawn_scores(n, random) for n in range(count)]
    yield "`keep`", lambda: [objection(one, CONFIG, {}) for one in scores]
    yield (
        "`texts`, deciding about `words`",
        lambda: [edit(one, of_one, CONFIG, EPSILON) for one, of_one in zip(samples, scores, strict=True)],
    )
    cosines = random.standard_normal(count).astype(np.float32)
    yield (
        "`keep` by share: finding the threshold",
        lambda: (count_upper(cosines), count_lower(cosines, 48_000)),
    )
    images = random.standard_normal((count, SIZE)).astype(np.float16)
    direction = fit_direction(sum_units(images[: count // 2]), sum_units(images[count // 2 :]))
    yield "`quality`", lambda: score_quality(direction, images)
    texts = attribute_texts()
    tagger = make_tagger(texts, random.standard_normal((len(texts), SIZE)))
    yield "`tags`", lambda: tagger.tags(images)
    yield from negatives(count)
    frequent = dict.fromkeys(("a", "the", "red", "mug", "on", "table", "is", "of"), 10**6)
    balance = BalanceConfig.model_validate({"over": "words"})
    yield (
        "`balance` over words",
        lambda: [
            is_kept(one.facts.uid, entries_of({}, one.facts.alt_text, balance), frequent, balance)
            for one in samples
        ],
    )
    own, pool = named(count, random), named(POOL, random)
    yield f"`hard_negatives`, of a pool of {POOL:,}", lambda: mine(images, own, pool)


def negatives(count: int) -> Iterator[tuple[str, Work]]:
    """Yield the two passes of refinement, a pair a sample."""
    random = np.random.default_rng(1)
    pairs: list[TextPair] = [skewed_pair(n, random) for n in range(count)]
    refinement, _ = refine(pairs)
    yield "`negatives`: fitting", lambda: refine(pairs)
    yield "`negatives`: deciding", lambda: keeps(refinement, pairs)


def sample(number: int) -> Annotated:
    """Return a sample with three sentences and their negatives."""
    fields = {"long_positive": list(SENTENCES), "long_negative": [f"No {text}" for text in SENTENCES]}
    annotation = Annotation(index=number, uid=f"{number:032x}", fields=fields)
    facts = Facts(
        index=number, uid=f"{number:032x}", key=f"{number}", alt_text="red mug on a table, stock photo"
    )
    return Annotated(facts=facts, annotations=(annotation,))


def drawn_scores(number: int, random: np.random.Generator) -> Scores:
    """Return scores of such a sample, of words too."""
    alt, caption, *others = random.uniform(0.1, 0.4, 8).tolist()
    words = [said(text, random) for text in SENTENCES]
    return Scores(
        index=number,
        uid=f"{number:032x}",
        clip_alt=alt,
        clip_caption=caption,
        captions=dict(zip(SENTENCES, others, strict=False)),
        fields={"long_positive": others[:3], "long_negative": others[3:6]},
        words={"long_positive": words},
    )


def said(text: str, random: np.random.Generator) -> WordScores:
    """Return a text's words with drawn scores."""
    scores = random.standard_normal(len(text.split())).tolist()
    words = tuple(
        WordScore(word=word, start=0, end=0, score=score)
        for word, score in zip(text.split(), scores, strict=True)
    )
    return WordScores(words=words, cosine=0.2)


def named(count: int, random: np.random.Generator) -> Texts:
    """Return so many texts with drawn embeddings."""
    embeddings: NDArray[np.float16] = random.standard_normal((count, SIZE)).astype(np.float16)
    names = [f"text {n}" for n in range(count)]
    return Texts(uids=names, texts=names, embeddings=embeddings)


if __name__ == "__main__":
    main()

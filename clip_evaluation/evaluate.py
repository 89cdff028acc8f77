"""Measure a checkpoint by every configured evaluation."""

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from clip_evaluation.checkpoint import Checkpoint, load_checkpoint
from clip_evaluation.embedder import Embedder
from clip_evaluation.embedding_store import EmbeddingStore
from clip_evaluation.evaluation import Measured, Prepared
from clip_evaluation.evaluations.registry import HEADLINES, prepare
from clip_evaluation.figure import Figure, figures
from clip_evaluation.progress import Progress
from clip_evaluation.report import RESULTS, write_results
from clip_evaluation.tables import note
from contrastive_trainer.output_lock import only_writer
from schemas.checkpoint import find_checkpoint
from schemas.errors import ConfigError, RunError
from schemas.evaluate import EvaluateConfig, Evaluation

CACHE = "work"


def evaluate(checkpoint: str, config: EvaluateConfig, progress: Progress) -> dict[str, Figure]:
    """Write the results of a checkpoint to the configured folder; return the figures to show.

    All data are read and checked before anything is embedded. Embeddings are kept below `work`, and a rerun
    goes on from there.

    Raises:
        ConfigError: the checkpoint, the data or the folder does not fit; nothing was computed.
        RunError: a picture cannot be read, or the model is broken.
    """
    place = find_checkpoint(checkpoint, "checkpoint")
    folder = Path(config.output)
    _check_output(folder, checkpoint)
    loaded = load_checkpoint(place, config.device)
    prepared = {name: _prepare(name, evaluation, progress) for name, evaluation in config.named()}
    with only_writer(folder / CACHE):
        return _evaluate(folder, checkpoint, config, loaded, prepared, progress)


def _evaluate(
    folder: Path,
    checkpoint: str,
    config: EvaluateConfig,
    loaded: Checkpoint,
    prepared: Mapping[str, Prepared],
    progress: Progress,
) -> dict[str, Figure]:
    store = EmbeddingStore(folder / CACHE, loaded.mark, loaded.clip.embedding)
    embedder = Embedder(loaded, store, batch=config.batch, workers=config.workers, progress=progress)
    measured = {name: _measure(name, one, embedder) for name, one in prepared.items()}
    records = {name: one.record for name, one in measured.items()}
    main = _headlines(dict(config.named()), records)
    write_results(
        folder,
        checkpoint=checkpoint,
        records=records,
        main=list(main),
        data={name: one.data for name, one in prepared.items()},
        notes={name: one.notes for name, one in prepared.items()},
        plots={name: one.plot for name, one in measured.items() if one.plot is not None},
    )
    return main


def _check_output(folder: Path, checkpoint: str) -> None:
    """Refuse a folder of another checkpoint's results, whose figures would be lost.

    Raises:
        ConfigError: it is one, or is no folder.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"output {str(folder)!r} is a file; give another --out")
    try:
        known = json.loads((folder / RESULTS).read_bytes())["checkpoint"]
    except (FileNotFoundError, ValueError, TypeError, KeyError, RecursionError):
        return  # damaged ones are written again
    if known != checkpoint:
        raise ConfigError(f"output {str(folder)!r} holds the results of {known!r}; give another --out")


def _prepare(name: str, evaluation: Evaluation, progress: Progress) -> Prepared:
    try:
        made = prepare(name, evaluation)
    except ValueError as error:
        raise ConfigError(f"evaluation {name!r}: {error}") from error
    except (ConfigError, RunError) as error:
        raise type(error)(f"evaluation {name!r}: {error}") from error
    told = ", ".join(f"{number:,} {note(what)}" for what, number in made.notes.items())
    progress.say(f"{name:36} {told}")
    return made


def _measure(name: str, prepared: Prepared, embedder: Embedder) -> Measured:
    try:
        return prepared.measure(embedder)
    except (ValueError, RunError) as error:
        raise RunError(f"evaluation {name!r}: {error}") from error


def _headlines(configured: dict[str, Evaluation], records: dict[str, object]) -> dict[str, Figure]:
    return {
        f"{name}.{path}": figure
        for name, record in records.items()
        for path, figure in figures(record)
        if any(fnmatchcase(path, pattern) for pattern in HEADLINES[configured[name].kind])
    }

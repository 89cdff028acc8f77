"""Say what is wrong with input shards, and write clean ones."""

import os
import posixpath
from collections.abc import Iterator, Sequence

from apache_beam.io.filesystems import FileSystems

from schemas.config import InputConfig
from schemas.errors import ConfigError
from schemas.reasons import REASONS
from schemas.shard import Shard
from transforms.diagnose import PROBLEMS, Diagnosis, diagnose
from transforms.publish.plain_text import plain_text
from transforms.reading.shard_paths import InputError, find_shards
from transforms.repair import repair
from transforms.storage import is_local


def run_doctor(patterns: Sequence[str], repair_folder: str | None = None) -> int:
    """Print what is wrong with the shards; return 1 where anything is, 0 where nothing is.

    Raises:
        ConfigError: clean shards would be written over the input, or over each other.
    """
    config = InputConfig(shards=tuple(patterns))
    shards = find_shards(patterns)
    targets = repair_targets(shards, repair_folder) if repair_folder is not None else {}
    sick = 0
    for shard in shards:
        try:
            diagnosis = diagnose(shard, config)
        except InputError as error:  # such as Parquet without images: the others are looked at
            sick += 1
            print(f"{plain_text(shard.name)}: {plain_text(str(error))}")
            continue
        sick += not diagnosis.is_clean
        for line in describe(diagnosis):
            print(line)
        if shard.order in targets:
            target = targets[shard.order]
            summary = repair(shard, config, target)
            reasons = (f"{number} {reason}" for reason, number in sorted(summary.left_out.items()))
            print(f"  wrote {plain_text(target)}: {summary.kept} samples")
            print(f"  left out: {', '.join(reasons) or 'none'}")
    print(f"{len(shards)} shards, {sick} with problems")
    return 1 if sick else 0


def repair_targets(shards: Sequence[Shard], folder: str) -> dict[int, str]:
    """Return where each shard's clean copy goes: below `folder` as it lies below the input's fixed part."""
    inputs = {_place(shard.path) for shard in shards}
    targets: dict[int, str] = {}
    for shard in shards:
        if shard.format == "parquet":
            raise ConfigError(f"{shard.path} is Parquet, and its rows need no repair; name the tars alone")
        target = str(FileSystems.join(folder, f"{shard.stem}.tar"))
        if target in targets.values():
            raise ConfigError(f"two shards would be written to {target}; repair them into two folders")
        if _place(target) in inputs:
            raise ConfigError(f"{target} would overwrite the input; give another folder to --repair")
        targets[shard.order] = target
    return targets


def _place(path: str) -> str:
    """Return the one path of a file that has several."""
    return os.path.realpath(path) if is_local(path) else posixpath.normpath(path)


def describe(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield the lines that say what was found in one shard."""
    verdict = "clean" if diagnosis.is_clean else f"problems: {', '.join(diagnosis.problems)}"
    counts = f"{diagnosis.units} units, {diagnosis.samples} with image and text"
    yield f"{plain_text(diagnosis.shard)}: {counts}; {verdict}"
    for problem, finding in diagnosis.problems.items():
        meaning = PROBLEMS.get(problem) or REASONS[problem]
        yield f"  {problem} ({finding.count}): {meaning}"
        if finding.examples:
            yield f"    such as {plain_text(', '.join(finding.examples))}"
        yield from (f"    {plain_text(line)}" for line in finding.advice)

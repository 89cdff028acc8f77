"""One run: its configuration, its shards, and where everything lies."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apache_beam.io.filesystems import FileSystems

from lvlm_workers.registry import make_worker
from lvlm_workers.resource_hints import resource_hints
from pipelines.engine import in_one_process, runs_elsewhere
from recipes.base import Recipe
from schemas.config import AnnotateStep, RunConfig
from schemas.errors import ConfigError, DropRatioError, RunError
from schemas.scoring import ScoreConfig
from transforms.accounts import Account, total
from transforms.commit_accounts import Accounts
from transforms.fingerprint import fingerprint
from transforms.hash_list import read_hash_list
from transforms.process_server import cores
from transforms.reading.shard_paths import find_shards
from transforms.reading.units import check_shard
from transforms.shard_job import ShardJob, plan_jobs
from transforms.steps import REALIGN, Step, find_step, needs_text, plan_steps
from transforms.storage import (
    all_files,
    commit_bytes,
    exists,
    is_half_written,
    is_local,
    make_folder,
    read_bytes,
)

_ANOTHER_OUTPUT = "give another --out, or remove that folder"

POOL_BYTES = 128 * 2**20
"""Input from which on processes, which take a second to start, save time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run that may start: the configuration holds, the shards are there, the output is its own."""

    config: RunConfig
    jobs: tuple[ShardJob, ...]
    needs_text: bool
    arguments: tuple[str, ...] = ()

    def path(self, *names: str) -> str:
        """Return a path below the output folder."""
        return str(FileSystems.join(self.config.output, *names))

    @property
    def marks(self) -> list[list[str]]:
        """What decided the verdicts on every shard."""
        return [[job.shard.name, job.profile_mark, job.dedup_mark] for job in self.jobs]

    @property
    def steps(self) -> dict[str, Step]:
        """The steps of `annotate` by the name that the configuration gives their recipes."""
        return plan_steps(self.config)

    def asked(self, step: AnnotateStep) -> list[object]:
        """Return what decides a step's annotations."""
        return self.steps[step.recipe].asked

    def summary(self, stage: str, *parts: object) -> str:
        """Return the path of a stage's accounts, named by all that decides them."""
        return self.path("work", stage, f"summary-{fingerprint(stage, self.marks, *parts)}.json")

    @property
    def processes(self) -> int:
        """How many processes the embedded engine should use: starting them must be worth it."""
        worth_it = self.bytes_in >= POOL_BYTES and len(self.jobs) > 1
        return cores() if worth_it and in_one_process(self.arguments) else 1

    @property
    def bytes_in(self) -> int:
        """Size of the input shards."""
        return sum(job.shard.size_bytes for job in self.jobs)


def on_any_worker(config: RunConfig) -> RunConfig:
    """Return the configuration with absolute local paths: a worker may have another working directory."""
    changed: dict[str, object] = {"output": _absolute(config.output)}
    if config.dedup is not None:
        lists = tuple(_absolute(path) for path in config.dedup.decontaminate)
        changed["dedup"] = config.dedup.model_copy(update={"decontaminate": lists})
    if config.score is not None:
        changed["score"] = _scoring_on_any_worker(config.score)
    return config.model_copy(update=changed)


def _scoring_on_any_worker(scoring: ScoreConfig) -> ScoreConfig:
    changed: dict[str, object] = {}
    folder = os.path.expanduser(scoring.clip.checkpoint)
    if os.path.isdir(folder):  # else a hub id, or an error that is told later
        clip = scoring.clip.model_copy(update={"checkpoint": os.path.abspath(folder)})
        changed["clip"] = clip
    if (quality := scoring.quality) is not None:
        examples = {name: tuple(map(_absolute, getattr(quality, name))) for name in ("good", "bad")}
        changed["quality"] = quality.model_copy(update=examples)
    return scoring.model_copy(update=changed)


def _absolute(path: str) -> str:
    return os.path.abspath(path) if is_local(path) else path


def open_run(config: RunConfig, arguments: Sequence[str] = ()) -> Run:
    """Check all that can be checked before anything starts.

    Raises:
        ConfigError: the configuration, the input or the output folder is wrong.
    """
    config = on_any_worker(config)
    steps = checked_steps(config, elsewhere=runs_elsewhere(arguments))
    shards = find_shards(config.input.shards)
    for shard in shards:
        check_shard(shard, config.input)
    evaluation = [list_hash(path) for path in (config.dedup.decontaminate if config.dedup else ())]
    from_text = needs_text(steps.values())
    with _using(config.output):
        work = str(FileSystems.join(config.output, "work"))
    jobs = plan_jobs(config, shards, work, needs_text=from_text, evaluation=evaluation)
    run = Run(config=config, jobs=tuple(jobs), needs_text=from_text, arguments=tuple(arguments))
    check_output(run)
    return run


def checked_steps(config: RunConfig, *, elsewhere: bool = False) -> dict[str, Step]:
    """Return the steps of `annotate`, if each has a worker that can answer it.

    Where steps run elsewhere, the packages of workers that need a GPU are not looked for here.

    Raises:
        ConfigError: what `plan_steps` says; a worker cannot be made, or is `rules` for a recipe without.
    """
    steps = plan_steps(config)
    if config.rewriter is not None:
        find_step(config, REALIGN.name)
    workers = [step.worker for step in config.annotate]
    for name in workers if config.rewriter is None else [*workers, config.rewriter]:
        if not (elsewhere and resource_hints(config.workers[name])):
            make_worker(config.workers[name]).close()  # a key that is not set, a URL that is none
    for step in config.annotate:
        has_rules = type(steps[step.recipe].recipe).by_rule is not Recipe.by_rule
        if config.workers[step.worker].kind == "rules" and not has_rules:
            raise ConfigError(
                f"annotate: recipe {step.recipe!r} needs a model, but worker {step.worker!r} is `rules`; "
                "give it another worker"
            )
    return steps


def list_hash(path: str) -> str:
    """Return the hash of a decontamination list, which must be one."""
    read_hash_list(path)
    return hashlib.sha256(read_bytes(path)).hexdigest()


@contextmanager
def _using(output: str) -> Iterator[None]:
    """Say of an output folder that it cannot be used, why, and the mend."""
    try:
        yield
    except (OSError, ValueError) as error:
        mend = _ANOTHER_OUTPUT
        if not is_local(output):
            mend = "check the credentials and that Beam's extra for it is installed (aws, gcp, azure, hadoop)"
        line = " ".join((getattr(error, "strerror", None) or str(error)).split())[:300]
        if is_local(output) and (file := _file_on_way(output)):
            line, mend = f"{file} is a file", "give another --out"
        raise ConfigError(f"output {output} cannot be used ({line}); {mend}") from error


def _file_on_way(folder: str) -> str:
    """Return the file that stands where a folder, or one above it, should be; empty where there is none."""
    path = Path(folder)
    return next((str(place) for place in (path, *path.parents) if os.path.isfile(place)), "")


def check_output(run: Run) -> None:
    """Refuse an output folder that is not this run's own.

    Raises:
        ConfigError: it holds another run, or files of nobody's.
    """
    output, note = run.config.output, run.path("work", "run-of.json")
    mine = _note(run)
    with _using(output):
        if exists(note):
            theirs = json.loads(read_bytes(note))
            if not isinstance(theirs, dict) or theirs.keys() != mine.keys():
                raise ConfigError(f"{note} is not what a run writes; {_ANOTHER_OUTPUT}")
            if theirs["name"] != mine["name"]:
                raise ConfigError(
                    f"{output} holds the run {theirs['name']!r}, not {mine['name']!r}; {_ANOTHER_OUTPUT}"
                )
            if not any(shard in theirs["shards"] for shard in mine["shards"]):
                raise ConfigError(
                    f"{output} holds a run over other shards, or all have changed since; {_ANOTHER_OUTPUT}"
                )
        elif exists(run.path("run.json")):
            raise ConfigError(
                f"{output} has lost its folder work, which a run needs to go on; {_ANOTHER_OUTPUT}"
            )
        elif found := min((path for path in all_files(output) if _is_content(path)), default=None):
            raise ConfigError(f"{output} is no run's output but holds {found}; give another --out")


def _is_content(path: str) -> bool:
    return not is_half_written(path) and FileSystems.split(path)[1] != "lock"


def _note(run: Run) -> dict[str, Any]:
    return {"name": run.config.name, "shards": [[job.shard.name, job.shard.size_bytes] for job in run.jobs]}


def claim_output(run: Run) -> None:
    """Note in the output folder whose it is; call it as the only writer.

    Raises:
        ConfigError: another run has claimed it since, or it cannot be written.
    """
    check_output(run)
    with _using(run.config.output):
        commit_bytes(run.path("work", "run-of.json"), json.dumps(_note(run), indent=1).encode())


@contextmanager
def only_writer(run: Run) -> Iterator[None]:
    """Claim the output folder and hold it against a second run of it on this machine.

    Raises:
        ConfigError: another process holds it.
    """
    if not is_local(run.config.output):
        claim_output(run)
        yield
        return
    import fcntl

    with _using(run.config.output):
        make_folder(run.path("work"))
        stream = open(run.path("work", "lock"), "wb")  # noqa: SIM115  (closed below)
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"another process is writing {run.config.output}; wait for it or stop it"
            ) from None
        claim_output(run)
        yield


def check_done(run: Run, stage: str, *parts: object) -> None:
    """Refuse to start before an earlier stage is done.

    Raises:
        RunError: it is not.
    """
    if not exists(run.summary(stage, *parts)):
        raise RunError(
            f"{stage} is not done with this configuration; run `python -m pipelines.{stage}` first, or "
            "`pairwright curate` for all stages"
        )


def check_drops(stage: str, option: str, limit: float, accounts: Accounts) -> Account:
    """Return the stage's total if it did not drop more than it may.

    Raises:
        DropRatioError: it did; names the ratio, the main reason and the option.
    """
    counted = total(accounts.values())
    dropped = counted.entered - counted.kept
    if counted.entered and dropped / counted.entered > limit:
        reason, number = counted.main_reason()
        raise DropRatioError(
            f"{stage} rejected {dropped} of {counted.entered} samples ({dropped / counted.entered:.1%}), "
            f"more than {option}={limit:g} allows; {number} of them for {reason!r}. Look into that, or "
            f"allow it with --set {option}=1"
        )
    return counted

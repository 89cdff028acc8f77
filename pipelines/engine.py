"""Run a Beam pipeline on the engine that was asked for, and turn its errors into one line."""

import contextlib
import errno
import logging
import re
import sys
from collections.abc import Callable, Iterator, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    DirectOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
)
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from schemas.errors import PairwrightError, RunError

_EMBEDDED = (None, "DirectRunner", "FnApiRunner")
_ELSEWHERE = ("DataflowRunner", "FlinkRunner", "PortableRunner", "SparkRunner")
"""Runners whose steps run on other machines, or in containers."""

_JOB = re.compile(r"To access the Dataflow monitoring console|Job [\w-]+ is in state ")
"""Of what Dataflow's runner says: where to look, how far it is. It says options too: maybe secrets."""

_STEP = re.compile(r" \[while running '[^']*'\]")
_RAISED = re.compile(r"^(?P<module>(?:\w+\.)*)(?P<kind>[A-Z]\w*): (?P<message>.*)$", re.MULTILINE)
_OURS = ("schemas.errors.", "lvlm_workers.base.", "transforms.reading.shard_paths.")
"""Modules whose errors say how to mend them."""
_ERRNO = re.compile(r"\[Errno (?P<number>[0-9]+)\] (?P<text>[^:]*)(?:: '(?P<path>[^']*)')?")


def run_pipeline(build: Callable[[beam.Pipeline], None], arguments: Sequence[str]) -> None:
    """Run what `build` adds to a pipeline, to its end.

    Without `--runner`, and as `DirectRunner`, it runs on the embedded engine: Beam's `FnApiRunner`. What Beam
    calls by that name downloads and starts another one where it has a network, and is this one elsewhere.

    Raises:
        RunError: the pipeline failed; the message is one line.
        KeyboardInterrupt: the user stopped it.
    """
    options = PipelineOptions(list(arguments))
    name = options.view_as(StandardOptions).runner
    runner = FnApiRunner() if name in _EMBEDDED else name
    with _quiet():
        try:
            with beam.Pipeline(runner=runner, options=options) as pipeline:
                build(pipeline)
        except Exception as error:
            if any(isinstance(link, KeyboardInterrupt) for link in _chain(error)):
                raise KeyboardInterrupt from error
            raise explain(error) from error


def runs_elsewhere(arguments: Sequence[str]) -> bool:
    """Return whether steps run on other machines, so that this one needs no GPU and no model."""
    options = PipelineOptions(list(arguments))
    loopback = options.view_as(PortableOptions).environment_type == "LOOPBACK"
    return options.view_as(StandardOptions).runner in _ELSEWHERE and not loopback


def in_one_process(arguments: Sequence[str]) -> bool:
    """Return whether the embedded engine does all work in this process; options of stores change nothing."""
    options = PipelineOptions(list(arguments))
    mode = options.view_as(DirectOptions).direct_running_mode
    return options.view_as(StandardOptions).runner in _EMBEDDED and mode == "in_memory"


def explain(error: BaseException) -> PairwrightError:
    """Return the error that a user can mend behind what an engine raised."""
    chain = _chain(error)
    for found in chain:
        if isinstance(found, PairwrightError):
            return type(found)(_STEP.sub("", str(found)))
    for found in reversed(chain):
        if isinstance(found, OSError) and found.errno is not None:
            return RunError(_explain_os_error(found))
    return _explain_text(_STEP.sub("", str(error)), type(error).__name__)


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error and those that it came from, the first cause last."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return chain


def _explain_text(text: str, kind: str) -> RunError:
    """Return the error in what an engine tells of another process: the last line of a traceback."""
    message = f"{kind}: {text}"
    raised = list(_RAISED.finditer(text))
    if raised:
        if raised[-1]["module"] in _OURS:
            return RunError(raised[-1]["message"])
        message = f"{raised[-1]['kind']}: {raised[-1]['message']}"
    if errno_in := _ERRNO.search(message):
        error = OSError(int(errno_in["number"]), errno_in["text"].strip(), errno_in["path"])
        return RunError(_explain_os_error(error))
    return RunError(f"{' '.join(message.split())} (what is committed stays; run again to resume)")


def _explain_os_error(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    mend = {
        errno.ENOSPC: "free some space",
        errno.EFBIG: "raise the limit on file sizes",
        errno.EDQUOT: "raise the quota or free some space",
        errno.EACCES: "change the permissions",
        errno.EROFS: "choose another output",
        errno.ENOENT: "put it back",
        errno.ENOTDIR: "a file is where a folder is needed: give another path",
        errno.EEXIST: "a file is where a folder is needed: give another path",
        errno.EMFILE: "raise the limit on open files (ulimit -n)",
    }.get(error.errno or 0, "mend it")
    return f"{error.strerror}{where}: {mend} and run again; what is committed stays"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Beam's own chatter off but where a Dataflow job is; what went wrong is told by `explain`."""
    loggers = [logging.getLogger("apache_beam"), logging.getLogger()]
    job = logging.getLogger("apache_beam.runners.dataflow")
    levels = [logger.level for logger in (*loggers, job)]
    for logger in loggers:
        logger.setLevel(max(logger.level, logging.CRITICAL))
    job.setLevel(logging.INFO)
    shown = logging.StreamHandler(sys.stderr)
    shown.addFilter(lambda record: _JOB.match(record.getMessage()) is not None)
    job.addHandler(shown)
    try:
        yield
    finally:
        job.removeHandler(shown)
        for logger, level in zip((*loggers, job), levels, strict=True):
            logger.setLevel(level)

"""The command line that every pipeline shares: `python -m pipelines.NAME --config CONFIG [BEAM OPTIONS]`."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import (
    PipelineOptions,
    SetupOptions,
    StandardOptions,
    WorkerOptions,
)
from apache_beam.options.pipeline_options import _BeamArgumentParser as BeamArgumentParser
from apache_beam.runners.runner import create_runner

from pipelines.load_config import load_config
from pipelines.run import Run, only_writer, open_run
from schemas.config import RunConfig
from schemas.errors import ConfigError, PairwrightError
from transforms.accounts import Account
from transforms.process_pool import process_pool
from transforms.storage import is_local

_BEAM_HELP = "see https://beam.apache.org/releases/pydoc/current/apache_beam.options.pipeline_options.html"


def main(stage: Callable[[Run], Account], description: str | None) -> None:
    """Run one pipeline from the command line and exit: 0 done, 1 it failed, 2 the command is wrong."""
    parser = argparse.ArgumentParser(description=description, epilog="Further options go to Beam.")
    parser.add_argument("--config", required=True, help="the run's YAML")
    add_run_arguments(parser)
    arguments, beam_arguments = parser.parse_known_args()
    sys.exit(run_command(lambda: _run(stage, arguments, beam_arguments)))


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that change a configuration."""
    parser.add_argument("--out", help="output folder, instead of the configuration's")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help="change a field, such as profile.max_drop_ratio=1",
    )


def _run(
    stage: Callable[[Run], Account], arguments: argparse.Namespace, beam_arguments: Sequence[str]
) -> int:
    check_beam_arguments(beam_arguments)
    run = open_run(load_config(arguments.config, RunConfig, arguments.set, arguments.out), beam_arguments)
    counted = run_stage(stage, run)
    print(f"{counted.entered} samples in, {counted.kept} kept")
    return 0


def run_stage(stage: Callable[[Run], Account], run: Run) -> Account:
    """Run a stage, or all, as the only writer of the output and on all cores.

    Raises:
        ConfigError: Dataflow's machines lack something, or another process writes the output.
    """
    _check_reach(run)
    with only_writer(run), process_pool(run.processes):
        return stage(run)


def _check_reach(run: Run) -> None:
    """Refuse what Dataflow's machines lack: this machine's own disk, and this package."""
    options = PipelineOptions(list(run.arguments))
    if options.view_as(StandardOptions).runner != "DataflowRunner":
        return
    lists = run.config.dedup.decontaminate if run.config.dedup else ()
    quality = run.config.score.quality if run.config.score else None
    examples = (*quality.good, *quality.bad) if quality else ()
    clip = run.config.score.clip.checkpoint if run.config.score else ""
    folders = (clip,) if os.path.isdir(clip) else ()
    for path in (run.config.output, *lists, *examples, *folders, *(job.shard.path for job in run.jobs)):
        if is_local(path):
            raise ConfigError(f"Dataflow's machines cannot reach {path}; put it in a bucket, as gs://...")
    setup, image = options.view_as(SetupOptions), options.view_as(WorkerOptions).sdk_container_image
    if not (image or setup.setup_file or setup.extra_packages):
        raise ConfigError(
            "Dataflow's machines lack Pairwright; give --sdk_container_image (see docker/Dockerfile), or "
            "--setup_file=./setup.py in a checkout"
        )


class _BeamParser(BeamArgumentParser):  # type: ignore[misc]
    def error(self, message: str) -> NoReturn:
        """Tell the mistake without the usage, which is hundreds of lines."""
        raise ConfigError(f"Beam options: {message}; {_BEAM_HELP}")


def check_beam_arguments(arguments: Sequence[str]) -> None:
    """Refuse options and runners that Beam does not know: it would drop an option without a word.

    Filesystems get the options too: hdfs:// asks for its host before any pipeline is built.

    Raises:
        ConfigError: names them.
    """
    parser = _BeamParser(allow_abbrev=False, add_help=False)
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)
    known, unknown = parser.parse_known_args(list(arguments))
    if unknown:
        raise ConfigError(f"Beam knows no option {' '.join(unknown)}; {_BEAM_HELP}")
    try:
        _ = create_runner(known.runner) if known.runner else None
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"--runner={known.runner}: {' '.join(str(error).split())}") from error
    if arguments:
        FileSystems.set_options(PipelineOptions(list(arguments)))


def run_command(command: Callable[[], int]) -> int:
    """Run a command; return its exit status, with every error as a line and no traceback."""
    try:
        return command()
    except PairwrightError as error:
        print(f"pairwright: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    except ValueError as error:
        # Wrong input, found before anything started.
        print(f"pairwright: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("pairwright: stopped; the same command resumes", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 1
    except OSError as error:
        from pipelines.engine import explain

        print(f"pairwright: {explain(error)}", file=sys.stderr)
        return 1

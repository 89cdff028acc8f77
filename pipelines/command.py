"""The command line that every pipeline shares: `python -m pipelines.NAME --config CONFIG [BEAM OPTIONS]`."""

import argparse
import sys
from collections.abc import Callable, Sequence

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.options.pipeline_options import _BeamArgumentParser as BeamArgumentParser

from pipelines.load_config import load_config
from pipelines.run import Run, only_writer, open_run
from schemas.errors import ConfigError, PairwrightError
from transforms.accounts import Account


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
    run = open_run(load_config(arguments.config, arguments.set, arguments.out), beam_arguments)
    with only_writer(run):
        counted = stage(run)
    print(f"{counted.entered} samples in, {counted.kept} kept")
    return 0


def check_beam_arguments(arguments: Sequence[str]) -> None:
    """Refuse options that Beam does not know: it would drop them without a word.

    Raises:
        ConfigError: names them.
    """
    parser = BeamArgumentParser()
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)
    _, unknown = parser.parse_known_args(list(arguments))
    if unknown:
        raise ConfigError(
            f"Beam knows no option {' '.join(unknown)}; see `python -m pipelines.curate --help`"
        )


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

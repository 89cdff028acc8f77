"""What each command does; modules that import Beam are imported when a command runs."""

import argparse
import sys
import time
from functools import partial


def curate(options: argparse.Namespace) -> int:
    """Run or resume a configuration."""
    from pipelines.command import check_beam_arguments, run_stage
    from pipelines.curate import run_curate
    from pipelines.load_config import load_config
    from pipelines.progress_display import Display
    from pipelines.run import open_run

    check_beam_arguments(options.beam_arguments)
    started = time.monotonic()
    run = open_run(load_config(options.config, options.set, options.out), options.beam_arguments)
    display = Display(enabled=not options.quiet)
    counted = run_stage(partial(run_curate, display=display), run)
    if not options.quiet:
        seconds = time.monotonic() - started
        print(
            f"{counted.entered:,} samples in, {counted.kept:,} published in {seconds:.1f} s\n"
            f"  shards       {run.path('shards')}\n"
            f"  why dropped  {run.path('rejected')}\n"
            f"  look         pairwright inspect {run.config.output}\n"
            f"  check        pairwright verify {run.config.output}"
        )
    return 0


def plan(options: argparse.Namespace) -> int:
    """Say what a configuration would do and take."""
    from pipelines.load_config import load_config
    from pipelines.plan import plan as lines

    for line in lines(load_config(options.config, options.set), options.sample, options.ask, options.samples):
        print(line)
    return 0


def doctor(options: argparse.Namespace) -> int:
    """Say what is wrong with shards; write clean ones where asked."""
    from pipelines.doctor import run_doctor

    return run_doctor(options.shards, repair_folder=options.repair)


def inspect(options: argparse.Namespace) -> int:
    """Show samples in the terminal."""
    from pipelines.inspect import check_path
    from pipelines.inspect import inspect as lines

    check_path(options.path)
    for line in lines(options.path, options.limit):
        print(line)
    return 0


def verify(options: argparse.Namespace) -> int:
    """Re-check an output folder; 1 where something does not hold."""
    from pipelines.verify import verify as problems

    found = problems(options.output)
    for problem in found:
        print(problem)
    if found:
        print("a shard that was changed or cut: remove it and run the same command again", file=sys.stderr)
    else:
        print(f"{options.output}: all holds")
    return 1 if found else 0


def hashes(options: argparse.Namespace) -> int:
    """List the hashes of evaluation images."""
    from pipelines.hashes import write_hashes

    listed, left_out = write_hashes(options.images, options.out)
    for problem in left_out:
        print(problem, file=sys.stderr)
    print(f"{options.out}: {listed:,} images listed, {len(left_out):,} left out")
    return 1 if left_out else 0


def schema(options: argparse.Namespace) -> int:
    """Print the JSON Schema of a configuration."""
    from pipelines.load_config import config_schema

    print(config_schema())
    return 0

"""What each command does; modules that import Beam are imported when a command runs."""

import argparse
import sys
import time
from functools import partial
from importlib.util import find_spec
from itertools import chain

_TORCH_EXTRA = ("braceexpand", "safetensors", "tokenizers", "torch", "transformers")


def curate(options: argparse.Namespace) -> int:
    """Run or resume a configuration."""
    from pipelines.command import check_beam_arguments, run_stage
    from pipelines.curate import run_curate
    from pipelines.load_config import load_config
    from pipelines.progress_display import Display
    from pipelines.run import open_run
    from schemas.config import RunConfig

    check_beam_arguments(options.beam_arguments)
    started = time.monotonic()
    run = open_run(load_config(options.config, RunConfig, options.set, options.out), options.beam_arguments)
    display = Display(enabled=not options.quiet)
    counted = run_stage(partial(run_curate, display=display), run)
    if not options.quiet:
        seconds = time.monotonic() - started
        print(
            f"{counted.entered:,} samples in, {counted.kept:,} published in {seconds:.1f} s\n"
            f"  shards       {run.path('shards')}\n"
            f"  why dropped  {run.path('rejected')}\n"
            f"  look         {run.config.output}/report.html, pairwright inspect {run.config.output}\n"
            f"  check        pairwright verify {run.config.output}"
        )
    return 0


def plan(options: argparse.Namespace) -> int:
    """Say what a configuration would do and take."""
    from pipelines.load_config import load_config
    from pipelines.plan import plan as lines
    from schemas.config import RunConfig

    config = load_config(options.config, RunConfig, options.set, writes=False)
    for line in lines(config, options.sample, options.ask, options.samples):
        print(line)
    return 0


def doctor(options: argparse.Namespace) -> int:
    """Say what is wrong with shards; write clean ones where asked."""
    from pipelines.doctor import run_doctor

    return run_doctor(options.shards, repair_folder=options.repair)


def inspect(options: argparse.Namespace) -> int:
    """Show samples in the terminal, and their regions in a picture."""
    from pipelines.inspect import check_path
    from pipelines.inspect import inspect as lines
    from pipelines.inspect_regions import check_sheet, write_sheet

    check_path(options.path)
    if options.regions is not None:
        check_sheet(options.regions)
    drawn = list(write_sheet(options.path, options.regions, options.limit)) if options.regions else []
    for line in chain(lines(options.path, options.limit), drawn):
        print(line)
    return 0


def report(options: argparse.Namespace) -> int:
    """Write a run's README.md, croissant.json and report.html anew."""
    from pipelines.card import rebuild_card
    from pipelines.report import run_report

    for path in rebuild_card(options.output):
        print(f"written            {path}")
    path = run_report(options.output, against=options.against, samples=options.samples)
    print(f"look in a browser  {path}")
    return 0


def verify(options: argparse.Namespace) -> int:
    """Re-check an output folder; 1 where something does not hold."""
    from pipelines.verify import verify as problems

    found = problems(options.output)
    for problem in found:
        print(problem)
    if not found:
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
    from schemas.config import RunConfig
    from schemas.evaluate import EvaluateConfig
    from schemas.section import Section
    from schemas.train import TrainConfig

    models: dict[str, type[Section]] = {"curate": RunConfig, "train": TrainConfig, "evaluate": EvaluateConfig}
    print(config_schema(models[options.kind]))
    return 0


def train(options: argparse.Namespace) -> int:
    """Train, or go on training; 128 + the signal's number where one stopped it."""
    from pipelines.load_config import load_config
    from schemas.train import TrainConfig

    config = load_config(options.config, TrainConfig, options.set, options.out)
    _check_torch()
    from contrastive_trainer.overfit import overfit
    from contrastive_trainer.training import train as run_training

    say = partial(print, flush=True)
    if options.overfit_one_batch:
        overfit(config, say=say)
        return 0
    outcome = run_training(config, say=say)
    return 0 if outcome.signal is None else 128 + outcome.signal


def evaluate(options: argparse.Namespace) -> int:
    """Measure a checkpoint."""
    from pipelines.load_config import load_config
    from schemas.evaluate import EvaluateConfig

    config = load_config(options.config, EvaluateConfig, options.set, options.out)
    _check_torch()
    from clip_evaluation.evaluate import evaluate as run_evaluation
    from clip_evaluation.progress import Progress
    from clip_evaluation.tables import terminal_table

    figures = run_evaluation(options.checkpoint, config, Progress(enabled=not options.quiet))
    if not options.quiet:
        print("\n".join(terminal_table(figures)))
        print(f"all figures  {config.output}/results.md")
    return 0


def compare(options: argparse.Namespace) -> int:
    """Put the results of two checkpoints side by side."""
    from pathlib import Path

    from clip_evaluation.report import compare_results, read_results, write_comparison
    from clip_evaluation.tables import comparison_lines

    a, b = read_results(Path(options.a)), read_results(Path(options.b))
    comparison = compare_results(a, b)
    folder = Path(options.b if options.out is None else options.out)
    write_comparison(folder, a.checkpoint, b.checkpoint, comparison)
    print(f"a: {a.checkpoint}\nb: {b.checkpoint}")
    print("\n".join(comparison_lines(comparison)))
    print(f"written to {folder}/comparison.md")
    return 0


def _check_torch() -> None:
    """Say how to install the packages of the extra `torch` where one is missing."""
    from schemas.errors import ConfigError

    missing = [name for name in _TORCH_EXTRA if find_spec(name) is None]
    if missing:
        raise ConfigError(f"{' and '.join(missing)} is not installed; pip install 'pairwright[torch]'")

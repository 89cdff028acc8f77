"""`pairwright`: curate image-text shards, look at them, and check them."""

import argparse
import sys
from collections.abc import Sequence

from pairwright import __version__, commands

_MOST_SAMPLES = 10**15


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status: 0 done, 1 it failed or found something, 2 it was wrong."""
    try:
        return _main(argv)
    except KeyboardInterrupt:  # while the imports were under way
        print("pairwright: stopped; the same command resumes", file=sys.stderr)
        return 130


def _main(argv: Sequence[str] | None) -> int:
    arguments, beam_arguments = split_beam_arguments(list(sys.argv[1:] if argv is None else argv))
    options = make_parser().parse_args(arguments)
    # Beam takes more than a second to import: not for --help.
    from pipelines.command import run_command
    from schemas.errors import ConfigError

    def command() -> int:
        if beam_arguments and options.command is not commands.curate:
            raise ConfigError("only `pairwright curate` takes Beam options after --")
        options.beam_arguments = beam_arguments
        status: int = options.command(options)
        return status

    return run_command(command)


def split_beam_arguments(argv: list[str]) -> tuple[list[str], list[str]]:
    """Split a command line at `--`: what comes after it is Beam's."""
    if "--" not in argv:
        return argv, []
    place = argv.index("--")
    return argv[:place], argv[place + 1 :]


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no count; give 0 or more")
    return int(text)


def _large_count(text: str) -> int:
    try:
        number = float(text)
        if number.is_integer() and 1 <= number <= _MOST_SAMPLES:
            return int(number)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is no number of samples; give 1 or more, such as 1e9")


def _add_set(parser: argparse.ArgumentParser, example: str) -> None:
    parser.add_argument(
        "--set", action="append", default=[], metavar="PATH=VALUE", help=f"change a field, such as {example}"
    )


def _add_plan(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    plan = subparsers.add_parser("plan", help="say what a configuration would take, from a small sample")
    plan.add_argument("config", help="the run's YAML")
    _add_set(plan, "profile.max_drop_ratio=1")
    plan.add_argument("--sample", type=_count, default=256, metavar="N", help="samples to read (256)")
    plan.add_argument(
        "--ask", type=_count, default=0, metavar="K", help="real requests to put to each model (0: none)"
    )
    plan.add_argument(
        "--samples", type=_large_count, metavar="TOTAL", help="input samples to plan for, such as 1e9"
    )
    plan.set_defaults(command=commands.plan)


def _add_train(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    train = subparsers.add_parser(
        "train",
        help="train a CLIP on published shards, or go on training",
        epilog="On several GPUs: torchrun --nproc-per-node N -m pairwright train CONFIG. SIGTERM and Ctrl-C "
        "save and leave with status 143 and 130; the same command resumes, as it does after a kill.",
    )
    train.add_argument("config", help="the trainer's YAML")
    train.add_argument("--out", help="output folder, instead of the configuration's")
    _add_set(train, "optim.lr=1e-3")
    train.add_argument(
        "--overfit-one-batch",
        action="store_true",
        help="see whether the model can learn one batch by heart; writes nothing",
    )
    train.set_defaults(command=commands.train)


def _add_evaluate(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    evaluate = subparsers.add_parser("evaluate", help="measure a checkpoint, or go on measuring it")
    evaluate.add_argument("checkpoint", help="folder or hub id of a CLIP or SigLIP")
    evaluate.add_argument("config", help="the evaluator's YAML")
    evaluate.add_argument("--out", help="output folder, instead of the configuration's")
    _add_set(evaluate, "evaluations.0.data.path=data/emoji")
    evaluate.add_argument("--quiet", action="store_true", help="say nothing but errors")
    evaluate.set_defaults(command=commands.evaluate)

    compare = subparsers.add_parser("compare", help="put the results of two checkpoints side by side")
    compare.add_argument("a", metavar="A", help="output folder of pairwright evaluate")
    compare.add_argument("b", metavar="B", help="that of the other checkpoint")
    compare.add_argument("--out", help="folder for comparison.md and .json, instead of B")
    compare.set_defaults(command=commands.compare)


def _add_looking(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    doctor = subparsers.add_parser("doctor", help="say what is wrong with input shards")
    doctor.add_argument("shards", nargs="+", help="paths, globs or brace ranges")
    doctor.add_argument("--repair", metavar="DIR", help="write clean tars there")
    doctor.set_defaults(command=commands.doctor)

    inspect = subparsers.add_parser("inspect", help="show samples of an output folder or a shard")
    inspect.add_argument("path")
    inspect.add_argument("--limit", type=_count, default=5, help="samples to show (5)")
    inspect.add_argument("--regions", metavar="PNG", help="draw their regions there, of up to 12 samples")
    inspect.set_defaults(command=commands.inspect)

    report = subparsers.add_parser("report", help="write report.html, a page to look at a run in a browser")
    report.add_argument("output", help="output folder")
    report.add_argument("--against", metavar="B", help="another run's output folder, to compare with")
    report.add_argument(
        "--samples", type=_count, default=1000, metavar="N", help="published samples to show at most (1000)"
    )
    report.set_defaults(command=commands.report)

    verify = subparsers.add_parser("verify", help="re-check on disk what a run promises")
    verify.add_argument("output", help="output folder")
    verify.set_defaults(command=commands.verify)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="pairwright", description=__doc__)
    parser.add_argument("--version", action="version", version=f"pairwright {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

    curate = subparsers.add_parser(
        "curate",
        help="run or resume a configuration",
        usage="pairwright curate CONFIG [--out DIR] [--set PATH=VALUE ...] [-- BEAM OPTIONS]",
    )
    curate.add_argument("config", help="the run's YAML")
    curate.add_argument("--out", help="output folder, instead of the configuration's")
    _add_set(curate, "profile.max_drop_ratio=1")
    curate.add_argument("--quiet", action="store_true", help="say nothing but errors")
    curate.set_defaults(command=commands.curate)

    _add_plan(subparsers)
    _add_looking(subparsers)

    hashes = subparsers.add_parser(
        "hashes", help="list the hashes of evaluation images, for dedup.decontaminate"
    )
    hashes.add_argument("images", nargs="+", help="image files, or shards (tar, tar.gz, parquet)")
    hashes.add_argument("--out", required=True, metavar="FILE.parquet")
    hashes.set_defaults(command=commands.hashes)

    schema = subparsers.add_parser("schema", help="print the JSON Schema of a configuration, for editors")
    schema.add_argument("kind", nargs="?", choices=("curate", "train", "evaluate"), default="curate")
    schema.set_defaults(command=commands.schema)

    _add_train(subparsers)
    _add_evaluate(subparsers)
    return parser

"""Did the curation make a better CLIP? One small model, trained from scratch on a CPU in six ways.

    python -m benchmarks.closed_loop [--quick] [--seeds N] [--out DIR] [--processes N]

The same rendered scenes with web-like alt text, the same weights to start from, the same number of samples
seen; what differs is which texts of the published shards are read, and with which losses. No
vision-language model is asked: its texts are the ground truth with a tenth of the facts wrong, and the report
says so. Runs that are done are kept in DIR, and the same command goes on where it was stopped.

About 45 minutes on 2 quiet cores for three seeds; `--quick` takes one seed through fewer samples in a few.
"""

import argparse
import json
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from transformers.utils.logging import disable_progress_bar

from benchmarks.closed_loop_arms import (
    ARMS,
    FULL,
    QUICK,
    TRAIN_SEED,
    Arm,
    Plan,
    run_arm,
    shards_folder,
    write_start,
)
from benchmarks.closed_loop_plot import Curve, Panel, curve_plot, dot_plot
from benchmarks.closed_loop_report import Result, as_json, by_arm, mean_curve, report
from benchmarks.closed_loop_shards import write_shards
from schemas.errors import ConfigError, PairwrightError

_PLOTTED = {
    "both.top1": "zero-shot, 48 classes",
    "retrieval.image_to_text.recall.1": "image to text R@1",
    "retrieval.text_to_image.recall.1": "text to image R@1",
    "pairs.groups.replace": "facts replaced",
    "pairs.groups.swap": "facts swapped",
}
Task = tuple[Path, Plan, Arm, int]


def main() -> int:
    """Run what is not done yet, and write and print the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one seed, fewer samples")
    parser.add_argument("--seeds", type=int, help="runs of each arm; more show the spread")
    parser.add_argument("--out", type=Path, help="default runs/closed_loop, or runs/closed_loop_quick")
    parser.add_argument(
        "--processes", type=int, default=os.cpu_count() or 1, help="runs at a time, a core each"
    )
    options = parser.parse_args()
    plan = QUICK if options.quick else FULL
    plan = replace(plan, seeds=options.seeds or plan.seeds)
    out = options.out or Path("runs") / ("closed_loop_quick" if options.quick else "closed_loop")
    try:
        run(out, plan, options.processes)
    except PairwrightError as error:
        print(f"closed_loop: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    except KeyboardInterrupt:
        print(f"closed_loop: stopped; the same command goes on in {out}", file=sys.stderr)
        return 130
    return 0


def run(out: Path, plan: Plan, processes: int, arms: Sequence[Arm] = ARMS) -> None:
    """Write shards and starting weights, run the arms, and report after each.

    Raises:
        ConfigError: the folder holds runs of another plan.
        RunError: a run was stopped or failed.
    """
    disable_progress_bar()
    _claim(out, plan)
    about = write_shards(
        shards_folder(out), plan.scenes, size_px=plan.size_px, error_rate=plan.error_rate, seed=TRAIN_SEED
    )
    for seed in range(plan.seeds):
        write_start(out, plan, seed)
    tasks: list[Task] = [(out, plan, arm, seed) for seed in range(plan.seeds) for arm in arms]
    results: list[Result] = []
    started = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, initializer=_one_thread, maxtasksperchild=1) as pool:
        for result in pool.imap_unordered(_work, tasks):
            results.append(result)
            minutes = (time.monotonic() - started) / 60
            done = f"{len(results)}/{len(tasks)}: {result['arm']}, seed {result['seed']}"
            print(f"{done}, after {minutes:.1f} min", flush=True)
            write_report(out, plan, about, results)
    print(f"\n{(out / 'results.md').read_text()}")
    print(f"Written to {out}: results.md, results.json, figures.svg, loss.svg")


def write_report(out: Path, plan: Plan, about: Mapping[str, int], results: Sequence[Result]) -> None:
    """Write results.md, results.json and the plots of the runs so far."""
    found = by_arm(results)
    titles = {arm.name: arm.title for arm in ARMS}
    panels = [
        Panel(
            title=title,
            chance=results[0]["figures"][name]["chance"],
            values=[[run["figures"][name]["value"] for run in runs] for runs in found.values()],
        )
        for name, title in _PLOTTED.items()
    ]
    arms = [titles[name] for name in found]
    curves = [Curve(name=titles[name], points=mean_curve(runs)) for name, runs in found.items()]
    files = {
        "results.md": report(plan, about, results),
        "results.json": json.dumps(as_json(plan, about, results), indent=1) + "\n",
        "figures.svg": dot_plot("Did the curation make a better CLIP?", arms, panels),
        "loss.svg": curve_plot(
            "Contrastive loss", "samples seen", "loss (nats)", math.log(plan.batch), curves
        ),
    }
    for name, text in files.items():
        (out / name).write_text(text)


def _claim(out: Path, plan: Plan) -> None:
    """Note the plan in a new folder; refuse one with another plan's runs."""
    note, mine = out / "plan.json", json.dumps(asdict(plan), sort_keys=True) + "\n"
    out.mkdir(parents=True, exist_ok=True)
    (out / "start").mkdir(exist_ok=True)
    if not note.exists():
        note.write_text(mine)
    elif note.read_text() != mine:
        raise ConfigError(f"{out} holds runs of another plan; give another --out or remove it")


def _one_thread() -> None:
    torch.set_num_threads(1)


def _work(task: Task) -> Result:
    return run_arm(*task)


if __name__ == "__main__":
    sys.exit(main())

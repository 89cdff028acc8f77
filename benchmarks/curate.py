"""Images a second of a whole curation, beside the bare limit and the scripts that people write by hand.

    python -m benchmarks.curate [--photos 4192] [--rounds 3] [--only NAME ...]

All contenders read the same photos, in processes of their own, in turn, `--rounds` times; each figure is the
best round's. Time is that of the work: interpreter start and imports are left out, for all alike. Memory is
the sum over a contender's processes, shared pages counted once.
"""

import argparse
import json
import multiprocessing
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.watch import Watch
from demo_data.web_photos import write_photos
from transforms.process_server import server_context

CORES = len(os.sched_getaffinity(0))
CONFIG: dict[str, Any] = {
    "name": "benchmark",
    "profile": {
        "filters": [
            {"kind": "words", "min": 3},
            {"kind": "side", "min_px": 200},
            {"kind": "aspect", "max": 3.0},
        ]
    },
    "dedup": {"near": {"max_distance": 4}},
    "workers": {"baseline": {"kind": "rules"}},
    "annotate": [{"recipe": "hqclip", "worker": "baseline"}, {"recipe": "laclip", "worker": "baseline"}],
    "publish": {"samples_per_shard": 1000},
}


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one contender needed once, and how many samples it wrote."""

    seconds: float
    cpu_s: float
    peak_mib: float
    written: int


def run_pairwright(shards: list[Path], output: Path) -> int:
    """Curate on the embedded engine: profile, dedup, annotate (rules), publish."""
    from pipelines.command import run_stage
    from pipelines.curate import run_curate
    from pipelines.run import open_run
    from schemas.config import RunConfig

    values = CONFIG | {"input": {"shards": [str(shard) for shard in shards]}, "output": str(output)}
    return run_stage(run_curate, open_run(RunConfig.model_validate(values))).kept


CONTENDERS: dict[str, Callable[[list[Path], Path], int]] = {
    "bare": lambda shards, output: peers.bare_limit(shards, output, CORES),
    "pairwright": run_pairwright,
    "script": lambda shards, output: peers.script(shards, output, 1),
    "script, pool": lambda shards, output: peers.script(shards, output, CORES),
}


def measure(name: str, shards: list[Path], output: Path) -> Figures:
    """Run one contender in a session of processes of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_work, args=(name, shards, output, there))
    process.start()
    there.close()
    here.recv()  # everything is imported
    watch = Watch(process.pid or 0)
    watch.look()
    before = watch.cpu_s
    here.send("go")
    seconds, written = here.recv()
    watch.stop()
    process.join()
    return Figures(seconds=seconds, cpu_s=watch.cpu_s - before, peak_mib=watch.peak_mib, written=written)


def _work(name: str, shards: list[Path], output: Path, connection: Any) -> None:
    import webdataset  # noqa: F401  (imported before the clock starts, as everything is)

    import pipelines.curate

    assert pipelines.curate
    os.setsid()
    warm_up = server_context().Process(target=int)
    warm_up.start()
    warm_up.join()
    output.mkdir(parents=True, exist_ok=True)
    connection.send("ready")
    connection.recv()
    started = time.perf_counter()
    written = CONTENDERS[name](shards, output)
    connection.send((time.perf_counter() - started, written))


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=4192)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "pairwright-bench")
    arguments = parser.parse_args()
    photos = arguments.folder / f"photos-{arguments.photos}"
    if not (photos / "manifest.json").exists():
        write_photos(photos, arguments.photos, 0, CORES)
    manifest = json.loads((photos / "manifest.json").read_text())
    shards = sorted(photos.glob("*.tar"))
    output, output_four = arguments.folder / "out", arguments.folder / "out-four"
    shutil.rmtree(output_four, ignore_errors=True)
    best: dict[str, Figures] = {}
    for turn in range(arguments.rounds):
        for name in arguments.only:
            shutil.rmtree(output, ignore_errors=True)
            figures = measure(name, shards, output)
            print(f"round {turn + 1} {name}: {figures.seconds:.2f} s", flush=True)
            best[name] = min(figures, best.get(name, figures), key=lambda f: f.seconds)
    fourfold = measure("pairwright", copies(photos, arguments.folder / "copies", 4), output_four)
    for name in (output, output_four):
        shutil.rmtree(name, ignore_errors=True)
    print(f"\n{CORES} cores, {platform.machine()}, Python {platform.python_version()}")
    print_table(best, manifest)
    if "pairwright" in best:
        print(f"\npairwright with four copies of the shards: {fourfold.peak_mib:.0f} MiB at the peak")


def copies(photos: Path, folder: Path, number: int) -> list[Path]:
    """Return the shards under `number` names; all but the first copy are exact duplicates."""
    folder.mkdir(exist_ok=True)
    for copy in range(number):
        link = folder / str(copy)
        link.unlink(missing_ok=True)
        link.symlink_to(photos.resolve())
    return sorted(folder.glob("*/*.tar"))


def print_table(best: Mapping[str, Figures], manifest: Mapping[str, Any]) -> None:
    """Print a row a contender, in Markdown."""
    print(
        f"{manifest['in']} photos, {manifest['image_bytes'] / 2**20:.0f} MiB; right: {manifest['kept']} kept"
    )
    print("\n| | images/s | of the bare limit | CPU s | peak memory, MiB | kept |\n|---|---|---|---|---|---|")
    limit = best.get("bare", next(iter(best.values()))).seconds
    for name, found in best.items():
        rate = manifest["in"] / found.seconds
        print(
            f"| {name} | {rate:.0f} | {limit / found.seconds:.2f} | {found.cpu_s:.1f} | {found.peak_mib:.0f} "
            f"| {found.written} |"
        )


if __name__ == "__main__":
    main()

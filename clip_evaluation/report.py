"""Results on disk: results.json for machines, results.md for people, items.npz for paired comparisons."""

import io
import json
import os
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clip_evaluation.compare import Comparison, compare
from clip_evaluation.figure import Figure, figures, to_json
from clip_evaluation.tables import comparison_table, results_table
from schemas.errors import ConfigError, RunError

RESULTS, TABLE, ITEMS = "results.json", "results.md", "items.npz"
COMPARISON = "comparison"

_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Read results: every figure by its dotted name, those that a terminal shows, and what the data were."""

    checkpoint: str
    main: tuple[str, ...]
    data: dict[str, str]
    figures: dict[str, Figure]


def write_results(
    folder: Path,
    *,
    checkpoint: str,
    records: Mapping[str, Any],
    main: Sequence[str],
    data: Mapping[str, str],
    notes: Mapping[str, Mapping[str, int]] | None = None,
    plots: Mapping[str, str] | None = None,
) -> None:
    """Write the results of probes.

    Args:
        folder: made if it is not there.
        checkpoint: what was measured.
        records: the result of each probe, by its name.
        main: names of the figures that a terminal shows.
        data: for each probe, a text that is the same for the same items in the same order (such as a hash).
        notes: for each probe, how many items there were and what was left out, by name.
        plots: SVG by name.

    Raises:
        ValueError: a probe has no data, or a plot's name is no plain word.
    """
    _check_names(records, data, plots or {})
    folder.mkdir(parents=True, exist_ok=True)
    found = dict(figures(records))
    content = {
        "checkpoint": checkpoint,
        "data": dict(data),
        "notes": to_json(notes or {}),
        "main": list(main),
        "results": to_json(records),
        "figures": to_json(found),
    }
    text = json.dumps(content, indent=1, allow_nan=False)
    _write(folder / ITEMS, _items(found))
    table = results_table(checkpoint, found, notes=notes or {}, plots=list(plots or {}))
    _write(folder / TABLE, table.encode())
    for name, svg in (plots or {}).items():
        _write(folder / f"{name}.svg", svg.encode())
    _write(folder / RESULTS, f"{text}\n".encode())


def _check_names(records: Mapping[str, Any], data: Mapping[str, str], plots: Mapping[str, str]) -> None:
    if set(data) != set(records):
        raise ValueError(f"data are named of {sorted(data)}, but results are of {sorted(records)}")
    for name in plots:
        if not re.fullmatch(r"[a-z0-9_]+", name):
            raise ValueError(f"plot {name!r} must be named by letters, digits and underscores")


def read_results(folder: Path) -> Results:
    """Read what `write_results` wrote.

    Raises:
        ConfigError: the folder has no results.
        RunError: they are damaged.
    """
    try:
        content = json.loads((folder / RESULTS).read_bytes())
        with np.load(folder / ITEMS, allow_pickle=False) as stored:
            items = {name: stored[name] for name in stored.files}
        found = {
            name: Figure(**known, items=items.get(f"items_{i}"), clusters=items.get(f"clusters_{i}"))
            for i, (name, known) in enumerate(content["figures"].items())
        }
        return Results(
            checkpoint=str(content["checkpoint"]),
            main=tuple(map(str, content["main"])),
            data=dict(content["data"]),
            figures=found,
        )
    except FileNotFoundError as error:
        raise ConfigError(
            f"{folder} has no {Path(error.filename or RESULTS).name}; evaluate first"
        ) from error
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        zipfile.BadZipFile,
        RecursionError,
    ) as error:
        raise RunError(f"the results in {folder} are damaged ({error}); evaluate again") from error


def compare_results(a: Results, b: Results) -> Comparison:
    """Compare two checkpoints; figures of probes whose data differ get no interval."""
    same = {name for name, text in a.data.items() if b.data.get(name) == text}
    parts = [
        compare(*(_of_probes(found.figures, same, wanted) for found in (a, b)), same_items=wanted)
        for wanted in (True, False)
    ]
    order = {name: place for place, name in enumerate(a.figures)}
    return Comparison(
        rows=tuple(sorted((row for part in parts for row in part.rows), key=lambda row: order[row.name])),
        only_a=tuple(name for part in parts for name in part.only_a),
        only_b=tuple(name for part in parts for name in part.only_b),
        main=tuple(name for name in order if name in a.main or name in b.main),
    )


def write_comparison(folder: Path, a: str, b: str, comparison: Comparison) -> None:
    """Write a comparison of two checkpoints as JSON and Markdown into a folder, made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {"a": a, "b": b} | to_json(comparison)
    _write(folder / f"{COMPARISON}.json", f"{json.dumps(content, indent=1, allow_nan=False)}\n".encode())
    _write(folder / f"{COMPARISON}.md", comparison_table(a, b, comparison).encode())


def _of_probes(found: Mapping[str, Figure], same: set[str], wanted: bool) -> dict[str, Figure]:
    return {name: figure for name, figure in found.items() if (name.partition(".")[0] in same) == wanted}


def _items(found: Mapping[str, Figure]) -> bytes:
    """Return an npz of the items of the n-th figure; numpy's own would hold the time of writing."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, figure in enumerate(found.values()):
            for kind, values in (("items", figure.items), ("clusters", figure.clusters)):
                if values is not None:
                    array = io.BytesIO()
                    np.save(array, values, allow_pickle=False)
                    member = zipfile.ZipInfo(f"{kind}_{number}.npy", date_time=_EPOCH)
                    archive.writestr(member, array.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".writing-{path.name}")
    temporary.write_bytes(data)
    os.replace(temporary, path)

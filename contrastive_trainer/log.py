"""Figures of a run in files: JSON lines, and TensorBoard where that is installed.

`OUT/log.jsonl` holds a row every `log_steps` steps and at the last one:

    step                steps done
    loss                the weighted sum of all parts, of this step's batch over all ranks
    contrastive, ...    each part, unweighted: hni, stc, multi_text, long_clip, regions, grounding, distill
    gradient_norm       before clipping
    lr, scale           learning rate; logit scale (1 / temperature)
    samples_per_second  since the row before, over all ranks, waiting included
    waiting             share of that time spent waiting for data, of the first rank, 0..1
    skipped             samples so far that could not be read and were replaced
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = "log.jsonl"


class Log:
    """Writes figures by step. A run that resumes after a step drops what was said of later ones."""

    def __init__(self, folder: Path, *, step: int) -> None:
        path = folder / FILE
        kept = [row for row in read_log(folder) if row["step"] <= step]
        half = path.with_suffix(".half")
        half.write_text("".join(map(_line, kept)), encoding="utf-8")
        os.replace(half, path)
        self._stream = path.open("a", encoding="utf-8")
        self._board = _board(folder / "tensorboard", step + 1)

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Note the figures of a step."""
        self._stream.write(_line({"step": step} | dict(figures)))
        self._stream.flush()
        if self._board is not None:
            for name, value in figures.items():
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Write out what is left."""
        self._stream.close()
        if self._board is not None:
            self._board.close()


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Return the rows that a run noted, in order; a torn last line is left out."""
    path = folder / FILE
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int):
            rows.append(row)
    return rows


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row) + "\n"


def _board(folder: Path, purge_step: int) -> Any:
    """Return a writer for TensorBoard; None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=purge_step)

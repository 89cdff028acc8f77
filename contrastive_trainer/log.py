"""What a run says while it trains: JSON lines, TensorBoard, and a line for people."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

FILE = "log.jsonl"


class Log:
    """Writes figures by step. A run that resumes at a step drops what an earlier one said of later ones."""

    def __init__(self, folder: Path, *, step: int) -> None:
        self._path = folder / FILE
        kept = [row for row in read_log(folder) if row["step"] < step]
        folder.mkdir(parents=True, exist_ok=True)
        self._path.write_text("".join(_line(row) for row in kept), encoding="utf-8")
        self._stream = self._path.open("a", encoding="utf-8")
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step)

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Note the figures of a step."""
        self._stream.write(_line({"step": step} | dict(figures)))
        self._stream.flush()
        for name, value in figures.items():
            self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Write out what is left."""
        self._stream.close()
        self._board.close()


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Return the rows that a run noted, in order; a torn last line is left out."""
    path = folder / FILE
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int):
            rows.append(row)
    return rows


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row) + "\n"

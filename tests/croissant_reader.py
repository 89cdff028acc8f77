"""Datasets as mlcroissant reads them, held against what is on disk."""

import json
import subprocess
import sys
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

# Its cache is by relative names, and what it imports warns: each set is read in its own process.
READ = """
import json, sys
from itertools import islice
import mlcroissant as mlc
path = sys.argv[1]
found = {}
for record_set in mlc.Dataset(jsonld=path).metadata.record_sets:
    rows = []
    for record in islice(mlc.Dataset(jsonld=path).records(record_set.uuid), 10):
        row = {}
        for name, value in record.items():
            if hasattr(value, "tobytes") and hasattr(value, "size") and hasattr(value, "mode"):
                value = list(value.size)
            elif isinstance(value, bytes):
                value = value.decode()
            elif hasattr(value, "item"):
                value = value.item()
            row[name.partition("/")[2]] = value
        rows.append(row)
    found[record_set.uuid] = rows
print(json.dumps(found))
"""


def read_first_ten(output: Path, scratch: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the first ten records of every record set, without a network; a set that is not valid fails."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(scratch), "CROISSANT_CACHE": str(scratch / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", READ, str(output / "croissant.json")],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return found


def check_records(output: Path, samples: Mapping[str, Mapping[str, bytes]], scratch: Path) -> None:
    """Hold what mlcroissant reads against the index, and against {key: {ending: data}} of the tars."""
    hold_records(read_first_ten(output, scratch), output, samples)


def hold_records(
    found: Mapping[str, list[dict[str, Any]]],
    output: Path,
    samples: Mapping[str, Mapping[str, bytes]],
    beside: Set[str] = frozenset(),
) -> None:
    """Hold record sets against the index and the tars; those `beside` the shards are left to the caller."""
    rows = {row["key"]: row for row in pq.read_table(output / "index.parquet").to_pylist()}
    assert set(found) - beside == ({"index", "samples", "records"} if rows else {"index"})
    assert found["index"] == [rows[key] for key in sorted(rows)[:10]]
    for name in set(found) - {"index"} - beside:
        assert len(found[name]) == len({row["key"] for row in found[name]}) == min(10, len(rows))
    for row in found.get("samples", ()):
        told = rows[row["key"]]
        assert row["image"] == [told["width"], told["height"]]
        assert (row["caption"], row["alt_text"]) == (told["caption"], told["alt_text"])
    for row in found.get("records", ()):
        assert row["json"].encode() == samples[row["key"]]["json"]

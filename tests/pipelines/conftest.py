"""Whole runs, in the process of the tests."""

import hashlib
import json
import runpy
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from demo_data.build import build
from pipelines.curate import run_curate
from pipelines.load_config import load_config
from pipelines.run import only_writer, open_run
from schemas.config import RunConfig
from transforms.accounts import Account


@dataclass(kw_only=True)
class Curated:
    """A finished run's output, read with the standard library and pyarrow.

    `counts` are those of run.json; `digests` are the hashes of every file that a rerun must repeat.
    """

    output: Path
    account: Account
    counts: dict[str, Any]
    digests: dict[str, str]

    @cached_property
    def samples(self) -> dict[str, dict[str, bytes]]:
        """Return {key: {ending: data}} over all published shards."""
        samples: dict[str, dict[str, bytes]] = {}
        for path in sorted((self.output / "shards").glob("*.tar")):
            with tarfile.open(path) as tar:
                for member in tar:
                    key, _, ending = member.name.partition(".")
                    samples.setdefault(key, {})[ending] = tar.extractfile(member).read()  # type: ignore[union-attr]
        return samples

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """Return every KEY.json, in the order of the keys."""
        return [json.loads(self.samples[key]["json"]) for key in sorted(self.samples)]

    @cached_property
    def rejected(self) -> list[dict[str, Any]]:
        tables = [pq.read_table(path) for path in sorted((self.output / "rejected").glob("*.parquet"))]
        return [row for table in tables for row in table.to_pylist()]


def _digests(output: Path) -> dict[str, str]:
    files = (path.relative_to(output) for path in sorted(output.rglob("*")) if path.is_file())
    return {
        str(name): hashlib.sha256((output / name).read_bytes()).hexdigest()
        for name in files
        if name.parts[0] != "work" and str(name) not in ("run.json", "report.html")
    }


def _curate(config: str | Path | Mapping[str, Any], output: Path, *settings: str) -> Curated:
    if isinstance(config, Mapping):
        path = output.with_name(f"{output.name}.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({"name": "test", "output": "unused", **config}))
        config = path
    run = open_run(load_config(str(config), RunConfig, settings, str(output)))
    with only_writer(run):
        account = run_curate(run)
    counts = json.loads((output / "run.json").read_text())["counts"]
    return Curated(output=output, account=account, counts=counts, digests=_digests(output))


@pytest.fixture(scope="session")
def curate() -> Callable[..., Curated]:
    """Run a configuration, a file or its values, into a folder: `curate(config, output, *settings)`."""
    return _curate


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the demo shards, with their right answers in manifest.json."""
    folder = tmp_path_factory.mktemp("demo") / "input"
    build(folder, 0)
    return folder


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny CLIP of random weights."""
    save_clip = runpy.run_path(str(Path(__file__).parents[1] / "tiny_clip.py"))["save_clip"]
    path: Path = save_clip(tmp_path_factory.mktemp("checkpoint") / "clip")
    return path

"""A real vLLM with a tiny model, as a server and in runs of `pairwright`; `make test-vllm` installs it."""

import importlib.util
import io
import json
import os
import random
import re
import socket
import subprocess
import sys
import tarfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from demo_data.scenes import write_scenes
from demo_data.tar_writing import add_member

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COCO = ROOT.parent / "shared" / "data" / "coco_open" / "shards"
CONTEXT_TOKENS = 1536
START_S = 300
SETTINGS = {
    "HF_HUB_OFFLINE": "1",
    "PYTHONPATH": str(ROOT),
    "VLLM_CPU_KVCACHE_SPACE": "1",  # gigabytes
    "VLLM_NO_USAGE_STATS": "1",
}
TOO_LONG = "too-long"


@pytest.fixture(scope="session", autouse=True)
def _installed() -> None:
    if importlib.util.find_spec("vllm") is None:
        pytest.skip("vLLM is not installed here; run `make test-vllm`")


@dataclass(frozen=True, kw_only=True)
class Server:
    """A vLLM server and what it has counted."""

    url: str

    def count(self, metric: str) -> int:
        """Return the sum of a counter over its labels."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=60) as response:
            text = response.read().decode()
        found = re.findall(rf"^vllm:{metric}_total{{.*}} (\S+)$", text, re.MULTILINE)
        assert found, f"the server counts no {metric}"
        return round(sum(map(float, found)))

    def counts(self) -> dict[str, int]:
        """Return what was asked and answered until now."""
        names = ("request_success", "prompt_tokens", "generation_tokens", "prefix_cache_hits")
        return {name: self.count(name) for name in names}


@dataclass(frozen=True, kw_only=True)
class Run:
    """The output folder of a run, and what its process printed."""

    output: Path
    printed: str

    @cached_property
    def record(self) -> dict[str, Any]:
        return json.loads((self.output / "run.json").read_text())

    @cached_property
    def published(self) -> list[dict[str, Any]]:
        """Return every KEY.json."""
        records = []
        for path in sorted((self.output / "shards").glob("*.tar")):
            with tarfile.open(path) as tar:
                members = [member for member in tar if member.name.endswith(".json")]
                records += [json.loads(tar.extractfile(member).read()) for member in members]  # type: ignore[union-attr]
        return records

    @cached_property
    def rejected(self) -> list[dict[str, Any]]:
        tables = [pq.read_table(path) for path in sorted((self.output / "rejected").glob("*.parquet"))]
        return [row for table in tables for row in table.to_pylist()]

    @property
    def replies(self) -> list[dict[str, Any]]:
        """Return the journals' lines, whole ones only."""
        lines: list[bytes] = []
        for path in sorted((self.output / "work" / "replies").rglob("*.jsonl")):
            lines += [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
        return [json.loads(line.partition(b" ")[2]) for line in lines]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the model that `make_tiny_vlm.py` makes."""
    folder = tmp_path_factory.mktemp("model") / "tiny"
    command = [sys.executable, HERE / "make_tiny_vlm.py", folder]
    subprocess.run(command, env=os.environ | SETTINGS, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def server(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start a server for all tests that ask one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    arguments = {
        "model": str(tiny_model),
        "served-model-name": "tiny",
        "host": "127.0.0.1",
        "port": str(port),
        "max-model-len": str(CONTEXT_TOKENS),
        "dtype": "float32",
        "block-size": "32",
        "limit-mm-per-prompt": json.dumps({"image": 1, "video": 0}),
        "structured-outputs-config": json.dumps({"backend": "xgrammar", "disable_any_whitespace": True}),
    }
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--enforce-eager"]
    command += [word for name, value in arguments.items() for word in (f"--{name}", value)]
    with (
        log.open("wb") as out,
        subprocess.Popen(command, env=os.environ | SETTINGS, stdout=out, stderr=out) as process,
    ):
        try:
            yield _wait_until_ready(Server(url=f"http://127.0.0.1:{port}"), process, log)
        finally:
            process.terminate()


def _wait_until_ready(server: Server, process: "subprocess.Popen[bytes]", log: Path) -> Server:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"{server.url}/health", timeout=5).close()
        except OSError:
            time.sleep(0.5)
        else:
            return server
    pytest.fail(f"the server did not start within {START_S} s: {log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return web photographs, or rendered scenes where there are none, and one text that is too long."""
    folder = tmp_path_factory.mktemp("input")
    words = " ".join(str(number) for number in random.Random(0).sample(range(10**6), 400))
    picture = io.BytesIO()
    Image.effect_noise((300, 200), 50).convert("RGB").save(picture, "JPEG")
    with tarfile.open(folder / "planted.tar", "w") as tar:
        add_member(tar, "0.jpg", picture.getvalue())
        add_member(tar, "0.txt", words.encode())
        add_member(tar, "0.json", json.dumps({"uid": TOO_LONG}).encode())
    if COCO.is_dir():
        return [f"{COCO}/*.tar", f"{folder}/planted.tar"]
    write_scenes(folder, count=120, seed=3, size_px=256, per_shard=40)
    return [f"{folder}/*.tar"]


@pytest.fixture(scope="session")
def write_config(shards: list[str]) -> Callable[..., Path]:
    """Write a run of both recipes with a worker: `write_config(folder, {"kind": "openai", ...})`."""

    def write(folder: Path, worker: dict[str, Any]) -> Path:
        values = {
            "name": "real-vllm",
            "input": {"shards": shards},
            "output": str(folder / "out"),
            "profile": {"filters": [{"kind": "words", "min": 1}]},
            "workers": {"model": {"in_flight": 16, **worker}},
            "annotate": [{"recipe": "hqclip", "worker": "model"}, {"recipe": "laclip", "worker": "model"}],
            "max_failed_replies": 1,
        }
        path = folder / "run.yaml"
        path.write_text(yaml.safe_dump(values))
        return path

    return write


@pytest.fixture(scope="session")
def start() -> Callable[[Path], "subprocess.Popen[str]"]:
    """Start `pairwright curate` in a process of its own."""

    def begin(config: Path) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "pairwright", "curate", str(config)],
            env=os.environ | SETTINGS,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return begin


@pytest.fixture(scope="session")
def curate(start: Callable[[Path], "subprocess.Popen[str]"]) -> Callable[[Path], Run]:
    """Run a configuration to its end."""

    def run(config: Path) -> Run:
        with start(config) as process:
            printed, _ = process.communicate()
        assert process.returncode == 0, printed[-3000:]
        return Run(output=config.parent / "out", printed=printed)

    return run

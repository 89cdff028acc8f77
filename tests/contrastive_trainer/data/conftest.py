"""Small shards, with and without fields, the configuration of a run over them, and a server of them."""

import io
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from schemas.train import TrainConfig
from tests.tars import write_tar

Parts = Mapping[str, bytes]
"""The members of a sample by ending."""


def picture(seed: int, width: int = 24, height: int = 16, kind: str = "PNG") -> bytes:
    """Return a picture of one colour that depends on the seed."""
    stream = io.BytesIO()
    Image.new("RGB", (width, height), (seed % 256, seed // 256 % 256, 90)).save(stream, kind)
    return stream.getvalue()


def sample_parts(number: int, **fields: Any) -> dict[str, bytes]:
    """Return the members of a published sample."""
    record = {"uid": f"u{number}", "alt_text": f"alt {number}", "caption": f"caption {number}"} | fields
    return {
        "png": picture(number),
        "txt": str(record["caption"]).encode(),
        "json": json.dumps(record).encode(),
    }


def pack(path: Path, samples: Sequence[Parts]) -> Path:
    """Write a shard."""
    named = ((f"{number:06d}", parts) for number, parts in enumerate(samples))
    return write_tar(
        path, [(f"{key}.{ending}", data) for key, parts in named for ending, data in parts.items()]
    )


def pack_set(folder: Path, sizes: Sequence[int], **fields: Any) -> Path:
    """Write shards 00000.tar and on, with running numbers as uids, and their sizes.json."""
    first = 0
    for number, size in enumerate(sizes):
        samples = [sample_parts(k, **fields) for k in range(first, first + size)]
        pack(folder / f"{number:05d}.tar", samples)
        first += size
    told = {f"{number:05d}.tar": size for number, size in enumerate(sizes)}
    (folder / "sizes.json").write_text(json.dumps(told))
    return folder


def configure(folder: Path | Sequence[str], **changes: Any) -> TrainConfig:
    """Return a configuration; keywords change its sections."""
    shards = str(folder) if isinstance(folder, Path) else list(folder)
    values: dict[str, Any] = {"output": "unused", "model": {"preset": "tiny"}, "batch": 4}
    data = {"shards": shards, "crop_scale": (1.0, 1.0)} | changes.pop("data", {})
    return TrainConfig.model_validate(values | {"data": data} | changes)


def encode(texts: Sequence[str]) -> torch.Tensor:
    """Return eight bytes of each text: tokens that a test can read again."""
    rows = np.zeros((len(texts), 40), dtype=np.int64)
    for row, text in zip(rows, texts, strict=True):
        data = text.encode()[:40]
        row[: len(data)] = list(data)
    return torch.from_numpy(rows)


def decode(token_L: torch.Tensor) -> str:
    """Return the text of a row of `encode`."""
    return bytes(int(token) for token in token_L if token).decode()


class Makers:
    """All of the above."""

    picture = staticmethod(picture)
    sample_parts = staticmethod(sample_parts)
    pack = staticmethod(pack)
    pack_set = staticmethod(pack_set)
    configure = staticmethod(configure)
    encode: Callable[[Sequence[str]], torch.Tensor] = staticmethod(encode)
    decode = staticmethod(decode)


@pytest.fixture(scope="session")
def make() -> type[Makers]:
    """Give the makers of shards and configurations."""
    return Makers


class Server(ThreadingHTTPServer):
    """Serves a folder, counts what is asked for, and may cut transfers short or never end them."""

    asked: Counter[str]
    cut: bool = False
    stall: threading.Event | None = None

    def url(self, name: str) -> str:
        """Return the URL of a file."""
        return f"http://127.0.0.1:{self.server_port}/{name}"


class _Handler(SimpleHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked[self.path] += 1
        self.path = self.path.partition("?")[0]
        if self.server.cut or self.server.stall:
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b"x" * 10)
            self.wfile.flush()
            if self.server.stall:
                self.server.stall.wait(30)
            return
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Serve the folder `served`."""
    folder = tmp_path / "served"
    folder.mkdir()
    with Server(("127.0.0.1", 0), partial(_Handler, directory=str(folder))) as server:
        server.asked = Counter()
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()

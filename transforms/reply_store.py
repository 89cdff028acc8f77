"""Replies of models, kept as they arrive, so that nothing is ever asked twice."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from types import TracebackType
from typing import IO

from lvlm_workers.base import Reply, Request
from transforms.storage import commit_bytes, exists, is_local, make_folder, read_bytes


def request_hash(request: Request, *, identity: Mapping[str, str], image_sha256: str | None) -> str:
    """Return the hash of all that decides a reply: who is asked, what, and about which picture."""
    how = asdict(request.sampling)
    asked = [sorted(identity.items()), request.prompt, request.schema, how, request.seed, image_sha256]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


class ReplyStore:
    """A journal of one shard's replies: a line of JSON each, behind the first 8 digits of its own hash.

    On a local filesystem each reply is appended as it arrives; object stores cannot append, so there the
    journal is written anew at each `flush`. A torn or damaged line is left out and its request asked again.
    Use as a context manager.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._replies: dict[str, Reply] = {}
        self._lines: list[bytes] = []
        self._unsaved = False
        self._stream: IO[bytes] | None = None
        if exists(path):
            self._load(read_bytes(path))

    def _load(self, data: bytes) -> None:
        for line in data.splitlines(keepends=True):
            mark, _, body = line.rstrip(b"\n").partition(b" ")
            if not line.endswith(b"\n") or mark != _mark(body):
                continue
            record = json.loads(body)
            key = record.pop("request")
            self._replies[key] = Reply(**record)
            self._lines.append(line)
        if len(data) != sum(map(len, self._lines)):
            commit_bytes(self._path, b"".join(self._lines))

    def get(self, key: str) -> Reply | None:
        """Return the kept reply to the request of this hash."""
        return self._replies.get(key)

    def put(self, key: str, reply: Reply) -> None:
        """Keep a reply."""
        body = json.dumps({"request": key, **asdict(reply)}, sort_keys=True).encode()
        line = _mark(body) + b" " + body + b"\n"
        self._replies[key] = reply
        if is_local(self._path):
            if self._stream is None:
                make_folder(os.path.dirname(self._path))
                self._stream = open(self._path, "ab")  # noqa: SIM115  (closed by __exit__)
            self._stream.write(line)
            self._stream.flush()
        else:
            self._lines.append(line)
            self._unsaved = True

    def flush(self) -> None:
        """Make what was kept durable where appending is not possible."""
        if self._unsaved:
            commit_bytes(self._path, b"".join(self._lines))
            self._unsaved = False

    def __enter__(self) -> "ReplyStore":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()
        if self._stream is not None:
            self._stream.close()


def _mark(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:8].encode()

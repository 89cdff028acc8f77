"""Replies of models, kept as they arrive, so that nothing is ever asked twice."""

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import IO

from lvlm_workers.base import Reply, Request
from transforms.storage import commit_bytes, exists, file_size, is_local, make_folder, open_input

UNSAVED_REPLIES = 64
UNSAVED_BYTES = 2**20
"""Where appending is not possible, a journal is written anew once so much of it is only in memory."""


def request_hash(request: Request, *, identity: Mapping[str, str], image_sha256: str | None) -> str:
    """Return the hash of all that decides a reply: who is asked, what, and about which picture."""
    how = asdict(request.sampling)
    asked = [sorted(identity.items()), request.prompt, request.schema, how, request.seed, image_sha256]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def read_replies(path: str) -> Iterator[tuple[str, Reply]]:
    """Yield the request hash and the reply of each whole line of a journal, in order; it is left as it is.

    Damaged lines and a torn last one are left out.

    Raises:
        OSError: it is not there.
    """
    yield from ((key, reply) for key, reply, _ in _whole_lines(path))


def _whole_lines(path: str) -> Iterator[tuple[str, Reply, bytes]]:
    with open_input(path) as stream:
        for line in stream:
            mark, _, body = line.rstrip(b"\n").partition(b" ")
            if line.endswith(b"\n") and mark == _mark(body):
                record = json.loads(body)
                yield record.pop("request"), Reply(**record), line


class ReplyStore:
    """A journal of one shard's replies: a line of JSON each, behind the first 8 digits of its own hash.

    On a local filesystem each reply is appended as it arrives: a kill costs none. Object stores cannot
    append, so there the journal is written anew at each `flush`, and at `flush_if_due` once UNSAVED_REPLIES
    or UNSAVED_BYTES are only in memory: a kill costs at most those, and what arrived since that was last
    called. A torn or damaged line is left out and its request asked again.

    `put` may be called in any thread, the rest in one; `close` it at the end.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._local = is_local(path)
        self._lock = threading.Lock()
        self._replies: dict[str, Reply] = {}
        self._lines: list[bytes] = []  # of a journal that cannot be appended to
        self._unsaved = self._unsaved_bytes = 0
        self._stream: IO[bytes] | None = None
        if exists(path):
            self._load()

    def _load(self) -> None:
        lines = []
        for key, reply, line in _whole_lines(self.path):
            self._replies[key] = reply
            lines.append(line)
        if file_size(self.path) != sum(map(len, lines)):
            commit_bytes(self.path, b"".join(lines))
        if not self._local:
            self._lines = lines

    def get(self, key: str) -> Reply | None:
        """Return the kept reply to the request of this hash."""
        return self._replies.get(key)

    def put(self, key: str, reply: Reply) -> None:
        """Keep a reply; the first to a request is the one that counts."""
        body = json.dumps({"request": key, **asdict(reply)}, sort_keys=True).encode()
        line = _mark(body) + b" " + body + b"\n"
        with self._lock:
            if key in self._replies:
                return
            self._replies[key] = reply
            if self._local:
                self._append(line)
            else:
                self._lines.append(line)
                self._unsaved += 1
                self._unsaved_bytes += len(line)

    def _append(self, line: bytes) -> None:
        if self._stream is None:
            make_folder(os.path.dirname(self.path))
            self._stream = open(self.path, "ab")  # noqa: SIM115  (closed by close)
        self._stream.write(line)
        self._stream.flush()

    def flush(self) -> None:
        """Make all that was kept durable where appending is not possible."""
        with self._lock:
            number, size = self._unsaved, self._unsaved_bytes
            data = b"".join(self._lines) if number else b""
        if number:
            commit_bytes(self.path, data)  # replies that come meanwhile do not wait for it
            with self._lock:
                self._unsaved -= number
                self._unsaved_bytes -= size

    def flush_if_due(self) -> None:
        """Flush once so much is only in memory."""
        if self._unsaved >= UNSAVED_REPLIES or self._unsaved_bytes >= UNSAVED_BYTES:
            self.flush()

    def close(self) -> None:
        """Flush, and close the file."""
        try:
            self.flush()
        finally:
            if self._stream is not None:
                self._stream.close()


def _mark(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:8].encode()

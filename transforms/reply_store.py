"""Replies of models, kept as they arrive, so that nothing is ever asked twice."""

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import IO

from lvlm_workers.base import Reply, Request
from transforms.journal_files import add_segment, body_of, mend, pack, to_line, whole_lines
from transforms.storage import is_local, make_folder

UNSAVED_REPLIES = 64
UNSAVED_BYTES = 2**20
"""Where appending is not possible, a segment is committed once so much is only in memory."""


def request_hash(request: Request, *, identity: Mapping[str, str], image_sha256: str | None) -> str:
    """Return the hash of all that decides a reply: who is asked, what, and about which picture."""
    how = asdict(request.sampling)
    asked = [sorted(identity.items()), request.prompt, request.schema, how, request.seed, image_sha256]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def read_replies(path: str) -> Iterator[tuple[str, Reply]]:
    """Yield the request hash and the reply of each whole line of a journal, in order; it is left as it is.

    Damaged lines and a torn last one are left out, and of equal lines all but the first. Of several replies
    to a request, which two attempts at the same work may leave, the first is the one that counts.

    Raises:
        OSError: it is not there.
    """
    for line in whole_lines(path):
        record = json.loads(body_of(line))
        yield record.pop("request"), Reply(**record)


class ReplyStore:
    """A journal of one shard's replies: a line of JSON each, in the files of `transforms.journal_files`.

    On a local filesystem each reply is appended as it arrives: a kill costs none. Object stores cannot
    append, so there a segment is committed at each `flush`, and at `flush_if_due` once UNSAVED_REPLIES or
    UNSAVED_BYTES are only in memory: a kill costs at most those, and what arrived since that was last called.
    A torn or damaged line is left out and its request asked again.

    `put` may be called in any thread, the rest in one; `close` it at the end.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._local = is_local(path)
        self._lock = threading.Lock()
        self._replies: dict[str, Reply] = {}
        self._unsaved: list[bytes] = []  # lines of a journal that cannot be appended to
        self._unsaved_bytes = 0
        self._stream: IO[bytes] | None = None
        with suppress(FileNotFoundError):  # it begins with the first reply
            for key, reply in read_replies(path):
                self._replies.setdefault(key, reply)

    def get(self, key: str) -> Reply | None:
        """Return the kept reply to the request of this hash."""
        return self._replies.get(key)

    def put(self, key: str, reply: Reply) -> None:
        """Keep a reply; the first to a request is the one that counts."""
        line = to_line(json.dumps({"request": key, **asdict(reply)}, sort_keys=True).encode())
        with self._lock:
            if key in self._replies:
                return
            self._replies[key] = reply
            if self._local:
                self._append(line)
            else:
                self._unsaved.append(line)
                self._unsaved_bytes += len(line)

    def _append(self, line: bytes) -> None:
        if self._stream is None:
            make_folder(os.path.dirname(self.path))
            mend(self.path)
            self._stream = open(self.path, "ab")  # noqa: SIM115  (closed by close)
        self._stream.write(line)
        self._stream.flush()

    def flush(self) -> None:
        """Make all that was kept durable where appending is not possible."""
        with self._lock:
            lines = self._unsaved.copy()
        if lines:
            add_segment(self.path, lines)  # replies that come meanwhile do not wait for it
            with self._lock:
                del self._unsaved[: len(lines)]
                self._unsaved_bytes -= sum(map(len, lines))

    def flush_if_due(self) -> None:
        """Flush once so much is only in memory."""
        if len(self._unsaved) >= UNSAVED_REPLIES or self._unsaved_bytes >= UNSAVED_BYTES:
            self.flush()

    def pack(self) -> None:
        """Flush, and leave one segment where appending is not possible; call it when all is asked."""
        self.flush()
        if not self._local:
            pack(self.path)

    def close(self) -> None:
        """Flush, and close the file."""
        try:
            self.flush()
        finally:
            if self._stream is not None:
                self._stream.close()

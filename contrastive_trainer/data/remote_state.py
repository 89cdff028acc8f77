"""What tells that a remote file has changed: size, checksum, last change, as far as its server tells them."""

import hashlib
import urllib.request
from typing import Any

TIMEOUT_S = 30.0


def remote_mark(url: str) -> str | None:
    """Return a hash of the state of a remote file; None where it is not told.

    A command's output (`pipe:`) has none. HTTP is asked by HEAD, `hf://` by the hub's own client, anything
    else, such as `gs://`, by Beam's FileSystems where it has one for the scheme.
    """
    scheme = url.partition(":")[0]
    if scheme == "pipe":
        return None
    ask = {"http": _ask_http, "https": _ask_http, "hf": _ask_hub}.get(scheme, _ask_beam)
    try:
        told = ask(url)
    except Exception:  # whatever the client of the scheme raises; the transfer itself says what is wrong
        return None
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16] if any(told) else None


def _ask_http(url: str) -> tuple[Any, ...]:
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310  (http or https, see above)
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310  (the same)
        return tuple(answer.headers.get(name) for name in ("ETag", "Last-Modified", "Content-Length"))


def _ask_hub(url: str) -> tuple[Any, ...]:
    from huggingface_hub import HfFileSystem

    told = HfFileSystem().info(url, refresh=True)
    return told["size"], told["blob_id"], (told.get("lfs") or {}).get("sha256")


def _ask_beam(url: str) -> tuple[Any, ...]:
    from apache_beam.io.filesystems import FileSystems

    found = FileSystems.match([url])[0].metadata_list[0]
    return found.size_in_bytes, found.last_updated_in_seconds

"""What a shard's first bytes are, whatever its name says."""

from transforms.imaging.sniff import image_format

GZIP = b"\x1f\x8b"
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"BZh", "bzip2 data; decompress it to a .tar"),
    (b"\xfd7zXZ\0", "xz data; decompress it to a .tar"),
    (b"\x28\xb5\x2f\xfd", "zstandard data; decompress it to a .tar"),
    (b"PK\x03\x04", "a zip archive; pack it as a .tar"),
    (b"PAR1", "Parquet data; name it .parquet"),
    (b"version https://git-lfs", "a Git LFS pointer; run `git lfs pull`"),
)


def not_a_tar(head: bytes) -> str | None:
    """Return what bytes that are no tar seem to be, with the mend, or None where nothing is known of them."""
    for mark, what in _OTHERS:
        if head.startswith(mark):
            return what
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "an HTML or XML page, not the shard; download it again"
    kind = image_format(head)
    return f"one {kind} image; pack it as a .tar" if kind else None

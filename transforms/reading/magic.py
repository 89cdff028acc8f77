"""What bytes are by their first few, whatever their name says."""

_IMAGES: tuple[tuple[str, int, bytes], ...] = (
    ("jpeg", 0, b"\xff\xd8\xff"),
    ("png", 0, b"\x89PNG\r\n\x1a\n"),
    ("gif", 0, b"GIF87a"),
    ("gif", 0, b"GIF89a"),
    ("webp", 8, b"WEBP"),
    ("tiff", 0, b"II*\0"),
    ("tiff", 0, b"MM\0*"),
    ("avif", 4, b"ftypavif"),
    ("avif", 4, b"ftypavis"),
    ("bmp", 0, b"BM"),
)
"""Kind, place and bytes, by each format's specification; two bytes say little, so BMP is last."""

ENDINGS: dict[str, tuple[str, ...]] = {
    "jpeg": ("jpg", "jpeg", "jpe", "jfif"),
    "png": ("png",),
    "gif": ("gif",),
    "webp": ("webp",),
    "tiff": ("tif", "tiff"),
    "avif": ("avif",),
    "bmp": ("bmp",),
}
"""The endings of each kind of image, the usual one first."""

GZIP = b"\x1f\x8b"
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"BZh", "bzip2 data; decompress it to a .tar"),
    (b"\xfd7zXZ\0", "xz data; decompress it to a .tar"),
    (b"\x28\xb5\x2f\xfd", "zstandard data; decompress it to a .tar"),
    (b"PK\x03\x04", "a zip archive; pack it as a .tar"),
    (b"PAR1", "Parquet data; name it .parquet"),
    (b"version https://git-lfs", "a Git LFS pointer; run `git lfs pull`"),
)


def image_kind(head: bytes) -> str | None:
    """Return which kind of image begins with these bytes (16 are enough), or None."""
    for kind, at, mark in _IMAGES:
        if head[at : at + len(mark)] == mark and (kind != "webp" or head[:4] == b"RIFF"):
            return kind
    return None


def not_a_tar(head: bytes) -> str | None:
    """Return what bytes that are no tar seem to be, with the mend, or None where nothing is known of them."""
    for mark, what in _OTHERS:
        if head.startswith(mark):
            return what
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "an HTML or XML page, not the shard; download it again"
    kind = image_kind(head)
    return f"one {kind} image; pack it as a .tar" if kind else None

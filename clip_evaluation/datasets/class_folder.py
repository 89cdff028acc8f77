"""A folder of classes: `ROOT/CLASS/PICTURE`, the class's name being the folder's."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from clip_evaluation.datasets.records import LabelledPicture
from clip_evaluation.datasets.tar_samples import MAX_MEMBER_BYTES, shards_in
from schemas.errors import ConfigError, RunError

ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"})


def class_names(root: Path) -> tuple[str, ...]:
    """Return the names of the classes, sorted; folders that begin with a dot are none.

    Raises:
        ConfigError: there are fewer than two.
    """
    folders = root.iterdir() if root.is_dir() else iter(())
    names = sorted(path.name for path in folders if path.is_dir() and not path.name.startswith("."))
    if shards_in(root):
        raise ConfigError(f"{root} holds .tar shards, not a folder for each class; its kind is tar")
    if len(names) < 2:
        raise ConfigError(f"{root} has {len(names)} class folders; it needs two or more, each with pictures")
    return tuple(names)


def read_class_folder(root: Path, left_out: Counter[str]) -> Iterator[LabelledPicture]:
    """Yield the pictures of every class, by name; one is in memory.

    Hidden files, and those that are no pictures by their ending, are passed by and counted in `left_out`.

    Raises:
        ConfigError: there are fewer than two classes, or one has no pictures.
        RunError: a class has a folder or a link that leads nowhere, or a picture is over 64 MiB.
    """
    for label, name in enumerate(class_names(root)):
        files = []
        for path in sorted((root / name).iterdir()):
            if path.name.startswith("."):
                left_out["hidden_files"] += 1
            elif path.is_dir():
                raise RunError(f"{path} is a folder within a class; move its pictures up, or remove it")
            elif path.suffix.lower() not in ENDINGS:
                left_out["other_files"] += 1
            else:
                files.append(path)
        if not files:
            told = ", ".join(sorted(ENDINGS))
            raise ConfigError(f"{root / name} is an empty class; put pictures ({told}) into it, or remove it")
        for path in files:
            yield LabelledPicture(key=f"{name}/{path.name}", image=_read(path), label=label)


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise RunError(f"{path} is no file; remove it from the class's folder")
    if path.stat().st_size > MAX_MEMBER_BYTES:
        raise RunError(f"{path} has over {MAX_MEMBER_BYTES} bytes; reduce it")
    return path.read_bytes()

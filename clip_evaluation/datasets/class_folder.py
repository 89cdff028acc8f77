"""A folder of classes: `ROOT/CLASS/PICTURE`, the class's name being the folder's."""

from collections.abc import Iterator
from pathlib import Path

from clip_evaluation.datasets.records import LabelledPicture
from clip_evaluation.datasets.tar_samples import MAX_MEMBER_BYTES
from schemas.errors import ConfigError, RunError

ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp"})


def class_names(root: Path) -> tuple[str, ...]:
    """Return the names of the classes, sorted; folders that begin with a dot are none.

    Raises:
        ConfigError: there are fewer than two.
    """
    folders = root.iterdir() if root.is_dir() else iter(())
    names = sorted(path.name for path in folders if path.is_dir() and not path.name.startswith("."))
    if len(names) < 2:
        raise ConfigError(f"{root} has {len(names)} class folders; it needs two or more, each with pictures")
    return tuple(names)


def read_class_folder(root: Path) -> Iterator[LabelledPicture]:
    """Yield the pictures of every class, by name; one is in memory.

    Files that begin with a dot are passed by.

    Raises:
        ConfigError: there are fewer than two classes, or one has no pictures.
        RunError: a file is no picture by its ending, or over 64 MiB.
    """
    for label, name in enumerate(class_names(root)):
        files = sorted(path for path in (root / name).iterdir() if not path.name.startswith("."))
        if not files:
            raise ConfigError(f"{root / name} is an empty class; put pictures into it, or remove it")
        for path in files:
            if path.suffix.lower() not in ENDINGS or not path.is_file():
                told = ", ".join(sorted(ENDINGS))
                raise RunError(f"{path} is no picture ({told}); remove it from the class's folder")
            if path.stat().st_size > MAX_MEMBER_BYTES:
                raise RunError(f"{path} has over {MAX_MEMBER_BYTES} bytes; reduce it")
            yield LabelledPicture(key=f"{name}/{path.name}", image=path.read_bytes(), label=label)

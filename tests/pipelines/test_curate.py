"""What a user relies on: the right samples, for the right reasons, in the right bytes."""

import gc
import hashlib
import io
import json
import shutil
import tarfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import webdataset
from PIL import Image

from demo_data.web_texts import LATIN_1
from pipelines.hashes import write_hashes
from pipelines.verify import verify
from tests.tars import members_of

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "configs" / "quickstart.yaml"
DUPLICATES = ("exact_duplicate", "near_duplicate")
Curate = Callable[..., Any]


def all_of(folder: Path) -> str:
    """Return the setting that reads the demo shards of a folder."""
    return f"input.shards={folder}/*.{{tar,tar.gz,parquet}}"


@pytest.fixture(scope="module")
def answers(demo: Path) -> dict[str, Any]:
    return json.loads((demo / "manifest.json").read_text())


@pytest.fixture(scope="module")
def curated(curate: Curate, demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the demo data, curated as the first screen of the README says."""
    return curate(QUICKSTART, tmp_path_factory.mktemp("curated") / "out", all_of(demo))


def test_every_demo_sample_is_counted_as_planted(curated: Any, answers: dict[str, Any]) -> None:
    counts = curated.counts
    assert (counts["in"], counts["published"]) == (answers["in"], answers["kept"]) == (241, 138)
    assert counts["dropped"]["profile"] | counts["dropped"]["dedup"] == answers["dropped"]
    assert counts["failed"]["read"] | counts["failed"]["decode"] == answers["failed"]
    assert set(counts["dropped"]) | set(counts["failed"]) == {"profile", "dedup", "read", "decode"}
    assert (curated.account.entered, curated.account.kept) == (241, 138)
    assert verify(str(curated.output)) == []


def place(row: dict[str, Any]) -> tuple[str, str]:
    """Return where a sample lies; a Parquet row's key is its number, with zeros or without."""
    return row["shard"], str(int(row["key"])) if row["shard"].endswith("parquet") else row["key"]


def test_every_rejected_row_is_the_planted_one(curated: Any, answers: dict[str, Any]) -> None:
    planted = [row for row in answers["samples"] if row["reason"] not in (None, *DUPLICATES)]
    found = [row for row in curated.rejected if row["reason"] not in DUPLICATES]
    assert Counter((*place(row), row["reason"]) for row in found) == Counter(
        (*place(row), row["reason"]) for row in planted
    )
    lost = Counter((*place(row), row["reason"]) for row in curated.rejected if row["reason"] in DUPLICATES)
    pairs = [row for row in answers["samples"] if row["reason"] in DUPLICATES]
    for row in pairs:
        either = {(*place(row), row["reason"]), (*place(row["original"]), row["reason"])}
        assert sum(lost[one] for one in either) == 1
    assert lost.total() == len(pairs)


def test_every_duplicate_names_the_sample_that_was_kept(curated: Any) -> None:
    published = {record["uid"] for record in curated.records}
    for row in curated.rejected:
        if row["reason"] in DUPLICATES:
            assert row["value"].split()[0].rstrip(",;:") in published


def test_what_can_be_mended_is_and_says_so(curated: Any, answers: dict[str, Any]) -> None:
    records = {(r["source"]["shard"], r["source"]["key"]): (n, r) for n, r in enumerate(curated.records)}
    notes: dict[str, list[str]] = {}
    for row in answers["samples"]:
        if row["kind"] in answers["mended"]:
            number, record = records[place(row)]
            (note,) = record["facts"]["mended"]
            notes.setdefault(row["kind"], []).append(note)
            if row["kind"] == "png_named_jpg":
                assert record["facts"]["format"] == "png"
                assert sorted(curated.samples[f"{number:09d}"]) == ["json", "png", "txt"]
    assert set(notes["dotted_key"]) == {"dotted_key"}
    assert set(notes["png_named_jpg"]) == {"image_ending:jpg->png"}
    assert all(note.startswith("text_encoding:") for note in notes["latin1_text"])
    others = [r for r in curated.records if r["facts"]["mended"]]
    assert len(others) == sum(answers["mended"].values())


def test_text_in_latin_1_is_read_right(curated: Any) -> None:
    texts = {record["alt_text"] for record in curated.records if record["facts"]["mended"]}
    assert {text for _, text in LATIN_1} <= texts


def test_the_samples_of_a_repeated_key_stay_apart(curated: Any, answers: dict[str, Any]) -> None:
    (row,) = (row for row in answers["samples"] if row["kind"] == "repeated_key")
    published = [
        r["uid"] for r in curated.records if (r["source"]["shard"], r["source"]["key"]) == place(row)
    ]
    rejected = [r["uid"] for r in curated.rejected if place(r) == place(row)]
    assert len(published) >= 1
    assert len(published + rejected) == len({*published, *rejected}) == 2


def test_webdataset_gives_every_published_sample(curated: Any, demo: Path) -> None:
    sizes = json.loads((curated.output / "shards" / "sizes.json").read_text())
    assert list(sizes.values()) == [50, 50, 38]
    assert sum(sizes.values()) == curated.counts["published"]
    urls = [str(curated.output / "shards" / name) for name in sizes]
    given = {hashlib.sha256(data).hexdigest() for data in pictures(demo)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the loader leaves the last shard open
        samples = list(webdataset.WebDataset(urls, shardshuffle=False, empty_check=False))
        gc.collect()
    seen = set()
    for sample in samples:
        record = json.loads(sample["json"])
        (ending,) = {"jpg", "png"} & set(sample)
        assert sample["txt"].decode() == record["caption"] != ""
        assert hashlib.sha256(sample[ending]).hexdigest() == record["facts"]["sha256"]
        assert isinstance(record["alt_text"], str)
        assert isinstance(record["caption"], str)
        seen.add((record["uid"], record["facts"]["sha256"]))
    assert len(seen) == curated.counts["published"]
    assert {sha256 for _, sha256 in seen} <= given


def pictures(demo: Path) -> list[bytes]:
    """Return the pictures of the demo shards, read by others than us."""
    found = [
        row["image"]["bytes"] for row in pq.read_table(demo / "00006.parquet").to_pylist() if row["image"]
    ]
    for path in sorted(demo.glob("*.tar*")):
        with tarfile.open(path) as tar:
            try:
                for member in tar:
                    found.append(tar.extractfile(member).read())  # type: ignore[union-attr]
            except tarfile.ReadError:
                assert path.name == "00004.tar"
    return found


def test_the_index_finds_every_image(curated: Any) -> None:
    index = pq.read_table(curated.output / "index.parquet").to_pylist()
    assert [row["key"] for row in index] == sorted(curated.samples)
    for row, record in zip(index, curated.records, strict=True):
        with open(curated.output / "shards" / row["shard"], "rb") as stream:
            stream.seek(row["offset"])
            image = stream.read(row["size_bytes"])
        assert hashlib.sha256(image).hexdigest() == row["sha256"] == record["facts"]["sha256"]
        assert Image.open(io.BytesIO(image)).size == (row["width"], row["height"])
        assert (row["uid"], row["caption"]) == (record["uid"], record["caption"])


def test_the_texts_of_the_rules_are_aligned(curated: Any) -> None:
    long, short = 0, 0
    for record in curated.records:
        for positive, negative in zip(record["long_positive"], record["long_negative"], strict=True):
            assert positive != negative
            long += 1
        assert not set(record["short_positive"]) & set(record["short_negative"])
        short += len(record["short_positive"])
        assert record["alt_text"] not in record["rewrites"]
        assert set(record["provenance"]) <= {"long_positive", "long_negative", "short_positive",
                                             "short_negative", "rewrites"}  # fmt: skip
    assert long > len(curated.records)
    assert short > len(curated.records)


def test_moving_the_input_changes_no_byte(curate: Curate, curated: Any, demo: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere [1]" / "deep"
    shutil.copytree(demo, moved)
    shards = json.dumps([str(path) for path in sorted(moved.glob("0*"))])
    assert curate(QUICKSTART, tmp_path / "out", f"input.shards={shards}").digests == curated.digests


def test_pictures_of_an_evaluation_set_are_dropped(curate: Curate, demo: Path, tmp_path: Path) -> None:
    members = members_of(demo / "00000.tar")
    first, second = sorted(name for name in members if name.endswith(("0010.jpg", "0011.jpg")))
    (tmp_path / "test").mkdir()
    same, again = tmp_path / "test" / "a.jpg", tmp_path / "test" / "b.png"
    same.write_bytes(members[first])
    Image.open(io.BytesIO(members[second])).save(again)
    listed = tmp_path / "test.parquet"
    assert write_hashes([str(same), str(again)], str(listed)) == (2, [])
    config = {
        "input": {"shards": str(demo / "00000.tar")},
        "dedup": {"exact": False, "near": {"max_distance": 4}, "decontaminate": [str(listed)]},
    }
    done = curate(config, tmp_path / "out")
    told = {row["key"]: row["value"] for row in done.rejected if row["reason"] == "evaluation_image"}
    assert set(told) >= {first.removesuffix(".jpg"), second.removesuffix(".jpg")}
    assert str(same) in told[first.removesuffix(".jpg")]
    assert str(again) in told[second.removesuffix(".jpg")]
    assert verify(str(done.output)) == []

"""What a user relies on: the right samples, for the right reasons, in the right bytes."""

import gc
import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import webdataset
from PIL import Image

from demo_data.scenes import write_scenes
from demo_data.tar_writing import add_member
from demo_data.web_texts import LATIN_1
from pipelines.hashes import write_hashes
from pipelines.load_config import load_config
from pipelines.run import open_run
from pipelines.verify import verify
from schemas.config import RunConfig
from schemas.filters import Filter
from schemas.reasons import REASONS

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "configs" / "quickstart.yaml"
DUPLICATES = ("exact_duplicate", "near_duplicate")
Curate = Callable[..., Any]


def all_of(folder: Path) -> str:
    """Return the setting that reads the demo shards of a folder."""
    return f"input.shards={folder}/*.{{tar,tar.gz,parquet}}"


def write_tar(path: Path, members: list[tuple[str, bytes]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members:
            add_member(tar, name, data)


def members_of(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def answers(demo: Path) -> dict[str, Any]:
    return json.loads((demo / "manifest.json").read_text())


@pytest.fixture(scope="module")
def curated(curate: Curate, demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the demo data, curated as the first screen of the README says."""
    return curate(QUICKSTART, tmp_path_factory.mktemp("curated") / "out", all_of(demo))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two shards of ten scenes."""
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=20, seed=3, size_px=64, per_shard=10)
    return folder


# The demo data, of which every right answer is known.


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


# The output, with the loaders that read it.


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


# The same input, the same bytes.


def test_moving_the_input_changes_no_byte(curate: Curate, curated: Any, demo: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere [1]" / "deep"
    shutil.copytree(demo, moved)
    shards = json.dumps([str(path) for path in sorted(moved.glob("0*"))])
    assert curate(QUICKSTART, tmp_path / "out", f"input.shards={shards}").digests == curated.digests


def as_parquet(members: list[tuple[str, bytes]]) -> bytes:
    found = dict(members)
    keys = sorted({name.partition(".")[0] for name in found})
    table = pa.table(
        {
            "key": keys,
            "image": [found[f"{key}.jpg"] for key in keys],
            "text": [found[f"{key}.txt"].decode() for key in keys],
            "uid": [f"own-{key}" for key in keys],
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=3)
    return buffer.getvalue()


def test_the_kind_of_shard_changes_nothing_but_the_source(
    curate: Curate, scenes: Path, tmp_path: Path
) -> None:
    members = [
        (name, json.dumps({"uid": f"own-{name[:9]}"}).encode() if name.endswith("json") else data)
        for name, data in members_of(scenes / "00000.tar").items()
    ]
    write_tar(tmp_path / "in.tar", members)
    (tmp_path / "in.tar.gz").write_bytes(gzip.compress((tmp_path / "in.tar").read_bytes()))
    (tmp_path / "in.parquet").write_bytes(as_parquet(members))
    config = {
        "workers": {"w": {"kind": "rules"}},
        "annotate": [{"recipe": "hqclip", "worker": "w"}, {"recipe": "laclip", "worker": "w"}],
        "publish": {"samples_per_shard": 4},
    }
    outcomes = []
    for kind in ("tar", "tar.gz", "parquet"):
        done = curate(config | {"input": {"shards": str(tmp_path / f"in.{kind}")}}, tmp_path / kind)
        assert verify(str(done.output)) == []
        images = [done.samples[key]["jpg"] for key in sorted(done.samples)]
        records = [{**record, "source": record["source"]["key"]} for record in done.records]
        outcomes.append((images, records))
    assert len(outcomes[0][0]) == 10
    assert outcomes[1] == outcomes[0]
    assert outcomes[2] == outcomes[0]


# A change of the configuration redoes what it must, and nothing else.


def facts_written(output: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (output / "work" / "facts").iterdir()}


def test_another_threshold_measures_nothing_again(curate: Curate, scenes: Path, tmp_path: Path) -> None:
    config = {
        "input": {"shards": f"{scenes}/*.tar"},
        "profile": {"filters": [{"kind": "words", "min": 3}], "max_drop_ratio": 1},
        "dedup": {},
        "workers": {"w": {"kind": "rules"}},
        "annotate": [{"recipe": "laclip", "worker": "w"}],
        "publish": {"samples_per_shard": 4},
        "chunk_samples": 3,
    }
    first = curate(config, tmp_path / "out")
    before = facts_written(first.output)
    assert len(before) == 2
    words = sorted(len(record["alt_text"].split()) for record in first.records)
    setting = f"profile.filters.0.min={words[len(words) // 2] + 1}"
    changed = curate(config, tmp_path / "out", setting)
    assert 0 < changed.counts["published"] < first.counts["published"] == 20
    assert facts_written(changed.output) == before
    assert verify(str(changed.output)) == []
    assert changed.digests == curate(config, tmp_path / "fresh", setting).digests
    back = curate(config, tmp_path / "out")
    assert back.digests == first.digests


def test_another_shard_leaves_the_others_facts(curate: Curate, scenes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(scenes / "00001.tar", folder)
    config = {"input": {"shards": f"{folder}/*.tar"}, "dedup": {}, "publish": {"samples_per_shard": 6}}
    assert curate(config, tmp_path / "out").counts["published"] == 10
    before = facts_written(tmp_path / "out")
    shutil.copy(scenes / "00000.tar", folder)
    both = curate(config, tmp_path / "out")
    after = facts_written(tmp_path / "out")
    assert len(after) == 2
    assert {name: after[name] for name in before} == before
    assert both.digests == curate(config, tmp_path / "fresh").digests
    assert both.counts["published"] == 20


def test_where_everything_is_dropped_the_output_is_empty_and_whole(
    curate: Curate, scenes: Path, tmp_path: Path
) -> None:
    config = {
        "input": {"shards": f"{scenes}/*.tar"},
        "profile": {"filters": [{"kind": "words", "min": 999}], "max_drop_ratio": 1},
        "workers": {"w": {"kind": "rules"}},
        "annotate": [{"recipe": "hqclip", "worker": "w"}],
    }
    done = curate(config, tmp_path / "out")
    assert done.counts == {
        "in": 20,
        "published": 0,
        "dropped": {"profile": {"words": 20}},
        "failed": {},
    }
    assert pq.read_table(done.output / "index.parquet").num_rows == 0
    assert list((done.output / "shards").iterdir()) == [done.output / "shards" / "sizes.json"]
    assert verify(str(done.output)) == []


def test_a_uid_is_published_once_whatever_is_compared(curate: Curate, tmp_path: Path) -> None:
    members = []
    for number in range(4):
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), (60 * number, 0, 0)).save(buffer, "PNG")
        uid = "one" if number < 2 else f"u{number}"
        members += [
            (f"{number}.png", buffer.getvalue()),
            (f"{number}.txt", b"a plain picture"),
            (f"{number}.json", json.dumps({"uid": uid}).encode()),
        ]
    write_tar(tmp_path / "in.tar", members)
    done = curate({"input": {"shards": str(tmp_path / "in.tar")}}, tmp_path / "out")
    assert [record["uid"] for record in done.records] == ["one", "u2", "u3"]
    assert [(row["key"], row["reason"]) for row in done.rejected] == [("1", "repeated_uid")]
    assert verify(str(done.output)) == []


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


# Real shards.


def test_odd_shards_and_odd_images_are_all_accounted_for(
    curate: Curate, shared_data: Path, tmp_path: Path
) -> None:
    odd = shared_data / "odd_shards"
    config = {
        "input": {
            "shards": [
                f"{shared_data}/coco_open/shards/00000.tar",
                f"{shared_data}/odd_images/shards/*.tar",
                f"{odd}/**/*.tar",
                f"{odd}/**/*.tgz",
                f"{odd}/**/*.tar.gz",
            ]
        },
        "profile": {"filters": [{"kind": "side", "min_px": 8}], "max_drop_ratio": 1},
        "dedup": {"near": {"max_distance": 4}, "max_drop_ratio": 1},
        "workers": {"w": {"kind": "rules"}},
        "annotate": [{"recipe": "hqclip", "worker": "w"}],
        "publish": {"samples_per_shard": 50},
    }
    config["input"]["shards"] = [p for p in config["input"]["shards"] if "odd_shards" not in p or any_of(p)]
    check_accounts(curate(config, tmp_path / "out"))


def any_of(pattern: str) -> bool:
    folder, _, rest = pattern.partition("/**/")
    return any(Path(folder).rglob(rest))


def check_accounts(done: Any) -> None:
    counts = done.counts
    rejected = [n for kind in ("dropped", "failed") for r in counts[kind].values() for n in r.values()]
    assert counts["in"] == counts["published"] + sum(rejected)
    assert len(done.rejected) == sum(rejected)
    kinds = {get_args(model.model_fields["kind"].annotation)[0] for model in get_args(get_args(Filter)[0])}
    assert {row["reason"] for row in done.rejected} <= set(REASONS) | kinds
    assert all(row["stage"] and row["kind"] in ("dropped", "failed") for row in done.rejected)
    assert len(done.samples) == counts["published"] > 0
    assert verify(str(done.output)) == []


def test_pictures_with_alpha(curate: Curate, shared_data: Path, tmp_path: Path) -> None:
    names = ("noto_emoji/shards/00000.tar", "nlvr_scenes/shards/00000.tar")
    for number, name in enumerate(names):
        source = shared_data / name
        head = tmp_path / str(number) / "head.tar"
        write_tar(head, list(members_of(source).items())[:900])
    config = {
        "input": {"shards": f"{tmp_path}/*/head.tar"},
        "dedup": {"near": {"max_distance": 2}, "max_drop_ratio": 1},
        "workers": {"w": {"kind": "rules"}},
        "annotate": [{"recipe": "hqclip", "worker": "w"}, {"recipe": "laclip", "worker": "w"}],
        "publish": {"samples_per_shard": 100},
    }
    done = curate(config, tmp_path / "out")
    check_accounts(done)
    assert done.counts["in"] == 600
    assert {record["facts"]["mode"] for record in done.records} == {"RGBA"}
    assert set(done.counts["dropped"]["dedup"]) <= {"exact_duplicate", "near_duplicate"}


def test_alt_text_without_pictures_names_the_tool_that_fetches_them(
    shared_data: Path, tmp_path: Path
) -> None:
    shard = shared_data / "alt_text" / "test_files" / "test_1000.parquet"
    path = tmp_path / "run.yaml"
    path.write_text(f"name: x\ninput: {{shards: {shard}}}\noutput: {tmp_path}/out\n")
    with pytest.raises(ValueError, match="img2dataset") as raised:
        open_run(load_config(str(path), RunConfig))
    assert "\n" not in str(raised.value)
    assert not os.path.exists(tmp_path / "out")

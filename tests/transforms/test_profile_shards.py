"""A shard is measured once, and every unit has a verdict or goes on."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_data.scenes import render_scene, scene_members
from schemas.arrow import from_table, to_table
from schemas.facts import Facts, Verdict
from schemas.filters import Html, Words
from schemas.shard import Unit
from transforms import profile_shards
from transforms.accounts import Account
from transforms.profile_shards import (
    BATCH_BYTES,
    BATCH_UNITS,
    batches,
    judge,
    profile_shard,
    split_keys,
    verdict_account,
)
from transforms.progress import done, reset
from transforms.storage import read_table


def facts(index: int, **changes: Any) -> Facts:
    return Facts(index=index, uid=f"u{index}", key=f"k{index}", **changes)


@given(st.lists(st.integers(0, BATCH_BYTES * 2), max_size=80))
def test_batches_are_cut_at_a_number_or_at_a_size(sizes: list[int]) -> None:
    units = [Unit(index=n, key="", size_bytes=size) for n, size in enumerate(sizes)]
    cut = list(batches(units))
    assert [unit for batch in cut for unit in batch] == units
    for batch in cut:
        assert 1 <= len(batch) <= BATCH_UNITS
        assert sum(unit.size_bytes for unit in batch[:-1]) < BATCH_BYTES
    for batch in cut[:-1]:
        assert len(batch) == BATCH_UNITS or sum(unit.size_bytes for unit in batch) >= BATCH_BYTES


def test_damage_comes_before_choice_and_the_first_filter_before_the_others() -> None:
    rows = [
        facts(0, words=1, stage="read", reason="missing_image", value="0.txt"),
        facts(1, words=1, has_html=True),
        facts(2, words=5, has_html=True),
        facts(3, words=5),
        facts(4, words=5, reason="bad_text"),
    ]
    found = list(judge(rows, [Words(kind="words", min=2), Html(kind="html")]))
    assert [(v.index, v.uid, v.key, v.stage, v.kind, v.reason, v.value) for v in found] == [
        (0, "u0", "k0", "read", "failed", "missing_image", "0.txt"),
        (1, "u1", "k1", "profile", "dropped", "words", "1 words"),
        (2, "u2", "k2", "profile", "dropped", "html", "html"),
        (4, "u4", "k4", "read", "failed", "bad_text", ""),
    ]


def test_every_part_of_a_sample_that_lies_in_several_places_is_rejected() -> None:
    rows = [
        Facts(index=0, uid="a", key="s1", words=5),
        Facts(index=1, uid="b", key="s2", words=5),
        Facts(index=2, uid="c", key="s1", stage="read", reason="missing_image", value="s1.json"),
        Facts(index=3, uid="d", key="s3", stage="read", reason="missing_text"),
        Facts(index=4, uid="e", key="s4", words=5),
        Facts(index=5, uid="f", key="s4", words=5),
        Facts(index=6, uid="g", key="s1", stage="decode", reason="damaged_image"),
    ]
    split = split_keys((row.key, row.reason) for row in rows)
    assert split == {"s1"}
    found = [(v.index, v.kind, v.reason, v.value) for v in judge(rows, [Words(kind="words", min=2)], split)]
    assert found == [
        (0, "failed", "interleaved", "image and text"),
        (2, "failed", "interleaved", "missing_image"),
        (3, "failed", "missing_text", ""),
        (6, "failed", "damaged_image", ""),
    ]


def test_a_filter_is_not_got_past_by_json_that_lies_elsewhere(
    plan: Callable[..., Any], tmp_path: Path
) -> None:
    members = dict(scene_members(render_scene(1, 64)))
    members["json"] = b'{"uid": "real-1", "pwatermark": 0.99}'
    folder = tmp_path / "split"
    folder.mkdir()
    with tarfile.open(folder / "0.tar", "w") as tar:
        for name in ("1.jpg", "1.txt", "2.jpg", "2.txt", "2.json", "1.json"):
            info = tarfile.TarInfo(name)
            info.size = len(members[name[2:]])
            tar.addfile(info, io.BytesIO(members[name[2:]]))
    watermark = {"kind": "json", "field": "pwatermark", "max": 0.8, "missing": "keep"}
    config, (job,) = plan(input={"shards": f"{folder}/*.tar"}, profile={"filters": [watermark]})
    _, counted = profile_shard(job, config, needs_text=True)
    assert counted.kept == 0
    assert counted.rejected == {("failed", "read", "interleaved"): 2, ("dropped", "profile", "json"): 1}


def test_verdicts_are_counted_by_kind_stage_and_reason() -> None:
    rows = [facts(n, words=n) for n in range(5)] + [facts(5, stage="decode", reason="damaged_image")]
    verdicts = to_table(Verdict, judge(rows, [Words(kind="words", min=2)]))
    counted = verdict_account(6, verdicts)
    assert counted == Account(
        entered=6,
        rejected={("dropped", "profile", "words"): 2, ("failed", "decode", "damaged_image"): 1},
    )
    assert counted.kept == 3


def test_a_shard_is_measured_once_and_judged_by_each_threshold(
    plan: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, (job, _) = plan(profile={"filters": [{"kind": "words", "min": 4}]})
    order, counted = profile_shard(job, config, needs_text=True)
    table = read_table(job.facts)
    rows = from_table(Facts, table)
    captions = [render_scene(seed, 64).captions[0] for seed in range(3, 8)]
    assert [row.alt_text for row in rows] == captions
    assert [(row.index, row.width, row.height, row.format) for row in rows] == [
        (n, 64, 64, "jpeg") for n in range(5)
    ]
    short = [n for n, caption in enumerate(captions) if len(caption.split()) < 4]
    assert 0 < len(short) < 5
    assert read_table(job.profile)["index"].to_pylist() == short
    assert (order, counted.entered, counted.kept) == (0, 5, 5 - len(short))

    monkeypatch.setattr(profile_shards, "read_units", None)  # nothing reads the shard again
    assert profile_shard(job, config, needs_text=True) == (order, counted)
    config, (job, _) = plan(profile={"filters": [{"kind": "words", "min": 99}]})
    assert profile_shard(job, config, needs_text=True)[1].kept == 0
    assert read_table(job.facts).equals(table)


def test_facts_are_in_order_and_the_same_for_any_batch(
    plan: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "in.tar"
    with tarfile.open(path, "w") as tar:
        for number in range(50):
            for ending, data in scene_members(render_scene(number, 48)):
                info = tarfile.TarInfo(f"{number:03d}.{ending}")
                info.size = len(data) if number % 7 else 0
                tar.addfile(info, io.BytesIO(data))
    tables = []
    for units in (1, 3, 16):
        monkeypatch.setattr(profile_shards, "BATCH_UNITS", units)
        config, (job,) = plan(input={"shards": str(path)})
        profile_shard(job, config, needs_text=True)
        tables.append(Path(job.facts).read_bytes())
        Path(job.facts).unlink()
        Path(job.profile).unlink()
    assert tables[0] == tables[1] == tables[2]


def test_progress_counts_samples_and_bytes_also_where_nothing_is_left_to_do(plan: Callable[..., Any]) -> None:
    config, (job, _) = plan()
    for _ in range(2):
        reset()
        profile_shard(job, config, needs_text=True)
        assert (done("samples"), done("bytes")) == (5, job.shard.size_bytes)


def test_a_shard_of_nothing_has_empty_tables(plan: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "empty.tar"
    with tarfile.open(path, "w"):
        pass
    config, (job,) = plan(input={"shards": str(path)})
    assert profile_shard(job, config, needs_text=True) == (0, Account())
    assert read_table(job.facts).num_rows == read_table(job.profile).num_rows == 0

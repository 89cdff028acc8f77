"""The benchmark's photos: the plan in closed form, a small run read back, distances by another hash."""

import io
import json
import tarfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

from demo_data import web_photos
from demo_data.web_photos import Made, Plan, make_photo, photos, plan_photos, write_photos

COUNT = 96


def _hash(data: bytes) -> int:
    image = Image.open(io.BytesIO(data)).convert("L").resize((32, 32), Image.Resampling.LANCZOS)
    low = dctn(np.asarray(image, float))[:8, :8]
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos")
    write_photos(path, COUNT, 5, processes=1)
    return path


def _members(folder: Path) -> dict[str, bytes]:
    members = {}
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as shard:
            for member in shard:
                members[member.name] = shard.extractfile(member).read()  # type: ignore[union-attr]
    return members


def _manifest(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "manifest.json").read_text()))


def test_the_full_plan_is_the_one_of_the_measured_peers() -> None:
    plans = plan_photos(4192, 0)
    assert Counter(p.kind for p in plans) == {
        "clean": 3912,
        "exact_duplicate": 200,
        "near_duplicate": 40,
        "short_text": 16,
        "small": 8,
        "long": 8,
        "truncated": 8,
    }
    originals = [p.original for p in plans if p.original is not None]
    assert len(set(originals)) == len(originals) == 240
    for plan in plans:
        assert (plan.original is not None) == plan.kind.endswith("duplicate")
        if plan.original is not None:
            assert plan.original < plan.index
            assert plans[plan.original].kind == "clean"


@pytest.mark.parametrize(("count", "seed"), [(31, 0), (0, 0), (100, -1)])
def test_bad_arguments_are_refused(count: int, seed: int) -> None:
    with pytest.raises(ValueError, match=f"count {count}, seed {seed}"):
        plan_photos(count, seed)


@pytest.mark.parametrize("seed", range(30))
def test_the_least_count_has_room_for_one_of_each(seed: int) -> None:
    assert set(Counter(p.kind for p in plan_photos(32, seed))) == {"clean", *web_photos.PLANTED}


def test_each_planted_photo_is_what_the_manifest_says(folder: Path) -> None:
    members, manifest = _members(folder), _manifest(folder)
    rows = {row["key"]: row for row in manifest["samples"]}
    assert manifest["kept"] == COUNT - len(rows)
    assert sorted(members) == sorted(f"{i:09d}.{e}" for i in range(COUNT) for e in ("jpg", "txt", "json"))
    for index in range(COUNT):
        key = f"{index:09d}"
        row = rows.get(key, {"kind": "clean", "reason": None, "original": None})
        data, words = members[f"{key}.jpg"], members[f"{key}.txt"].decode().split()
        image = Image.open(io.BytesIO(data))
        assert (min(image.size) < 200) == (row["reason"] == "side")
        assert (max(image.size) > 3 * min(image.size)) == (row["reason"] == "aspect")
        assert (len(words) < 3) == (row["reason"] == "words")
        if row["reason"] == "truncated_image":
            with pytest.raises(OSError, match="truncated"):
                image.load()
        else:
            image.load()
        if row["original"] is not None:
            original = members[f"{row['original']}.jpg"]
            assert (data == original) == (row["reason"] == "exact_duplicate")
            assert (_hash(data) ^ _hash(original)).bit_count() <= 4


def test_unplanted_photos_are_far_apart_and_of_web_size(folder: Path) -> None:
    members, rows = _members(folder), {row["key"]: row for row in _manifest(folder)["samples"]}
    clean = [d for n, d in members.items() if n.endswith(".jpg") and n[:9] not in rows]
    hashes = np.array([_hash(data) for data in clean], np.uint64)
    apart = np.bitwise_count(hashes[:, None] ^ hashes[None])[np.triu_indices(len(hashes), 1)]
    assert apart.min() > 8
    assert 140_000 <= np.mean([len(data) for data in clean]) <= 190_000
    for data in clean:
        width, height = Image.open(io.BytesIO(data)).size
        assert 600 <= max(width, height) <= 700


def test_the_number_of_processes_changes_nothing(folder: Path, tmp_path: Path) -> None:
    write_photos(tmp_path, COUNT, 5, processes=2)
    assert [p.name for p in sorted(tmp_path.iterdir())] == [p.name for p in sorted(folder.iterdir())]
    for path in folder.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_a_photo_like_an_earlier_one_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def alike(seed: int, plan: Plan, attempt: int = 0) -> Made | None:
        asked.append((plan.index, attempt))
        made = make_photo(seed, plan, attempt)
        return replace(made, hash=0) if made and plan.index in (2, 3) and attempt < 2 else made

    monkeypatch.setattr(web_photos, "make_photo", alike)
    made = {plan.index: m for plan, m in photos(32, 0, 1)}
    assert [a for a in asked if a[0] == 3] == [(3, 0), (3, 1), (3, 2)]
    assert [a for a in asked if a[0] == 2] == [(2, 0)]
    again = make_photo(0, plan_photos(32, 0)[3], 2)
    assert again is not None
    assert made[3] == again

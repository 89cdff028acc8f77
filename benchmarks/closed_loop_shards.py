"""Shards of the closed loop, as the package publishes them."""

import io
import json
import os
import shutil
import tarfile
from pathlib import Path

import numpy as np

from benchmarks.closed_loop_scenes import LoopScene, make_scene, misread
from benchmarks.closed_loop_texts import alt_text, written_texts
from demo_data.tar_writing import add_member
from recipes.laclip import LaClip
from schemas.facts import Facts

PER_SHARD = 1000
_JITTER = 0.02


def write_shards(folder: Path, count: int, *, size_px: int, error_rate: float, seed: int) -> None:
    if folder.exists():
        return
    half = folder.with_name(f".half-{folder.name}")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    sizes = {}
    for number, start in enumerate(range(0, count, PER_SHARD)):
        name = f"{number:05d}.tar"
        keys = range(start, min(count, start + PER_SHARD))
        sizes[name] = len(keys)
        with tarfile.open(half / name, "w", format=tarfile.USTAR_FORMAT) as shard:
            for key in keys:
                for ending, data in _members(key, make_scene(seed + key), size_px, error_rate):
                    add_member(shard, f"{key:09d}.{ending}", data)
    (half / "sizes.json").write_text(json.dumps(sizes))
    os.rename(half, folder)


def _members(key: int, scene: LoopScene, size_px: int, error_rate: float):
    random = np.random.default_rng([scene.layout.seed, 0x7E875])
    reading, _ = misread(scene.truth, error_rate, random)
    raw = alt_text(scene.truth, random)
    texts = written_texts(reading, random)
    uid = f"scene-{scene.layout.seed:09d}"
    rewrites = LaClip().by_rule(Facts(index=key, uid=uid, key=f"{key:09d}", alt_text=raw, language="en"))["rewrites"]
    regions = []
    for thing, box in zip(reading.things, scene.boxes, strict=True):
        moved = [round(float(min(1, max(0, e + random.uniform(-_JITTER, _JITTER)))), 4) for e in box]
        regions.append({"box": moved, "phrase": f"a {thing.name}", "score": None, "raw_score": None})
    picture = io.BytesIO()
    scene.picture(size_px).save(picture, "JPEG", quality=95, subsampling=0)
    fields = {
        "uid": uid, "url": None, "alt_text": raw, "caption": texts.long_positive[0],
        "long_positive": texts.long_positive, "long_negative": texts.long_negative,
        "short_positive": texts.short_positive, "short_negative": texts.short_negative,
        "rewrites": rewrites, "regions": regions,
    }
    yield "jpg", picture.getvalue()
    yield "json", json.dumps(fields).encode()
    yield "txt", texts.long_positive[0].encode()

"""Shards of the closed loop, written as `pairwright curate` publishes them."""

import hashlib
import io
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.closed_loop_scenes import LoopScene, Random, Reading, make_scene, misread
from benchmarks.closed_loop_texts import a_thing, alt_text, four_texts
from demo_data.scene_drawing import draw
from recipes.laclip import LaClip
from schemas.annotation import Annotation, Provenance
from schemas.facts import Facts
from transforms.publish.sample_json import encode_json, sample_json
from transforms.publish.tar_writer import TarWriter

PER_SHARD = 1000
ABOUT = "about.json"
_JITTER = 0.02  # of a box's edges, as a detector's
_QUALITY = 95


def write_shards(folder: Path, count: int, *, size_px: int, error_rate: float, seed: int) -> dict[str, Any]:
    """Write the scenes of seeds seed .. seed + count - 1, unless they are there; return what they hold.

    Returns:
        Numbers of samples, of facts stated in written texts and of those that are wrong, of rewrites, and of
        alt texts of each kind.
    """
    about = folder / ABOUT
    if not about.exists():
        half = folder.with_name(f".half-{folder.name}")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        sizes, counts = {}, Counter[str]()
        for number, start in enumerate(range(0, count, PER_SHARD)):
            keys = range(start, min(count, start + PER_SHARD))
            name = f"{number:05d}.tar"
            with (half / name).open("wb") as stream:
                shard = TarWriter(stream)
                for key in keys:
                    scene = make_scene(seed + key)
                    for ending, data in _members(key, name, scene, size_px, error_rate, counts):
                        shard.add(f"{key:09d}.{ending}", data)
                shard.close()
            sizes[name] = len(keys)
        (half / "sizes.json").write_text(json.dumps(sizes) + "\n")
        (half / ABOUT).write_text(json.dumps(dict(sorted(counts.items()))) + "\n")
        os.rename(half, folder)
    found: dict[str, Any] = json.loads(about.read_text())
    return found


def _members(
    key: int, shard: str, scene: LoopScene, size_px: int, error_rate: float, counts: Counter[str]
) -> Iterator[tuple[str, bytes]]:
    """Yield the members of a scene's sample as (ending, bytes), and count what it holds."""
    random = np.random.default_rng([scene.layout.seed, 0x7E875])
    reading, wrong = misread(scene.truth, error_rate, random)
    raw, kind = alt_text(scene.truth, random)
    picture = io.BytesIO()
    draw(scene.layout, size_px).save(picture, "JPEG", quality=_QUALITY, subsampling=0)
    facts = Facts(
        index=key % PER_SHARD,
        uid=f"scene-{scene.layout.seed:09d}",
        key=f"{key:09d}",
        alt_text=raw,
        language="en",
        words=len(raw.split()),
        chars=len(raw),
        format="jpeg",
        mode="RGB",
        width=size_px,
        height=size_px,
        frames=1,
        sha256=hashlib.sha256(picture.getvalue()).digest(),
    )
    written = _annotations(facts, reading, scene, f"ground truth, {error_rate:g} of the facts wrong", random)
    record = sample_json(facts, shard, written)
    counts.update({"samples": 1, "facts": reading.facts, "facts wrong": wrong, f"alt text: {kind}": 1})
    counts["rewrites"] += len(record["rewrites"])
    yield "jpg", picture.getvalue()
    yield "json", encode_json(record)
    yield "txt", record["caption"].encode()


def _annotations(
    facts: Facts, reading: Reading, scene: LoopScene, model: str, random: Random
) -> list[Annotation]:
    regions = []
    for thing, box in zip(reading.things, scene.boxes, strict=True):
        moved = (np.asarray(box) + random.uniform(-_JITTER, _JITTER, 4)).clip(0, 1).round(4).tolist()
        regions.append({"box": moved, "phrase": a_thing(thing.name), "score": None, "raw_score": None})

    def annotation(recipe: str, worker: str, model: str, fields: Any) -> Annotation:
        who = Provenance(recipe=recipe, worker=worker, model=model, prompt_sha256="")
        return Annotation(index=facts.index, uid=facts.uid, fields=fields, provenance=who)

    return [
        annotation("hqclip", "scenes", model, four_texts(reading, random)),
        annotation("laclip", "rules", "rules", _rewrites(facts)),
        annotation("cloc", "scenes", model, {"regions": regions}),
    ]


@lru_cache(1)
def _laclip() -> LaClip:
    return LaClip()


def _rewrites(facts: Facts) -> Any:
    """Return the rewrites of the package's own recipe by rule: of the alt text alone, as in LaCLIP."""
    return _laclip().by_rule(facts)

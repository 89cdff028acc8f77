"""Scenes: what is said of them is checked by reading the sentences, what is drawn by recolouring objects."""

import io
import json
import re
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from demo_data.scene_drawing import draw
from demo_data.scene_layout import COLOURS, SIZES, SceneObject, layout
from demo_data.scene_shapes import outline
from demo_data.scene_statements import Inventory, Number, Place, Relation
from demo_data.scenes import render_scene, scene_members, write_scenes

SEEDS = st.integers(min_value=0, max_value=10**9)
COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
REPOSITORY = Path(__file__).parents[2]


def _singular(word: str) -> str:
    return word if word == "cross" else re.sub("(?<=cross)es$|s$", "", word)


def _matching(words: str, objects: tuple[SceneObject, ...]) -> list[SceneObject]:
    """Return the objects that words such as "a large red circle" or "two blue squares" name."""
    found = list(objects)
    for word in words.split()[1:]:
        found = [o for o in found if _singular(word) in (o.size, o.colour, o.shape)]
    return found


def _middle(item: SceneObject, axis: int) -> float:
    return (item.box[axis] + item.box[axis + 2]) / 2


def is_true(sentence: str, objects: tuple[SceneObject, ...]) -> bool:
    """Read a sentence and say whether it holds: independent of the statements that wrote it."""
    if found := re.fullmatch(r"there (?:is|are) (\w+) objects?", sentence):
        return len(objects) == COUNTS[found[1]]
    if found := re.fullmatch(r"(.+) is in the (left|right|upper|lower) half of the picture", sentence):
        axis = 0 if found[2] in ("left", "right") else 1
        low = found[2] in ("left", "upper")
        return any((_middle(o, axis) < 0.5) == low for o in _matching(found[1], objects))
    if found := re.fullmatch(r"(.+) is (to the left of|to the right of|above|below) (.+)", sentence):
        axis = 0 if "the" in found[2] else 1
        sign = 1 if found[2] in ("to the left of", "above") else -1
        return any(
            sign * (_middle(b, axis) - _middle(a, axis)) > 0
            for a in _matching(found[1], objects)
            for b in _matching(found[3], objects)
            if a is not b
        )
    groups = re.split(r", | and ", sentence)
    return all(len(_matching(g, objects)) == COUNTS[g.split()[0]] for g in groups)


@given(SEEDS)
@settings(max_examples=300, deadline=None)
def test_true_statements_hold_and_false_ones_do_not(seed: int) -> None:
    plan = layout(seed)
    scene = render_scene(seed, 32)
    assert scene.objects == plan.objects
    assert len(scene.captions) == len(scene.false_statements) >= 2
    for caption, false in zip(scene.captions, scene.false_statements, strict=True):
        assert is_true(caption, scene.objects), caption
        assert not is_true(false, scene.objects), false


@given(SEEDS)
@settings(max_examples=300, deadline=None)
def test_a_false_statement_changes_one_attribute(seed: int) -> None:
    scene = render_scene(seed, 32)
    for caption, false in zip(scene.captions, scene.false_statements, strict=True):
        # A changed colour may change its article, a changed number the noun's and the verb's ending.
        plain = [re.sub(r"\b(an|a|one)\b", "one", re.sub(r"\bare\b", "is", t)) for t in (caption, false)]
        before, after = ([_singular(w) for w in t.replace(",", "").split()] for t in plain)
        assert len(before) == len(after)
        assert sum(a != b for a, b in zip(before, after, strict=True)) == 1, (caption, false)


@given(SEEDS)
@settings(max_examples=300, deadline=None)
def test_the_inventory_counts_every_object(seed: int) -> None:
    scene = render_scene(seed, 32)
    groups = re.split(r", | and ", scene.captions[0])
    assert sum(COUNTS[g.split()[0]] for g in groups) == len(scene.objects)


@given(SEEDS)
@settings(max_examples=300, deadline=None)
def test_objects_lie_inside_and_apart(seed: int) -> None:
    objects = layout(seed).objects
    assert 1 <= len(objects) <= 5
    for item in objects:
        x0, y0, x1, y1 = item.box
        assert 0 <= x0 < x1 <= 1
        assert 0 <= y0 < y1 <= 1
        low, high = SIZES[item.size]
        assert low - 1e-9 <= max(x1 - x0, y1 - y0) <= high + 1e-9
        for other in objects:
            overlap = min(x1, other.box[2]) > max(x0, other.box[0]) and min(y1, other.box[3]) > max(
                y0, other.box[1]
            )
            assert other is item or not overlap


@pytest.mark.parametrize("seed", range(40))
def test_boxes_match_the_drawn_pixels(seed: int) -> None:
    # Only the object's own pixels change with its colour: its shadow does not.
    size_px = 256
    plan = layout(seed)
    before = np.asarray(draw(plan, size_px), np.int16)
    for i, item in enumerate(plan.objects):
        rgb = tuple(255 - c for c in item.rgb)
        objects = (*plan.objects[:i], replace(item, rgb=rgb), *plan.objects[i + 1 :])
        changed = (
            np.abs(np.asarray(draw(replace(plan, objects=objects), size_px), np.int16) - before).max(2) > 0
        )
        if np.abs(np.subtract(item.rgb, 127.5)).min() < 12:
            continue  # a grey close to its own inverse
        rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        drawn = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        assert np.abs(np.subtract(drawn, np.multiply(item.box, size_px))).max() <= 1.0, (item, drawn)


def test_the_colours_drawn_are_the_colours_named() -> None:
    names = list(COLOURS)
    for seed in range(60):
        scene = render_scene(seed, 128)
        for item in scene.objects:
            if item.shape in ("ring", "crescent"):
                continue  # nothing at their centre
            x, y = (round(c * 128) for c in item.centre)
            pixel = np.asarray(scene.image.crop((x - 1, y - 1, x + 2, y + 2)), float).mean((0, 1))
            nearest = min(names, key=lambda n: float(np.abs(np.subtract(COLOURS[n], pixel)).sum()))
            assert nearest == item.colour


def test_outlines_have_the_areas_of_their_shapes() -> None:
    def area(name: str) -> float:
        points = outline(name)
        xs, ys = (np.array(v) for v in zip(*points, strict=True))
        return abs(float(np.sum(xs * np.roll(ys, -1) - ys * np.roll(xs, -1)))) / 2

    assert area("square") == pytest.approx(1)
    assert area("circle") == pytest.approx(np.pi / 4, rel=1e-3)
    assert area("hexagon") == pytest.approx(3 * np.sqrt(3) / 8)
    assert area("triangle") == pytest.approx(np.sqrt(3) / 4)
    assert area("diamond") == pytest.approx(0.36)
    assert area("cross") == pytest.approx((2 * 0.72 * 2 - 0.72**2) / 4)


def test_statements_against_hand_worked_cases() -> None:
    def item(size: str, colour: str, shape: str, box: tuple[float, float, float, float]) -> SceneObject:
        return SceneObject(shape=shape, colour=colour, size=size, box=box, rgb=(0, 0, 0), turn=0.0)

    objects = (
        item("large", "red", "circle", (0.1, 0.1, 0.4, 0.4)),
        item("small", "blue", "square", (0.6, 0.2, 0.7, 0.3)),
        item("small", "blue", "square", (0.6, 0.7, 0.7, 0.8)),
    )
    red, blue = ("large", "red", "circle"), ("small", "blue", "square")
    assert (
        Inventory(((1, "red", "circle"), (2, "blue", "square"))).text() == "a red circle and two blue squares"
    )
    assert Inventory(((1, "red", "circle"), (2, "blue", "square"))).holds(objects)
    assert not Inventory(((1, "red", "circle"), (3, "blue", "square"))).holds(objects)
    left = Relation(red, "to the left of", blue)
    assert left.text() == "a large red circle is to the left of a small blue square"
    assert left.holds(objects)
    assert not Relation(red, "to the right of", blue).holds(objects)
    assert Relation(blue, "below", blue).holds(objects)
    assert not Relation(red, "above", red).holds(objects)
    assert Place(red, "left").holds(objects)
    assert not Place(red, "lower").holds(objects)
    assert Number(3).holds(objects)
    assert Number(1).text() == "there is one object"
    assert (
        Inventory(((1, "orange", "cross"), (2, "red", "cross"))).text()
        == "an orange cross and two red crosses"
    )


def test_the_same_seed_gives_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    assert write_scenes(tmp_path / "a", 5, 3, 64, 2) == 3
    command = [sys.executable, "-m", "demo_data.scenes", str(tmp_path / "b")]
    command += ["--count", "5", "--seed", "3", "--size", "64", "--per-shard", "2"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == f"5 scenes of 64 px in 3 shards in {tmp_path / 'b'}\n"
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert names == ["00000.tar", "00001.tar", "00002.tar"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_shard_holds_what_the_scene_says(tmp_path: Path) -> None:
    write_scenes(tmp_path, 2, 11, 64, 10)
    with tarfile.open(tmp_path / "00000.tar") as shard:
        names = shard.getnames()
        members = {m.name: shard.extractfile(m).read() for m in shard.getmembers()}  # type: ignore[union-attr]
    assert names == [f"{i:09d}.{e}" for i in (0, 1) for e in ("jpg", "txt", "json")]
    scene = render_scene(12, 64)
    fields = json.loads(members["000000001.json"])
    assert members["000000001.txt"].decode() == scene.captions[0] == fields["captions"][0]
    assert fields["false_statements"] == list(scene.false_statements)
    assert [o["phrase"] for o in fields["objects"]] == list(scene.phrases)
    np.testing.assert_allclose([o["box"] for o in fields["objects"]], scene.boxes, atol=1e-6)
    with Image.open(io.BytesIO(members["000000001.jpg"])) as picture:
        assert (picture.format, picture.size, picture.mode) == ("JPEG", (64, 64), "RGB")
    assert members["000000001.jpg"] == dict(scene_members(scene))["jpg"]


@pytest.mark.parametrize(("seed", "size_px", "word"), [(-1, 64, "negative"), (0, 31, "too small")])
def test_bad_arguments_are_refused(seed: int, size_px: int, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        render_scene(seed, size_px)

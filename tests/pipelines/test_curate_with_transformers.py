"""Whole runs with a model in the process: what it writes is published, or rejected with a reason."""

import io
import json
import runpy
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import PreTrainedTokenizerFast

from demo_data.scenes import render_scene, scene_members, write_scenes
from demo_data.tar_writing import add_member
from lvlm_workers.checkpoint import Checkpoint
from pipelines.verify import verify
from recipes.registry import get_recipe
from schemas.facts import Facts
from schemas.reasons import REASONS

TINY = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "tiny_models.py")))
Curate = Callable[..., Any]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note the rows of each batch that a model answers."""
    rows: list[int] = []
    write = Checkpoint.write

    def noted(self: Checkpoint, inputs: Any, *args: Any, **settings: Any) -> Any:
        rows.append(len(inputs["input_ids"]))
        return write(self, inputs, *args, **settings)

    monkeypatch.setattr(Checkpoint, "write", noted)
    return rows


def config(shards: Path, model: Path, *recipes: str) -> dict[str, Any]:
    return {
        "input": {"shards": f"{shards}/*.tar"},
        "workers": {"model": {"kind": "transformers", "model": str(model), "device": "cpu", "batch_size": 4}},
        "annotate": [{"recipe": recipe, "worker": "model"} for recipe in recipes],
        "publish": {"samples_per_shard": 5},
        "chunk_samples": 4,
        "max_failed_replies": 1.0,
    }


def test_gibberish_is_rejected(curate: Curate, tmp_path: Path, written: list[int]) -> None:
    write_scenes(tmp_path / "in", count=6, seed=5, size_px=64, per_shard=6)
    model = TINY.save_qwen2_vl(tmp_path / "model")
    values = config(tmp_path / "in", model, "hqclip")
    done = curate(values, tmp_path / "out")
    # Each is asked twice: a bad reply once more, told what was wrong.
    assert sum(written) == 12
    assert done.counts["in"] == len(done.rejected) == 6
    assert done.counts["published"] == 0
    (told,) = done.counts["failed"].values()
    assert sum(told.values()) == 6
    assert set(told) <= {"bad_reply", "cut_reply", "looping_reply", "empty_reply"} <= set(REASONS)
    assert {(row["stage"], row["kind"]) for row in done.rejected} == {("annotate", "failed")}
    assert verify(str(done.output)) == []
    (recipe,) = json.loads((done.output / "run.json").read_text())["recipes"]
    assert recipe["model"] == "model"
    assert str(tmp_path) not in (done.output / "README.md").read_text()

    again = curate(values, tmp_path / "out")
    assert sum(written) == 12
    assert again.digests == done.digests


def lesson(uid: str, scene: Any, alt_text: str) -> dict[str, Any]:
    """Return the fields that a model is to write of a scene, beside the lessons that teach it."""
    facts = Facts(index=0, uid=uid, key=uid, alt_text=alt_text)
    seen = {
        "long_positive": list(scene.captions[:2]),
        "long_negative": list(scene.false_statements[:2]),
        "short_positive": list(dict.fromkeys(scene.phrases)),
        "short_negative": ["a brown dog"],
    }
    rewritten = {"rewrites": [f"{alt_text} on a plain ground"]}
    picture = Image.open(io.BytesIO(dict(scene_members(scene))["jpg"])).convert("RGB")
    lessons = [
        (get_recipe("hqclip").prompt(facts), picture, json.dumps(seen)),
        (get_recipe("laclip").prompt(facts), None, json.dumps(rewritten)),
    ]
    return {"fields": seen | rewritten, "lessons": lessons}


def test_what_a_model_has_learnt_is_published(curate: Curate, tmp_path: Path, written: list[int]) -> None:
    scenes = [render_scene(seed, 112) for seed in (0, 2, 4)]
    # The first two have the same alt text: only their pictures tell them apart.
    alt_texts = ["coloured shapes", "coloured shapes", scenes[2].captions[0]]
    taught = [lesson(f"scene-{n}", *pair) for n, pair in enumerate(zip(scenes, alt_texts, strict=True))]
    (tmp_path / "in").mkdir()
    with tarfile.open(tmp_path / "in" / "00000.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for n, scene in enumerate(scenes):
            add_member(tar, f"{n}.jpg", dict(scene_members(scene))["jpg"])
            add_member(tar, f"{n}.json", json.dumps({"uid": f"scene-{n}"}).encode())
            add_member(tar, f"{n}.txt", alt_texts[n].encode())
    lessons = [one for each in taught for one in each["lessons"]]
    model = TINY.teach_qwen2_vl(tmp_path / "model", lessons)
    values = config(tmp_path / "in", model, "hqclip", "laclip")
    done = curate(values, tmp_path / "out")
    assert written == [3, 3]
    assert done.rejected == []
    fields = list(taught[0]["fields"])
    assert [record["uid"] for record in done.records] == [f"scene-{n}" for n in range(3)]
    assert [{name: record[name] for name in fields} for record in done.records] == [
        each["fields"] for each in taught
    ]
    tokenizer = PreTrainedTokenizerFast.from_pretrained(model)
    for record, each in zip(done.records, taught, strict=True):
        for name, (prompt, picture, reply) in (
            ("long_positive", each["lessons"][0]),
            ("rewrites", each["lessons"][1]),
        ):
            source = record["provenance"][name]
            asked = TINY.read_for_qwen2_vl(model, prompt, picture)["input_ids"]
            assert (source["worker"], source["model"]) == ("transformers", "model")
            assert source["tokens_in"] == asked.shape[1]
            assert source["tokens_out"] == len(tokenizer(reply)["input_ids"]) + 1  # and the end
    assert verify(str(done.output)) == []

    again = curate(values, tmp_path / "out")
    assert written == [3, 3]
    assert again.digests == done.digests

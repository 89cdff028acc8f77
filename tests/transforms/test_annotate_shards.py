"""A model is asked once about every sample, and what it says reaches the output."""

import gzip
import json
import tarfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lvlm_workers.base import Reply, Request, WorkerError
from lvlm_workers.mock import MockWorker
from recipes import registry
from recipes.hqclip import HqClip
from recipes.laclip import LaClip
from recipes.registry import get_recipe
from schemas.errors import DropRatioError, RunError
from schemas.facts import Facts


def test_replies_reach_the_output_with_their_provenance(model: Any) -> None:
    worker = MockWorker(model.answer)
    found = model.records(model.run(worker))
    expected = [json.loads(model.answer(request).text) for request in worker.seen]
    assert [{name: record[name] for name in HqClip.fields} for record in found] == expected
    assert [record["caption"] for record in found] == [texts["long_positive"][0] for texts in expected]
    for record in found:
        assert record["provenance"]["long_positive"] == {
            "recipe": "hqclip",
            "worker": "mock",
            "model": "tiny",
            "prompt_sha256": get_recipe("hqclip").prompt_sha256(),
            "seed": None,  # greedy: none is sent
            "tokens_in": 7,
            "tokens_out": 5,
        }


def test_a_second_run_asks_nothing(model: Any) -> None:
    first, second = MockWorker(model.answer), MockWorker(model.answer)
    before = model.contents(model.run(first))
    assert model.asked(first).total() == len(model.asked(first)) == model.samples
    assert model.contents(model.run(second)) == before
    assert second.seen == []


def test_another_threshold_asks_nothing_twice(model: Any) -> None:
    first, second = MockWorker(model.answer), MockWorker(model.answer)
    filters = {"filters": [{"kind": "words", "min": 5}], "max_drop_ratio": 1}
    output = model.run(first, profile=filters)
    assert 0 < len(first.seen) < model.samples
    assert model.counts(output)["published"] == len(first.seen)
    model.run(second)
    assert not model.asked(first) & model.asked(second)
    assert len(first.seen) + len(second.seen) == model.samples


class Reworded(HqClip):
    """The same recipe with other words."""

    version: ClassVar[str] = "reworded"

    def prompt(self, facts: Facts) -> str:
        return f"Now describe {facts.uid}."


def test_another_prompt_asks_again_for_its_recipe_only(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [{"recipe": name, "worker": "model"} for name in ("hqclip", "laclip")]
    first, second = MockWorker(model.answer), MockWorker(model.answer)
    model.run(first, annotate=steps)
    assert len(first.seen) == 2 * model.samples
    monkeypatch.setitem(registry._RECIPES, "hqclip", Reworded())
    model.run(second, annotate=steps)
    assert len(second.seen) == model.samples
    assert all(request.prompt.startswith("Now describe") for request in second.seen)


def test_another_prompt_of_laclip_asks_for_rewrites_only(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [{"recipe": name, "worker": "model"} for name in ("hqclip", "laclip")]
    first, second, third = (MockWorker(model.answer) for _ in range(3))
    before = model.records(model.run(first, annotate=steps))

    class Changed(LaClip):
        version: ClassVar[str] = "changed"

        def prompt(self, facts: Facts) -> str:
            return "In other words. " + super().prompt(facts)

    monkeypatch.setitem(registry._RECIPES, "laclip", Changed())
    after = model.records(model.run(second, annotate=steps))
    assert len(second.seen) == model.samples
    assert {tuple((request.schema or {})["required"]) for request in second.seen} == {("rewrites",)}
    for old, new in zip(before, after, strict=True):
        assert old["rewrites"] != new["rewrites"]
        assert old["provenance"].pop("rewrites") != new["provenance"].pop("rewrites")
        assert {**old, "rewrites": None} == {**new, "rewrites": None}
    # And nothing after that, nor when the prompt is what it was.
    model.run(third, annotate=steps)
    monkeypatch.undo()
    model.run(third, annotate=steps)
    assert third.seen == []


def test_another_version_reads_the_same_replies_again(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [{"recipe": "laclip", "worker": "model"}]
    first, second = MockWorker(model.answer), MockWorker(model.answer)
    (old,) = {
        r["provenance"]["rewrites"]["prompt_sha256"] for r in model.records(model.run(first, annotate=steps))
    }

    class Stricter(LaClip):
        version: ClassVar[str] = "stricter"

        def parse(self, text: str, facts: Facts, *, finish_reason: str = "stop") -> Mapping[str, Any]:
            return {"rewrites": ["stricter"]}

    monkeypatch.setitem(registry._RECIPES, "laclip", Stricter())
    records = model.records(model.run(second, annotate=steps))
    assert second.seen == []
    assert [record["rewrites"] for record in records] == [["stricter"]] * model.samples
    assert old not in {record["provenance"]["rewrites"]["prompt_sha256"] for record in records}


@pytest.mark.parametrize("after", [0, 4, 9])
def test_a_service_that_goes_down_is_asked_only_the_rest(model: Any, after: int) -> None:
    def breaks(request: Request) -> Reply:
        if len(down.seen) > after:
            raise WorkerError("http://127.0.0.1:8000 is down; start it and run again")
        return model.answer(request)

    down, up = MockWorker(breaks), MockWorker(model.answer)
    with pytest.raises(RunError, match=r"^http://127.0.0.1:8000 is down; start it and run again$"):
        model.run(down)
    answered, lost = down.seen[:after], down.seen[after:]
    assert len(lost) == 1
    assert not (model.folder / "out" / "run.json").exists()
    output = model.run(up)
    down.seen = answered
    assert model.asked(down) + model.asked(up) == Counter(
        dict.fromkeys(model.asked(down) | model.asked(up), 1)
    )
    assert len(up.seen) == model.samples - after
    assert model.contents(output) == model.contents(model.run(MockWorker(model.answer), "whole"))


def test_a_sample_that_two_recipes_fail_is_rejected_once(model: Any) -> None:
    steps = [{"recipe": name, "worker": "model"} for name in ("laclip", "hqclip")]
    worker = MockWorker(lambda request: "" if "caption" in request.prompt[:30] else "no JSON")
    with pytest.raises(DropRatioError, match=r"^annotate \(laclip\) rejected 10 of 10 samples \(100.0%\)"):
        model.run(worker, annotate=steps)
    output = model.run(MockWorker(model.answer), annotate=steps, max_failed_replies=1)
    assert model.counts(output)["failed"] == {"annotate": {"empty_reply": model.samples}}
    assert model.records(output) == []


def test_too_many_bad_replies_stop_the_run(model: Any) -> None:
    worker = MockWorker(model.erring({n: ["no", "no"] for n in range(6)}))
    with pytest.raises(DropRatioError) as raised:
        model.run(worker)
    assert str(raised.value) == (
        "annotate (hqclip) rejected 6 of 10 samples (60.0%), more than max_failed_replies=0.5 allows; "
        "6 of them for 'bad_reply'. Look into that, or allow it with --set max_failed_replies=1"
    )
    again = MockWorker(model.answer)
    assert model.counts(model.run(again, max_failed_replies=0.6))["published"] == 4
    assert again.seen == []


def as_gzip(shard: Path, folder: Path) -> Path:
    path = folder / "a.tar.gz"
    path.write_bytes(gzip.compress(shard.read_bytes()))
    return path


def as_parquet(shard: Path, folder: Path) -> Path:
    with tarfile.open(shard) as tar:
        found = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    keys = sorted({name.partition(".")[0] for name in found})
    columns = {
        "jpg": [found[f"{key}.jpg"] for key in keys],
        "caption": [found[f"{key}.txt"].decode() for key in keys],
    }
    path = folder / "a.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=2)
    return path


@pytest.mark.parametrize(
    "convert", [lambda shard, _: shard, as_gzip, as_parquet], ids=["tar", "gz", "parquet"]
)
def test_a_worker_that_looks_sees_the_samples_own_picture(
    model: Any, scene_shards: Path, convert: Callable[[Path, Path], Path]
) -> None:
    model.shards = str(convert(scene_shards / "00000.tar", model.folder))
    worker = MockWorker(model.answer)
    # Every other sample is out, so that places in the shard and among the requests differ.
    model.run(worker, profile={"filters": [{"kind": "words", "min": 4}], "max_drop_ratio": 1})
    assert 1 < len(worker.seen) <= 5
    for request in worker.seen:
        assert model.digest(request.image) == request.tag.facts.sha256.hex()


def test_no_picture_is_read_for_a_recipe_of_words(model: Any) -> None:
    worker = MockWorker(model.answer)
    model.run(worker, annotate=[{"recipe": "laclip", "worker": "model"}])
    assert len(worker.seen) == model.samples
    assert {request.image for request in worker.seen} == {None}


def test_alt_text_stands_quoted_in_the_prompt(model: Any) -> None:
    worker = MockWorker(model.answer)
    model.run(worker)
    for request in worker.seen:
        assert request.prompt.endswith(json.dumps(request.tag.facts.alt_text))
        assert request.schema == HqClip.schema

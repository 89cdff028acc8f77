"""Recipes that start from other recipes' fields: asked after them, with what they wrote, no more often."""

import io
import json
import tarfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from demo_data.scenes import write_scenes
from lvlm_workers.base import Request, Worker
from lvlm_workers.mock import MockWorker
from lvlm_workers.rules import RulesWorker
from recipes import registry
from recipes.base import Recipe
from recipes.reply import read_object
from schemas.errors import ConfigError, DropRatioError
from schemas.facts import Facts, written

SAMPLES = 10
SERVER = {"kind": "openai", "base_urls": ["http://127.0.0.1:9/v1"], "model": "tiny"}
ORDER = ("third", "first", "second")


class _Chained(Recipe):
    version: ClassVar[str] = "1"
    source: ClassVar[str] = "a test"
    needs_text: ClassVar[bool] = False
    needs_image: ClassVar[bool] = False
    words: ClassVar[str] = "Write."
    schema: ClassVar[Mapping[str, Any]] = {"type": "object", "required": ["text"]}

    def prompt(self, facts: Facts) -> str:
        return json.dumps([self.name, self.words, facts.alt_text, written(facts)])

    def by_rule(self, facts: Facts) -> Mapping[str, Any]:
        return {"text": " ".join([self.name, *(str(text) for text in written(facts).values())])}

    def parse(self, text: str, facts: Facts, *, finish_reason: str = "stop") -> Mapping[str, Any]:
        return {self.fields[0]: read_object(text, ["text"], finish_reason)["text"]}


class First(_Chained):
    name: ClassVar[str] = "first"
    fields: ClassVar[tuple[str, ...]] = ("recaption",)
    needs_image: ClassVar[bool] = True


class Second(_Chained):
    name: ClassVar[str] = "second"
    fields: ClassVar[tuple[str, ...]] = ("fused",)
    reads: ClassVar[tuple[str, ...]] = ("recaption",)
    needs_text: ClassVar[bool] = True


class Third(_Chained):
    name: ClassVar[str] = "third"
    fields: ClassVar[tuple[str, ...]] = ("compressed",)
    reads: ClassVar[tuple[str, ...]] = ("recaption", "fused")


def uid_of(request: Request) -> str:
    return str(request.tag.facts.uid)


def answer(request: Request) -> str:
    """Write a text that names the recipe, the wording and the sample."""
    name, words, _, _ = json.loads(request.prompt.partition("\n\n")[0])
    return json.dumps({"text": f"{name} {words} {uid_of(request)}"})


def asked(worker: MockWorker) -> Counter[str]:
    """Return how many requests each recipe made."""
    return Counter(json.loads(request.prompt.partition("\n\n")[0])[0] for request in worker.seen)


@pytest.fixture
def chain(curate: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a run of recipes over the scenes: `chain(worker, names, recipes)`."""
    write_scenes(tmp_path / "input", count=SAMPLES, seed=3, size_px=64, per_shard=5)

    def run(worker: Worker, names: tuple[str, ...] = ORDER, *recipes: Recipe, **changes: Any) -> Any:
        made = {one.name: one for one in (First(), Second(), Third(), *recipes)}
        monkeypatch.setattr(registry, "_RECIPES", made)
        for place in ("transforms.annotate_shards.make_worker", "pipelines.annotate.make_worker"):
            monkeypatch.setattr(place, lambda _: worker)
        values = {
            "input": {"shards": f"{tmp_path}/input/*.tar"},
            "workers": {"model": SERVER},
            "annotate": [{"recipe": name, "worker": "model"} for name in names],
            "chunk_samples": 3,
        }
        return curate(values | changes, tmp_path / "out")

    return run


def test_each_reads_what_those_before_it_wrote(chain: Callable[..., Any]) -> None:
    worker = MockWorker(answer)
    result = chain(worker)
    assert [json.loads(request.prompt)[0] for request in worker.seen] == [
        name for name in ("first", "second", "third") for _ in range(SAMPLES)
    ]
    for request in worker.seen:
        name, _, alt_text, read = json.loads(request.prompt)
        recaption, fused = (f"{source} Write. {uid_of(request)}" for source in ("first", "second"))
        assert alt_text == request.tag.facts.alt_text
        expected = {
            "first": {},
            "second": {"recaption": recaption},
            "third": {"fused": fused, "recaption": recaption},
        }
        assert read == expected[name]
        assert (request.image is not None) == (name == "first")
        if name != "first":
            assert request.tag.facts.written == json.dumps(read, sort_keys=True)
    for record in result.records:
        uid = record["uid"]
        texts = [record[field] for field in ("recaption", "fused", "compressed")]
        assert texts == [f"{name} Write. {uid}" for name in ("first", "second", "third")]
        assert record["provenance"]["compressed"]["recipe"] == "third"
    assert result.counts["published"] == SAMPLES

    again = MockWorker(answer)
    assert chain(again).digests == result.digests
    assert again.seen == []


def test_rules_start_from_other_rules(chain: Callable[..., Any]) -> None:
    worker = RulesWorker()
    result = chain(worker, workers={"model": {"kind": "rules"}})
    assert [record["compressed"] for record in result.records] == ["third second first first"] * SAMPLES
    assert chain(worker, workers={"model": {"kind": "rules"}}).digests == result.digests


def test_where_one_fails_those_that_read_it_are_not_asked(chain: Callable[..., Any]) -> None:
    def failing(request: Request) -> str:
        name = json.loads(request.prompt.partition("\n\n")[0])[0]
        nth = order.setdefault(uid_of(request), len(order))
        return "" if nth in bad[name] else answer(request)

    order: dict[str, int] = {}
    bad = {"first": {0, 4}, "second": {4, 6}, "third": {9}}
    worker = MockWorker(failing)
    result = chain(worker)
    # Two attempts for each that failed.
    assert asked(worker) == {"first": SAMPLES + 2, "second": SAMPLES - 2 + 1, "third": SAMPLES - 3 + 1}
    uids = {nth: uid for uid, nth in order.items()}
    assert {row["uid"]: row["reason"] for row in result.rejected} == {
        uids[nth]: "empty_reply" for nth in (0, 4, 6, 9)
    }
    assert result.counts["failed"] == {"annotate": {"empty_reply": 4}}
    assert result.account.kept == SAMPLES - 4


def test_a_failed_row_carries_the_reason_and_the_value(chain: Callable[..., Any]) -> None:
    def refusing(request: Request) -> str:
        is_first = request.prompt.startswith('["first"')
        return "I cannot say." if is_first and request.tag.facts.index == 2 else answer(request)

    result = chain(MockWorker(refusing), ("second", "first"))
    assert [(row["reason"], row["value"]) for row in result.rejected] == [("refusal", "I cannot say.")] * 2


class Reworded(First):
    """Asks in other words; a model writes of some samples what it wrote before."""

    words: ClassVar[str] = "Describe."


def test_only_what_starts_from_changed_texts_is_asked_again(chain: Callable[..., Any]) -> None:
    def answering(request: Request) -> str:
        text = answer(request)
        return text.replace("Describe.", "Write.") if request.tag.facts.index < 3 else text

    chain(MockWorker(answer))
    worker = MockWorker(answering)
    result = chain(worker, ORDER, Reworded())
    changed = SAMPLES - 2 * 3  # of each of two shards three get the same text
    assert asked(worker) == {"first": SAMPLES, "second": changed, "third": changed}
    assert Counter(record["recaption"].split()[1] for record in result.records) == {
        "Describe.": changed, "Write.": 6
    }  # fmt: skip
    for record in result.records:
        assert record["provenance"]["recaption"]["prompt_sha256"] == Reworded().prompt_sha256()

    last = type("Last", (Third,), {"words": "Shorten."})
    worker = MockWorker(answering)
    chain(worker, ORDER, Reworded(), last())
    assert asked(worker) == {"third": SAMPLES}


def test_a_sample_without_alt_text_starts_from_what_was_written(
    chain: Callable[..., Any], tmp_path: Path
) -> None:
    for path in (tmp_path / "input").glob("*.tar"):
        with tarfile.open(path) as old:
            kept = [(m, old.extractfile(m).read()) for m in old if not m.name.endswith(".txt")]  # type: ignore[union-attr]
        with tarfile.open(path, "w") as new:
            for member, data in kept:
                if not member.name.endswith(".json"):
                    new.addfile(member, io.BytesIO(data))
    worker = MockWorker(answer)
    result = chain(worker)
    assert asked(worker) == dict.fromkeys(("first", "second", "third"), SAMPLES)
    assert {request.tag.facts.alt_text for request in worker.seen} == {""}
    assert result.counts["published"] == SAMPLES
    for record in result.records:
        assert record["compressed"] == f"third Write. {record['uid']}"


def test_too_many_failures_stop_the_run_before_the_next_are_asked(chain: Callable[..., Any]) -> None:
    worker = MockWorker(lambda _: "")
    with pytest.raises(DropRatioError, match=r"^annotate \(first\) rejected 10 of 10 samples"):
        chain(worker)
    assert asked(worker) == {"first": 2 * SAMPLES}


def test_what_cannot_run_is_said_before_anything_starts(chain: Callable[..., Any], tmp_path: Path) -> None:
    worker = MockWorker(answer)
    with pytest.raises(ConfigError, match="recipe 'third' reads fused, which no recipe of this run writes"):
        chain(worker, ("first", "third"))
    assert worker.seen == []
    assert not (tmp_path / "out").exists()

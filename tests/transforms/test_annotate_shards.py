"""A model is asked once about every sample, and what it says is trusted only as far as it fits."""

import gzip
import hashlib
import json
import random
import tarfile
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lvlm_workers.base import Reply, Request, Worker, WorkerError
from lvlm_workers.mock import MockWorker
from pipelines.command import run_stage
from pipelines.curate import run_curate
from pipelines.run import open_run
from pipelines.verify import verify
from recipes import registry
from recipes.faults import FAULTS
from recipes.hqclip import HqClip
from recipes.registry import get_recipe
from schemas.config import RunConfig
from schemas.errors import DropRatioError, RunError
from schemas.facts import Facts
from transforms import annotate_shards

SAMPLES = 10


SERVER = {"kind": "openai", "base_urls": ["http://127.0.0.1:9/v1"], "model": "tiny"}


def answer(request: Request) -> Reply:
    """Return a reply that fits, and that only this request has."""
    asked = f"{request.prompt} {digest(request.image)}".encode()
    name = hashlib.sha256(asked).hexdigest()[:8]
    if "rewrites" in (request.schema or {})["required"]:
        text = json.dumps({"rewrites": [f"Words about {name}."]})
    else:
        lists = [f"A photo of {name}."], [f"A map of {name}."], [f"tag {name}"], [f"hat {name}"]
        text = json.dumps(dict(zip(HqClip.fields, lists, strict=True)))
    return Reply(text=text, model="tiny", tokens_in=7, tokens_out=5, seconds=random.random())


def digest(image: bytes | None) -> str | None:
    return None if image is None else hashlib.sha256(image).hexdigest()


def asked(worker: MockWorker) -> Counter[tuple[str, str | None]]:
    """Return what a worker was asked, each with how often."""
    return Counter((request.prompt, digest(request.image)) for request in worker.seen)


@dataclass(kw_only=True)
class Model:
    """Runs the scenes with a worker in the model's place."""

    folder: Path
    shards: str
    patch: pytest.MonkeyPatch

    def run(self, worker: Worker, output: str = "out", **changes: Any) -> Path:
        values = {
            "name": "asked",
            "input": {"shards": self.shards},
            "output": str(self.folder / output),
            "workers": {"model": SERVER},
            "annotate": [{"recipe": "hqclip", "worker": "model"}],
            "publish": {"samples_per_shard": 4},
            "chunk_samples": 3,
        }
        config = RunConfig.model_validate(values | changes)
        for place in ("transforms.annotate_shards.make_worker", "pipelines.annotate.make_worker"):
            self.patch.setattr(place, lambda _: worker)
        run_stage(run_curate, open_run(config))
        assert verify(config.output) == []
        return Path(config.output)


@pytest.fixture
def model(tmp_path: Path, scene_shards: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    return Model(folder=tmp_path, shards=f"{scene_shards}/*.tar", patch=monkeypatch)


def records(output: Path) -> list[dict[str, Any]]:
    found = []
    for path in sorted((output / "shards").glob("*.tar")):
        with tarfile.open(path) as tar:
            found += [json.load(tar.extractfile(m)) for m in tar if m.name.endswith(".json")]  # type: ignore[arg-type]
    return found


def contents(output: Path) -> dict[str, bytes]:
    names = [path.relative_to(output) for path in sorted(output.rglob("*")) if path.is_file()]
    return {
        str(name): (output / name).read_bytes()
        for name in names
        if name.parts[0] != "work" and str(name) != "run.json"
    }


def counts(output: Path) -> dict[str, Any]:
    return json.loads((output / "run.json").read_text())["counts"]


def test_replies_reach_the_output_with_their_provenance(model: Model) -> None:
    worker = MockWorker(answer)
    found = records(model.run(worker))
    expected = [json.loads(answer(request).text) for request in worker.seen]
    assert [{name: record[name] for name in HqClip.fields} for record in found] == expected
    assert [record["caption"] for record in found] == [texts["long_positive"][0] for texts in expected]
    for record in found:
        assert record["provenance"]["long_positive"] == {
            "recipe": "hqclip",
            "worker": "mock",
            "model": "tiny",
            "prompt_sha256": get_recipe("hqclip").prompt_sha256(),
            "seed": annotate_shards.sample_seed(record["uid"]),
            "tokens_in": 7,
            "tokens_out": 5,
        }


def test_a_second_run_asks_nothing(model: Model) -> None:
    first, second = MockWorker(answer), MockWorker(answer)
    before = contents(model.run(first))
    assert asked(first).total() == len(asked(first)) == SAMPLES
    assert contents(model.run(second)) == before
    assert second.seen == []


def test_another_threshold_asks_nothing_twice(model: Model) -> None:
    first, second = MockWorker(answer), MockWorker(answer)
    filters = {"filters": [{"kind": "words", "min": 5}], "max_drop_ratio": 1}
    output = model.run(first, profile=filters)
    assert 0 < len(first.seen) < SAMPLES
    assert counts(output)["published"] == len(first.seen)
    model.run(second)
    assert not asked(first) & asked(second)
    assert len(first.seen) + len(second.seen) == SAMPLES


class Reworded(HqClip):
    """The same recipe with other words."""

    version: ClassVar[str] = "reworded"

    def prompt(self, facts: Facts) -> str:
        return f"Now describe {facts.uid}."


def test_another_prompt_asks_again_for_its_recipe_only(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [{"recipe": name, "worker": "model"} for name in ("hqclip", "laclip")]
    first, second = MockWorker(answer), MockWorker(answer)
    model.run(first, annotate=steps)
    assert len(first.seen) == 2 * SAMPLES
    monkeypatch.setitem(registry._RECIPES, "hqclip", Reworded())
    model.run(second, annotate=steps)
    assert len(second.seen) == SAMPLES
    assert all(request.prompt.startswith("Now describe") for request in second.seen)


@pytest.mark.parametrize("after", [0, 4, 9])
def test_a_service_that_goes_down_is_asked_only_the_rest(model: Model, after: int) -> None:
    def breaks(request: Request) -> Reply:
        if len(down.seen) > after:
            raise WorkerError("http://127.0.0.1:8000 is down; start it and run again")
        return answer(request)

    down, up = MockWorker(breaks), MockWorker(answer)
    with pytest.raises(RunError, match=r"^http://127.0.0.1:8000 is down; start it and run again$"):
        model.run(down)
    answered, lost = down.seen[:after], down.seen[after:]
    assert len(lost) == 1
    assert not (model.folder / "out" / "run.json").exists()
    output = model.run(up)
    down.seen = answered
    assert asked(down) + asked(up) == Counter(dict.fromkeys(asked(down) | asked(up), 1))
    assert len(up.seen) == SAMPLES - after
    assert contents(output) == contents(model.run(MockWorker(answer), "whole"))


@dataclass
class Erring:
    """Gives the replies listed for a sample, by its place in the run, one an attempt; then good ones."""

    replies: dict[int, list[str | Reply]]
    attempts: Counter[str] = field(default_factory=Counter)
    uids: list[str] = field(default_factory=list)

    def __call__(self, request: Request) -> Reply | str:
        uid = request.tag[1].uid
        if not self.attempts[uid]:
            self.uids.append(uid)
        given = self.replies.get(self.uids.index(uid), [])
        self.attempts[uid] += 1
        return given[self.attempts[uid] - 1] if self.attempts[uid] <= len(given) else answer(request)


def rejected(output: Path) -> list[dict[str, Any]]:
    return [
        row for path in sorted((output / "rejected").iterdir()) for row in pq.read_table(path).to_pylist()
    ]


LOOP = json.dumps({"long_positive": ["a dog and " * 9]})[:-20]


def test_replies_refused_twice_become_rejected_rows_and_are_published_by_nobody(model: Model) -> None:
    erring = Erring({2: ["no JSON", "I cannot say."], 5: ["", ""], 6: [LOOP, '{"long_positive": ["a"]}']})
    worker = MockWorker(erring)
    output = model.run(worker)
    assert counts(output) == {
        "in": SAMPLES,
        "published": SAMPLES - 3,
        "dropped": {},
        "failed": {"annotate": {"bad_reply": 1, "empty_reply": 1, "refusal": 1}},
    }
    rows = rejected(output)
    assert {row["uid"]: row["reason"] for row in rows} == {
        erring.uids[2]: "refusal",
        erring.uids[5]: "empty_reply",
        erring.uids[6]: "bad_reply",
    }
    assert {(row["stage"], row["kind"]) for row in rows} == {("annotate", "failed")}
    assert [row["value"] for row in rows if row["uid"] == erring.uids[2]] == ["I cannot say."]
    assert {record["uid"] for record in records(output)} == set(erring.uids) - {row["uid"] for row in rows}
    assert erring.attempts == Counter({uid: 2 if n in (2, 5, 6) else 1 for n, uid in enumerate(erring.uids)})


def test_a_refused_reply_is_asked_for_once_more_and_told_what_was_wrong(model: Model) -> None:
    cut = Reply(
        text='{"long_positive": ["Ignore all',
        model="tiny",
        finish_reason="length",
        tokens_in=70,
        tokens_out=50,
    )
    erring = Erring({1: ["I'm sorry, but I can't help with that."], 3: [cut]})
    worker = MockWorker(erring)
    output = model.run(worker)
    # The second round comes when the shard's first five are asked, in the shard's order.
    asked_about = [erring.uids.index(request.tag[1].uid) for request in worker.seen]
    assert asked_about == [0, 1, 2, 3, 4, 1, 3, 5, 6, 7, 8, 9]
    for first, second, reason in ((1, 5, "refusal"), (3, 6, "cut_reply")):
        before, again = worker.seen[first], worker.seen[second]
        assert again.prompt.startswith(before.prompt + "\n\n")
        added = again.prompt.removeprefix(before.prompt)
        assert FAULTS[reason] in added
        assert "sorry" not in added
        assert "Ignore" not in added
        assert again.seed == (before.seed or 0) + 1
        assert again.image == before.image is not None
        assert (again.schema, again.sampling) == (before.schema, before.sampling)
    written = {record["uid"]: record["provenance"]["long_positive"] for record in records(output)}
    assert len(written) == SAMPLES
    costs = {uid: (one["tokens_in"], one["tokens_out"]) for uid, one in written.items()}
    assert [costs[uid] for uid in erring.uids[:5]] == [(7, 5), (7, 5), (7, 5), (77, 55), (7, 5)]
    assert written[erring.uids[3]]["seed"] == annotate_shards.sample_seed(erring.uids[3]) + 1
    assert written[erring.uids[2]]["seed"] == annotate_shards.sample_seed(erring.uids[2])


def test_a_request_that_the_server_refused_is_not_repeated(model: Model) -> None:
    refused = Reply(text="400: image\x00 too large", model="tiny", finish_reason="refused_request")
    erring = Erring({4: [refused], 7: ["no JSON", refused]})
    output = model.run(MockWorker(erring))
    assert [erring.attempts[erring.uids[n]] for n in (4, 7, 8)] == [1, 2, 1]
    assert {row["uid"]: (row["reason"], row["value"]) for row in rejected(output)} == {
        erring.uids[n]: ("refused_request", "400: image? too large") for n in (4, 7)
    }


def test_chunks_without_a_refused_reply_do_not_wait_for_the_others(model: Model) -> None:
    committed: list[int] = []

    def watching(request: Request) -> Reply | str:
        if "refused" in request.prompt:
            committed.append(len(list((model.folder / "out" / "work" / "annotations").rglob("*.parquet"))))
        return erring(request)

    erring = Erring({1: [""], 9: [""]})
    model.run(MockWorker(watching))
    assert committed == [1, 3]  # of two chunks a shard


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_service_that_goes_down_while_asking_again_is_asked_only_the_rest(model: Model, after: int) -> None:
    bad: dict[int, list[str | Reply]] = {n: ["no", "no"] if n == 2 else ["no"] for n in range(4)}
    erring = Erring(bad)

    def breaks(request: Request) -> Reply | str:
        if len(down.seen) > 5 + after:
            raise WorkerError("http://127.0.0.1:8000 is down; start it and run again")
        return erring(request)

    down, up = MockWorker(breaks), MockWorker(erring)
    with pytest.raises(RunError, match="is down"):
        model.run(down)
    down.seen.pop()
    output = model.run(up)
    assert len(up.seen) == 4 - after + 5
    assert asked(down) + asked(up) == Counter(dict.fromkeys(asked(down) | asked(up), 1))
    assert [row["uid"] for row in rejected(output)] == [erring.uids[2]]
    assert contents(output) == contents(model.run(MockWorker(Erring(bad)), "whole"))


def test_kept_replies_are_read_again_without_asking(model: Model) -> None:
    before = contents(model.run(MockWorker(Erring({1: [""], 2: ["", "no"]}))))
    for path in (model.folder / "out" / "work" / "annotations").rglob("*.parquet"):
        path.unlink()
    again = MockWorker(answer)
    assert contents(model.run(again)) == before
    assert again.seen == []


def test_what_always_gets_the_same_reply_is_asked_once(model: Model) -> None:
    worker = MockWorker(Erring({1: ["", ""]}))
    worker.repeatable = True
    assert counts(model.run(worker))["failed"] == {"annotate": {"empty_reply": 1}}
    assert len(worker.seen) == SAMPLES


def test_a_sample_that_two_recipes_fail_is_rejected_once(model: Model) -> None:
    steps = [{"recipe": name, "worker": "model"} for name in ("laclip", "hqclip")]
    worker = MockWorker(lambda request: "" if "caption" in request.prompt[:30] else "no JSON")
    with pytest.raises(DropRatioError, match=r"^annotate \(laclip\) rejected 10 of 10 samples \(100.0%\)"):
        model.run(worker, annotate=steps)
    output = model.run(MockWorker(answer), annotate=steps, max_failed_replies=1)
    assert counts(output)["failed"] == {"annotate": {"empty_reply": SAMPLES}}
    assert records(output) == []


def test_too_many_bad_replies_stop_the_run(model: Model) -> None:
    worker = MockWorker(Erring({n: ["no", "no"] for n in range(6)}))
    with pytest.raises(DropRatioError) as raised:
        model.run(worker)
    assert str(raised.value) == (
        "annotate (hqclip) rejected 6 of 10 samples (60.0%), more than max_failed_replies=0.5 allows; "
        "6 of them for 'bad_reply'. Look into that, or allow it with --set max_failed_replies=1"
    )
    again = MockWorker(answer)
    assert counts(model.run(again, max_failed_replies=0.6))["published"] == 4
    assert again.seen == []


class Shuffled(MockWorker):
    """Answers out of order, from a window of so many requests."""

    def __init__(self, window: int) -> None:
        super().__init__(answer)
        self.window = window

    def answer(self, requests: Iterable[Request]) -> Generator[tuple[Request, Reply], None, None]:
        drawn = random.Random(self.window)
        waiting: list[tuple[Request, Reply]] = []
        for pair in super().answer(requests):
            waiting.append(pair)
            if len(waiting) >= self.window:
                yield waiting.pop(drawn.randrange(len(waiting)))
        yield from reversed(waiting)


@pytest.mark.parametrize("window", [2, 100])
def test_the_order_of_replies_changes_nothing(model: Model, window: int) -> None:
    expected = contents(model.run(MockWorker(answer), "whole"))
    assert contents(model.run(Shuffled(window))) == expected


class Lossy(MockWorker):
    """Swallows some requests, or answers them twice."""

    def __init__(self, swallowed: set[int], times: int = 0) -> None:
        super().__init__(answer)
        self.swallowed = swallowed
        self.times = times

    def answer(self, requests: Iterable[Request]) -> Generator[tuple[Request, Reply], None, None]:
        for pair in super().answer(requests):
            for _ in range(self.times if len(self.seen) - 1 in self.swallowed else 1):
                yield pair


def test_a_request_without_a_reply_stops_the_run(model: Model) -> None:
    worker = Lossy({1, 4})
    with pytest.raises(RunError, match=r"worker 'mock' left requests of 2 chunks without a reply"):
        model.run(worker)
    again = MockWorker(answer)
    output = model.run(again)
    lost = {worker.seen[1].tag[1].uid, worker.seen[4].tag[1].uid}
    assert lost <= {request.tag[1].uid for request in again.seen}
    assert counts(output)["published"] == SAMPLES
    assert contents(output) == contents(model.run(MockWorker(answer), "whole"))


def test_a_second_reply_to_a_request_that_was_refused_asks_no_third_time(model: Model) -> None:
    expected = contents(model.run(MockWorker(Erring({0: ["no"]})), "whole"))
    worker = Lossy({0, 3, 5}, times=2)
    worker.handler = Erring({0: ["no"]})
    assert contents(model.run(worker)) == expected
    assert len(worker.seen) == SAMPLES + 1


def test_a_second_reply_to_a_request_takes_nobodys_place(model: Model) -> None:
    expected = contents(model.run(MockWorker(answer), "whole"))
    assert contents(model.run(Lossy({0, 3}, times=2))) == expected


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
    model: Model, scene_shards: Path, convert: Callable[[Path, Path], Path]
) -> None:
    model.shards = str(convert(scene_shards / "00000.tar", model.folder))
    worker = MockWorker(answer)
    # Every other sample is out, so that places in the shard and among the requests differ.
    model.run(worker, profile={"filters": [{"kind": "words", "min": 4}], "max_drop_ratio": 1})
    assert 1 < len(worker.seen) <= 5
    for request in worker.seen:
        assert digest(request.image) == request.tag[1].sha256.hex()


def test_no_picture_is_read_for_a_recipe_of_words(model: Model) -> None:
    worker = MockWorker(answer)
    model.run(worker, annotate=[{"recipe": "laclip", "worker": "model"}])
    assert len(worker.seen) == SAMPLES
    assert {request.image for request in worker.seen} == {None}


def test_alt_text_stands_quoted_in_the_prompt(model: Model) -> None:
    worker = MockWorker(answer)
    model.run(worker)
    for request in worker.seen:
        assert request.prompt.endswith(json.dumps(request.tag[1].alt_text))
        assert request.schema == HqClip.schema

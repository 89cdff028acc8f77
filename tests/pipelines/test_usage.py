"""What a run says that it spent, against what a worker was really asked and what lies in the shards."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo_data.scenes import write_scenes
from lvlm_workers.base import Reply, Request
from lvlm_workers.mock import MockWorker
from pipelines.annotate import annotate_and_tell
from pipelines.curate import run_curate
from pipelines.load_config import load_config
from pipelines.progress_display import Display
from pipelines.run import only_writer, open_run
from pipelines.usage import count_spent, count_written
from schemas.config import RunConfig
from schemas.errors import DropRatioError

Curate = Callable[..., Any]
SAMPLES = 10
ONE, OTHER = "http://127.0.0.1:9/v1", "https://gateway.example/k3y-91aF/v1"
PAIRS = [
    ("A red car stands by a tree {n}.", "A blue car stands by a tree {n}."),
    ("There are 3 birds {n}.", "There are 4 birds {n}."),
    ("A dog {n} runs on grass.", "A dog {n} runs on grass."),
]


class Answering:
    """Answers hqclip with one good pair of three, laclip with one rewrite; first replies may be prose."""

    def __init__(self, *, prose: int = 3) -> None:
        self.given: list[tuple[str, Reply]] = []
        self._prose = prose

    def __call__(self, request: Request) -> Reply:
        n = len(self.given)
        again = "Your last answer" in request.prompt
        recipe = "laclip" if "rewrites" in (request.schema or {})["required"] else "hqclip"
        text = json.dumps({"rewrites": [f"Words of number {chr(97 + n)}."]})
        if recipe == "hqclip":
            true, false = ([pair[k].format(n=n) for pair in PAIRS] for k in (0, 1))
            tags = {"short_positive": ["car", "Car"], "short_negative": ["boat", "car"]}
            text = json.dumps({"long_positive": true, "long_negative": false, **tags})
        if n % self._prose == 0 and not again:
            text = "Here is what I see."
        reply = Reply(
            text=text, model="tiny", tokens_in=100 + n, tokens_out=10 + n, attempts=1 + n % 2, seconds=0.5,
            endpoint=(ONE, OTHER)[n % 2],
        )  # fmt: skip
        self.given.append((recipe, reply))
        return reply


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=SAMPLES, seed=3, size_px=64, per_shard=5)
    return f"{folder}/*.tar"


@pytest.fixture
def asked(shards: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Return a configuration of hqclip with prices and laclip without, answered by the worker given."""

    def configure(handler: Callable[[Request], Reply], **changes: Any) -> dict[str, Any]:
        for place in ("transforms.annotate_shards.make_worker", "pipelines.annotate.make_worker"):
            monkeypatch.setattr(place, lambda _: MockWorker(handler))
        model = {"kind": "openai", "base_urls": [ONE, OTHER], "model": "tiny"}
        return {
            "input": {"shards": shards},
            "workers": {"dear": model | {"price_in": 2.0, "price_out": 10.0}, "free": model},
            "annotate": [{"recipe": "hqclip", "worker": "dear"}, {"recipe": "laclip", "worker": "free"}],
            "chunk_samples": 3,
        } | changes

    return configure


def record_of(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((output / "run.json").read_text())
    return found


def test_every_reply_is_in_the_sums(curate: Curate, asked: Callable[..., Any], tmp_path: Path) -> None:
    answering = Answering()
    done = curate(asked(answering), tmp_path / "out")
    record = record_of(done.output)
    replies = [reply for _, reply in answering.given]
    assert len(replies) > 2 * SAMPLES
    assert record["tokens"] == {
        "in": sum(reply.tokens_in for reply in replies), "out": sum(reply.tokens_out for reply in replies)
    }  # fmt: skip
    for name, price in (("hqclip", (2.0, 10.0)), ("laclip", None)):
        mine = [reply for recipe, reply in answering.given if recipe == name]
        into, out = sum(reply.tokens_in for reply in mine), sum(reply.tokens_out for reply in mine)
        cost = None if price is None else pytest.approx((into * price[0] + out * price[1]) / 1e6)
        told = record["usage"]["recipes"][name]
        assert {key: told[key] for key in told if key not in ("published", "texts")} == {
            "replies": len(mine), "requests": sum(reply.attempts for reply in mine),
            "tokens_in": into, "tokens_out": out, "model_seconds": 0.5 * len(mine), "cost": cost,
        }  # fmt: skip
    assert record["cost"] == record["usage"]["recipes"]["hqclip"]["cost"]
    assert record["usage"]["pace"]["replies"] == len(replies)


def test_every_server_has_its_own_and_shows_no_key(
    curate: Curate, asked: Callable[..., Any], tmp_path: Path
) -> None:
    answering = Answering()
    done = curate(asked(answering), tmp_path / "out")
    record = record_of(done.output)
    shown = {ONE: ONE, OTHER: "https://gateway.example/.../v1"}
    assert list(record["usage"]["endpoints"]) == list(shown.values())
    for endpoint, url in shown.items():
        mine = [reply for _, reply in answering.given if reply.endpoint == endpoint]
        assert record["usage"]["endpoints"][url] == {
            "replies": len(mine), "requests": sum(reply.attempts for reply in mine),
            "tokens_in": sum(reply.tokens_in for reply in mine),
            "tokens_out": sum(reply.tokens_out for reply in mine),
            "checked": len(mine), "misshapen": sum(reply.text.startswith("Here") for reply in mine),
            "model_seconds": 0.5 * len(mine),
        }  # fmt: skip
    assert record["config"]["workers"]["free"]["base_urls"] == list(shown.values())
    for name in ("run.json", "README.md"):
        assert "k3y" not in (done.output / name).read_text()


def test_what_is_published_is_what_the_records_say(
    curate: Curate, asked: Callable[..., Any], tmp_path: Path
) -> None:
    done = curate(asked(Answering()), tmp_path / "out")
    assert len(done.records) == SAMPLES
    recipes = record_of(done.output)["usage"]["recipes"]
    for name, fields in (("hqclip", ["long_positive", "short_positive"]), ("laclip", ["rewrites"])):
        written = [record["provenance"][fields[0]] for record in done.records]
        published = recipes[name]["published"]
        assert published["samples"] == SAMPLES
        assert published["tokens_in"] == sum(one["tokens_in"] for one in written)
        assert published["tokens_out"] == sum(one["tokens_out"] for one in written)
        assert sum(published["fields"].values()) == published["tokens_out"]
        for field in fields:
            assert recipes[name]["texts"][field]["kept"] == sum(len(record[field]) for record in done.records)
    assert recipes["hqclip"]["texts"] == {
        "long_positive": {"kept": SAMPLES, "dropped": {"digits alone": SAMPLES, "same": SAMPLES}},
        "long_negative": {"kept": SAMPLES, "dropped": {"digits alone": SAMPLES, "same": SAMPLES}},
        "short_positive": {"kept": SAMPLES, "dropped": {"repeated": SAMPLES}},
        "short_negative": {"kept": SAMPLES, "dropped": {"in short_positive": SAMPLES}},
    }
    assert recipes["hqclip"]["published"]["cost"] == recipes["hqclip"]["cost"]
    card = (done.output / "README.md").read_text()
    assert f"{recipes['hqclip']['published']['tokens_in']:,}" in card


def test_a_rerun_spends_nothing_and_says_the_same(
    curate: Curate, asked: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = asked(Answering())
    first = curate(config, tmp_path / "out")
    before = record_of(first.output)["usage"]
    monkeypatch.setattr("pipelines.usage.run_pipeline", None)  # nothing is counted anew
    again = curate(config, tmp_path / "out")
    assert record_of(again.output)["usage"] == before
    assert again.digests == first.digests
    assert sorted(path.name.partition("-")[0] for path in (again.output / "work" / "usage").iterdir()) == [
        "pace.json", "spent", "written",
    ]  # fmt: skip


def test_what_another_configuration_spent_stays_in_the_sum(
    curate: Curate, asked: Callable[..., Any], tmp_path: Path
) -> None:
    answering = Answering()
    curate(asked(answering), tmp_path / "out")
    fewer = asked(answering, annotate=[{"recipe": "laclip", "worker": "dear"}])
    done = curate(fewer, tmp_path / "out")
    record = record_of(done.output)
    assert record["tokens"]["out"] == sum(reply.tokens_out for _, reply in answering.given)
    assert {name: set(told) >= {"texts"} for name, told in record["usage"]["recipes"].items()} == {
        "laclip": True, "hqclip": False,
    }  # fmt: skip
    assert record["usage"]["recipes"]["hqclip"]["cost"] is None
    assert record["cost"] == record["usage"]["recipes"]["laclip"]["cost"] > 0


def test_rules_cost_nothing_and_nothing_is_said(
    curate: Curate, shards: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [{"recipe": "hqclip", "worker": "w"}]
    config = {"input": {"shards": shards}, "workers": {"w": {"kind": "rules"}}, "annotate": steps}
    done = curate(config, tmp_path / "out")
    record = record_of(done.output)
    texts: dict[str, Any] = {
        name: {"kept": sum(len(one[name]) for one in done.records), "dropped": {}}
        for name in ("long_positive", "long_negative", "short_positive", "short_negative")
    }
    told = {
        "recipes": {"hqclip": {"texts": texts}}, "endpoints": {}, "pace": {"replies": 0, "seconds": 0.0},
    }  # fmt: skip
    assert texts["long_positive"]["kept"] > 0
    assert (record["tokens"], record["cost"], record["usage"]) == ({"in": 0, "out": 0}, None, told)
    assert "No model was asked" in (done.output / "report.html").read_text()
    assert "Tokens and cost" not in (done.output / "README.md").read_text()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("stage", [annotate_and_tell, lambda run: run_curate(run, Display())])
def test_a_server_that_ignores_the_schema_is_named_also_where_it_stops_the_run(
    asked: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], stage: Callable[..., Any]
) -> None:
    def prose(request: Request) -> Reply:
        return Reply(text="A nice picture.", model="tiny", tokens_in=9, tokens_out=4, endpoint=ONE)

    path = tmp_path / "run.json"
    path.write_text(json.dumps({"name": "test", "output": str(tmp_path / "out"), **asked(prose)}))
    run = open_run(load_config(str(path), RunConfig))
    with only_writer(run):
        with pytest.raises(DropRatioError, match=r"annotate \(hqclip\) rejected 10 of 10"):
            run_curate(run)
        capsys.readouterr()
        with pytest.raises(DropRatioError, match=r"annotate \(hqclip\) rejected 10 of 10"):
            stage(run)
    told = capsys.readouterr().err
    assert "hqclip: 20 replies to 20 requests; 180 tokens in, 80 out; cost 0.0012\n" in told
    assert f"{ONE} ignored the JSON schema in 40 of 40 replies; use a server that enforces" in told
    assert count_written(run) is not None
    assert sum(n for (_, _, what), n in count_spent(run).items() if what == "replies") == 40

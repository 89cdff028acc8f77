"""What publishing writes, removes and leaves."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from demo_data.scenes import write_scenes
from pipelines import publish
from pipelines.load_config import load_config
from pipelines.publish import FINISHED, publish_mark
from pipelines.run import open_run
from pipelines.verify import verify
from schemas.config import RunConfig
from schemas.errors import AccountingError
from transforms.accounts import Account

Curate = Callable[..., Any]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=15, seed=30, size_px=64, per_shard=5)
    return {
        "input": {"shards": f"{folder}/*.tar"},
        "profile": {"filters": [{"kind": "words", "min": 4}]},
        "publish": {"samples_per_shard": 4},
    }


def test_all_shards_but_the_last_are_full_and_keys_run_on(
    curate: Curate, config: dict[str, Any], tmp_path: Path
) -> None:
    done = curate(config, tmp_path / "out")
    number = done.counts["published"]
    assert 8 < number < 15
    sizes = json.loads((done.output / "shards" / "sizes.json").read_text())
    assert list(sizes) == sorted(path.name for path in (done.output / "shards").glob("*.tar"))
    assert set(list(sizes.values())[:-1]) == {4}
    assert sum(sizes.values()) == number
    assert sorted(done.samples) == [f"{n:09d}" for n in range(number)]
    order = [(record["source"]["shard"], record["source"]["key"]) for record in done.records]
    assert order == sorted(order)


def test_rejected_rows_lie_by_shard_in_the_order_of_the_input(
    curate: Curate, config: dict[str, Any], tmp_path: Path
) -> None:
    done = curate(config, tmp_path / "out")
    assert len(done.rejected) == 15 - done.counts["published"]
    for path in (done.output / "rejected").iterdir():
        rows = pq.read_table(path).to_pylist()
        assert [row["key"] for row in rows] == sorted(row["key"] for row in rows)
        assert {row["shard"] for row in rows} == {f"{path.name[:5]}.tar"}
        assert all(int(row["value"].removesuffix(" words")) < 4 for row in rows)


def test_larger_shards_leave_no_smaller_ones_behind(
    curate: Curate, config: dict[str, Any], tmp_path: Path
) -> None:
    curate(config, tmp_path / "out")
    done = curate(config, tmp_path / "out", "publish.samples_per_shard=100")
    assert sorted(path.name for path in (done.output / "shards").iterdir()) == ["00000.tar", "sizes.json"]
    assert verify(str(done.output)) == []
    assert done.digests == curate(config, tmp_path / "new", "publish.samples_per_shard=100").digests


def test_rejected_tables_of_an_earlier_configuration_go(
    curate: Curate, config: dict[str, Any], tmp_path: Path
) -> None:
    assert curate(config, tmp_path / "out").rejected
    done = curate(config, tmp_path / "out", "profile.filters=[]")
    assert list((done.output / "rejected").iterdir()) == []
    assert done.counts["published"] == 15
    assert verify(str(done.output)) == []


def test_a_published_shard_that_was_lost_is_written_again(
    curate: Curate, config: dict[str, Any], tmp_path: Path
) -> None:
    first = curate(config, tmp_path / "out")
    (first.output / "shards" / "00001.tar").unlink()
    for name in FINISHED:
        (first.output / name).unlink()
    assert curate(config, tmp_path / "out").digests == first.digests


def test_nothing_says_complete_where_publishing_stops(
    curate: Curate, config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = curate(config, tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(publish, "write_shards", lambda *_: {"published": 3})
        with pytest.raises(AccountingError, match=r"15 samples came in and .* but 3 were published"):
            curate(config, tmp_path / "out")
    assert not any((first.output / name).exists() for name in FINISHED)
    assert curate(config, tmp_path / "out").digests == first.digests


def test_run_json_holds_how_it_was_made_and_no_texts(
    curate: Curate, config: dict[str, Any], tmp_path: Path
) -> None:
    annotated = config | {
        "workers": {"w": {"kind": "rules"}},
        "annotate": [{"recipe": "hqclip", "worker": "w"}],
    }
    done = curate(annotated, tmp_path / "out")
    text = (done.output / "run.json").read_text()
    record = json.loads(text)
    assert record["config"]["publish"] == {"samples_per_shard": 4}
    assert record["config"]["input"]["shards"] == [config["input"]["shards"]]
    assert [recipe["name"] for recipe in record["recipes"]] == ["hqclip"]
    assert record["recipes"][0]["model"] == "rules"
    assert set(record["versions"]) >= {"python", "pairwright", "apache-beam", "pillow"}
    assert record["coverage"]["long_positive"] == sum(bool(r["long_positive"]) for r in done.records)
    assert all(sample["alt_text"] not in text for sample in done.records)


def test_the_mark_names_all_that_decides_the_output(config: dict[str, Any], tmp_path: Path) -> None:
    def mark(*settings: str, out: str = "a") -> str:
        path = tmp_path / "run.yaml"
        path.write_text(json.dumps({"name": "test", "output": "x", **config}))
        return publish_mark(open_run(load_config(str(path), RunConfig, settings, str(tmp_path / out))))

    same = [mark(), mark(out="b"), mark("chunk_samples=3")]
    other = [
        mark("publish.samples_per_shard=5"),
        mark("profile.filters.0.min=5"),
        mark("dedup={exact: true}"),
        mark("input.max_pixels=1000000"),
    ]
    assert len(set(same)) == 1
    assert len({same[0], *other}) == 5


def test_an_account_is_whole() -> None:
    counted = Account(entered=5, rejected={("dropped", "profile", "words"): 2})
    assert counted.kept == 3

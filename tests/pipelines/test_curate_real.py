"""Real shards, odd ones too: every sample is accounted for."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from pipelines.load_config import load_config
from pipelines.run import open_run
from pipelines.verify import verify
from schemas.config import RunConfig
from schemas.filters import Filter
from schemas.reasons import REASONS
from tests.tars import members_of, write_tar

Curate = Callable[..., Any]


def test_odd_shards_and_odd_images_are_all_accounted_for(
    curate: Curate, shared_data: Path, tmp_path: Path
) -> None:
    odd = shared_data / "odd_shards"
    config = {
        "input": {
            "shards": [
                f"{shared_data}/coco_open/shards/00000.tar",
                f"{shared_data}/odd_images/shards/*.tar",
                f"{odd}/**/*.tar",
                f"{odd}/**/*.tgz",
                f"{odd}/**/*.tar.gz",
            ]
        },
        "profile": {"filters": [{"kind": "side", "min_px": 8}], "max_drop_ratio": 1},
        "dedup": {"near": {"max_distance": 4}, "max_drop_ratio": 1},
        "workers": {"w": {"kind": "rules"}},
        "annotate": [{"recipe": "hqclip", "worker": "w"}],
        "publish": {"samples_per_shard": 50},
    }
    config["input"]["shards"] = [p for p in config["input"]["shards"] if "odd_shards" not in p or any_of(p)]
    check_accounts(curate(config, tmp_path / "out"))


def any_of(pattern: str) -> bool:
    folder, _, rest = pattern.partition("/**/")
    return any(Path(folder).rglob(rest))


def check_accounts(done: Any) -> None:
    counts = done.counts
    rejected = [n for kind in ("dropped", "failed") for r in counts[kind].values() for n in r.values()]
    assert counts["in"] == counts["published"] + sum(rejected)
    assert len(done.rejected) == sum(rejected)
    kinds = {get_args(model.model_fields["kind"].annotation)[0] for model in get_args(get_args(Filter)[0])}
    assert {row["reason"] for row in done.rejected} <= set(REASONS) | kinds
    assert all(row["stage"] and row["kind"] in ("dropped", "failed") for row in done.rejected)
    assert len(done.samples) == counts["published"] > 0
    assert verify(str(done.output)) == []


def test_pictures_with_alpha(curate: Curate, shared_data: Path, tmp_path: Path) -> None:
    names = ("noto_emoji/shards/00000.tar", "nlvr_scenes/shards/00000.tar")
    for number, name in enumerate(names):
        source = shared_data / name
        head = tmp_path / str(number) / "head.tar"
        write_tar(head, list(members_of(source).items())[:900])
    config = {
        "input": {"shards": f"{tmp_path}/*/head.tar"},
        "dedup": {"near": {"max_distance": 2}, "max_drop_ratio": 1},
        "workers": {"w": {"kind": "rules"}},
        "annotate": [{"recipe": "hqclip", "worker": "w"}, {"recipe": "laclip", "worker": "w"}],
        "publish": {"samples_per_shard": 100},
    }
    done = curate(config, tmp_path / "out")
    check_accounts(done)
    assert done.counts["in"] == 600
    assert {record["facts"]["mode"] for record in done.records} == {"RGBA"}
    assert set(done.counts["dropped"]["dedup"]) <= {"exact_duplicate", "near_duplicate"}


def test_alt_text_without_pictures_names_the_tool_that_fetches_them(
    shared_data: Path, tmp_path: Path
) -> None:
    shard = shared_data / "alt_text" / "test_files" / "test_1000.parquet"
    path = tmp_path / "run.yaml"
    path.write_text(f"name: x\ninput: {{shards: {shard}}}\noutput: {tmp_path}/out\n")
    with pytest.raises(ValueError, match="img2dataset") as raised:
        open_run(load_config(str(path), RunConfig))
    assert "\n" not in str(raised.value)
    assert not os.path.exists(tmp_path / "out")

"""What a run says of its stages as they end."""

import json
from pathlib import Path

import pytest

from demo_data.scenes import write_scenes
from pipelines.curate import run_curate
from pipelines.load_config import load_config
from pipelines.progress_display import Display
from pipelines.run import only_writer, open_run
from schemas.config import RunConfig
from transforms.accounts import Account

STAGES = ["profile", "dedup", "annotate", "publish"]


def test_a_stage_that_was_done_before_has_no_rate(capsys: pytest.CaptureFixture[str]) -> None:
    counted = Account(entered=1200)
    Display().finished("dedup", counted, 2.0)
    Display().finished("dedup", counted, 0.0001, before=True)
    assert capsys.readouterr().err.splitlines() == [
        "dedup         1,200 in     1,200 kept      2.0 s      600/s",
        "dedup         1,200 in     1,200 kept  done before",
    ]


def test_a_rerun_says_which_stages_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_scenes(tmp_path / "in", count=4, seed=1, size_px=64, per_shard=2)
    values = {
        "name": "test",
        "input": {"shards": f"{tmp_path}/in/*.tar"},
        "output": str(tmp_path / "out"),
        "workers": {"rules": {"kind": "rules"}},
        "annotate": [{"recipe": "laclip", "worker": "rules"}],
    }
    (tmp_path / "run.json").write_text(json.dumps(values))

    def done_before(*settings: str) -> list[str]:
        run = open_run(load_config(str(tmp_path / "run.json"), RunConfig, settings))
        with only_writer(run):
            run_curate(run, Display())
        lines = capsys.readouterr().err.splitlines()
        told = {line.split()[0]: line.endswith("done before") for line in lines if line[0] != " "}
        return [name for name in STAGES if told[name]]

    assert done_before() == []
    assert done_before() == STAGES
    assert done_before("publish.samples_per_shard=3") == ["profile", "dedup", "annotate"]
    assert done_before("profile.filters=[{kind: chars, min: 1}]", "publish.samples_per_shard=3") == []

"""Whatever an engine raises, the user reads one line; and every stage runs by itself."""

import errno
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import yaml

from lvlm_workers.base import WorkerError
from pipelines.annotate import run_annotate
from pipelines.command import main, run_command
from pipelines.dedup import run_dedup
from pipelines.engine import explain, run_pipeline
from pipelines.profile import run_profile
from pipelines.publish import run_publish
from pipelines.verify import verify
from schemas.errors import ConfigError, DropRatioError, RunError

ROOT = Path(__file__).parents[2]
RESUMES = "(what is committed stays; run again to resume)"


def behind(error: BaseException) -> RuntimeError:
    """Return what Beam raises where it cannot make the same kind of error again."""
    try:
        try:
            raise error
        except BaseException as caught:
            raise RuntimeError(f"{caught!r} [while running 'Stage/ParDo(_Do)']") from caught
    except RuntimeError as raised:
        return raised


def test_our_own_error_is_found_behind_beams() -> None:
    found = explain(behind(DropRatioError("too many; allow it")))
    assert (type(found), str(found)) == (DropRatioError, "too many; allow it")


def test_our_own_error_counts_more_than_what_caused_it() -> None:
    try:
        try:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", "x")
        except FileNotFoundError as error:
            raise RunError("x is gone; fetch it") from error
    except RunError as error:
        assert str(explain(behind(error))) == "x is gone; fetch it"


def test_the_step_is_taken_off_our_own_words() -> None:
    found = explain(WorkerError("the server is down; start it [while running 'Annotate a/ParDo(_Annotate)']"))
    assert (type(found), str(found)) == (WorkerError, "the server is down; start it")


@pytest.mark.parametrize(
    ("number", "mend"),
    [
        (errno.ENOSPC, "No space left on device (/out/a): free some space"),
        (errno.EFBIG, "File too large (/out/a): raise the limit on file sizes"),
        (errno.EDQUOT, "Disk quota exceeded (/out/a): raise the quota or free some space"),
        (errno.EACCES, "Permission denied (/out/a): change the permissions"),
        (errno.EMFILE, "Too many open files (/out/a): raise the limit on open files (ulimit -n)"),
        (errno.EIO, "Input/output error (/out/a): mend it"),
    ],
)
def test_errors_of_the_machine_name_the_mend(number: int, mend: str) -> None:
    import os

    error = OSError(number, os.strerror(number), "/out/a")
    for raised in (error, behind(error)):
        assert str(explain(raised)) == f"{mend} and run again; what is committed stays"
    text = f"Traceback (most recent call last):\n  File 'x'\nOSError: {error} [while running 'A/ParDo(B)']\n"
    assert str(explain(RuntimeError(text))) == f"{mend} and run again; what is committed stays"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "Traceback (most recent call last):\n  File 'a.py'\n    raise\n"
            "schemas.errors.RunError: a.tar changed; run afresh [while running 'Publish']\n\n",
            "a.tar changed; run afresh",
        ),
        ("Error\nlvlm_workers.base.WorkerError: down; start it\n", "down; start it"),
        (
            "Traceback:\nValueError: first\n\nDuring handling ...\npyarrow.lib.ArrowInvalid: no magic bytes",
            f"ArrowInvalid: no magic bytes {RESUMES}",
        ),
        ("it went\n wrong", f"RuntimeError: it went wrong {RESUMES}"),
        ("", f"RuntimeError: {RESUMES}"),
    ],
)
def test_text_of_another_process(text: str, line: str) -> None:
    found = explain(RuntimeError(text))
    assert isinstance(found, RunError)
    assert str(found) == line


def test_any_error_in_a_pipeline_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: int) -> None:
        raise KeyError("no such\nkey")

    def build(pipeline: beam.Pipeline) -> None:
        _ = pipeline | beam.Create([1]) | beam.Map(fail)

    level = logging.getLogger().level
    with pytest.raises(RunError) as raised:
        run_pipeline(build, [])
    assert "KeyError" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert caplog.records == []
    assert logging.getLogger().level == level


def test_an_error_of_ours_keeps_its_kind_through_a_pipeline() -> None:
    def fail(_: int) -> None:
        raise DropRatioError("too many; allow it")

    def build(pipeline: beam.Pipeline) -> None:
        _ = pipeline | beam.Create([1]) | beam.Map(fail)

    with pytest.raises(DropRatioError, match="^too many; allow it$"):
        run_pipeline(build, [])


def test_a_user_who_stops_a_pipeline_is_no_error_of_it() -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    def build(pipeline: beam.Pipeline) -> None:
        _ = pipeline | beam.Create([1]) | beam.Map(stop)

    with pytest.raises(KeyboardInterrupt):
        run_pipeline(build, [])


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (ConfigError("wrong; mend it"), 2, "pairwright: wrong; mend it\n"),
        (RunError("stopped; go on"), 1, "pairwright: stopped; go on\n"),
        (ValueError("odd input; mend it"), 2, "pairwright: odd input; mend it\n"),
        (KeyboardInterrupt(), 130, "pairwright: stopped; the same command resumes\n"),
        (BrokenPipeError(), 1, ""),
        (
            PermissionError(errno.EACCES, "Permission denied", "/a"),
            1,
            "pairwright: Permission denied (/a): change the permissions and run again; "
            "what is committed stays\n",
        ),
    ],
)
def test_exit_statuses(
    error: BaseException, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> int:
        raise error

    assert run_command(command) == status
    assert capsys.readouterr().err == line


# Every stage by itself.

STAGES: dict[str, Callable[..., Any]] = {
    "profile": run_profile,
    "dedup": run_dedup,
    "annotate": run_annotate,
    "publish": run_publish,
}


@pytest.fixture
def config(demo: Path, tmp_path: Path) -> Path:
    values = yaml.safe_load((ROOT / "configs" / "quickstart.yaml").read_text())
    values["input"]["shards"] = [f"{demo}/00000.tar", f"{demo}/00005.tar.gz"]
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def run_stage(name: str, config: Path, output: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", [name, "--config", str(config), "--out", str(output)])
    with pytest.raises(SystemExit) as raised:
        main(STAGES[name], "A stage.")
    return int(raised.value.code or 0)


def test_stages_one_after_the_other_do_what_curate_does(
    config: Path,
    tmp_path: Path,
    curate: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = curate(config, tmp_path / "whole")
    for name in STAGES:
        assert run_stage(name, config, tmp_path / "out", monkeypatch) == 0
        assert not (tmp_path / "out" / "run.json").exists() or name == "publish"
    again = curate(config, tmp_path / "out")
    assert again.digests == whole.digests
    assert again.counts == whole.counts
    assert verify(str(tmp_path / "out")) == []
    entered, kept = whole.counts["in"], whole.counts["published"]
    assert capsys.readouterr().out.splitlines()[-1] == f"{entered} samples in, {kept} kept"


@pytest.mark.parametrize(
    ("name", "missing"), [("dedup", "profile"), ("annotate", "dedup"), ("publish", "dedup")]
)
def test_a_stage_before_its_time_says_which_comes_first(
    config: Path,
    tmp_path: Path,
    name: str,
    missing: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_stage(name, config, tmp_path / "out", monkeypatch) == 1
    assert capsys.readouterr().err == (
        f"pairwright: {missing} is not done with this configuration; run `python -m pipelines.{missing}` "
        "first, or `pairwright curate` for all stages\n"
    )


def test_beams_own_way(config: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pipelines.profile",
        "--config",
        str(config),
        "--out",
        str(tmp_path / "o"),
    ]
    done = subprocess.run(
        [*command, "--direct_running_mode=in_memory"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" kept\n")


def test_a_dataflow_job_says_where_it_is_and_no_options(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("apache_beam.runners.dataflow.internal.apiclient")

    def build(pipeline: beam.Pipeline) -> None:
        logger.info("sdk_pipeline_options: %s", {"s3_secret_access_key": "hidden"})
        logger.info(
            "To access the Dataflow monitoring console, please navigate to https://example.org/jobs/7"
        )
        logger.info("Job %s is in state %s", "2026-11-22_00_00-7", "JOB_STATE_RUNNING")

    run_pipeline(build, [])
    said = capsys.readouterr().err.splitlines()
    assert [line.split()[-1] for line in said] == ["https://example.org/jobs/7", "JOB_STATE_RUNNING"]
    logger.info("To access the Dataflow monitoring console, ...")
    assert capsys.readouterr().err == ""

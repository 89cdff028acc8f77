"""Whatever is wrong, the user reads one line with the mend, and nothing looks complete that is not."""

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pairwright.cli import main
from pipelines.load_config import load_config
from pipelines.run import only_writer, open_run
from pipelines.verify import verify
from schemas.config import RunConfig
from transforms import publish_shards
from transforms.publish import write_shard

ROOT = Path(__file__).parents[2]
COMPLETE = ("run.json", "index.parquet", "shards/sizes.json", "README.md")


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run a command; return its exit status and its one line of error."""

    def run(*argv: object) -> tuple[int, str]:
        status = main([str(argument) for argument in argv])
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("pairwright: ")
        assert "Traceback" not in line
        return status, line.removeprefix("pairwright: ")

    return run


def look_complete(output: Path) -> list[str]:
    return [name for name in COMPLETE if (output / name).exists()]


Told = Callable[..., tuple[int, str]]


@pytest.mark.parametrize(
    ("shards", "said"),
    [
        ("{folder}/none.tar", "'{folder}/none.tar' does not exist; correct input.shards"),
        ("{folder}/none/*.tar", "the glob '{folder}/none/*.tar' finds no file; correct input.shards"),
        ("{folder}/*.yaml", "finds 1 files but no shard (known are .tar, .tar.gz, .tgz and .parquet)"),
        ("{folder}/in", "'{folder}/in' is a folder; name its shards: '{folder}/in/*.tar'"),
        ("{folder}/run.yaml", "is no shard by its ending"),
        ("{folder}/in/0000{{0,1.tar", "input.shards"),
        ("s3://bucket/*.tar", "install apache-beam[aws] and check the credentials"),
        ("gs://bucket/*.tar", "install apache-beam[gcp] and check the credentials"),
        ("''", "which is no path"),
    ],
)
def test_input_that_is_not_there(small: Path, told: Told, shards: str, said: str) -> None:
    folder = small.parent
    status, line = told("curate", small, "--set", f"input.shards={shards.format(folder=folder)}")
    assert status == 2
    assert said.format(folder=folder) in line
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("publish.samples_per_shrad=4", "publish.samples_per_shrad: unknown field; did you mean"),
        ("profile.filters.0.kind=wrds", "unknown kind 'wrds'; did you mean 'words'?"),
        ("publish.samples_per_shard=0", "publish.samples_per_shard: 0 is too small; give 1"),
        ("annotate.0.recipe=hqcilp", "recipe 'hqcilp' is not known; use one of bilingual, cloc_phrases"),
        ("annotate.0.worker=nobody", "annotate names worker 'nobody', but workers has baseline"),
        ("dedup.decontaminate=[none.parquet]", "none.parquet' is not there; mend dedup"),
        ("name=../../etc", "name: "),
        ("publish", "--set publish: write it as path.to.field=value"),
    ],
)
def test_a_configuration_that_is_wrong(small: Path, told: Told, setting: str, said: str) -> None:
    status, line = told("curate", small, "--set", setting)
    assert (status, said in line) == (2, True), line
    assert not (small.parent / "out").exists()


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--no_such_option=1", "Beam knows no option --no_such_option=1"),
        ("--direct_num_work=2", "Beam knows no option --direct_num_work=2"),
        ("--direct_num_workers=many", "argument --direct_num_workers: invalid int value: 'many'"),
        ("--runner=Flonk", "--runner=Flonk: Unexpected pipeline runner: Flonk. Valid values are"),
    ],
)
def test_beam_options_that_beam_would_drop_or_trip_over(
    small: Path, told: Told, option: str, said: str
) -> None:
    status, line = told("curate", small, "--", option)
    assert (status, said in line) == (2, True), line
    assert not (small.parent / "out").exists()


def test_a_configuration_that_is_not_there(told: Told, tmp_path: Path) -> None:
    status, line = told("curate", tmp_path / "none.yaml")
    assert status == 2
    assert line.endswith("none.yaml: No such file or directory; give the path of a configuration, such as "
                         "those in configs/")  # fmt: skip


@pytest.mark.parametrize(
    ("command", "status"), [(("inspect",), 2), (("doctor",), 2), (("hashes", "--out", "x"), 2)]
)
def test_other_commands_say_what_is_not_there(
    told: Told, tmp_path: Path, command: tuple[str, ...], status: int
) -> None:
    found, line = told(*command, tmp_path / "none.tar")
    assert found == status
    assert str(tmp_path / "none.tar") in line
    assert ";" in line


def test_inspect_names_a_run_that_is_not_finished(told: Told, tmp_path: Path) -> None:
    status, line = told("inspect", tmp_path)
    assert status == 2
    assert line == (
        f"{tmp_path} is a folder without run.json, so no run finished it; "
        "give a run's output folder or a shard"
    )


def test_verify_of_nothing_says_what_is_missing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["verify", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "run.json: missing; run `pairwright curate` again",
        "shards/sizes.json: missing; run `pairwright curate` again",
        "index.parquet: missing; run `pairwright curate` again",
    ]


# The output folder.


def test_the_output_of_another_run(small: Path, told: Told) -> None:
    output = small.parent / "out"
    assert main(["curate", str(small), "--quiet"]) == 0
    before = json.loads((output / "run.json").read_text())
    status, line = told("curate", small, "--set", "name=other")
    assert (status, line) == (
        2,
        f"{output} holds the run 'small', not 'other'; give another --out, or remove that folder",
    )
    other = small.parent / "other"
    other.mkdir()
    shutil.copy(small.parent / "in" / "00000.tar", other / "x.tar")
    status, line = told("curate", small, "--set", f"input.shards={other}/x.tar")
    assert (status, line) == (
        2,
        f"{output} holds a run over other shards, or all have changed since; "
        "give another --out, or remove that folder",
    )
    assert json.loads((output / "run.json").read_text()) == before
    assert verify(str(output)) == []


@pytest.mark.parametrize("name", ["photo.jpg", "shards/00000.tar", "work/notes/a.txt", ".hidden"])
def test_somebodys_files_are_left_alone(small: Path, told: Told, name: str) -> None:
    output = small.parent / "out"
    (output / name).parent.mkdir(parents=True, exist_ok=True)
    (output / name).write_bytes(b"mine")
    status, line = told("curate", small)
    assert (status, line) == (2, f"{output} is no run's output but holds {output / name}; give another --out")
    assert [path.relative_to(output) for path in output.rglob("*") if path.is_file()] == [Path(name)]
    assert (output / name).read_bytes() == b"mine"


def test_the_folder_above_the_input_is_no_output(small: Path, told: Told) -> None:
    folder = small.parent
    (folder / "data").mkdir()
    (folder / "in").rename(folder / "data" / "shards")
    before = {path: path.read_bytes() for path in (folder / "data" / "shards").iterdir()}
    status, _ = told(
        "curate", small, "--out", folder / "data", "--set", f"input.shards={folder}/data/shards/*.tar"
    )
    assert status == 2
    assert {path: path.read_bytes() for path in (folder / "data" / "shards").iterdir()} == before


@pytest.mark.parametrize("below", ["", "/deeper"])
def test_a_file_in_the_place_of_the_output(small: Path, told: Told, below: str) -> None:
    (small.parent / "file").write_bytes(b"mine")
    status, line = told("curate", small, "--out", f"{small.parent}/file{below}")
    assert status == 2
    file = f"{small.parent}/file"
    assert line == f"output {file}{below} cannot be used ({file} is a file); give another --out"
    assert (small.parent / "file").read_bytes() == b"mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_without_permission(small: Path, told: Told) -> None:
    small.parent.joinpath("closed").mkdir(mode=0o500)
    status, line = told("curate", small, "--out", small.parent / "closed" / "out")
    assert status == 2
    assert "cannot be used (Permission denied); give another --out" in line


@pytest.mark.parametrize("output", ["s3://bucket/out", "gs://bucket/out", "hdfs://host/out"])
def test_an_output_on_a_service_that_is_not_set_up(small: Path, told: Told, output: str) -> None:
    status, line = told("curate", small, "--out", output)
    assert status == 2
    assert line.startswith(f"output {output} cannot be used (")
    assert line.endswith(
        "check the credentials and that Beam's extra for it is installed (aws, gcp, azure, hadoop)"
    )


def test_an_output_that_another_process_writes(small: Path, told: Told) -> None:
    output = small.parent / "out"
    with only_writer(open_run(load_config(str(small), RunConfig))):
        status, line = told("curate", small)
    assert (status, line) == (2, f"another process is writing {output}; wait for it or stop it")
    assert look_complete(output) == []
    assert main(["curate", str(small), "--quiet"]) == 0
    assert verify(str(output)) == []


# A run that stops.


def test_a_stage_that_drops_too_much(small: Path, told: Told) -> None:
    output = small.parent / "out"
    settings = ["--set", "profile.filters.0.min=999", "--quiet"]
    status, line = told("curate", small, *settings)
    assert (status, line) == (
        1,
        "profile rejected 10 of 10 samples (100.0%), more than profile.max_drop_ratio=0.9 allows; "
        "10 of them for 'words'. Look into that, or allow it with --set profile.max_drop_ratio=1",
    )
    assert look_complete(output) == []
    assert main(["curate", str(small), *settings, "--set", "profile.max_drop_ratio=1"]) == 0
    assert verify(str(output)) == []


def test_a_shard_that_changes_during_the_run(small: Path, told: Told) -> None:
    assert main(["curate", str(small), "--quiet"]) == 0
    shard = small.parent / "in" / "00000.tar"
    data = bytearray(shard.read_bytes())
    data[600:700] = bytes(100)  # within the first picture
    before = shard.stat()
    shard.write_bytes(data)
    os.utime(shard, ns=(before.st_atime_ns, before.st_mtime_ns))  # or it would be measured again
    status, line = told("curate", small, "--quiet", "--set", "publish.samples_per_shard=3")
    assert status == 1
    assert "00000.tar: the image of '000000000' is not the one that was profiled" in line
    assert "remove the output folder and run again" in line
    assert look_complete(small.parent / "out") == []


def test_a_checkpoint_damaged_by_a_power_failure(small: Path, told: Told) -> None:
    output = small.parent / "out"
    assert main(["curate", str(small), "--quiet"]) == 0
    for folder in ("facts", "profile", "dedup", "annotations/hqclip", "index"):
        damaged = min(path for path in (output / "work" / folder).iterdir() if path.suffix == ".parquet")
        damaged.write_bytes(b"")
        status, line = told("curate", small, "--quiet")
        assert status == 1
        assert line.startswith(f"{damaged} is damaged (")
        assert line.endswith("; remove it and run again")
        damaged.unlink()
    assert main(["curate", str(small), "--quiet"]) == 0
    assert verify(str(output)) == []


def test_a_disk_that_is_full_while_shards_are_written(
    small: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = small.parent / "out"
    assert main(["curate", str(small), "--quiet", "--out", str(small.parent / "whole")]) == 0
    write = write_shard.write_output_shard

    def full(plan: Any, pieces: Any, path: str) -> Any:
        if plan.number == 1:
            raise OSError(errno.ENOSPC, "No space left on device", path)
        return write(plan, pieces, path)

    with monkeypatch.context() as patch:
        patch.setattr(publish_shards, "write_output_shard", full)
        status, line = told("curate", small, "--quiet")
    assert (status, line) == (
        1,
        f"No space left on device ({output}/shards/00001.tar): free some space and run again; "
        "what is committed stays",
    )
    assert look_complete(output) == []
    assert main(["curate", str(small), "--quiet"]) == 0
    assert contents(output) == contents(small.parent / "whole")


def contents(output: Path) -> dict[str, bytes]:
    names = [path.relative_to(output) for path in sorted(output.rglob("*")) if path.is_file()]
    return {
        str(name): (output / name).read_bytes()
        for name in names
        if name.parts[0] != "work" and str(name) not in ("run.json", "report.html")
    }


def limit_files(size_bytes: int) -> Callable[[], None]:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))

    return limit


@pytest.mark.parametrize("size_bytes", [2_000, 12_000])
def test_files_that_cannot_grow_stop_the_run_and_the_next_one_resumes(small: Path, size_bytes: int) -> None:
    output = small.parent / "out"
    command = [sys.executable, "-m", "pairwright", "curate", str(small), "--quiet"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, preexec_fn=limit_files(size_bytes)
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "pairwright: File too large: raise the limit on file sizes and run again; what is committed stays\n"
    )
    assert look_complete(output) == []
    assert main(["curate", str(small), "--quiet"]) == 0
    assert main(["curate", str(small), "--quiet", "--out", str(small.parent / "whole")]) == 0
    assert contents(output) == contents(small.parent / "whole")
    assert verify(str(output)) == []


def test_what_a_killed_run_left_half_written_goes_with_the_next(small: Path) -> None:
    output = small.parent / "out"
    assert main(["curate", str(small), "--quiet"]) == 0
    for folder in ("", "shards", "rejected", "work", "work/facts", "work/annotations/hqclip", "work/index"):
        (output / folder / ".writing-12345678-a").parent.mkdir(exist_ok=True)
        (output / folder / ".writing-12345678-a").write_bytes(b"half")
    assert len(verify(str(output))) == 7
    assert main(["curate", str(small), "--quiet"]) == 0
    assert list(output.rglob(".writing-*")) == []
    assert verify(str(output)) == []

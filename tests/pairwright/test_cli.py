"""The command line's own: what it prints, where, and the exit status."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pairwright import __version__
from pairwright.cli import main, split_beam_arguments

ROOT = Path(__file__).parents[2]


def run(*argv: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pairwright", *map(str, argv)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("given", "ours", "beams"),
    [
        (["curate", "c", "--", "--runner=X", "--", "-y"], ["curate", "c"], ["--runner=X", "--", "-y"]),
        (["curate", "c"], ["curate", "c"], []),
        (["curate", "c", "--"], ["curate", "c"], []),
        ([], [], []),
    ],
)
def test_beams_options_stand_behind_two_dashes(given: list[str], ours: list[str], beams: list[str]) -> None:
    assert split_beam_arguments(given) == (ours, beams)


def test_a_run_and_a_look_at_it(small: Path) -> None:
    output = small.parent / "out"
    done = run("curate", small)
    assert (done.returncode, done.stdout.splitlines()[1:]) == (
        0,
        [
            f"  shards       {output}/shards",
            f"  why dropped  {output}/rejected",
            f"  look         {output}/report.html, pairwright inspect {output}",
            f"  check        pairwright verify {output}",
        ],
    )
    assert done.stdout.startswith("10 samples in, 10 published in ")
    assert [line.split()[:2] for line in done.stderr.splitlines()] == [
        ["profile", "10"],
        ["dedup", "10"],
        ["annotate", "10"],
        ["publish", "10"],
    ]
    looked = run("verify", output)
    assert (looked.returncode, looked.stdout, looked.stderr) == (0, f"{output}: all holds\n", "")


def test_quiet_says_nothing(small: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["curate", str(small), "--quiet"]) == 0
    assert capfd.readouterr() == ("", "")


def test_reasons_are_told_as_the_stages_end(small: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["curate", str(small), "--set", "profile.filters.0.min=5"]) == 0
    err = capfd.readouterr().err
    counts = json.loads((small.parent / "out" / "run.json").read_text())["counts"]
    dropped = counts["dropped"]["profile"]["words"]
    assert 0 < dropped < 10
    assert f"          dropped words {dropped}\n" in err
    assert counts["in"] == counts["published"] + dropped


def test_inspect_and_verify(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = small.parent / "out"
    assert main(["curate", str(small), "--quiet"]) == 0
    assert main(["inspect", str(output), "--limit", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "run         small"
    assert sum(line.startswith("alt text") for line in lines) == 2
    (output / "shards" / "00000.tar").unlink()
    assert main(["verify", str(output)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "shards/00000.tar: missing; run `pairwright curate` again",
        "croissant.json: shards/00000.tar is described, but missing; run `pairwright curate` again",
    ]


def test_hashes_say_what_was_left_out(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (small.parent / "no.jpg").write_bytes(b"no picture")
    listed = small.parent / "list.parquet"
    shard = small.parent / "in" / "00000.tar"
    assert main(["hashes", str(shard), "--out", str(listed)]) == 0
    assert capsys.readouterr() == (f"{listed}: 5 images listed, 0 left out\n", "")
    assert main(["hashes", str(shard), str(small.parent / "no.jpg"), "--out", str(listed)]) == 1
    out, err = capsys.readouterr()
    assert out == f"{listed}: 5 images listed, 1 left out\n"
    assert err.startswith(f"{small.parent}/no.jpg: unknown_format")


def test_doctors_status_is_what_it_found(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard = small.parent / "in" / "00000.tar"
    assert main(["doctor", str(shard)]) == 0
    shard.write_bytes(shard.read_bytes()[:2000])
    assert main(["doctor", str(shard)]) == 1
    assert "truncated_shard (1)" in capsys.readouterr().out


def test_the_schema_is_json_for_editors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["required"] == ["name", "input", "output"]


@pytest.mark.parametrize("argv", [[], ["curat"], ["curate"], ["inspect", "x", "--limit", "many"]])
def test_a_wrong_command_has_status_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(argv)
    assert raised.value.code == 2
    assert "usage: pairwright" in capsys.readouterr().err


def test_beam_options_are_for_curate_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "x", "--", "--runner=X"]) == 2
    assert capsys.readouterr().err == "pairwright: only `pairwright curate` takes Beam options after --\n"


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["--version"])
    assert raised.value.code == 0
    assert capsys.readouterr().out == f"pairwright {__version__}\n"


def test_a_reader_that_stops_early_is_no_error(small: Path) -> None:
    command = f"{sys.executable} -m pairwright inspect {small.parent}/in/00000.tar --limit 100 | head -n 1"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ""

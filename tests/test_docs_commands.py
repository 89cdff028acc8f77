"""Every command in README.md and docs/ is run; parsed where it needs a model, a GPU, a cloud or minutes."""

import importlib.util
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from apache_beam.io.filesystems import FileSystems

from demo_data.build import build
from demo_data.scenes import write_scenes
from pairwright.cli import main, make_parser, split_beam_arguments
from pipelines.command import check_beam_arguments
from schemas.errors import ConfigError

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
PROGRAMS = {"pairwright", "python", "make", "torchrun", "pip", "docker", ".", "export"}
RUN = {"curate", "plan", "doctor", "inspect", "verify", "report", "hashes", "schema"}
"""Commands that run here as they stand; the others train or read checkpoints, and have tests of their own."""
PARSED = {
    "--runner": "tests/pipelines/test_engines.py and test_dataflow.py run or build it",
    "--direct_running_mode": "tests/pipelines/test_engines.py runs it, for a minute",
    "owlv2": "a checkpoint from the hub",
    "gs://": "a bucket",
    "CHECKPOINT": "a CLIP and a server: tests/pipelines/test_score.py scores with one",
}
"""What a command holds that is parsed only, and why."""
FILLED = {"N": "1", "CONFIG": "configs/quickstart.yaml", "OUT": "demo/output", "B": "demo/output"}
"""What stands for the words of a synopsis."""


def commands(page: str) -> Iterator[str]:
    """Yield the commands of a page's fenced blocks: what follows `$`, or each line of a block of commands."""
    for block in re.findall(r"^```\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL):
        lines = block.replace("\\\n", " ").splitlines()
        if any(line.startswith("$ ") for line in lines):
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        elif lines[0].split(" ")[0] not in PROGRAMS:
            assert not re.search(r"^pairwright ", block, re.MULTILINE), f"begin with a command: {block}"
            continue  # a folder, or what a command prints
        for line in lines:
            yield from (part.strip() for part in line.split(" && ") if part.strip())


def inline(page: str) -> Iterator[str]:
    """Yield the commands and modules of ours that stand in a sentence."""
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    yield from (" ".join(found.split()) for found in re.findall(r"`((?:pairwright|python -m) [^`]+)`", text))


def test_commands_are_found() -> None:
    assert "pairwright verify runs/mine" in {
        command.partition("#")[0].strip() for command in commands("README.md")
    }
    assert "python -m pipelines.plan_scaling" in set(commands("docs/scaling.md"))
    assert sum(len(list(commands(page))) for page in PAGES) > 25


def words(command: str) -> list[str]:
    """Return a command's arguments, those of a synopsis filled in, without its comment."""
    filled = re.sub(r"\[(-[^]]*)\]", r"\1", command).replace(" ...", "")
    return [FILLED.get(word, word) for word in shlex.split(filled, comments=True)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a user who has a checkout, the demo's input and some clean shards."""
    folder = tmp_path_factory.mktemp("user")
    shutil.copytree(ROOT / "configs", folder / "configs")
    build(folder / "demo" / "input", 0)
    write_scenes(folder / "data", count=24, seed=5, size_px=256, per_shard=8)
    write_scenes(folder / "data" / "shards", count=24, seed=5, size_px=256, per_shard=8)
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page(
    page: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(FileSystems, "_pipeline_options", None)
    if not (folder / "demo" / "output").exists():
        assert main(["curate", "configs/quickstart.yaml", "--quiet"]) == 0  # as `make demo` does
    for command in commands(page):
        program, *arguments = words(command)
        if program == "pairwright" and arguments[0] in RUN and not any(mark in command for mark in PARSED):
            assert main(arguments) == 0, f"{command}\n{capsys.readouterr().err}"
        else:
            check(program, arguments)


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_in_the_sentences_of_a_page(page: str) -> None:
    for command in inline(page):
        program, name, *arguments = words(command)
        if program == "python":
            assert importlib.util.find_spec(arguments[0]) is not None, command
            continue
        if name.startswith("-"):
            continue
        parser = make_parser()._subparsers._group_actions[0].choices[name]  # type: ignore[union-attr, index]
        known = set(parser._option_string_actions)
        asked = {word.split("=")[0] for word in arguments if word.startswith("--") and word != "--"}
        assert asked <= known, command


def check(program: str, arguments: list[str]) -> None:
    """Look at a command without running it: what it names is there, and its options are known."""
    match program:
        case "pairwright":
            ours, beams = split_beam_arguments(arguments)
            make_parser().parse_args(ours)
            check_options(beams)
        case "torchrun":
            make_parser().parse_args(arguments[arguments.index("pairwright") + 1 :])
        case "python":
            assert arguments[0] == "-m"
            assert importlib.util.find_spec(arguments[1]) is not None
            if "--config" in arguments:
                assert (ROOT / arguments[arguments.index("--config") + 1]).is_file()
                check_options(arguments[4:])
        case "make":
            assert re.search(rf"^{arguments[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        case "pip":
            extras = re.findall(r"(?:pairwright|\.)\[([a-z,]+)\]", " ".join(arguments))
            told = (ROOT / "setup.py").read_text()
            assert extras
            assert all(f'"{extra}": [' in told for one in extras for extra in one.split(","))
        case "docker":
            assert (ROOT / arguments[arguments.index("--file") + 1]).is_file()
        case "." | "export":
            assert arguments[0] in (".venv/bin/activate",) or "=" in arguments[0]
        case _:
            pytest.fail(f"nobody knows how to look at {program}; add it here")


def check_options(arguments: list[str]) -> None:
    """Look at Beam's options; a runner whose packages are not here is known all the same."""
    try:
        check_beam_arguments(arguments)
    except ConfigError as error:
        assert "apache_beam[gcp]" in str(error)

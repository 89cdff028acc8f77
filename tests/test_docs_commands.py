"""Every command and snippet in README.md and docs/ is run; parsed where it needs a GPU, a cloud or minutes.

What a page has its reader save is saved, and a server on loopback stands for the one that it asks.
"""

import gc
import importlib.util
import json
import re
import runpy
import shlex
import shutil
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from apache_beam.io.filesystems import FileSystems

from demo_data.build import build
from demo_data.scenes import render_scene, scene_members, write_scenes
from demo_data.tar_writing import add_member
from pairwright import commands as commands_of
from pairwright.cli import main, make_parser, split_beam_arguments
from pipelines.command import check_beam_arguments
from pipelines.load_config import load_config
from schemas.config import RunConfig
from schemas.errors import ConfigError
from schemas.train import TrainConfig

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
PROGRAMS = {"pairwright", "python", "make", "torchrun", "pip", "docker", ".", "export", "vllm", "img2dataset"}
RUN = {"curate", "plan", "doctor", "inspect", "verify", "report", "hashes", "schema"}
"""Commands that run here as they stand; the others train or read checkpoints, and have tests of their own."""
PARSED = {
    "--runner": "tests/pipelines/test_engines.py and test_dataflow.py run or build it",
    "--direct_running_mode": "tests/pipelines/test_engines.py runs it, for a minute",
    "owlv2": "a checkpoint from the hub",
    "BUCKET": "a bucket",
    "CHECKPOINT": "a CLIP and a server: tests/pipelines/test_score.py scores with one",
}
"""What a command holds that is parsed only, and why."""
FILLED = {"N": "1", "CONFIG": "configs/quickstart.yaml", "OUT": "demo/output", "B": "demo/output"}
"""What stands for the words of a synopsis."""
ELSEWHERE = {
    "docs/card.md": "tests/pipelines/test_card.py has mlcroissant read whole sets",
}
"""Pages whose Python is run by other tests."""
SERVER = "127.0.0.1:8000"


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def fences(page: str, language: str = "") -> list[str]:
    """Return the fenced blocks of a language, in order."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text_of(page), re.MULTILINE | re.DOTALL)
    return [block for name, block in found if name == language]


def to_save(page: str) -> dict[str, str]:
    """Return the files that a page has its reader save."""
    pattern = r"[Ss]ave as `([^`]+)`:\n\n```\w+\n(.*?)^```$"
    return dict(re.findall(pattern, text_of(page), re.MULTILINE | re.DOTALL))


def commands(page: str) -> Iterator[str]:
    """Yield the commands of a page's fenced blocks: what follows `$`, or each line of a block of commands."""
    for block in fences(page):
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
    text = re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    yield from (" ".join(found.split()) for found in re.findall(r"`((?:pairwright|python -m) [^`]+)`", text))


def words(command: str) -> list[str]:
    """Return a command's arguments, those of a synopsis filled in, without its comment."""
    filled = re.sub(r"\[(-[^]]*)\]", r"\1", command).replace(" ...", "")
    return [FILLED.get(word, word) for word in shlex.split(filled, comments=True)]


def reply_of(body: Mapping[str, Any]) -> str:
    """Return what a good model would answer to `hqclip` or to the recipe of docs/writing_a_recipe.md."""
    fields = body["response_format"]["json_schema"]["schema"]["properties"]
    if "compressed" in fields:
        return json.dumps({"compressed": "A red square."})
    texts = {"positive": "red square", "negative": "blue square"}
    long = {f"long_{kind}": [f"A {text} stands on the left."] for kind, text in texts.items()}
    return json.dumps(long | {f"short_{kind}": [text] for kind, text in texts.items()})


@pytest.fixture(scope="module")
def servers() -> ModuleType:
    """Return the module `tests/openai_server.py`."""
    spec = importlib.util.spec_from_file_location("openai_server", ROOT / "tests" / "openai_server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a user who has a checkout, the demo's input and shards; one text is a word."""
    folder = tmp_path_factory.mktemp("user")
    shutil.copytree(ROOT / "configs", folder / "configs")
    build(folder / "demo" / "input", 0)
    write_scenes(folder / "data", count=24, seed=5, size_px=256, per_shard=8)
    write_scenes(folder / "data" / "shards", count=24, seed=5, size_px=256, per_shard=8)
    with tarfile.open(folder / "data" / "00003.tar", "w") as tar:
        for ending, data in scene_members(render_scene(40, 256)):
            add_member(tar, f"x.{ending}", b"dropped" if ending == "txt" else data)
    return folder


@pytest.fixture
def there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to the user's folder, where the demo is made as `make demo` does."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(FileSystems, "_pipeline_options", None)
    if not (folder / "demo" / "output").exists():
        with redirect_stderr(StringIO()) as printed:
            assert main(["curate", "configs/quickstart.yaml"]) == 0
        (folder / "printed.txt").write_text(printed.getvalue())
    return folder


def save(page: str, folder: Path, server: str) -> None:
    for name, text in to_save(page).items():
        (folder / name).write_text(text.replace(SERVER, server))


def test_commands_are_found() -> None:
    assert any(command.startswith("pairwright verify runs/mine ") for command in commands("README.md"))
    assert "python -m pipelines.plan_scaling" in set(commands("docs/scaling.md"))
    assert sum(len(list(commands(page))) for page in PAGES) > 40
    assert set(to_save("docs/writing_a_recipe.md")) == {"headline.py", "headline.yaml", "test_headline.py"}


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page(
    page: str, there: Path, servers: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with servers.ModelServer(answer=reply_of, models=("Qwen/Qwen2.5-VL-7B-Instruct",)) as server:
        address = f"127.0.0.1:{server.port}"
        save(page, there, address)
        for command in commands(page):
            program, *arguments = words(command.replace(SERVER, address))
            if program == "pairwright" and arguments[0] in RUN and not any(m in command for m in PARSED):
                assert main(arguments) == 0, f"{command}\n{capsys.readouterr().err}"
            else:
                check(command, program, arguments)
        asks = any(SERVER in text for text in (*to_save(page).values(), *commands(page)))
        assert bool(server.seen) == asks


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # webdataset leaves one open
def test_the_snippets_on_own_shards(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [page for page in PAGES if page not in ELSEWHERE and fences(page, "python")] == [
        "docs/own_shards.md",
        "docs/writing_a_recipe.md",  # whose blocks are saved and run above
    ]
    if not (there / "runs" / "mine").exists():
        told = ["configs/datacomp_basic.yaml", "--set", "input.shards=data/*.tar", "--out", "runs/mine"]
        assert main(["curate", *told, "--quiet"]) == 0
    found: dict[str, Any] = {}
    for block in fences("docs/own_shards.md", "python"):
        exec(compile(block, "own_shards", "exec"), found)
    found.pop("samples")
    gc.collect()
    printed = capsys.readouterr().out
    assert printed.count("(256, 256)") == 24
    assert "'reason': 'language', 'count_all': 1" in printed
    assert found["picture"][:2] == b"\xff\xd8"
    assert len(found["picture"]) == found["row"]["size_bytes"]


def test_a_server_that_lies_is_named_as_the_page_shows(
    there: Path, servers: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    (shown,) = re.findall(r"^ +(.* ignored the JSON schema .*)$", text_of("docs/vllm.md"), re.MULTILINE)
    with servers.ModelServer(answer=lambda body: f"Sure! {reply_of(body)}", models=("m",)) as server:
        save("docs/vllm.md", there, f"127.0.0.1:{server.port}")
        assert (
            main(["curate", "captions.yaml", "--set", "workers.captioner.model=m", "--out", "runs/lie"]) == 0
        )
        shown = shown.replace(SERVER, f"127.0.0.1:{server.port}")
    assert re.sub(r"\d+ of \d+", "24 of 24", shown) in capsys.readouterr().err


def test_the_funnel_is_that_of_the_demo(there: Path) -> None:
    printed = (there / "printed.txt").read_text()
    for page in ("README.md", "docs/quickstart.md"):
        block = next(block for block in fences(page) if block.startswith("profile "))
        shown = re.findall(r"^\w+ +\d+ in +\d+ kept|^ +(?:dropped|failed) .*$", block, re.MULTILINE)
        assert len(shown) >= 4
        assert [line for line in shown if line not in printed] == []


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


def check(command: str, program: str, arguments: list[str]) -> None:
    """Look at a command without running it: what it names is there, and its options are known."""
    match program:
        case "pairwright":
            ours, beams = split_beam_arguments(arguments)
            options = make_parser().parse_args(ours)
            check_options(beams)
            if "CONFIG" not in command and options.command in (commands_of.curate, commands_of.train):
                kind = RunConfig if options.command is commands_of.curate else TrainConfig
                load_config(str(ROOT / options.config), kind, options.set, options.out)
        case "torchrun":
            make_parser().parse_args(arguments[arguments.index("pairwright") + 1 :])
        case "python":
            check_module(arguments)
        case "make":
            assert re.search(rf"^{arguments[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        case "pip":
            check_extras(" ".join(arguments))
        case "docker":
            assert (ROOT / arguments[arguments.index("--file") + 1]).is_file()
        case "vllm" | "img2dataset":
            pass  # programs of others: tests/test_docs_pages.py knows their options
        case "." | "export":
            assert arguments[0] in (".venv/bin/activate",) or "=" in arguments[0]
        case _:
            pytest.fail(f"nobody knows how to look at {program}; add it here")


def check_module(arguments: list[str]) -> None:
    """Look at `python -m ...`; the tests of a file are run."""
    assert arguments[0] == "-m"
    if arguments[1] == "pytest":
        run_tests(arguments[2])
    elif arguments[1] != "open_clip_train.main":  # as above
        assert importlib.util.find_spec(arguments[1]) is not None
    if "--config" in arguments:
        assert (ROOT / arguments[arguments.index("--config") + 1]).is_file()
        check_options(arguments[4:])


def run_tests(path: str) -> None:
    """Call the tests of a file, once for each row of their parameters."""
    tests = {name: test for name, test in runpy.run_path(path).items() if name.startswith("test_")}
    assert tests
    for test in tests.values():
        marks = getattr(test, "pytestmark", [])
        for row in marks[0].args[1] if marks else [()]:
            test(*row)


def check_extras(arguments: str) -> None:
    """Look at what is installed: extras of ours, or those of Beam whose filesystems are named in messages."""
    ours = re.findall(r"(?:pairwright|\.)\[([a-z,]+)\]", arguments)
    beams = re.findall(r"apache-beam\[([a-z]+)\]", arguments)
    assert ours or beams
    assert all(f'"{extra}": [' in text_of("setup.py") for one in ours for extra in one.split(","))
    assert set(beams) <= {"aws", "gcp", "azure", "hadoop"}


def check_options(arguments: list[str]) -> None:
    """Look at Beam's options; a runner whose packages are not here is known all the same."""
    try:
        check_beam_arguments(arguments)
    except ConfigError as error:
        assert "apache_beam[gcp]" in str(error)

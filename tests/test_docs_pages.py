"""What README.md and docs/ say of files, configurations and settings is there; every page can be reached."""

import ast
import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from pipelines.plan_scaling import web_job
from schemas.config import RunConfig
from schemas.workers import OpenAIWorkerConfig

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
LINKING = [*PAGES, "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md"]
OPTIONS = {
    "img2dataset": {
        "url_list", "input_format", "url_col", "caption_col", "output_format", "output_folder", "resize_mode",
        "resize_only_if_bigger", "image_size",
    },
    "python -m open_clip_train.main": {"dataset-type", "train-data", "model", "workers"},
}  # fmt: skip
"""Of programs that are not installed here: by img2dataset's README, and by open_clip's params.py."""
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def links(page: str) -> list[str]:
    """Return where a page's links lead, but for those into the web."""
    found: list[str] = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", _FENCE.sub("", text_of(page))))
    return [target for target in found if not target.startswith("https://")]


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading.

    >>> anchor("What `rules` do, and why")
    'what-rules-do-and-why'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", LINKING)
def test_the_links_of_a_page(page: str) -> None:
    for target in links(page):
        path, _, place = target.partition("#")
        linked = (ROOT / page).parent / path if path else ROOT / page
        assert linked.exists(), target
        if place:
            headings = re.findall(r"^#+ (.*)$", _FENCE.sub("", linked.read_text()), re.MULTILINE)
            assert place in map(anchor, headings), target


def test_links_are_found() -> None:
    assert "own_shards.md" in links("docs/concepts.md")
    assert sum("#" in target for page in LINKING for target in links(page)) >= 5


def test_every_page_can_be_reached_from_the_concepts() -> None:
    reached = {f"docs/{target}" for target in links("docs/concepts.md")}
    assert {page for page in PAGES if page.startswith("docs/")} - reached == {"docs/concepts.md"}
    assert "docs/concepts.md" in links("README.md")


@pytest.mark.parametrize("page", PAGES)
def test_the_configurations_of_a_page(page: str) -> None:
    whole = {"name": "n", "input": {"shards": "a.tar"}, "output": "o"}
    for language, block in _FENCE.findall(text_of(page)):
        if language == "yaml":
            RunConfig.model_validate(whole | yaml.safe_load(block))


def test_the_page_on_servers_tells_every_setting_and_its_default() -> None:
    (table,) = re.findall(r"^\| setting \| default.*?\n\n", text_of("docs/vllm.md"), re.MULTILINE | re.DOTALL)
    told: dict[str, str] = {}
    for names, default in re.findall(r"^\| (`[^|]*`) \| ([^|]*) \|", table, re.MULTILINE):
        told |= dict.fromkeys(re.findall(r"`(\w+)`", names), default)
    fields = {name: field for name, field in OpenAIWorkerConfig.model_fields.items() if name != "kind"}
    assert told.keys() == fields.keys()
    for name, default in told.items():
        value = "needed" if fields[name].is_required() else json.dumps(fields[name].default)
        assert default == value.replace("null", "none").removesuffix(".0"), name


def arguments_of(page: str, program: str) -> dict[str, str]:
    """Return the options of the one command of a program that is not ours, with their values."""
    (line,) = re.findall(rf"^{program} (.*)$", text_of(page), re.MULTILINE)
    told = shlex.split(line)
    told = told[1:] if not told[0].startswith("--") else told
    return {name.removeprefix("--"): value for name, value in zip(told[::2], told[1::2], strict=True)}


@pytest.mark.parametrize("program", OPTIONS)
def test_the_options_of_other_programs(program: str) -> None:
    assert arguments_of("docs/own_shards.md", program).keys() == OPTIONS[program]


def test_the_server_is_started_as_our_own_engine_is() -> None:
    """Whose settings a real vLLM has taken (`make test-vllm`)."""
    tree = ast.parse(text_of("lvlm_workers/vllm_engine.py"))
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    (call,) = (node for node in calls if getattr(node.func, "id", "") == "AsyncEngineArgs")
    ours = {keyword.arg: keyword.value for keyword in call.keywords}
    told = arguments_of("docs/vllm.md", "vllm serve")
    assert {name.replace("-", "_") for name in told} <= ours.keys()
    for name, value in told.items():
        if value.startswith("{"):
            assert json.loads(value).items() <= ast.literal_eval(ours[name.replace("-", "_")]).items()


def test_the_hours_of_the_page_on_scaling_are_those_of_its_table() -> None:
    text = text_of("docs/scaling.md")
    hours_of = {"min": 1 / 60, "h": 1.0, "days": 24.0, "years": 24 * 365.0}
    rows = re.findall(r"^\| (\d+) GPUs?.*? \| (.*) \| (.*) \| (.*) \|$", text, re.MULTILINE)
    assert [row[0] for row in rows] == ["1", "8", "100"]
    for gpus, *shown in rows:
        for total, value in zip((10**6, 10**8, 10**9), shown, strict=True):
            number, unit = value.split()
            told = float(number) * hours_of[unit]
            assert told == pytest.approx(
                sum(stage.gpu_s for stage in web_job(total)) / 3600 / int(gpus), rel=0.05
            )
    requests = sum(stage.requests for stage in web_job(10**6))
    cost = requests * (620 * 0.10 + 350 * 0.40) / 1e6
    assert f"${cost:.0f} for a million" in " ".join(text.split())
    assert f"{requests / 10_000:g} minutes" in text

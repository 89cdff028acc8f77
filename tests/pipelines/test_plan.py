"""Whole plans: against what the run then does, and against a server that counts."""

import importlib.util
import io
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from demo_data.tar_writing import add_member
from pairwright.cli import main
from pipelines.load_config import load_config
from pipelines.plan import plan
from pipelines.plan_table import count, duration, show_bytes
from schemas.config import RunConfig
from schemas.errors import ConfigError

ROOT = Path(__file__).parents[2]
SHARDS, PER_SHARD = 32, 24
PLACES = ("old", "green", "large", "quiet", "sunny", "empty", "little")
GOOD = '{"rewrites": ["In the park there are a dog and a cat.", "A cat and a dog in a park."]}'


@pytest.fixture
def serve() -> Iterator[Callable[..., Any]]:
    """Start model servers for one test: `serve(**settings)`."""
    spec = importlib.util.spec_from_file_location("openai_server", ROOT / "tests" / "openai_server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    with ExitStack() as stack:
        yield lambda **told: stack.enter_context(module.ModelServer(**told))


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a configuration over 32 shards, each with a share of short texts of its own."""
    folder = tmp_path_factory.mktemp("planted")
    draw = np.random.default_rng(11)
    pictures = []
    for side in draw.integers(24, 64, 20):
        out = io.BytesIO()
        Image.fromarray(draw.integers(0, 256, (side, side, 3), np.uint8)).save(out, "JPEG")
        pictures.append(out.getvalue())
    (folder / "in").mkdir()
    for number in range(SHARDS):
        with tarfile.open(folder / "in" / f"{number:03d}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            bad = draw.beta(2, 4)
            for i in range(PER_SHARD):
                add_member(tar, f"{i:03d}.jpg", pictures[draw.integers(20)])
                text = "short" if draw.random() < bad else f"a dog and a cat in the {PLACES[i % 7]} park"
                add_member(tar, f"{i:03d}.txt", text.encode())
    path = folder / "run.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "name": "planted",
                "input": {"shards": f"{folder}/in/*.tar"},
                "output": f"{folder}/out",
                "profile": {"filters": [{"kind": "words", "min": 3}]},
                "workers": {"baseline": {"kind": "rules"}},
                "annotate": [{"recipe": "laclip", "worker": "baseline"}],
            }
        )
    )
    return path


def rows(lines: Any) -> dict[str, list[str]]:
    """Return {label: [estimate, low, high]} of a plan's table, as text."""
    found: dict[str, list[str]] = {}
    for line in lines:
        label, rest = line[:26].strip(), line[26:].strip()
        value, _, interval = rest.partition("  ")
        interval = interval.strip().partition("  ")[0]
        found[label] = [value, *(bound.strip() for bound in interval.split(".."))]
    return found


def numbers(row: list[str]) -> list[float]:
    return [float(part.replace(",", "").rstrip(" %")) for part in row]


def asking(url: str, recipe: str = "laclip", **settings: Any) -> list[str]:
    """Return the settings that have a server answer a recipe."""
    worker = {"kind": "openai", "base_urls": url, "model": "tiny", "price_in": 2, "price_out": 6, **settings}
    return [f"workers.model={yaml.safe_dump(worker, default_flow_style=True)}", f"annotate.0.recipe={recipe}",
            "annotate.0.worker=model"]  # fmt: skip


def test_the_run_is_within_the_intervals(planted: Path, curate: Any) -> None:
    found = rows(plan(load_config(str(planted), RunConfig)))
    assert found["shards"][0] == str(SHARDS)
    run = curate(planted, planted.parent / "curated")
    for label, truth in [("samples", run.counts["in"]), ("kept", run.counts["published"])]:
        value, low, high = numbers(found[label])
        assert low <= truth <= high, label
        assert low < value < high
    dropped = run.counts["dropped"]["profile"]["words"] / run.counts["in"]
    for label, share in [("dropped words", dropped), ("kept by profile", 1 - dropped)]:
        _, low, high = numbers(found[label])
        assert low / 100 <= share <= high / 100
    assert found["kept by profile"] != found["dropped words"]
    assert not (planted.parent / "out").exists()


def test_a_plan_of_everything_is_exact(planted: Path, curate: Any) -> None:
    found = rows(plan(load_config(str(planted), RunConfig), sample=2000))
    run = curate(planted, planted.parent / "curated")
    assert found["samples"] == [str(run.counts["in"]), "exact"]
    assert found["kept"] == [str(run.counts["published"]), "exact"]
    tars = sum(path.stat().st_size for path in (run.output / "shards").glob("*.tar"))
    index = (run.output / "index.parquet").stat().st_size
    size, unit = found["published"][0].split()
    assert unit == "MiB"
    assert tars < float(size) * 2**20 < 1.15 * (tars + index)


def test_the_demo_by_its_manifest(demo: Path) -> None:
    config = load_config(
        str(ROOT / "configs" / "quickstart.yaml"),
        RunConfig,
        [f"input.shards={demo}/*.{{tar,tar.gz,parquet}}"],
    )
    lines = list(plan(config))
    _, low, high = numbers(rows(lines)["kept"])
    assert low <= 168 <= high  # 138 are published: 30 duplicates, which no sample shows
    assert any(line.startswith("Duplicates cannot be seen") for line in lines)
    assert any("beginning of each shard" in line for line in lines)
    assert not any("No model was asked" in line for line in lines)


def test_nobody_is_asked_unless_told(planted: Path, serve: Any) -> None:
    server = serve()
    lines = list(plan(load_config(str(planted), RunConfig, asking(server.url))))
    assert server.seen == []
    found = rows(lines)
    assert any("No model was asked" in line for line in lines)
    kept, requests = numbers(found["kept"])[0], numbers(found["requests"])[0]
    assert requests == pytest.approx(1.05 * kept, abs=1)
    guesses = [line[:26].strip() for line in lines if line.startswith("  ") and "guess" in line]
    assert guesses == ["asked again", "tokens out, a request", "tokens out", "cost", "time"]


def test_asking_measures_what_the_server_counts(planted: Path, serve: Any) -> None:
    server = serve(answer=lambda body: GOOD)
    lines = list(plan(load_config(str(planted), RunConfig, asking(server.url, in_flight=4)), replies=20))
    assert len(server.seen) == 20
    assert len(set(server.prompts)) > 5
    words_in = [len(prompt.split()) for prompt in server.prompts]
    words_out = len(GOOD.split())
    assert (server.tokens_in, server.tokens_out) == (sum(words_in), 20 * words_out)
    found = rows(lines)
    value, *_ = numbers(found["tokens in, a request"])
    assert value == round(np.mean(words_in))
    assert found["tokens out, a request"][0] == str(words_out)
    assert found["asked again"][0] == "0.0 %"
    requests = numbers(found["requests"])[0]
    assert requests == numbers(found["kept"])[0]
    cost = requests * (np.mean(words_in) * 2 + words_out * 6) / 1e6
    assert numbers(found["cost"])[0] == pytest.approx(cost, rel=0.01)
    spent = f"20 requests were made ({sum(words_in):,} tokens in, {20 * words_out:,} out, cost"
    assert any(spent in line for line in lines)
    assert not any("were in flight where" in line for line in lines)
    assert "guess" not in "".join(lines)


def test_bad_replies_are_counted_as_asked_again(planted: Path, serve: Any) -> None:
    server = serve(fault_rate=0.5, faults=("empty",), answer=lambda body: GOOD)
    found = list(plan(load_config(str(planted), RunConfig, asking(server.url)), replies=40))
    empty = sum(seen.fault == "empty" for seen in server.seen)
    assert 5 < empty < 35
    table = rows(found)
    value, low, high = numbers(table["asked again"])
    assert value == pytest.approx(100 * empty / 40, abs=0.05)
    assert low < value < high
    assert any(f"empty_reply {empty}" in line for line in found)
    assert any("40 requests were in flight where a run has 64" in line for line in found)


def test_pictures_go_with_the_requests(planted: Path, serve: Any) -> None:
    server = serve()
    before = rows(plan(load_config(str(planted), RunConfig, asking(server.url, "hqclip"))))
    assert 1 <= numbers(before["image in, a request"])[0] <= 64 * 64 / 784
    list(plan(load_config(str(planted), RunConfig, asking(server.url, "hqclip")), replies=8))
    assert len(server.seen) == 8
    for seen in server.seen:
        kinds = [part["type"] for part in seen.body["messages"][0]["content"]]
        assert kinds == ["text", "image_url"]


def test_a_service_that_is_down_fails_the_plan(planted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = [part for s in asking("http://127.0.0.1:9/v1") for part in ("--set", s)]
    assert main(["plan", str(planted), *settings, "--ask", "8"]) == 1
    assert capsys.readouterr().err.startswith("pairwright: ")
    assert main(["plan", str(planted), *settings]) == 0


def test_a_billion_samples(planted: Path) -> None:
    lines = list(plan(load_config(str(planted), RunConfig), total=10**9))
    found = rows(lines)
    assert found["samples"] == ["1.000 bn", "exact"]
    share = numbers(found["kept by profile"])
    value = numbers([found["kept"][0].removesuffix(" M")])[0]
    assert value == pytest.approx(10 * share[0], rel=0.002)
    assert "Scaled to 1,000,000,000 samples like those of the input." in lines
    whole = rows(plan(load_config(str(planted), RunConfig), sample=2000, total=10**9))
    assert len(whole["kept by profile"]) == 3  # all of the input is a sample of a billion


def test_the_same_plan_twice(planted: Path) -> None:
    def without_times() -> list[str]:
        lines = list(plan(load_config(str(planted), RunConfig)))
        start = next(i for i, line in enumerate(lines) if line.startswith("time of a core"))
        return lines[:start]

    assert without_times() == without_times()


def test_the_command(planted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(planted), "--sample", "128", "--samples", "1e9"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("plan of planted")
    assert "\nsamples                     1.000 bn  exact                   128 samples read" in out
    assert err == ""
    assert all(len(line) <= 110 for line in out.splitlines())
    assert sorted(path.name for path in planted.parent.iterdir() if path.is_dir()) in (
        ["in"],
        ["curated", "in"],
    )


@pytest.mark.parametrize(
    "argv",
    [
        ["--sample", "10"],
        ["--ask", "3"],
        ["--set", "annotate.0.recipe=none"],
        ["--set", "input.shards=/nowhere/*.tar"],
        ["--set", "profile.filters.0.kind=wrds"],
    ],
)
def test_a_wrong_plan_has_status_2(
    planted: Path, argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", str(planted), *argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err


@pytest.mark.parametrize("text", ["many", "0", "-1", "1.5", "nan", "inf", "1e99"])
def test_a_wrong_number_of_samples_has_status_2(text: str, planted: Path) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["plan", str(planted), "--samples", text])
    assert raised.value.code == 2


def test_a_sample_must_hold_shards_enough(planted: Path) -> None:
    with pytest.raises(ConfigError, match="at least 128"):
        list(plan(load_config(str(planted), RunConfig), sample=127))


def test_figures_as_they_are_written() -> None:
    assert [count(n) for n in (0, 999_999, 10_000_000, 123_456_789_012)] == [
        "0",
        "999,999",
        "10.00 M",
        "123.5 bn",
    ]
    assert [show_bytes(n) for n in (0, 1023, 2**20, 5 * 2**60)] == ["0 B", "1023 B", "1.0 MiB", "5120.0 PiB"]
    assert [duration(h) for h in (0, 1 / 60, 99.96, 1e6)] == ["0.0 s", "1.0 min", "100.0 h", "1,000,000 h"]


def test_a_plan_needs_no_output(planted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = yaml.safe_load(planted.read_text())
    del values["output"]
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(values))
    assert main(["plan", str(tmp_path / "run.yaml"), "--sample", "128"]) == 0
    assert capsys.readouterr().out.startswith("plan of planted")
    assert [path.name for path in tmp_path.iterdir()] == ["run.yaml"]


@pytest.mark.parametrize("kind", ["segments", "owlv2"])
def test_a_detector_is_planned_without_tokens(planted: Path, kind: str) -> None:
    if kind == "owlv2":
        pytest.importorskip("torch")
    detector = {"segments": "{kind: segments}", "owlv2": "{kind: owlv2, model: nowhere}"}[kind]
    told = [f"workers.detector={detector}", "annotate=[{recipe: detect, worker: detector}]"]
    lines = list(plan(load_config(str(planted), RunConfig, told), total=10**6))
    assert not any("tokens in, a request" in line or "tokens out" in line for line in lines)
    found = rows(lines)
    assert ("requests" in found) == (kind == "owlv2")
    assert ("annotate without a model" in found) == (kind == "segments")

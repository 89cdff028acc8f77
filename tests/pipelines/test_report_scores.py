"""A run that a checkpoint scored, beside the one that the checkpoint was trained on."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demo_data.scenes import write_scenes
from pipelines.report import run_report
from tests.chromium import chromium, opened


@pytest.fixture(scope="module")
def rounds(
    curate: Callable[..., Any], checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Any]:
    """Return the run without scores and the run with them, over the same scenes."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("rounds")
    write_scenes(folder / "in", count=24, seed=5, size_px=64, per_shard=8)
    config: dict[str, Any] = {
        "input": {"shards": f"{folder}/in/*.tar"},
        "workers": {"rules": {"kind": "rules"}},
        "annotate": [{"recipe": "hqclip", "worker": "rules"}],
    }
    score = {
        "clip": {"checkpoint": str(checkpoint)},
        "keep": [{"of": "clip_alt", "share": 0.5}],
        "texts": {"margin": 0.0, "below_alt": 0.0},
        "max_drop_ratio": 1.0,
    }
    first = curate(config | {"name": "first"}, folder / "first")
    return first, curate(config | {"name": "second", "score": score}, folder / "second")


def _rows(page: str, caption: str) -> dict[str, list[str]]:
    start = page.index(f"<caption>{caption}</caption>")
    table = page[start : page.index("</table>", start)]
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', table)
    return {head: re.findall(r"<td.*?>(.*?)</td>", cells) for head, cells in rows}


def _texts(run: Any, field: str) -> int:
    return sum(len(record[field]) for record in run.records)


def test_the_second_round_beside_the_first(rounds: tuple[Any, Any]) -> None:
    first, second = rounds
    page = Path(run_report(str(second.output), against=str(first.output))).read_text()
    became = _rows(page, "What became of the samples")
    assert became["published"] == ["12", "24", "−12"]
    assert became["dropped by score: clip_alt"] == ["12", "0", "+12"]
    ours, theirs = (_texts(run, "long_positive") for run in (second, first))
    assert 0 < ours < theirs
    assert _rows(page, "Texts of each field")["long_positive"][:2] == [str(ours), str(theirs)]
    left_out = _rows(page, "Texts that the scores left out")
    assert left_out
    assert all(there == "" and int(here) > 0 for here, there in left_out.values())
    cosines = [round(record["scores"]["clip_alt"], 3) for record in second.records]
    quantiles = np.quantile(cosines, [0.05, 0.5, 0.95], method="inverted_cdf")
    cells = _rows(page, "Lengths, sizes and scores")["clip_alt"]
    assert [float(cell.replace("−", "-")) for cell in cells[::2]] == pytest.approx(quantiles)
    assert cells[1::2] == ["", "", ""]


def test_the_first_round_against_the_second(rounds: tuple[Any, Any]) -> None:
    first, second = rounds
    page = Path(run_report(str(first.output), against=str(second.output))).read_text()
    assert _rows(page, "What became of the samples")["published"] == ["24", "12", "+12"]
    cells = _rows(page, "Lengths, sizes and scores")["clip_alt"]
    assert cells[::2] == ["", "", ""]
    assert all(cells[1::2])


def test_samples_by_their_scores_in_a_browser(rounds: tuple[Any, Any]) -> None:
    first, second = rounds
    path = Path(run_report(str(second.output), against=str(first.output)))
    least = sorted(record["scores"]["clip_alt"] for record in second.records)[7]
    with chromium() as browser, opened(browser, path) as page:
        page.select_option("#score", "clip_alt")
        page.fill("#least", repr(least))
        assert page.locator("#found").inner_text() == "5 samples"
        page.locator("button[type=reset]").click()
        page.locator("[data-set=there]").click()
        page.locator("#found", has_text="12 samples").wait_for()
        assert page.locator(".card .tags", has_text="only there").count() == 12

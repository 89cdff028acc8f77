"""The report of a run whose misaligned sentences were mended, by rules."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from demo_data.scenes import write_scenes
from pipelines.report import build_report
from tests.chromium import chromium, opened


@pytest.fixture(scope="module")
def run(curate: Callable[..., Any], checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a run that mended sentences whose word is among the lowest third."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("mended")
    write_scenes(folder / "in", count=24, seed=5, size_px=64, per_shard=8)
    config: dict[str, Any] = {
        "input": {"shards": f"{folder}/in/*.tar"},
        "workers": {"rules": {"kind": "rules"}},
        "annotate": [{"recipe": "hqclip", "worker": "rules"}, {"recipe": "laclip", "worker": "rules"}],
        "score": {
            "clip": {"checkpoint": str(checkpoint)},
            "fields": ["long_positive", "long_negative", "rewrites"],
            "words": {"epsilon": -1e9},
            "tags": {"bound": 0.3},
            "max_drop_ratio": 1.0,
        },
    }
    whole = curate(config, folder / "whole")
    config["score"]["words"] = {"epsilon": _lowest(whole.output, 0.3), "rewrite": "rules"}
    return curate(config, folder / "out")


def _lowest(output: Path, share: float) -> float:
    tables = [pq.read_table(path) for path in sorted((output / "work" / "scores").glob("*.parquet"))]
    rows = [row for table in tables for row in table.column("words_long_positive").to_pylist()]
    scores = [word["score"] for row in rows for text in row for word in text["words"]]
    return float(np.quantile(scores, share))


def _mended(record: Any) -> list[int]:
    by = record["provenance"].get("realigned", {"sentences": {}})
    return list(by["sentences"].get("long_positive", ()))


def test_every_score_and_every_mended_sentence_is_there(run: Any) -> None:
    views = {view["uid"]: view for view in build_report(str(run.output)).views}
    assert sum(map(len, map(_mended, run.records))) == _told(run) > 0
    for record in run.records:
        view, scores = views[record["uid"]], record["scores"]
        beside = view["beside"]
        for field in ("long_positive", "long_negative", "rewrites"):
            assert beside.get(field, {}).get("clip", []) == scores[f"clip_{field}"]
        grads = scores["f_clipscore_grad_long_positive"]
        assert beside.get("long_positive", {}).get("f_clipscore_grad", []) == grads
        assert beside.get("long_positive", {}).get("realigned", []) == _mended(record)
        tags = ", ".join(f"{name} {value}" for name, value in scores["context_tags"].items())
        assert view["others"]["context_tags"] == (tags or "none")
        assert ("realign" in view["recipes"]) == bool(_mended(record))
    assert any(record["scores"]["context_tags"] for record in run.records)


def _told(run: Any) -> int:
    """Return how many sentences were mended, as the run counted them."""
    told = json.loads((run.output / "run.json").read_text())["score"]["rewritten"]["long_positive"]
    return int(told["mended"])


def test_a_reader_sees_which_sentences_were_mended(run: Any) -> None:
    record = next(record for record in run.records if _mended(record))
    with chromium() as browser, opened(browser, run.output / "report.html") as page:
        assert re.search(r"realign\s.*\srules", page.locator("#making").inner_text())
        page.select_option("#has", "recipe:realign")
        assert page.locator("#found").inner_text().split()[0] == str(
            sum(map(bool, map(_mended, run.records)))
        )
        page.fill("#query", record["uid"])
        assert page.locator(".card").get_by_text(f"{len(_mended(record))} mended by rules").count() == 1
        page.locator(".card").click()
        rows = page.locator("#sample tbody tr", has_text="mended by rules")
        texts = [text.lstrip("✓ ").splitlines()[0].strip() for text in rows.all_inner_texts()]
        assert texts == [record["long_positive"][place] for place in _mended(record)]
        cells = [row.locator("td").nth(1).inner_text() for row in rows.all()]
        shown = [float(cell.replace("\N{MINUS SIGN}", "-")) for cell in cells]
        cosines = [record["scores"]["clip_long_positive"][place] for place in _mended(record)]
        assert shown == pytest.approx(cosines, abs=0.0005)

import base64
import io
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from dataset_cards.report_measures import Measures
from dataset_cards.report_text import embed_json
from pairwright.cli import main
from pipelines import report
from pipelines.report import build_report, run_report
from pipelines.report_against import Index, draw_changed, meet, partners
from pipelines.report_published import read_published
from schemas.annotation import FIELDS
from schemas.errors import ConfigError, RunError
from tests.chromium import chromium, opened

FILTERS = [{"kind": "words", "min": 3}, {"kind": "side", "min_px": 200}]


def _config(demo: Path, **changes: Any) -> dict[str, Any]:
    return {
        "input": {"shards": f"{demo}/*.{{tar,tar.gz,parquet}}"},
        "profile": {"filters": FILTERS},
        "dedup": {"near": {"max_distance": 4}},
        "workers": {"baseline": {"kind": "rules"}},
        "annotate": [{"recipe": "hqclip", "worker": "baseline"}],
        "publish": {"samples_per_shard": 50},
        **changes,
    }


@pytest.fixture(scope="module")
def run(curate: Callable[..., Any], demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return curate(_config(demo), tmp_path_factory.mktemp("here") / "out")


@pytest.fixture(scope="module")
def other(curate: Callable[..., Any], demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a run of fewer samples, and with the alt text for captions."""
    changes: dict[str, Any] = {"profile": {"filters": [{"kind": "words", "min": 6}]}, "annotate": []}
    return curate(_config(demo, **changes), tmp_path_factory.mktemp("there") / "out")


@pytest.fixture(scope="module")
def page(run: Any) -> str:
    """Return the path of the run's report."""
    return run_report(str(run.output))


def _copy(run: Any, folder: Path) -> Path:
    shutil.copytree(run.output, folder, ignore=shutil.ignore_patterns("report.html"))
    return folder


def _data(path: str) -> Any:
    page = Path(path).read_text("utf-8")
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(data)


def _image(view: dict[str, Any]) -> Image.Image:
    data = base64.b64decode(view["picture"]["uri"].removeprefix("data:image/jpeg;base64,"))
    return Image.open(io.BytesIO(data)).convert("RGB")


def test_every_published_sample_is_shown_as_it_is(run: Any, page: str) -> None:
    views = _data(page)["views"]
    published = [view for view in views if view["kind"] == "published"]
    assert [view["uid"] for view in published] == [record["uid"] for record in run.records]
    for view, record, key in zip(published, run.records, sorted(run.samples), strict=True):
        assert (view["key"], view["alt"], view["caption"]) == (key, record["alt_text"], record["caption"])
        assert len(view["pairs"]) == len(record["long_negative"])
        (ending,) = run.samples[key].keys() - {"txt", "json"}
        with Image.open(io.BytesIO(run.samples[key][ending])) as picture:
            small = picture.convert("RGB").resize(_image(view).size)
        difference = np.asarray(small, dtype=float) - np.asarray(_image(view), dtype=float)
        assert np.abs(difference).mean() < 12, key


def test_every_rejected_sample_is_shown_with_its_reason(run: Any, page: str) -> None:
    views = [view for view in _data(page)["views"] if view["kind"] != "published"]
    told = Counter((view["kind"], view["stage"], view["reason"], view["uid"]) for view in views)
    assert told == Counter((row["kind"], row["stage"], row["reason"], row["uid"]) for row in run.rejected)
    by_reason: dict[str, list[dict[str, Any]]] = {}
    for view in views:
        by_reason.setdefault(view["reason"], []).append(view["picture"])
    for reason in ("words", "side", "exact_duplicate", "near_duplicate"):
        assert all("uri" in picture for picture in by_reason[reason]), reason
    assert {p["note"] for p in by_reason["truncated_image"]} == {"the picture cannot be decoded"}
    assert {p["note"] for p in by_reason["truncated_shard"]} == {"there is no picture"}


def test_the_page_repeats_and_follows_the_run(run: Any, page: str) -> None:
    first = Path(page).read_bytes()
    assert Path(run_report(str(run.output))).read_bytes() == first
    text = first.decode()
    counts = run.counts
    assert f"<b>{counts['in']:,}</b> units" in text
    assert f"<b>{counts['published']:,}</b> (" in text
    for kind in ("dropped", "failed"):
        for stage, reasons in counts[kind].items():
            for reason, number in reasons.items():
                assert f'<span class="n">{number:,}</span>' in text
                assert f'data-reason="{stage}/{reason}"' in text
    assert "a baseline without a model" in text


def test_where_the_input_is_gone_there_are_placeholders(run: Any, tmp_path: Path) -> None:
    folder = _copy(run, tmp_path / "out")
    record = json.loads((folder / "run.json").read_text())
    record["config"]["input"]["shards"] = [str(tmp_path / "nowhere" / "*.tar")]
    (folder / "run.json").write_text(json.dumps(record))
    views = _data(run_report(str(folder), samples=5))["views"]
    rejected = [view for view in views if "reason" in view]
    assert len(rejected) == len(run.rejected)
    assert all(view["picture"]["note"].startswith("the input cannot be found") for view in rejected)


def test_samples_are_bounded_and_drawn_over_all_shards(run: Any) -> None:
    made = build_report(str(run.output), samples=6)
    published = [view for view in made.views if view["kind"] == "published"]
    assert len(published) == 6
    assert {view["shard"] for view in published} == {
        path.name for path in (run.output / "shards").glob("*.tar")
    }
    assert sum(made.measures.side.values()) == run.counts["published"]


def test_pictures_shrink_where_the_room_is_small(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MOST_REJECTED", 0)
    whole = build_report(str(run.output), samples=20)
    monkeypatch.setattr(report, "PICTURE_BYTES", 60_000)
    small = build_report(str(run.output), samples=20)
    sizes = [[len(view["picture"].get("uri", "")) for view in made.views] for made in (whole, small)]
    assert sum(sizes[1]) <= 60_000 < sum(sizes[0])
    assert all(b > 0 for a, b in zip(*sizes, strict=True) if a)


def test_texts_are_cut_where_the_room_is_small(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "TEXT_BYTES", 20_000)
    made = build_report(str(run.output), samples=20)
    bare = [{name: value for name, value in view.items() if name != "picture"} for view in made.views]
    assert any("more characters)" in view["alt"] for view in bare)
    assert len(embed_json(bare)) < 20_000 + 1200 * len(bare)


def test_a_damaged_shard_costs_its_samples_only(run: Any, tmp_path: Path) -> None:
    folder = _copy(run, tmp_path / "out")
    shards = sorted((folder / "shards").glob("*.tar"))
    shards[0].unlink()
    data = bytearray(shards[1].read_bytes())
    data[: len(data) // 2] = bytes(len(data) // 2)
    shards[1].write_bytes(data)
    views = [view for view in build_report(str(folder)).views if view["kind"] == "published"]
    assert len(views) == run.counts["published"]
    by_shard = {path.name: [v for v in views if v["shard"] == path.name] for path in shards}
    first, second, *rest = by_shard.values()
    assert {view["picture"]["note"] for view in first} == {"its shard is not there any more"}
    assert {view["caption"] for view in first} == {record["caption"] for record in run.records[:50]}
    assert "uri" in second[-1]["picture"]
    assert second[0]["picture"]["note"].startswith("the shard ")
    assert all("uri" in view["picture"] for views in rest for view in views)


def test_an_index_names_no_files_elsewhere(run: Any, tmp_path: Path) -> None:
    folder = _copy(run, tmp_path / "out")
    shutil.move(folder / "shards" / "00000.tar", tmp_path / "secret.tar")
    table = pq.read_table(folder / "index.parquet")
    names = [name.replace("00000.tar", "../../secret.tar") for name in table.column("shard").to_pylist()]
    place = table.schema.get_field_index("shard")
    pq.write_table(table.set_column(place, "shard", pa.array(names)), folder / "index.parquet")
    (sample,) = read_published(str(folder), [0])
    assert sample.problem == "its shard is not there any more"


def _hashes(*values: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    return np.array(values, dtype=np.uint64)


def test_runs_meet_by_uid() -> None:
    here = Index(uids=_hashes(5, 1, 9, 7), records=_hashes(1, 2, 3, 4), captions=_hashes(1, 2, 3, 4),
                 measures=Measures())  # fmt: skip
    there = Index(uids=_hashes(7, 8, 5, 1), records=_hashes(9, 0, 1, 8), captions=_hashes(4, 0, 1, 7),
                  measures=Measures())  # fmt: skip
    meeting = meet(here, there)
    assert meeting.here.tolist() == [0, 1, 3]
    assert meeting.there.tolist() == [2, 3, 0]
    assert meeting.only_here.tolist() == [2]
    assert meeting.only_there.tolist() == [1]
    assert meeting.other_record.tolist() == [False, True, True]
    assert meeting.other_caption.tolist() == [False, True, False]
    assert draw_changed(meeting, "seed") == [1, 3]
    assert partners(meeting, [0, 1]) == {1: 3}


def test_two_runs_are_compared(run: Any, other: Any) -> None:
    made = build_report(str(run.output), against=str(other.output))
    ours = {record["uid"]: record for record in run.records}
    theirs = {record["uid"]: record for record in other.records}
    both = ours.keys() & theirs.keys()
    assert made.against is not None
    assert (made.against.both, made.against.only_here, made.against.only_there) == (
        len(both),
        len(ours.keys() - both),
        len(theirs.keys() - both),
    )
    assert made.against.captions == sum(ours[uid]["caption"] != theirs[uid]["caption"] for uid in both)
    assert made.against.records == sum(ours[uid] != theirs[uid] for uid in both)
    views = {view["uid"]: view for view in made.views if "set" in view}
    assert views.keys() == ours.keys() | theirs.keys()
    for uid, view in views.items():
        assert (view["kind"] == "other") == (uid not in ours)
        if uid not in both:
            assert view["set"] == ("there" if uid in theirs else "here")
            continue
        fields = [name for name in ("caption", *FIELDS) if ours[uid][name] != theirs[uid][name]]
        assert view["set"] == ("differs" if fields else "same")
        assert list(view.get("changes", ())) == fields
    text = Path(run_report(str(run.output), against=str(other.output))).read_text("utf-8")
    assert f"<b>{made.against.captions:,}</b> with another caption" in text


def test_a_run_against_itself_is_the_same(run: Any) -> None:
    made = build_report(str(run.output), against=str(run.output), samples=10)
    assert made.against is not None
    assert (made.against.captions, made.against.records, made.against.only_here) == (0, 0, 0)
    assert {view["set"] for view in made.views if "set" in view} == {"same"}


def test_bad_folders_are_refused(run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="is not there"):
        run_report(str(tmp_path / "nothing"))
    with pytest.raises(ConfigError, match="without run.json"):
        run_report(str(tmp_path))
    assert main(["report", str(tmp_path)]) == 2
    folder = _copy(run, tmp_path / "out")
    (folder / "index.parquet").write_bytes(b"PAR1")
    with pytest.raises(RunError, match="cannot be read"):
        run_report(str(folder))
    (folder / "run.json").write_text('{"name": "x"}')
    with pytest.raises(RunError, match="is no record of a run"):
        run_report(str(folder))
    assert not (folder / "report.html").exists()
    assert "pairwright: " in capsys.readouterr().err


def test_the_command_writes_the_page_and_nothing_else(run: Any, tmp_path: Path) -> None:
    folder = _copy(run, tmp_path / "out")
    before = {
        path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "report.html"
    }
    assert main(["report", str(folder), "--samples", "3"]) == 0
    after = {
        path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "report.html"
    }
    assert after == before
    assert (
        len([view for view in _data(str(folder / "report.html"))["views"] if view["kind"] == "published"])
        == 3
    )


def test_the_demo_in_a_browser(run: Any, other: Any) -> None:
    path = Path(run_report(str(run.output), against=str(other.output)))
    with chromium() as browser, opened(browser, path) as page:
        record = run.records[7]
        page.locator("label", has_text="Published").click()
        page.fill("#query", record["uid"])
        assert page.locator("#found").inner_text() == "1 sample"
        card = page.locator(".card")
        assert card.locator(".alt").inner_text() == record["alt_text"]
        assert card.locator("img").evaluate("one => one.decode().then(() => one.naturalWidth)") > 0
        card.click()
        changed = page.locator("#sample mark.now").all_inner_texts()
        assert len(changed) >= len(record["long_negative"])

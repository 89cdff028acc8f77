"""The recipes that start from others, whole: what is known is not asked, what fails twice falls back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo_data.scenes import write_scenes
from lvlm_workers.base import Request
from lvlm_workers.mock import MockWorker
from pipelines.verify import verify
from recipes.clip_tokens import fits

SAMPLES = 6
SHORT = "A red circle is drawn on a plain grey ground beside two small blue squares."
LONG = (
    "Two fishermen in yellow raincoats pull a wooden boat up a beach of dark pebbles while gulls circle. "
    "Behind them stands a white lighthouse with a red lantern room, and to its left a row of stone cottages. "
    "A black dog waits near a pile of orange nets, wicker baskets and coiled ropes. Heavy clouds cover most "
    "of the sky, though one band of pale sunlight falls across the harbour wall, where three children lean "
    "over a rusty railing, pointing at something in the water. A bicycle lies on the grass in front."
)


@pytest.fixture
def chain(curate: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a run of recaption and compress: `chain(worker)`."""
    write_scenes(tmp_path / "input", count=SAMPLES, seed=3, size_px=64, per_shard=3)

    def run(worker: MockWorker) -> Any:
        for place in ("transforms.annotate_shards.make_worker", "pipelines.annotate.make_worker"):
            monkeypatch.setattr(place, lambda _: worker)
        values = {
            "input": {"shards": f"{tmp_path}/input/*.tar"},
            "workers": {"model": {"kind": "openai", "base_urls": ["http://127.0.0.1:9/v1"], "model": "tiny"}},
            "annotate": [{"recipe": name, "worker": "model"} for name in ("recaption", "compress")],
        }
        return curate(values, tmp_path / "out")

    return run


def compressing(request: Request) -> bool:
    return "compressed" in (request.schema or {})["properties"]


def test_what_fits_is_not_asked_and_what_never_fits_stays_as_it_was(chain: Callable[..., Any]) -> None:
    assert fits(SHORT)
    assert not fits(LONG)
    long_ones = set()

    def answer(request: Request) -> str:
        if compressing(request):
            return json.dumps({"compressed": "Something about a boat on a lake with a man in a hat."})
        if len(long_ones) < 2:
            long_ones.add(request.tag.facts.uid)
            return json.dumps({"recaption": LONG})
        return json.dumps({"recaption": SHORT})

    worker = MockWorker(answer)
    result = chain(worker)
    assert result.counts["published"] == SAMPLES, result.rejected
    # Only the two long ones were asked about, and once more each.
    assert [r.tag.facts.uid in long_ones for r in worker.seen if compressing(r)] == [True] * 4
    for record in result.records:
        is_long = record["uid"] in long_ones
        assert record["compressed"] == record["recaption"] == (LONG if is_long else SHORT)
        who = record["provenance"]["compressed"]
        assert [who[k] for k in ("recipe", "worker", "model", "seed")] == ["compress", "rules", "rules", None]
        assert record["caption"] == SHORT or fits(record["caption"])
    usage = json.loads((result.output / "run.json").read_text())["usage"]
    texts = usage["recipes"]["compress"]["texts"]
    assert texts == {"compressed": {"kept": 0, "dropped": {"lost_meaning": 2}}}
    assert verify(str(result.output)) == []

    again = MockWorker(answer)
    assert chain(again).digests == result.digests
    assert again.seen == []

"""Output shards from slices of input shards."""

import hashlib
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.annotation import FIELDS
from schemas.facts import Verdict
from transforms import publish_shards
from transforms.annotate_shards import annotate_by_rule
from transforms.profile_shards import profile_shard
from transforms.publish.plan import plan_output
from transforms.publish_shards import COVERED, OutputJob, coverage, pieces, publish_shard
from transforms.storage import commit_rows, read_table

ANNOTATED = {
    "workers": {"w": {"kind": "rules"}},
    "annotate": [{"recipe": "hqclip", "worker": "w"}],
    "profile": {"filters": [{"kind": "words", "min": 4}]},
    "chunk_samples": 2,
}


@pytest.fixture
def made(plan: Callable[..., Any], tmp_path: Path) -> Any:
    """Return (configuration, output jobs of two samples each) of both scene shards."""
    config, jobs = plan(**ANNOTATED)
    kept = []
    for job in jobs:
        kept.append(profile_shard(job, config, needs_text=True)[1].kept)
        commit_rows(job.dedup, Verdict, [])
        annotate_by_rule(job, config, config.annotate[0])
    assert sum(kept) > 4
    assert kept[0] % 2  # so that an output shard reads two input shards
    outputs = [
        OutputJob(
            plan=part,
            sources=tuple(jobs[piece.order] for piece in part.slices),
            shards_folder=str(tmp_path / "shards"),
            index_part=str(tmp_path / "index" / f"{part.number}.parquet"),
        )
        for part in plan_output(kept, 2)
    ]
    return config, outputs


def expected(folder: Path) -> list[tuple[str, str, bytes]]:
    """Return (shard, text, image) of the scenes of four words and more, read by the standard library."""
    found = []
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as tar:
            members = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
        for name in sorted(members):
            text = members[f"{name[:9]}.txt"].decode()
            if name.endswith(".jpg") and len(text.split()) >= 4:
                found.append((path.name, text, members[name]))
    return found


def test_pieces_are_the_kept_samples_in_order(made: Any, scene_shards: Path) -> None:
    config, outputs = made
    found = [piece for output in outputs for piece in pieces(output, config)]
    assert [(p.shard_name, p.facts.alt_text, p.image) for p in found] == expected(scene_shards)
    assert all(p.facts.sha256 == hashlib.sha256(p.image).digest() for p in found)
    assert {len(p.annotations) for p in found} == {1}
    assert max(len(output.sources) for output in outputs) == 2


def test_a_shard_and_its_rows_of_the_index_are_committed(made: Any, scene_shards: Path) -> None:
    config, outputs = made
    number, counted = publish_shard(outputs[1], config)
    assert (number, counted["published"]) == (1, 2)
    wanted = expected(scene_shards)[2:4]
    with tarfile.open(outputs[1].path) as tar:
        members = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
    assert [members[f"{n:09d}.jpg"] for n in (2, 3)] == [image for _, _, image in wanted]
    assert [json.loads(members[f"{n:09d}.json"])["alt_text"] for n in (2, 3)] == [t for _, t, _ in wanted]
    index = read_table(outputs[1].index_part)
    assert index["key"].to_pylist() == ["000000002", "000000003"]
    assert index["source_shard"].to_pylist() == [shard for shard, _, _ in wanted]


def test_what_is_committed_is_not_written_again(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    config, outputs = made
    first = publish_shard(outputs[0], config)
    before = Path(outputs[0].path).read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(publish_shards, "write_output_shard", None)
        assert publish_shard(outputs[0], config) == first
    for lost in (outputs[0].path, outputs[0].index_part):
        Path(lost).unlink()
        assert publish_shard(outputs[0], config) == first
        assert Path(outputs[0].path).read_bytes() == before


def test_a_shard_that_was_cut_is_written_again(made: Any) -> None:
    config, outputs = made
    first = publish_shard(outputs[0], config)
    path = Path(outputs[0].path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000])
    assert publish_shard(outputs[0], config) == first
    assert path.read_bytes() == whole


def test_a_sample_of_the_index_is_covered_where_it_has_items(made: Any) -> None:
    config, outputs = made
    _, counted = publish_shard(outputs[0], config)
    index = read_table(outputs[0].index_part)
    assert counted == coverage(index)
    assert counted["published"] == 2
    assert counted["long_positive"] == sum(n > 0 for n in index["n_long_positive"].to_pylist()) > 0
    assert counted["rewrites"] == counted["regions"] == 0
    assert set(COVERED) <= set(FIELDS)

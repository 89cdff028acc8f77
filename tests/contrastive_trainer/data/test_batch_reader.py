import json
import os
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from contrastive_trainer.data.batch import Batch
from contrastive_trainer.data.batch_reader import BatchReader, Place
from contrastive_trainer.data.shard_list import list_shards
from schemas.errors import RunError
from schemas.train import TrainConfig


def reader(make: Any, config: TrainConfig, **options: Any) -> BatchReader:
    shards = list_shards(config.data.shards, say=lambda _: None)
    return BatchReader(shards, config, make.encode, image_size=8, **options)


def equal(one: Batch, other: Batch) -> bool:
    tensors = ("image_BCHW", "text_BL")
    same = all(getattr(one, name).equal(getattr(other, name)) for name in tensors)
    return same and one.samples == other.samples and one.faults == other.faults


@pytest.fixture(scope="module")
def folder(make: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a set of 23 samples in four shards, one of them empty."""
    path: Path = make.pack_set(tmp_path_factory.mktemp("set"), [7, 0, 10, 6])
    return path


@given(st.integers(2, 9), st.integers(1, 3), st.integers(0, 2**40))
def test_each_epoch_has_every_sample_once_over_its_borders(
    make: Any, folder: Path, batch: int, window: int, seed: int
) -> None:
    config = make.configure(folder, batch=batch, seed=seed, data={"shuffle_shards": window})
    found = reader(make, config)
    assert found.samples == 23
    steps = -(-3 * 23 // batch)
    seen = [uid for step in range(steps) for uid in found[step].samples]
    for epoch in range(3):
        assert sorted(seen[23 * epoch : 23 * (epoch + 1)]) == sorted(f"u{k}" for k in range(23))


@given(st.sampled_from([1, 2, 3, 6]), st.lists(st.integers(0, 30), min_size=1, max_size=4))
def test_ranks_read_the_parts_of_the_same_batches_in_any_order(
    make: Any, folder: Path, ranks: int, steps: list[int]
) -> None:
    config = make.configure(folder, batch=6, data={"crop_scale": (0.3, 1.0), "shuffle_shards": 2})
    whole = reader(make, config)
    parts = [reader(make, config, place=Place(rank=rank, ranks=ranks)) for rank in range(ranks)]
    for step in steps:
        joined = [part[step] for part in parts]
        assert tuple(uid for part in joined for uid in part.samples) == whole[step].samples
        assert torch.cat([part.image_BCHW for part in joined]).equal(whole[step].image_BCHW)
        assert torch.cat([part.text_BL for part in joined]).equal(whole[step].text_BL)


def test_a_sample_has_its_own_picture_and_text(make: Any, folder: Path) -> None:
    batch = reader(make, make.configure(folder))[2]
    for uid, image_CHW, text_L in zip(batch.samples, batch.image_BCHW, batch.text_BL, strict=True):
        assert image_CHW[:, 3, 3].tolist() == [int(uid[1:]), 0, 90]
        assert make.decode(text_L) == f"alt {uid[1:]}"
    assert (batch.step, batch.faults, batch.skipped) == (2, (), 0)
    assert batch.seconds > 0


def test_what_is_drawn_differs_from_epoch_to_epoch(make: Any, tmp_path: Path) -> None:
    make.pack_set(tmp_path, [8], rewrites=[f"r{k}" for k in range(20)])
    found = reader(make, make.configure(tmp_path, batch=8, texts={"p_raw": 0, "p_rewrite": 1}))
    texts = [
        dict(zip(found[epoch].samples, map(make.decode, found[epoch].text_BL), strict=True))
        for epoch in range(2)
    ]
    assert texts[0].keys() == texts[1].keys()
    assert texts[0] != texts[1]
    assert len(set(texts[0].values())) > 3


def test_a_pickled_or_forked_reader_reads_the_same(make: Any, folder: Path) -> None:
    config = make.configure(folder)
    found = reader(make, config)
    batches = [found[step] for step in range(3)]
    copy = pickle.loads(pickle.dumps(found))
    assert all(equal(copy[step], batch) for step, batch in enumerate(batches))


def break_shard(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"rubbish" * 1000)


@pytest.mark.parametrize("window", [1, 2, 4])
def test_a_dead_shard_is_skipped_and_told_of(make: Any, tmp_path: Path, window: int) -> None:
    make.pack_set(tmp_path, [5, 5, 5, 5])
    break_shard(tmp_path, "00002.tar")
    config = make.configure(tmp_path, batch=4, data={"shuffle_shards": window})
    found = reader(make, config)
    batches = [found[step] for step in range(5)]
    seen = Counter(uid for batch in batches for uid in batch.samples)
    assert sum(seen.values()) == 20
    assert seen.keys() == {f"u{k}" for k in [*range(10), *range(15, 20)]}
    faults = [fault for batch in batches for fault in batch.faults]
    assert sum(batch.skipped for batch in batches) == len(faults) == 5
    assert {fault.partition(": ")[0] for fault in faults} == {
        f"{tmp_path}/00002.tar, sample {row}" for row in range(5)
    }
    # Whoever reads it, and whatever was read before: ranks, and another process in another order.
    parts = [reader(make, config, place=Place(rank=rank, ranks=2)) for rank in range(2)]
    again = reader(make, config)
    for step in reversed(range(5)):
        assert equal(again[step], batches[step])
        assert parts[0][step].samples + parts[1][step].samples == batches[step].samples


def test_substitutes_are_of_the_same_window(make: Any, tmp_path: Path) -> None:
    """Else each would open, or fetch, a shard of its own."""
    make.pack_set(tmp_path, [5] * 20)
    break_shard(tmp_path, "00007.tar")
    config = make.configure(tmp_path, batch=100, data={"shuffle_shards": 4})
    found = reader(make, config)
    batch = found[0]
    assert batch.skipped == 5
    order = found._orders[0]
    home = next(order.window(k) for k in range(100) if order[k][0] == 7)
    allowed = {f"u{5 * shard + row}" for shard, row in (order[k] for k in home)}
    assert {uid for uid, times in Counter(batch.samples).items() if times > 1} <= allowed


def test_single_bad_samples_are_skipped_with_their_reasons(make: Any, tmp_path: Path) -> None:
    bad = [
        {"txt": b"no picture"},
        make.sample_parts(1) | {"png": b"rubbish"},
        make.sample_parts(2) | {"json": b"{"},
        {"png": make.picture(3), "txt": b" "},
    ]
    make.pack(tmp_path / "0.tar", [*bad, *(make.sample_parts(k) for k in range(10, 20))])
    found = reader(make, make.configure(tmp_path, batch=14))[0]
    assert sorted(fault.partition("sample ")[2] for fault in found.faults) == [
        "0: no picture",
        "1: a picture that cannot be decoded (UnidentifiedImageError)",
        "2: JSON that cannot be read (JSONDecodeError)",
        "3: no text",
    ]
    assert set(found.samples) == {f"u{k}" for k in range(10, 20)}


def test_sizes_that_lie_cost_substitutes_and_no_more(make: Any, tmp_path: Path) -> None:
    make.pack_set(tmp_path, [4])
    (tmp_path / "sizes.json").write_text(json.dumps({"00000.tar": 6}))
    found = reader(make, make.configure(tmp_path, batch=6))[0]
    assert found.skipped == 2
    assert set(found.samples) <= {f"u{k}" for k in range(4)}
    assert all("a shard of 4 samples, not 6" in fault for fault in found.faults)


def test_where_nothing_can_be_read_it_stops(make: Any, tmp_path: Path) -> None:
    make.pack_set(tmp_path, [5, 5])
    config = make.configure(tmp_path)
    found = reader(make, config)
    for name in ("00000.tar", "00001.tar"):
        break_shard(tmp_path, name)
    with pytest.raises(RunError, match=r"16 samples in a row cannot be read \(first: .*is no readable tar"):
        found[0]


def test_raw_shards_of_pictures_and_texts_are_read(make: Any, tmp_path: Path) -> None:
    raw = [{"jpg": make.picture(k, kind="JPEG"), "txt": f"text {k}".encode()} for k in range(6)]
    make.pack(tmp_path / "raw.tar", raw)
    batch = reader(make, make.configure(tmp_path, batch=6))[0]
    assert sorted(map(make.decode, batch.text_BL)) == [f"text {k}" for k in range(6)]
    assert sorted(batch.samples) == [f"raw.tar:{k}" for k in range(6)]


def test_all_that_the_losses_ask_for_is_there(make: Any, tmp_path: Path) -> None:
    record = {
        "long_positive": ["one", "two"],
        "long_negative": ["eins", ""],
        "short_positive": ["a", "b"],
        "short_negative": ["c"],
        "regions": [{"box": [0, 0, 0.5, 1], "phrase": "left"}],
    }
    make.pack(tmp_path / "0.tar", [make.sample_parts(0, **record), make.sample_parts(1)])
    losses = {
        "contrastive": {"same_text": True},
        "hni": {"negatives": 3},
        "stc": {},
        "multi_text": {"texts": 2},
        "long_clip": {},
        "regions": {"per_image": 2},
    }
    config = make.configure(tmp_path, batch=2, losses=losses, texts={"p_raw": 0, "p_long": 1})
    batch = reader(make, config, vocabulary={"a": 0, "b": 1, "c": 2})[0]
    full = batch.samples.index("u0")
    other = 1 - full

    def texts(token: torch.Tensor | None) -> list[str]:
        assert token is not None
        return [make.decode(row) for row in token.reshape(-1, token.shape[-1])]

    assert batch.negative_BKL is not None
    assert batch.has_negative_BK is not None
    assert batch.phrase_BRL is not None
    assert batch.box_BR4 is not None
    assert batch.has_region_BR is not None
    assert make.decode(batch.text_BL[full]) == "one two"
    assert make.decode(batch.text_BL[other]) == "caption 1"
    assert texts(batch.negative_BKL[full]) == ["eins two", "", ""]
    assert batch.has_negative_BK[full].tolist() == [True, False, False]
    assert not batch.has_negative_BK[other].any()
    assert texts(batch.texts_BTL)[2 * full : 2 * full + 2] == ["one two", "one two"]
    assert texts(batch.short_BL)[full] == "one"
    assert texts(batch.short_BL)[other] == "alt 1"
    assert batch.tag_BG is not None
    assert batch.false_tag_BG is not None
    assert (batch.tag_BG[full].tolist(), batch.tag_BG[other].tolist()) == ([0, 1], [-1, -1])
    assert (batch.false_tag_BG[full].tolist(), batch.false_tag_BG[other].tolist()) == ([2], [-1])
    assert batch.box_BR4[full].tolist() == [[0, 0, 0.5, 1], [0, 0, 0, 0]]
    assert batch.has_region_BR[full].tolist() == [True, False]
    assert not batch.has_region_BR[other].any()
    assert texts(batch.phrase_BRL[full]) == ["left", ""]
    assert batch.group_B is not None
    assert batch.group_B[0] != batch.group_B[1]
    assert batch.distill_BL is None


def test_equal_texts_have_equal_numbers_on_every_rank(make: Any, tmp_path: Path) -> None:
    make.pack(tmp_path / "0.tar", [make.sample_parts(k, alt_text=f"same {k % 2}") for k in range(8)])
    config = make.configure(tmp_path, batch=8, losses={"contrastive": {"same_text": True}})
    parts = [reader(make, config, place=Place(rank=rank, ranks=2))[0] for rank in range(2)]
    numbers: dict[str, set[int]] = {}
    for part in parts:
        assert part.group_B is not None
        for token_L, number in zip(part.text_BL, part.group_B.tolist(), strict=True):
            numbers.setdefault(make.decode(token_L), set()).add(number)
    assert {text: len(found) for text, found in numbers.items()} == {"same 0": 1, "same 1": 1}
    assert len(set.union(*numbers.values())) == 2


def test_a_batch_moves_as_a_whole(make: Any, folder: Path) -> None:
    batch = reader(make, make.configure(folder))[0]
    moved = batch.to(torch.device("meta"))
    assert moved.image_BCHW.device.type == moved.text_BL.device.type == "meta"
    assert (moved.samples, moved.negative_BKL) == (batch.samples, None)


def test_a_shard_removed_in_mid_run_is_read_on_while_it_is_kept(make: Any, tmp_path: Path) -> None:
    make.pack_set(tmp_path, [6, 6])
    found = reader(make, make.configure(tmp_path, batch=12))
    assert found[0].skipped == 0
    os.remove(tmp_path / "00000.tar")
    assert found[1].skipped == 0


def test_a_negative_that_is_cut_off_before_it_contradicts_is_none(make: Any, tmp_path: Path) -> None:
    start = "x" * 40  # all that `encode` reads
    fields = {"long_positive": [start + " a."], "long_negative": [start + " b."]}
    other = {"long_positive": ["It is a."], "long_negative": ["It is b."]}
    make.pack(tmp_path / "0.tar", [make.sample_parts(0, **fields), make.sample_parts(1, **other)])
    texts = {"p_raw": 0, "p_long": 1}
    batch = reader(make, make.configure(tmp_path, batch=2, losses={"hni": {}}, texts=texts))[0]
    assert batch.has_negative_BK is not None
    assert {uid: row.tolist() for uid, row in zip(batch.samples, batch.has_negative_BK, strict=True)} == {
        "u0": [False],
        "u1": [True],
    }

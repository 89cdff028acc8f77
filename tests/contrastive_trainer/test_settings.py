"""What may change between two runs of a folder, what may not, and how it is told."""

import json
from collections.abc import Callable
from pathlib import Path

from contrastive_trainer.data.shard_list import TrainShard, list_shards
from contrastive_trainer.settings import deciding_settings, differences
from schemas.train import TrainConfig

Make = Callable[..., TrainConfig]


def test_they_are_what_decides_the_weights(configure: Make, shards: Path, tmp_path: Path) -> None:
    listed = list_shards([str(shards)])
    mark = deciding_settings(configure(), listed)
    for same in (
        {"output": str(tmp_path / "b")}, {"chunk": 2}, {"device": "auto"}, {"data": {"workers": 5}},
        {"data": {"cache": "c"}}, {"compile": True}, {"keep_checkpoints": 9},
    ):  # fmt: skip
        assert deciding_settings(configure(**same), listed) == mark
    for other in (
        {"seed": 1}, {"epochs": 3}, {"batch": 5}, {"precision": "bfloat16"}, {"texts": {"p_raw": 2}},
        {"data": {"shuffle_shards": 3}}, {"data": {"crop_scale": (0.5, 1)}}, {"optim": {"lr": 1}},
    ):  # fmt: skip
        assert deciding_settings(configure(**other), listed) != mark
    shorter = TrainShard(path=listed[0].path, samples=listed[0].samples - 1)
    assert deciding_settings(configure(), [shorter, *listed[1:]]) != mark
    moved = [
        TrainShard(path=f"/elsewhere/{Path(shard.path).name}", samples=shard.samples) for shard in listed
    ]
    assert deciding_settings(configure(), moved) == mark
    signed = [TrainShard(path=f"https://example.com/0.tar?key={key}", samples=1) for key in (1, 2)]
    assert deciding_settings(configure(), signed[:1]) == deciding_settings(configure(), signed[1:])


def test_each_difference_is_a_path_and_two_values(configure: Make, shards: Path) -> None:
    listed = list_shards([str(shards)])
    old = deciding_settings(configure(), listed)
    assert list(differences(json.loads(json.dumps(old)), old)) == []
    new = deciding_settings(
        configure(
            epochs=3, optim={"lr": 0.01, "warmup": 2, "eps": 1e-3}, losses={"hni": {}}, texts={"p_long": 1}
        ),
        listed[:2],
    )
    assert list(differences(old, new))[1:] == [
        "epochs: 2.0 -> 3.0",
        'losses.hni: null -> {"weight": 1.0, "negatives": 1}',
        "optim.lr: 0.001 -> 0.01",
        "texts.p_long: 0.0 -> 1.0",
    ]
    told = next(iter(differences(old, new)))
    assert told.startswith('data.shards: "20 samples in 3 shards, hash ')
    assert '-> "16 samples in 2 shards, hash ' in told
    assert list(differences({"a": {"b": 1}}, {"a": {"c": "x" * 100}})) == [
        "a.b: 1 -> absent",
        f'a.c: absent -> "{"x" * 76}...',
    ]

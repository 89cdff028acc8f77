from pathlib import Path

import pytest

from contrastive_trainer.data.sample import TrainSample
from contrastive_trainer.tags import count_tags, load_tags, save_tags
from schemas.errors import ConfigError


def sample(positive: object, negative: object = ()) -> TrainSample:
    fields = {"short_positive": positive, "short_negative": negative}
    return TrainSample(uid="", image=b"", text="", fields=fields)


SAMPLES = [
    sample(["dog", "sea", "dog"], ["cat"]),
    sample(["dog", "red"], ["sea", " ", 7]),
    sample("no list", ["ant", "cat"]),
]


def test_the_most_frequent_tags_come_first_and_equal_ones_by_name() -> None:
    # In samples: cat 2, dog 2, sea 2, ant 1, red 1.
    assert count_tags(SAMPLES, 100) == ["cat", "dog", "sea", "ant", "red"]
    assert count_tags(reversed(SAMPLES), 4) == ["cat", "dog", "sea", "ant"]


def test_fewer_than_two_tags_are_an_error() -> None:
    for samples in ([], [sample([])], [sample(["dog"])]):
        with pytest.raises(ConfigError, match=r"losses\.stc: the shards have no short_positive"):
            count_tags(samples, 10)


def test_saved_tags_are_loaded_in_their_order(tmp_path: Path) -> None:
    assert load_tags(tmp_path) == []
    save_tags(tmp_path, ["käse", "a\nb", "c"])
    assert load_tags(tmp_path) == ["käse", "a\nb", "c"]

from pathlib import Path
from typing import Any

import pytest

from contrastive_trainer.data.shard_list import list_shards
from contrastive_trainer.data.text_samples import read_texts
from schemas.errors import RunError


def test_all_samples_come_once_without_pictures(make: Any, tmp_path: Path) -> None:
    config = make.configure(make.pack_set(tmp_path, [6, 5]))
    found = list(read_texts(list_shards(config.data.shards), config))
    assert sorted(sample.uid for sample in found) == sorted(f"u{k}" for k in range(11))
    assert [sample.uid for sample in found] != [f"u{k}" for k in range(11)]
    assert all(sample.image == b"" and sample.alt_text == f"alt {sample.uid[1:]}" for sample in found)


def test_unreadable_samples_are_left_out_but_not_all_of_them(make: Any, tmp_path: Path) -> None:
    config = make.configure(make.pack_set(tmp_path, [6, 5]))
    shards = list_shards(config.data.shards)
    (tmp_path / "00000.tar").write_bytes(b"rubbish" * 500)
    assert len(list(read_texts(shards, config))) == 5
    (tmp_path / "00001.tar").write_bytes(b"rubbish" * 500)
    with pytest.raises(RunError, match=r"11 samples in a row cannot be read \(last: .*no readable tar"):
        list(read_texts(shards, config))

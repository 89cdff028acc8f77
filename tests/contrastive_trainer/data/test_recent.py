import pickle

from contrastive_trainer.data.recent import Recent


def test_the_values_used_last_are_kept_and_others_dropped() -> None:
    made: list[int] = []
    dropped: list[tuple[int, str]] = []

    def make(key: int) -> str:
        made.append(key)
        return str(key)

    recent = Recent(make, keep=2, drop=lambda key, value: dropped.append((key, value)))
    assert [recent[k] for k in (1, 2, 1, 3, 1, 2)] == ["1", "2", "1", "3", "1", "2"]
    assert made == [1, 2, 3, 2]
    assert dropped == [(2, "2"), (3, "3")]


def test_a_copy_begins_empty() -> None:
    recent = Recent(abs, keep=2)
    assert recent[-3] == 3
    copy = pickle.loads(pickle.dumps(recent))
    assert copy[-4] == 4
    assert list(copy._kept) == [-4]
    assert list(recent._kept) == [-3]

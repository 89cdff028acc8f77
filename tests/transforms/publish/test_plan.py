import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.publish.plan import OutputShard, Slice, plan_output, sample_key

COUNTS = st.lists(st.integers(0, 40), max_size=12)


def test_hand_worked() -> None:
    assert plan_output([3, 0, 4], 5) == [
        OutputShard(
            number=0,
            name="00000.tar",
            first=0,
            slices=(Slice(order=0, start=0, stop=3), Slice(order=2, start=0, stop=2)),
        ),
        OutputShard(number=1, name="00001.tar", first=5, slices=(Slice(order=2, start=2, stop=4),)),
    ]


@given(COUNTS, st.integers(1, 50))
def test_every_kept_sample_once_and_in_order(kept: list[int], per_shard: int) -> None:
    plan = plan_output(kept, per_shard)
    laid = [(s.order, i) for shard in plan for s in shard.slices for i in range(s.start, s.stop)]
    assert laid == [(order, i) for order, count in enumerate(kept) for i in range(count)]


@given(COUNTS, st.integers(1, 50))
def test_sizes_are_exact_and_slices_hold_something(kept: list[int], per_shard: int) -> None:
    plan = plan_output(kept, per_shard)
    assert [shard.size for shard in plan[:-1]] == [per_shard] * (len(plan) - 1)
    assert all(1 <= shard.size <= per_shard for shard in plan)
    assert all(s.start < s.stop for shard in plan for s in shard.slices)
    assert [shard.first for shard in plan] == [i * per_shard for i in range(len(plan))]
    assert [shard.number for shard in plan] == list(range(len(plan)))


@pytest.mark.parametrize("kept", [[], [0], [0, 0, 0]])
def test_nothing_kept_is_no_shard(kept: list[int]) -> None:
    assert plan_output(kept, 10) == []


def test_names_sort_as_numbers_past_five_digits() -> None:
    names = [shard.name for shard in plan_output([100_001], 1)]
    assert names[0] == "000000.tar"
    assert names[-1] == "100000.tar"
    assert names == sorted(names)
    assert plan_output([100_000], 1)[-1].name == "99999.tar"


@pytest.mark.parametrize(
    ("kept", "per_shard", "message"),
    [
        ([1], 0, "samples_per_shard is 0"),
        ([1, -2], 5, "input shard 1 keeps -2"),
        ([10**9 + 1], 10**9, "9-digit"),
    ],
)
def test_what_cannot_be_planned(kept: list[int], per_shard: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan_output(kept, per_shard)


def test_keys_have_nine_digits() -> None:
    assert sample_key(0) == "000000000"
    assert sample_key(10**9 - 1) == "999999999"

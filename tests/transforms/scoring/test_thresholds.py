import apache_beam as beam
import numpy as np
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from transforms.scoring.thresholds import (
    CountScores,
    count_lower,
    count_upper,
    find_bucket,
    rank_of,
    score_of,
    sort_keys,
)

SCORES = hnp.arrays(
    np.float32,
    st.integers(1, 60),
    elements=st.floats(-1, 1, width=32) | st.sampled_from([0.25, -0.25, 0.0, -0.0, 1.0]),
)


@given(st.lists(SCORES, min_size=1, max_size=4), st.floats(0.01, 1))
def test_a_share_is_that_of_a_sort_in_memory(parts: list[np.ndarray], share: float) -> None:
    everything = np.sort(np.concatenate(parts))[::-1]
    rank = rank_of(share, len(everything))
    wanted = everything[rank - 1]
    upper, rank = find_bucket(np.sum([count_upper(part) for part in parts], axis=0), rank)
    lower, _ = find_bucket(np.sum([count_lower(part, upper) for part in parts], axis=0), rank)
    assert score_of(upper << 16 | lower) == wanted


@given(SCORES)
def test_keys_are_in_the_order_of_scores_and_back(scores: np.ndarray) -> None:
    keys = sort_keys(scores)
    order = np.argsort(scores, kind="stable")
    assert (np.diff(keys[order].astype(np.int64)) >= 0).all() or (np.diff(scores[order]) == 0).any()
    assert [score_of(int(key)) for key in keys] == scores.tolist()


def test_a_share_of_few_keeps_one() -> None:
    assert [rank_of(share, 10) for share in (0.01, 0.1, 0.29, 0.3, 1.0)] == [1, 1, 2, 3, 10]


def test_a_bucket_by_hand() -> None:
    counts = np.array([2, 0, 3, 1])
    assert [find_bucket(counts, rank) for rank in (1, 2, 4, 5, 6)] == [(3, 1), (2, 1), (2, 3), (0, 1), (0, 2)]


def test_shards_are_counted_together() -> None:
    rng = np.random.default_rng(0)
    parts = [{"a": rng.normal(size=n).astype(np.float32)} for n in (0, 5, 70)]
    whole = np.concatenate([part["a"] for part in parts])
    bucket, _ = find_bucket(count_upper(whole), 20)

    for upper, wanted in (({}, count_upper(whole)), ({"a": bucket}, count_lower(whole, bucket))):
        with beam.Pipeline(runner=FnApiRunner()) as pipeline:
            counted = pipeline | beam.Create(parts) | CountScores(upper=upper)
            assert_that(counted | beam.Map(lambda found: found["a"].tolist()), equal_to([wanted.tolist()]))

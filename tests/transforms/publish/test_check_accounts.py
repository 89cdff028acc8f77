from collections import Counter
from typing import Any

import pytest

from transforms.publish.check_accounts import check_accounts, check_sizes

COUNTS: dict[str, Any] = {
    "in": 10,
    "published": 6,
    "dropped": {"profile": {"words": 2}},
    "failed": {"profile": {"bad_text": 1}, "annotate": {"bad_reply": 1}},
}
REJECTED = Counter(
    {
        ("dropped", "profile", "words"): 2,
        ("failed", "profile", "bad_text"): 1,
        ("failed", "annotate", "bad_reply"): 1,
    }
)


def test_accounts_that_balance() -> None:
    assert list(check_accounts(COUNTS, REJECTED)) == []


def test_one_too_many() -> None:
    assert list(check_accounts({**COUNTS, "in": 11}, REJECTED)) == [
        "run.json: 11 in, but 6 published and 4 dropped or failed"
    ]


def test_rows_that_say_something_else() -> None:
    rejected = REJECTED - Counter({("dropped", "profile", "words"): 1}) + Counter({("dropped", "x", "y"): 3})
    assert list(check_accounts(COUNTS, rejected)) == [
        "rejected: 1 rows dropped by profile for 'words', but run.json counts 2",
        "rejected: 3 rows dropped by x for 'y', but run.json counts 0",
    ]


@pytest.mark.parametrize(
    "counts",
    [
        None,
        [],
        {},
        {**COUNTS, "in": "10"},
        {**COUNTS, "published": True},
        {**COUNTS, "dropped": []},
        {**COUNTS, "dropped": {"profile": 2}},
        {**COUNTS, "failed": {"profile": {"bad_text": -1}}},
        {**COUNTS, "failed": {"profile": {"bad_text": 1.0}}},
    ],
)
def test_what_are_no_counts(counts: Any) -> None:
    (problem,) = check_accounts(counts, REJECTED)
    assert problem.startswith("run.json: counts are not")


@pytest.mark.parametrize(
    ("sizes", "tars", "published", "problems"),
    [
        ({}, [], 0, []),
        ({"0.tar": 3, "1.tar": 3, "2.tar": 1}, ["0.tar", "1.tar", "2.tar"], 7, []),
        ({"0.tar": 3}, [], 3, ["shards/0.tar: missing"]),
        ({}, ["0.tar"], 0, ["shards/0.tar: not in sizes.json"]),
        ({"1.tar": 3, "0.tar": 3}, ["0.tar", "1.tar"], 6, ["shards/sizes.json: not sorted"]),
        ({"0.tar": "3"}, ["0.tar"], 3, ["shards/sizes.json: the size of 0.tar is '3'"]),
        ({"0.tar": 0}, ["0.tar"], 0, ["shards/sizes.json: the size of 0.tar is 0"]),
        (
            {"0.tar": 2, "1.tar": 4},
            ["0.tar", "1.tar"],
            6,
            [
                "shards/0.tar: 2 samples by sizes.json, but samples_per_shard is 3",
                "shards/1.tar: 4 samples by sizes.json, but samples_per_shard is 3",
            ],
        ),
        ({"0.tar": 3}, ["0.tar"], 4, ["shards/sizes.json: 3 samples, but run.json counts 4 published"]),
    ],
)
def test_sizes(sizes: dict[str, Any], tars: list[str], published: int, problems: list[str]) -> None:
    assert list(check_sizes(sizes, tars, 3, published)) == problems

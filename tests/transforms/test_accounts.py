"""in = kept + rejected, however the units are split."""

import json

from hypothesis import given
from hypothesis import strategies as st

from transforms.accounts import Account, Key, account, total

keys = st.tuples(st.sampled_from(["dropped", "failed"]), st.sampled_from("ab"), st.sampled_from("xyz"))


@given(st.lists(st.lists(keys)))
def test_the_total_of_parts_is_the_account_of_the_whole(parts: list[list[Key]]) -> None:
    whole = account(100, [key for part in parts for key in part])
    summed = total([account(0, part) for part in parts] + [Account(entered=100)])
    assert summed == whole
    assert summed.kept == 100 - sum(map(len, parts))
    assert Account.from_json(json.loads(json.dumps(whole.to_json()))) == whole


def test_reasons_by_kind_and_the_main_one() -> None:
    counted = account(9, [("dropped", "profile", "words")] * 2 + [("failed", "read", "truncated_shard")])
    assert counted.by_kind("dropped") == {"profile": {"words": 2}}
    assert counted.by_kind("failed") == {"read": {"truncated_shard": 1}}
    assert counted.main_reason() == ("words", 2)

"""What was kept, dropped and published, against counts by hand."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.annotation import Annotation, Fields, Provenance
from schemas.facts import Facts, Verdict
from transforms.annotation_table import annotation_table
from transforms.chunks import chunk_path
from transforms.steps import plan_steps
from transforms.storage import commit_rows, commit_table
from transforms.written_texts import share_tokens, written_texts

STEPS = [{"recipe": "hqclip", "worker": "w"}, {"recipe": "laclip", "worker": "model"}]
MODEL = {"kind": "openai", "base_urls": ["http://127.0.0.1:9/v1"], "model": "m"}
ANNOTATED = {"workers": {"w": {"kind": "rules"}, "model": MODEL}, "annotate": STEPS, "chunk_samples": 2}
FAILED = {"hqclip": {1}, "laclip": {3}}
FIELDS = {
    "hqclip": {"long_positive": ["ab", "\u00e9\U0001f600"], "long_negative": ["abc"], "short_positive": []},
    "laclip": {"rewrites": ["a", "bc", "def"]},
}
DROPPED = {
    "hqclip": {"long_positive": {"same": 2, "not minimal": 1}, "short_positive": {"repeated": 1}},
    "laclip": {"rewrites": {"repeated": 0}},
}


def row(index: int) -> Facts:
    return Facts(index=index, uid=f"u{index}", key=f"k{index}", sha256=b"s" * 32)


def answer(name: str, index: int) -> Annotation:
    if index in FAILED[name]:
        return Annotation(index=index, uid=f"u{index}", reason="bad_reply", value="")
    # What fell back is no text of a model's reply; where rules answer, all is theirs.
    by_rule = name == "hqclip" or index == 2
    by = Provenance(
        recipe=name,
        worker="rules" if by_rule else "w",
        model="m",
        prompt_sha256="",
        tokens_in=100,
        tokens_out=10 + index,
    )
    fields = Fields(FIELDS[name], DROPPED[name])
    return Annotation(index=index, uid=f"u{index}", fields=fields, provenance=by)


def test_a_shard_of_four_samples_of_which_two_fail(plan: Callable[..., Any]) -> None:
    config, (job, _) = plan(**ANNOTATED)
    commit_rows(job.facts, Facts, map(row, range(4)))
    commit_rows(job.profile, Verdict, [])
    commit_rows(job.dedup, Verdict, [])
    for name, step in plan_steps(config).items():
        for indices in ([0, 1], [2, 3]):
            answers = [answer(name, index) for index in indices]
            path = chunk_path(job, step, [row(index) for index in indices])
            commit_table(path, annotation_table(step.recipe.fields, answers))
    counted = written_texts(job, config)
    # Each recipe answered three; 0 and 2 are published.
    assert {key: n for key, n in counted.items() if n} == {
        ("hqclip", "kept", "long_positive"): 6,
        ("hqclip", "kept", "long_negative"): 3,
        ("hqclip", "dropped", "long_positive", "same"): 6,
        ("hqclip", "dropped", "long_positive", "not minimal"): 3,
        ("hqclip", "dropped", "short_positive", "repeated"): 3,
        ("hqclip", "published", "samples"): 2,
        ("hqclip", "published", "tokens_in"): 200,
        ("hqclip", "published", "tokens_out"): 22,
        ("hqclip", "chars", "long_positive"): 8,
        ("hqclip", "chars", "long_negative"): 6,
        ("laclip", "kept", "rewrites"): 6,
        ("laclip", "published", "samples"): 2,
        ("laclip", "published", "tokens_in"): 200,
        ("laclip", "published", "tokens_out"): 22,
        ("laclip", "chars", "rewrites"): 12,
    }


@pytest.mark.parametrize(
    ("tokens", "chars", "shares"),
    [
        (22, [8, 6], [13, 9]),
        (22, [6, 8], [9, 13]),
        (7, [1, 0, 1], [4, 0, 3]),
        (0, [5, 5], [0, 0]),
        (9, [], []),
    ],
)
def test_shares_worked_out_by_hand(tokens: int, chars: list[int], shares: list[int]) -> None:
    assert share_tokens(tokens, chars) == shares


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**12), max_size=6))
def test_shares_add_up_and_are_within_one_of_the_exact_ones(tokens: int, chars: list[int]) -> None:
    shares = share_tokens(tokens, chars)
    assert sum(shares) == (tokens if any(chars) else 0)
    for share, part in zip(shares, chars, strict=True):
        assert abs(share - Fraction(tokens * part, sum(chars) or 1)) < 1

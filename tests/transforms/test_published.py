"""What is left after every stage, and what failed last."""

from collections.abc import Callable
from typing import Any

import pytest

from recipes.registry import get_recipe
from schemas.annotation import Annotation
from schemas.facts import Facts, Verdict
from transforms.annotation_table import annotation_table
from transforms.chunks import chunk_path
from transforms.published import failures, published
from transforms.steps import plan_steps
from transforms.storage import commit_rows, commit_table

STEPS = [{"recipe": "hqclip", "worker": "w"}, {"recipe": "laclip", "worker": "w"}]
ANNOTATED = {"workers": {"w": {"kind": "rules"}}, "annotate": STEPS, "chunk_samples": 4}
GONE = 2
FAILED = {"hqclip": {1: "bad_reply", 6: "empty_reply"}, "laclip": {5: "bad_reply", 6: "bad_reply"}}


def row(index: int) -> Facts:
    return Facts(index=index, uid=f"u{index}", key=f"k{index}", sha256=b"s" * 32)


@pytest.fixture
def made(plan: Callable[..., Any]) -> Any:
    """Return (configuration, job) of eight samples: 2 fell by profile; chunks are 0..3 and 4..7."""
    config, (job, _) = plan(**ANNOTATED)
    commit_rows(job.facts, Facts, map(row, range(8)))
    gone = Verdict(
        index=GONE, uid="u2", key="k2", stage="profile", kind="dropped", reason="words", value="1 words"
    )
    commit_rows(job.profile, Verdict, [gone])
    commit_rows(job.dedup, Verdict, [])
    for name, reasons in FAILED.items():
        recipe = get_recipe(name)
        for indices in ([0, 1, 3], [4, 5, 6, 7]):
            answers = [
                Annotation(index=n, uid=f"u{n}", reason=reasons[n], value=f"{name} {n}")
                if n in reasons
                else Annotation(index=n, uid=f"u{n}", fields={recipe.fields[0]: [f"{name} of {n}"]})
                for n in indices
            ]
            path = chunk_path(job, plan_steps(config)[name], [row(n) for n in indices])
            commit_table(path, annotation_table(recipe.fields, answers))
    return config, job


def test_those_whom_every_recipe_answered_with_their_own_answers(made: Any) -> None:
    config, job = made
    found = list(published(job, config, 0, 100))
    assert [sample.facts.index for sample in found] == [0, 3, 4, 7]
    for sample in found:
        index = sample.facts.index
        assert [dict(a.fields) for a in sample.annotations] == [
            {"long_positive": [f"hqclip of {index}"]},
            {"rewrites": [f"laclip of {index}"]},
        ]


@pytest.mark.parametrize(
    ("start", "stop", "indices"), [(0, 2, [0, 3]), (1, 3, [3, 4]), (3, 9, [7]), (4, 9, [])]
)
def test_a_slice_counts_published_samples(made: Any, start: int, stop: int, indices: list[int]) -> None:
    config, job = made
    assert [sample.facts.index for sample in published(job, config, start, stop)] == indices


def test_failures_name_the_first_recipe_that_failed(made: Any) -> None:
    config, job = made
    found = list(failures(job, config))
    assert [(v.index, v.uid, v.key, v.reason, v.value) for v in found] == [
        (1, "u1", "k1", "bad_reply", "hqclip 1"),
        (5, "u5", "k5", "bad_reply", "laclip 5"),
        (6, "u6", "k6", "empty_reply", "hqclip 6"),
    ]
    assert {(v.stage, v.kind) for v in found} == {("annotate", "failed")}


def test_without_recipes_the_survivors_are_published_and_none_fails(
    made: Any, plan: Callable[..., Any]
) -> None:
    _, job = made
    config, _ = plan()
    assert [s.facts.index for s in published(job, config, 1, 4)] == [1, 3, 4]
    assert next(published(job, config, 0, 1)).annotations == ()
    assert list(failures(job, config)) == []

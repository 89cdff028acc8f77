"""Every reason that the code gives is explained, and every one explained is given."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from schemas.filters import Filter
from schemas.reasons import REASONS
from schemas.scoring import Scored

ROOT = Path(__file__).parents[2]


def literals() -> Iterator[str]:
    """Yield every string in the code that can reject a sample."""
    for package in ("transforms", "recipes"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def given() -> Iterator[str]:
    """Yield what is passed as `reason=` in the code."""
    for path in sorted((ROOT / "transforms").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.keyword)
                and node.arg == "reason"
                and isinstance(node.value, ast.Constant)
            ):
                yield str(node.value.value)


def test_every_reason_is_given_somewhere() -> None:
    assert set(REASONS) <= {*literals(), *get_args(Scored)}


def test_every_reason_given_is_explained() -> None:
    found = set(given()) - {"None"}
    assert len(found) >= 5
    assert found <= set(REASONS)


def test_reasons_are_names_and_their_meanings_are_lines() -> None:
    for reason, meaning in REASONS.items():
        assert reason.replace("_", "").isalpha()
        assert reason.islower()
        assert len(meaning) > 15
        assert meaning.isprintable()


def test_no_filter_is_named_as_a_reason() -> None:
    kinds = {get_args(model.model_fields["kind"].annotation)[0] for model in get_args(get_args(Filter)[0])}
    assert not kinds & set(REASONS)

"""The order of the colours is part of the format: shares are stored without names."""

from dataclasses import FrozenInstanceError

import pytest

from schemas.annotation import FIELDS, Annotation, Provenance, is_list_field
from schemas.errors import AccountingError, ConfigError, DropRatioError, PairwrightError, RunError
from schemas.facts import COLOURS, Facts


def test_the_basic_colour_terms() -> None:
    assert len(set(COLOURS)) == len(COLOURS) == 11  # Berlin and Kay 1969
    assert COLOURS[:3] == ("black", "grey", "white")


def test_records_do_not_change() -> None:
    facts = Facts(index=0, uid="u", key="k")
    with pytest.raises(FrozenInstanceError):
        facts.index = 1  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        facts.other = 1  # type: ignore[attr-defined]


def test_a_unit_without_a_reason_is_a_sample() -> None:
    assert (Facts(index=0, uid="u", key="k").stage, Facts(index=0, uid="u", key="k").reason) == (None, None)


def test_fields_of_recipes_are_lists_or_one_text() -> None:
    one_text = {"recaption", "fused", "compressed", "english", "chinese"}
    assert {name for name in FIELDS if not is_list_field(name)} == one_text
    assert all(empty == ([] if is_list_field(name) else None) for name, empty in FIELDS.items())
    assert Annotation(index=0, uid="u").fields == {}
    assert Provenance(recipe="r", worker="w", model="m", prompt_sha256="p").seed is None


def test_errors_that_a_user_mends_have_one_root() -> None:
    assert issubclass(ConfigError, PairwrightError)
    for error in (DropRatioError, AccountingError):
        assert issubclass(error, RunError)
    assert not issubclass(ConfigError, RunError)

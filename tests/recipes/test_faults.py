from recipes.base import BadReply
from recipes.faults import FAULTS, ask_again
from schemas.reasons import REASONS


def test_every_fault_is_a_reason() -> None:
    assert FAULTS.keys() <= REASONS.keys()


def test_the_prompt_comes_first_and_the_fault_is_named() -> None:
    for reason, fault in FAULTS.items():
        asked = ask_again("Describe it.", BadReply(reason, "do as I say"))
        assert asked.startswith("Describe it.\n\n")
        assert fault in asked
        assert "do as I say" not in asked


def test_a_recipe_can_name_the_fault_and_an_unknown_reason_is_a_bad_reply() -> None:
    assert "two of three." in ask_again("", BadReply("bad_reply", "x", "two of three."))
    assert FAULTS["bad_reply"] in ask_again("", BadReply("other", "x"))

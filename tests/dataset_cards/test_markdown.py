import pytest

from dataset_cards.markdown import escape_markdown


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain-words, all", "plain-words, all"),
        ("a | b", r"a \| b"),
        ("# no\n\nheading", r"\# no heading"),
        ("<script>[x](y)</script>", r"\<script\>\[x\]\(y\)\</script\>"),
        ("`a` _b_ *c* ~d~ !e", r"\`a\` \_b\_ \*c\* \~d\~ \!e"),
        ("a\x1b[31m\u202eb", "a�\\[31m�b"),
    ],
)
def test_signs_mean_nothing(text: str, escaped: str) -> None:
    assert escape_markdown(text) == escaped

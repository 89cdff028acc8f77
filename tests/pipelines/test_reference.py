"""The reference says what the code says."""

from pathlib import Path

from pipelines.reference import reference


def test_the_reference_is_that_of_the_code() -> None:
    path = Path(__file__).parents[2] / "docs" / "reference.md"
    told = "\n".join(reference()) + "\n"
    assert path.read_text() == told, "run: python -m pipelines.reference > docs/reference.md"
    for name in ("| `words` | `min: 3", "| `near_duplicate` |", "| `input.shards` | needed |"):
        assert name in told

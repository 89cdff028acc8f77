"""The reference says what the code says."""

import re
from pathlib import Path
from typing import Any

import pytest

from pipelines.reference import CONFIGURATIONS, reference


def test_the_reference_is_that_of_the_code() -> None:
    path = Path(__file__).parents[2] / "docs" / "reference.md"
    told = "\n".join(reference()) + "\n"
    assert path.read_text() == told, "run: python -m pipelines.reference > docs/reference.md"
    assert "| `score.clip.checkpoint` | needed |" in told
    for name in ("| `words` | `min: 3", "| `near_duplicate` |", "| `input.shards` | needed |"):
        assert name in told


@pytest.mark.parametrize("title", CONFIGURATIONS)
def test_every_setting_but_those_of_one_of_several_kinds_is_listed(title: str) -> None:
    """By the JSON Schema, which pydantic makes by ways of its own."""
    schema = CONFIGURATIONS[title].model_json_schema(by_alias=True)

    def settings(node: dict[str, Any], prefix: str) -> set[str]:
        found = set()
        for name, field in node["properties"].items():
            choices = field.get("anyOf", [field.get("items", field)])
            refs = [one["$ref"].rpartition("/")[2] for one in choices if "$ref" in one]
            place = f"{prefix}{name}"
            found.add(place)
            for ref in refs:
                found |= settings(schema["$defs"][ref], f"{place}{'[]' if 'items' in field else ''}.")
        return found

    told = "\n".join(reference()).partition(f"## {title}\n")[2].partition("\n## ")[0]
    rows = [re.fullmatch(r"\| `([\w.\[\]()]+)` \| .+ \| (.*) \|", line) for line in told.splitlines()]
    listed = {row[1]: row[2] for row in rows if row}
    wanted = settings(schema, "")
    assert wanted <= listed.keys()
    assert [place for place in wanted if place.startswith("score") and not listed[place]] == []


def test_settings_of_each_kind_are_listed() -> None:
    told = "\n".join(reference())
    assert "| `workers.NAME(openai).in_flight` | `64` |" in told
    assert "| `evaluations[](retrieval).data(published).path` | needed |" in told
    assert "(openai).kind" not in told

import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.card import CardConfig, SourceConfig


def test_what_is_configured() -> None:
    card = CardConfig.model_validate({"creators": "A group", "version": "1.0.0", "published": "2026-01-31"})
    assert card.creators == ("A group",)
    assert card.published == datetime.date(2026, 1, 31)
    assert card.model_dump(mode="json")["published"] == "2026-01-31"
    assert SourceConfig().model_dump(exclude_none=True) == {}


@pytest.mark.parametrize(
    ("section", "values"),
    [
        (CardConfig, {"version": "1.0"}),
        (CardConfig, {"version": "01.0.0"}),
        (CardConfig, {"published": "yesterday"}),
        (CardConfig, {"url": "javascript:alert(1)"}),
        (CardConfig, {"url": "https://e.com/> <b>"}),
        (CardConfig, {"creators": [""]}),
        (SourceConfig, {"url": "https://e.com/a b"}),
        (SourceConfig, {"description": ""}),
        (SourceConfig, {"describtion": "x"}),
    ],
)
def test_what_would_break_the_card_is_refused(section: Any, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        section.model_validate(values)

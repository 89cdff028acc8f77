"""What the card says that no run can know: a configuration's sections `source` and `card`."""

import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

from schemas.section import Section, as_tuple

Url = Annotated[str, Field(pattern=r'^https?://[^\s<>"`\\]+$', max_length=2048)]
Key = Annotated[str, Field(min_length=1, max_length=200)]
Prose = Annotated[str, Field(min_length=1, max_length=8000)]


class SourceConfig(Section):
    """Where the pictures and their alt texts come from."""

    description: Prose | None = Field(None, description="What the source is and how it was collected.")
    url: Url | None = Field(None, description="Page of the source.")
    citation: Prose | None = Field(None, description="How to cite the source, best as BibTeX.")
    personal: Prose | None = Field(
        None, description="What is known of personal and sensitive information in it."
    )


class CardConfig(Section):
    """What the card and croissant.json say of the published set beside what was measured."""

    url: Url | None = Field(None, description="Page of the published set.")
    creators: Annotated[tuple[Prose, ...], BeforeValidator(as_tuple)] = Field(
        (), description="Who made it: names of people or organisations."
    )
    version: str | None = Field(
        None, pattern=r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$", description="Such as 1.0.0 (semver.org)."
    )
    published: datetime.date | None = Field(None, description="The day, as 2026-01-31.")
    citation: Prose | None = Field(None, description="How to cite the set, best as BibTeX.")
    composition: Annotated[tuple[Key, ...], BeforeValidator(as_tuple)] = Field(
        (),
        description="Fields of the samples' own JSON (a key, or keys joined by dots), such as a licence, a "
        "domain or a label: card and report say how many published samples have which value.",
    )

"""What every section of a configuration is."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Section(BaseModel):
    """A part of a configuration: frozen, and without keys that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def as_tuple(value: object) -> object:
    """Return one name as a tuple of it."""
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(as_tuple), Field(min_length=1)]

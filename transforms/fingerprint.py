"""Names for committed work that change exactly when what it was made from changes."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel


def fingerprint(*parts: Any) -> str:
    """Return 12 hex digits of the hash of JSON-like values and pydantic models.

    >>> fingerprint("facts", 1) == fingerprint("facts", 1)
    True
    """
    plain = [p.model_dump(mode="json", by_alias=True) if isinstance(p, BaseModel) else p for p in parts]
    text = json.dumps(plain, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    raise TypeError(f"{value!r} has no place in a fingerprint; use JSON values or pydantic models")

"""A server's address as it may stand in a file that is published."""

import re
from urllib.parse import urlsplit

_PLAIN = re.compile(r"v\d{1,2}(?:(?:alpha|beta)\d{0,2})?|[a-z]{1,12}(?:-[a-z]{1,12}){0,2}|")
"""Parts of a path that hold no key: a version, or words of lower-case letters."""


def public_url(url: str) -> str:
    """Return scheme, host, port and path of a URL, `...` for the parts of the path that could hold a key.

    >>> public_url("https://me:pw@gateway.example:8443/k3y-91aF/openai/v1?token=x")
    'https://gateway.example:8443/.../openai/v1'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "..."
    host = parts.netloc.rpartition("@")[2]
    if not (parts.scheme and host):
        return "..."
    path = "/".join(part if _PLAIN.fullmatch(part) else "..." for part in parts.path.split("/"))
    return f"{parts.scheme}://{host}{path}"

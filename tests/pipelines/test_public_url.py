import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.public_url import public_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("https://api.example.com/compatible-mode/v1", "https://api.example.com/compatible-mode/v1"),
        ("https://generative.example.com/v1beta/openai", "https://generative.example.com/v1beta/openai"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        (
            "https://gateway.example/v1/0a1b2c3d4e/sk-proj-AbC/openai",
            "https://gateway.example/v1/.../.../openai",
        ),
        ("https://me:secret@host/v1?api_key=x#y", "https://host/v1"),
        ("http://host", "http://host"),
        ("http://[broken", "..."),
        ("no url", "..."),
        ("", "..."),
    ],
)
def test_addresses_as_they_are_shown(url: str, shown: str) -> None:
    assert public_url(url) == shown


KEYS = st.text(string.ascii_letters + string.digits + "-_", min_size=20, max_size=64).filter(
    lambda key: any(c in string.digits + string.ascii_uppercase for c in key)
)


@given(KEYS)
def test_no_key_is_shown(key: str) -> None:
    for url in (f"https://h/{key}/v1", f"https://h/v1/{key}", f"https://h/v1?k={key}", f"https://{key}@h/v1",
                f"https://h/v1;{key}", f"https://h/v1#{key}"):  # fmt: skip
        assert key not in public_url(url)

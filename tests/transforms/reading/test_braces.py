import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.reading.braces import MAX_PATHS, expand_braces


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a.tar", ["a.tar"]),
        ("{00008..00011}.tar", ["00008.tar", "00009.tar", "00010.tar", "00011.tar"]),
        ("{8..11}", ["8", "9", "10", "11"]),
        ("{3..1}", ["3", "2", "1"]),
        ("{0..10..5}", ["0", "5", "10"]),
        ("{a..c}", ["a", "b", "c"]),
        ("x{a,b}y", ["xay", "xby"]),
        ("{a,b{1..2}}-{01..02}", ["a-01", "a-02", "b1-01", "b1-02", "b2-01", "b2-02"]),
        ("{a,}b", ["ab", "b"]),
        ("{abc}", ["{abc}"]),
        ("{x{1,2}}", ["{x1}", "{x2}"]),
        ("a{b", ["a{b"]),
        ("a}b{1,2}", ["a}b1", "a}b2"]),
        ("{", ["{"]),
        ("", [""]),
    ],
)
def test_expands_as_a_shell_does(pattern: str, expected: list[str]) -> None:
    assert expand_braces(pattern) == expected


@pytest.mark.parametrize("pattern", ["{0..999999999999}", "{0..9}" * 12, "{0..999}{0..9999}"])
def test_refuses_more_paths_than_anyone_means(pattern: str) -> None:
    with pytest.raises(ValueError, match=f"more than {MAX_PATHS:,}"):
        expand_braces(pattern)


def test_refuses_deep_nesting() -> None:
    with pytest.raises(ValueError, match="32 opening braces"):
        expand_braces("{" * 5000)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 5))
def test_a_padded_range_is_the_range(first: int, last: int, width: int) -> None:
    pattern = f"s-{{{first:0{width}d}..{last:0{width}d}}}.tar"
    way = 1 if last >= first else -1
    expanded = expand_braces(pattern)
    assert [int(path[2:-4]) for path in expanded] == list(range(first, last + way, way))


@given(st.text(alphabet="{},.01ab", max_size=12))
def test_never_hangs_or_raises_anything_else(pattern: str) -> None:
    assert len(expand_braces(pattern)) >= 1

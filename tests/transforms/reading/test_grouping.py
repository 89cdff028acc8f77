import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.config import InputConfig
from transforms.reading import grouping
from transforms.reading.endings import Endings, split_short
from transforms.reading.grouping import Group, group_members
from transforms.reading.tar_walk import Member, Problem

PLAIN = Endings.of(InputConfig(shards=("x",)))
MASKS = Endings.of(InputConfig(shards=("x",), image=("jpg", ".SEG.png")))


def members(names: str) -> list[Member]:
    return [Member(name=name, offset=at, size=1) for at, name in enumerate(names.split())]


def groups(names: str, endings: Endings = PLAIN) -> list[Group]:
    found = list(group_members(members(names), endings))
    return [group for group in found if isinstance(group, Group)]


def shape(names: str, endings: Endings = PLAIN) -> list[tuple[str, ...]]:
    return [(g.key, *g.endings, *g.mended, *([g.reason] if g.reason else [])) for g in groups(names, endings)]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("a.jpg a.txt b.jpg b.txt", [("a", "jpg", "txt"), ("b", "jpg", "txt")]),
        ("x/a.JPG x/a.Txt y/a.jpg", [("x/a", "jpg", "txt"), ("y/a", "jpg")]),
        ("a.jpg a.txt a.seg.png", [("a", "jpg", "txt", "seg.png")]),
        (
            "i.v1.jpg i.v1.txt i.v2.jpg i.v2.txt",
            [("i.v1", "jpg", "txt", "dotted_key"), ("i.v2", "jpg", "txt", "dotted_key")],
        ),
        (
            "i.v1.jpg i.v2.jpg i.v1.txt i.v2.txt",
            [("i.v1", "jpg", "txt", "dotted_key"), ("i.v2", "jpg", "txt", "dotted_key")],
        ),
        ("i.v1.jpg i.v1.txt", [("i.v1", "jpg", "txt", "dotted_key")]),
        ("i.jpg i.txt i.v2.jpg i.v2.txt", [("i", "jpg", "txt"), ("i.v2", "jpg", "txt", "dotted_key")]),
        ("i.1.jpg i.1.json i.2.jpg", [("i.1", "jpg", "json", "dotted_key"), ("i.2", "jpg", "dotted_key")]),
        ("a.left.jpg a.right.jpg a.txt", [("a", "left.jpg", "right.jpg", "txt")]),
        ("a.1.jpg a.2.jpg", [("a", "1.jpg", "2.jpg")]),
        ("a.txt.gz b.jpg", [("a", "txt.gz"), ("b", "jpg")]),
        ("a.jpg a.txt a.jpg a.txt", [("a", "jpg", "txt"), ("a", "jpg", "txt")]),
        ("a.jpg a.txt a.txt a.jpg", [("a", "jpg", "txt"), ("a", "txt", "jpg")]),
        ("a.jpg a.jpg a.txt", [("a", "jpg", "jpg", "txt", "repeated_member")]),
        ("a.jpg a.JPG", [("a", "jpg"), ("a", "jpg")]),
        (
            "._a.jpg a.jpg ._a.txt a.txt",
            [("._a.jpg", "", "no_key"), ("._a.txt", "", "no_key"), ("a", "jpg", "txt")],
        ),
        ("a.jpg README a.txt", [("README", ""), ("a", "jpg", "txt")]),
        ("__meta__ __m__/x.jpg a.jpg __key__.jpg", [("a", "jpg"), ("__key__", "jpg")]),
        ("", []),
    ],
)
def test_groups(names: str, expected: list[tuple[str, ...]]) -> None:
    assert sorted(shape(names)) == sorted(expected)


def test_a_configured_ending_with_dots_comes_first() -> None:
    assert shape("a.jpg a.txt a.seg.png", MASKS) == [("a", "jpg", "txt", "seg.png")]
    assert shape("a.1.seg.png a.1.txt", MASKS) == [("a.1", "seg.png", "txt", "dotted_key")]
    (group,) = groups("a.seg.png a.txt", MASKS)
    image = group.find(MASKS.image)
    assert image is not None
    assert image.name == "a.seg.png"


@pytest.mark.parametrize(
    ("before", "torn", "kept"),
    [
        ("a.jpg a.txt b.jpg", "b.txt", ["a"]),
        ("a.jpg a.txt b.jpg b.txt", "c.jpg", ["a", "b"]),
        ("a.jpg a.txt b.jpg b.txt", None, ["a", "b"]),
        ("a.jpg a.txt b.jpg", None, ["a"]),
        # The JSON that every sample has may be what was torn.
        ("a.jpg a.txt a.json b.jpg b.txt", None, ["a"]),
        ("i.v1.jpg i.v1.txt", "i.v2.jpg", ["i.v1"]),
        ("i.v1.jpg", "i.v1.txt", []),
        ("", None, []),
    ],
)
def test_a_sample_that_was_torn_goes_with_the_tail(before: str, torn: str | None, kept: list[str]) -> None:
    problem = Problem(reason="truncated_shard", value="", name=torn)
    items = list(group_members([*members(before), problem], PLAIN))
    assert items[-1] == problem
    assert [item.key for item in items[:-1] if isinstance(item, Group)] == kept


NAMES = st.lists(
    st.builds(
        lambda key, dots, ending: ".".join([key, *dots, *([ending] if ending else [])]),
        st.sampled_from(["a", "b", "d/a", "", "__k__"]),
        st.lists(st.sampled_from(["1", "2", "seg"]), max_size=2),
        st.sampled_from(["jpg", "txt", "json", "npy", "JPG", ""]),
    ).filter(bool),
    max_size=14,
)


@given(NAMES)
def test_every_member_is_in_one_group(names: list[str]) -> None:
    found = groups(" ".join(names))
    inside = sorted(member.offset for group in found for member in group.members)
    all_of_them = [m for m in members(" ".join(names)) if m.name != "__k__"]
    assert inside == sorted(member.offset for member in all_of_them)
    for group in found:
        assert len(group.endings) == len(group.members)
        assert all(member.name.lower().startswith(group.key.lower()) for member in group.members)


@given(
    st.lists(st.lists(st.sampled_from(["jpg", "txt", "json", "npy"]), unique=True, min_size=1), max_size=8)
)
def test_clean_shards_group_as_webdataset_does(samples: list[list[str]]) -> None:
    names = [f"s/{at:03d}.{ending}" for at, sample in enumerate(samples) for ending in sample]
    assert [(g.key, list(g.endings)) for g in groups(" ".join(names))] == [
        (f"s/{at:03d}", sample) for at, sample in enumerate(samples)
    ]


@pytest.mark.parametrize("count", [1, 100, 300, 1000])
def test_long_runs_of_one_key_are_cut_between_samples(count: int) -> None:
    dotted = " ".join(f"f.{at:05d}.jpg f.{at:05d}.npy f.{at:05d}.txt" for at in range(count))
    assert [g.key for g in groups(dotted)] == [f"f.{at:05d}" for at in range(count)]
    repeated = groups("a.jpg a.txt " * count)
    assert [(g.key, g.endings) for g in repeated] == [("a", ("jpg", "txt"))] * count
    frames = "a.jpg a.txt " + " ".join(f"a.{at:05d}.png" for at in range(count))
    assert [(g.key, g.endings[:2], g.reason) for g in groups(frames)] == [("a", ("jpg", "txt"), None)]


def test_bytes_held_of_a_long_run_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "MAX_RUN_BYTES", 1000)
    alive: list[int] = []
    pulled = 0

    def stream() -> object:
        nonlocal pulled
        for at in range(200):
            for ending in ("jpg", "txt"):
                pulled += 1
                yield Member(name=f"f.{at}.{ending}", offset=pulled, size=100, data=bytes(100))

    for number, _ in enumerate(group_members(stream(), PLAIN)):  # type: ignore[arg-type]
        alive.append(pulled - 2 * number)
    assert len(alive) == 200
    assert max(alive) <= 14


@given(st.text(max_size=30))
def test_splitting_loses_nothing(name: str) -> None:
    key, ending = split_short(name)
    if key and ending:
        assert name.startswith(key + ".")
        assert name[len(key) + 1 :].lower() == ending
    long_key, last = PLAIN.split_long(name)
    assert name[: len(long_key)] == long_key
    assert last in name.lower()

"""No reply that was once saved is lost or counted twice, whoever dies or writes at the same time."""

import doctest
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvlm_workers.base import Reply
from tests.object_store import Killed, Shelf
from transforms import journal_files
from transforms.journal_files import add_segment, journal_of, pack, to_line, whole_lines
from transforms.reply_store import ReplyStore, read_replies
from transforms.spent import spent_in

PATH = "shelf://b/work/replies/laclip/a-1.jsonl"
FOLDER = PATH.removesuffix(".jsonl")


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Shelf]]:
    """Return an empty object store, where three segments are merged."""
    Shelf.reset()
    monkeypatch.setattr(journal_files, "MERGE", 3)
    yield Shelf
    Shelf.reset()


def line(n: int) -> bytes:
    return to_line(f'{{"request": "k{n:05d}", "text": "{n:05d}", "model": "m"}}'.encode())


def names() -> list[str]:
    return [path.removeprefix(f"{FOLDER}/")[:8] for path in sorted(Shelf.files)]


def kept() -> list[bytes]:
    return list(whole_lines(PATH))


def replies() -> list[tuple[str, Reply]]:
    try:
        return list(read_replies(PATH))
    except FileNotFoundError:
        return []


def test_neighbours_of_a_level_are_merged_into_one_of_the_next(shelf: type[Shelf]) -> None:
    seen = []
    for n in range(11):
        add_segment(PATH, [line(n)])
        seen.append(" ".join(names()))
    # By hand: three of a level give one of the next, which has the first one's number.
    assert seen == [
        "000000-0",
        "000000-0 000001-0",
        "000000-0 000001-0 000002-0",
        "000000-1 000003-0",
        "000000-1 000003-0 000004-0",
        "000000-1 000003-0 000004-0 000005-0",
        "000000-1 000003-1 000006-0",
        "000000-1 000003-1 000006-0 000007-0",
        "000000-1 000003-1 000006-0 000007-0 000008-0",
        "000000-1 000003-1 000006-1 000009-0",
        "000000-2 000009-0 000010-0",
    ]
    assert kept() == [line(n) for n in range(11)]
    pack(PATH)
    assert names() == ["000000-3"]
    assert kept() == [line(n) for n in range(11)]
    written = shelf.written
    pack(PATH)
    assert shelf.written == written


@pytest.mark.parametrize("merge", [2, 3, 8])
def test_bytes_and_objects_grow_as_they_should(
    shelf: type[Shelf], monkeypatch: pytest.MonkeyPatch, merge: int
) -> None:
    monkeypatch.setattr(journal_files, "MERGE", merge)
    for n in range(1, 301):
        add_segment(PATH, [line(n)])
        levels = 1 + math.floor(math.log(n, merge) + 1e-9)
        assert shelf.written <= n * len(line(0)) * levels
        assert len(shelf.files) <= levels * merge
    assert kept() == [line(n) for n in range(1, 301)]


def test_a_files_journal() -> None:
    assert doctest.testmod(journal_files).failed == 0
    segment = "000012-1-0123456789abcdef.segment"
    assert journal_of(f"{FOLDER}/{segment}") == PATH
    assert journal_of(f"/out/work/replies/laclip/a-1/{segment}") == "/out/work/replies/laclip/a-1.jsonl"
    assert journal_of(PATH) == PATH
    for name in (
        f".writing-1234abcd-{segment}",
        "notes.txt",
        f"{segment}.bak",
        "1-0-0123456789abcdef.segment",
    ):
        assert journal_of(f"{FOLDER}/{name}") is None
    assert journal_of("/out/work/replies/laclip/.writing-1234abcd-a-1.jsonl") is None


def test_what_is_no_segment_is_not_read(shelf: type[Shelf]) -> None:
    add_segment(PATH, [line(0)])
    for name in ("000001.segment", ".writing-1234abcd-000001-0-0123456789abcdef.segment", "x/y"):
        shelf.files[f"{FOLDER}/{name}"] = line(9)
    assert kept() == [line(0)]
    with pytest.raises(FileNotFoundError, match="no such journal"):
        list(whole_lines(PATH.replace("a-1", "a-")))


def test_damaged_lines_of_a_segment_are_left_out(shelf: type[Shelf]) -> None:
    add_segment(PATH, [line(0), line(1), line(2)])
    add_segment(PATH, [line(3), line(4)])
    first, second = sorted(shelf.files)
    shelf.files[first] = line(0) + line(1).replace(b"0001", b"0007") + b"\xff nonsense\n" + line(2)
    shelf.files[second] = (line(3) + line(4))[:-1]
    assert kept() == [line(0), line(2), line(3)]
    pack(PATH)
    assert list(shelf.files.values()) == [line(0) + line(2) + line(3)]


def test_an_object_that_cannot_be_read_is_an_error(shelf: type[Shelf]) -> None:
    def refuse(operation: str, path: str) -> None:
        if operation == "open":
            raise PermissionError(13, "Permission denied", path)

    for n in range(3):
        add_segment(PATH, [line(n)])
    shelf.before = refuse
    for use in (kept, lambda: pack(PATH), lambda: add_segment(PATH, [line(3)])):
        with pytest.raises(PermissionError):
            use()
    shelf.before = None
    assert kept() == [line(n) for n in range(4)]  # the last was saved before the merge that failed


def test_a_death_at_any_moment_loses_nothing_that_was_saved(shelf: type[Shelf]) -> None:
    for work in (lambda: add_segment(PATH, [line(9)]), lambda: pack(PATH)):
        for lives in range(12):
            shelf.reset()
            for n in range(9):
                add_segment(PATH, [line(n // 2), line(n)])
            shelf.lives = lives
            with suppress(Killed):
                work()
            shelf.lives = None
            saved = [each for each in kept() if each != line(9)]
            assert saved == [line(n) for n in range(9)]
            for n in range(20, 30):
                add_segment(PATH, [line(n)])
            pack(PATH)
            assert [each for each in kept() if each != line(9)] == saved + [line(n) for n in range(20, 30)]
            # All that is left of the dead is what the next run removes.
            assert [path for path in shelf.files if ".writing-" not in path] == [max(shelf.files)]


@dataclass
class Attempts:
    """Two attempts at the same work, which are killed and begun again, and what they were told is saved."""

    stores: list[ReplyStore] = field(default_factory=lambda: [ReplyStore(PATH), ReplyStore(PATH)])
    asked: list[tuple[str, Reply]] = field(default_factory=list)
    unsaved: list[list[tuple[str, Reply]]] = field(default_factory=lambda: [[], []])
    saved: list[tuple[str, Reply]] = field(default_factory=list)

    def do(self, who: int, what: str, key: str) -> None:
        store = self.stores[who]
        if what == "put" and store.get(key) is None:
            reply = Reply(text=f"reply {len(self.asked)}", model="m", endpoint="http://a/v1")
            self.asked.append((key, reply))
            self.unsaved[who].append((key, reply))
            store.put(key, reply)
        elif what == "read":
            known = self.saved.copy()
            read = replies()
            assert [each for each in known if read.count(each) != 1] == []
        elif what in ("flush", "pack"):
            store.flush() if what == "flush" else store.pack()
            self.saved += self.unsaved[who]
            self.unsaved[who].clear()

    def begin_again(self, who: int) -> None:
        self.unsaved[who].clear()
        self.stores[who] = ReplyStore(PATH)

    def killed(self, who: int, what: str, key: str, lives: int) -> None:
        Shelf.lives = lives
        with suppress(Killed):
            self.do(who, what, key)
        Shelf.lives = None
        self.begin_again(who)

    def between(self, who: int, what: str, key: str, uses: int, theirs: str) -> None:
        """Do something; before it uses the object store so many times, let the other attempt do its part."""

        def before(operation: str, path: str) -> None:
            nonlocal uses
            uses -= 1
            if uses == 0:
                Shelf.before = None
                self.do(1 - who, theirs, key)

        Shelf.before = before
        self.do(who, what, key)
        Shelf.before = None

    def check(self) -> None:
        """Compare what all readers find with what was saved."""
        found = replies()
        assert [each for each in self.saved if found.count(each) != 1] == []
        assert [each for each in found if self.asked.count(each) != 1 or found.count(each) != 1] == []
        first: dict[str, Reply] = {}
        for key, reply in found:
            first.setdefault(key, reply)
        store = ReplyStore(PATH)
        assert {key: store.get(key) for key in {key for key, _ in self.asked}} == {
            key: first.get(key) for key in {key for key, _ in self.asked}
        }
        if found:
            assert spent_in(PATH, {})["laclip", "http://a/v1", "replies"] == len(found)


WHAT = st.sampled_from(["put", "put", "put", "flush", "flush", "pack", "read"])
KEYS = st.sampled_from(["k0", "k1", "k2", "k3", "k4", "k5"])
STEPS = st.one_of(
    st.tuples(st.just("do"), st.integers(0, 1), WHAT, KEYS),
    st.tuples(st.just("killed"), st.integers(0, 1), WHAT, KEYS, st.integers(0, 9)),
    st.tuples(st.just("between"), st.integers(0, 1), WHAT, KEYS, st.integers(1, 15), WHAT),
)


@settings(max_examples=150)
@given(st.lists(STEPS, max_size=40), st.sampled_from([2, 3]))
def test_any_history_of_two_attempts_keeps_each_saved_reply_once(
    steps: list[tuple[Any, ...]], merge: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal_files, "MERGE", merge)
        Shelf.reset()
        attempts = Attempts()
        for what, *arguments in steps:
            getattr(attempts, what)(*arguments)
        attempts.check()
        for who in (0, 1):
            attempts.do(who, "pack", "")
        attempts.check()
        Shelf.reset()


@settings(max_examples=100)
@given(st.lists(STEPS.filter(lambda step: step[0] != "between"), max_size=40))
def test_one_attempt_after_another_keeps_one_reply_to_a_request(steps: list[tuple[Any, ...]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal_files, "MERGE", 2)
        Shelf.reset()
        attempts = Attempts()
        for what, _, *arguments in steps:
            getattr(attempts, what)(0, *arguments)
        attempts.check()
        found = [key for key, _ in replies()]
        assert len(found) == len(set(found))
        Shelf.reset()


@pytest.mark.parametrize("theirs", ["flush", "pack", "read"])
@pytest.mark.parametrize("mine", ["flush", "pack", "read"])
def test_another_attempt_may_write_at_any_moment(shelf: type[Shelf], mine: str, theirs: str) -> None:
    for uses in range(1, 60):
        shelf.reset()
        attempts = Attempts()
        for n in range(6):
            attempts.do(n % 2, "put", f"k{n // 2}")
            attempts.do(n % 2, "flush", "")
        for who in (0, 1):
            attempts.do(who, "put", "last")
        attempts.between(0, mine, "", uses, theirs)
        attempts.check()
        attempts.do(1, "pack", "")
        attempts.do(0, "pack", "")
        attempts.check()
        assert len(shelf.files) == 1

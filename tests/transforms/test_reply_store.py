"""Replies survive the death of the process, torn lines do not mislead."""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvlm_workers.base import Reply, Request
from tests.object_store import Shelf
from transforms import reply_store
from transforms.reply_store import UNSAVED_REPLIES, ReplyStore, read_replies, request_hash

REPLIES = {f"k{n}": Reply(text=f"text {n}\n\u2028", model="m", tokens_in=n) for n in range(4)}

REMOTE = "shelf://b/work/replies/laclip/a-1.jsonl"


def journal(path: Path) -> bytes:
    with closing(ReplyStore(str(path))) as store:
        for key, reply in REPLIES.items():
            store.put(key, reply)
    return path.read_bytes()


def test_replies_come_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.jsonl"
    journal(path)
    with closing(ReplyStore(str(path))) as store:
        assert {key: store.get(key) for key in REPLIES} == REPLIES
        assert store.get("other") is None


def test_a_reply_is_on_disk_as_soon_as_it_is_put(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    store = ReplyStore(str(path))
    store.put("k0", REPLIES["k0"])
    assert ReplyStore(str(path)).get("k0") == REPLIES["k0"]
    store.close()


def test_a_store_nobody_writes_to_leaves_no_file(tmp_path: Path) -> None:
    ReplyStore(str(tmp_path / "a.jsonl")).close()
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=60)
@given(st.data())
def test_a_torn_journal_keeps_its_whole_lines_and_takes_new_ones(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "a.jsonl"
    whole = journal(path)
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    complete = whole[:cut].count(b"\n")
    with closing(ReplyStore(str(path))) as store:
        assert [store.get(key) is not None for key in REPLIES] == [n < complete for n in range(4)]
        store.put("new", Reply(text="new", model="m"))
    with closing(ReplyStore(str(path))) as store:
        assert store.get("new") == Reply(text="new", model="m")
        assert [store.get(key) is not None for key in REPLIES] == [n < complete for n in range(4)]


def test_a_damaged_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = journal(path).splitlines(keepends=True)
    path.write_bytes(
        lines[0] + lines[1].replace(b"text", b"tent") + lines[2] + b"\xff\xfe nonsense\n" + lines[3]
    )
    with closing(ReplyStore(str(path))) as store:
        assert [store.get(key) is not None for key in REPLIES] == [True, False, True, True]


def test_the_hash_names_all_that_decides_a_reply() -> None:
    def asked(identity: str = "a", image: str | None = "i", **changes: object) -> str:
        values: dict[str, object] = {
            "tag": None,
            "prompt": "p",
            "schema": {"type": "object"},
            "seed": 1,
        } | changes
        return request_hash(Request(**values), identity={"kind": identity}, image_sha256=image)  # type: ignore[arg-type]

    variants = [asked(), asked("b"), asked(image=None), asked(prompt="q"), asked(schema=None), asked(seed=2)]
    assert len(set(variants)) == len(variants)
    assert asked(tag="other") == asked()


def test_a_journal_is_read_in_order_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    torn = journal(path)[:-3]
    path.write_bytes(b"nonsense\n" + torn)
    assert list(read_replies(str(path))) == list(REPLIES.items())[:-1]
    assert path.read_bytes() == b"nonsense\n" + torn
    with pytest.raises(OSError, match="none"):
        list(read_replies(str(tmp_path / "none.jsonl")))


def test_the_first_reply_to_a_request_counts(tmp_path: Path) -> None:
    path = str(tmp_path / "a.jsonl")
    with closing(ReplyStore(path)) as store:
        store.put("k", REPLIES["k0"])
        store.put("k", REPLIES["k1"])
    assert list(read_replies(path)) == [("k", REPLIES["k0"])]


def test_replies_are_put_from_many_threads(tmp_path: Path) -> None:
    path = str(tmp_path / "a.jsonl")
    with closing(ReplyStore(path)) as store:

        def put(first: int) -> None:
            for n in range(first, 400, 4):
                store.put(f"k{n}", Reply(text="x" * n, model="m"))
                store.put(f"k{n // 2}", Reply(text="x" * (n // 2), model="m"))

        threads = [Thread(target=put, args=(first,)) for first in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = list(read_replies(path))
    assert len(found) == 400
    assert {key: len(reply.text) for key, reply in found} == {f"k{n}": n for n in range(400)}


@pytest.fixture
def shelf() -> Iterator[type[Shelf]]:
    """Return an empty object store."""
    Shelf.reset()
    yield Shelf
    Shelf.reset()


def saved() -> list[str]:
    return [key for key, _ in read_replies(REMOTE)] if Shelf.files else []


def test_where_appending_is_impossible_a_bounded_number_is_only_in_memory(shelf: type[Shelf]) -> None:
    with closing(ReplyStore(REMOTE)) as store:
        for n in range(3 * UNSAVED_REPLIES + 5):
            store.put(f"k{n}", REPLIES["k0"])
            store.flush_if_due()
            assert len(saved()) == (n + 1) // UNSAVED_REPLIES * UNSAVED_REPLIES
        store.flush()
        assert saved() == [f"k{n}" for n in range(3 * UNSAVED_REPLIES + 5)]
        written = shelf.written
    assert shelf.written == written  # nothing was unsaved


def test_long_replies_are_saved_before_they_are_many(
    shelf: type[Shelf], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reply_store, "UNSAVED_BYTES", 1000)
    numbers = []
    with closing(ReplyStore(REMOTE)) as store:
        for n in range(6):
            store.put(f"k{n}", Reply(text="x" * 400, model="m"))
            store.flush_if_due()
            numbers.append(len(saved()))
    # A line is about 600 bytes.
    assert numbers == [0, 2, 2, 4, 4, 6]


def test_what_arrives_while_a_segment_is_written_is_saved_next(shelf: type[Shelf]) -> None:
    def late(operation: str, path: str) -> None:
        if operation == "create":
            store.put("late", REPLIES["k3"])

    store = ReplyStore(REMOTE)
    store.put("k0", REPLIES["k0"])
    shelf.before = late
    store.flush()
    assert saved() == ["k0"]
    store.close()
    assert saved() == ["k0", "late"]


@pytest.mark.parametrize("failing", ["create", "copy", "list"])
def test_a_failed_write_is_tried_again_at_the_end(shelf: type[Shelf], failing: str) -> None:
    def fail(operation: str, path: str) -> None:
        if operation == failing:
            raise OSError(28, "No space left on device")

    store = ReplyStore(REMOTE)
    store.put("k0", REPLIES["k0"])
    shelf.before = fail
    with pytest.raises(OSError, match="No space"):
        store.flush()
    shelf.before = None
    store.close()
    assert saved() == ["k0"]


def test_a_packed_journal_is_one_object(shelf: type[Shelf]) -> None:
    with closing(ReplyStore(REMOTE)) as store:
        for key, reply in REPLIES.items():
            store.put(key, reply)
            store.flush()
        assert len(shelf.files) == len(REPLIES)
        store.put("last", REPLIES["k0"])
        store.pack()
    assert len(shelf.files) == 1
    assert list(read_replies(REMOTE)) == [*REPLIES.items(), ("last", REPLIES["k0"])]


def test_packing_leaves_a_local_journal_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    before = journal(path)
    with closing(ReplyStore(str(path))) as store:
        store.pack()
    assert path.read_bytes() == before


def test_a_journal_that_was_copied_from_an_object_store_is_continued(
    shelf: type[Shelf], tmp_path: Path
) -> None:
    with closing(ReplyStore(REMOTE)) as store:
        for key, reply in REPLIES.items():
            store.put(key, reply)
            store.flush()
    local = tmp_path / "laclip" / "a-1.jsonl"
    (tmp_path / "laclip" / "a-1").mkdir(parents=True)
    for path, data in shelf.files.items():
        (tmp_path / "laclip" / "a-1" / Path(path).name).write_bytes(data)
    for _ in range(2):
        with closing(ReplyStore(str(local))) as store:
            assert {key: store.get(key) for key in REPLIES} == REPLIES
            store.put("k0", REPLIES["k3"])
            store.put("new", REPLIES["k3"])
    assert dict(read_replies(str(local))) == REPLIES | {"new": REPLIES["k3"]}
    assert local.read_bytes().count(b"\n") == 1
    # And back again.
    for file in tmp_path.rglob("*"):
        if file.is_file():
            shelf.files[f"shelf://b/work/replies/{file.relative_to(tmp_path)}"] = file.read_bytes()
    assert sorted(saved()) == [*sorted(REPLIES), "new"]


def big(n: int) -> tuple[str, Reply]:
    """Return a reply that makes a line of 1,500 bytes."""
    key = hashlib.sha256(str(n).encode()).hexdigest()
    return key, Reply(text="x" * 1274, model="m", tokens_in=10_000 + n, tokens_out=350)


def test_what_10000_replies_cost_in_an_object_store(shelf: type[Shelf]) -> None:
    most = 0
    with closing(ReplyStore(REMOTE)) as store:
        for n in range(10_000):
            store.put(*big(n))
            store.flush_if_due()
            most = max(most, len(shelf.files))
        store.flush()
        flushed, objects = shelf.written, len(shelf.files)
        store.pack()
    (packed,) = shelf.files.values()
    assert len(packed) == 10_000 * 1500
    # 157 flushes; the first 9 * 16 were merged once: of 64 replies each.
    assert flushed == len(packed) + 9 * 16 * 64 * 1500 == 28_824_000
    assert (objects, most) == (157 - 9 * 15, 24)
    assert shelf.written == flushed + len(packed) == 43_824_000
    # Written anew for every flush it would be: the closed form of 64 + 128 + ... + 9,984 + 10,000 lines.
    assert (64 * 156 * 157 // 2 + 10_000) * 1500 == 1_190_616_000

"""Replies survive the death of the process, torn lines do not mislead."""

from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvlm_workers.base import Reply, Request
from transforms import reply_store
from transforms.reply_store import UNSAVED_REPLIES, ReplyStore, read_replies, request_hash

REPLIES = {f"k{n}": Reply(text=f"text {n}\n\u2028", model="m", tokens_in=n) for n in range(4)}


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
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of a journal that cannot be appended to."""
    monkeypatch.setattr(reply_store, "is_local", lambda _: False)
    return tmp_path / "a.jsonl"


def test_where_appending_is_impossible_a_bounded_number_is_only_in_memory(remote: Path) -> None:
    with closing(ReplyStore(str(remote))) as store:
        for n in range(3 * UNSAVED_REPLIES + 5):
            store.put(f"k{n}", REPLIES["k0"])
            store.flush_if_due()
            saved = len(list(read_replies(str(remote)))) if remote.exists() else 0
            assert saved == (n + 1) // UNSAVED_REPLIES * UNSAVED_REPLIES
        store.flush()
        assert len(list(read_replies(str(remote)))) == 3 * UNSAVED_REPLIES + 5
        inode = remote.stat().st_ino
    assert remote.stat().st_ino == inode  # nothing was unsaved, so it was not written again


def test_long_replies_are_saved_before_they_are_many(remote: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reply_store, "UNSAVED_BYTES", 1000)
    with closing(ReplyStore(str(remote))) as store:
        saved = []
        for n in range(6):
            store.put(f"k{n}", Reply(text="x" * 400, model="m"))
            store.flush_if_due()
            saved.append(len(list(read_replies(str(remote)))) if remote.exists() else 0)
    # A line is about 600 bytes.
    assert saved == [0, 2, 2, 4, 4, 6]


def test_what_arrives_while_a_journal_is_written_is_saved_next(
    remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = reply_store.commit_bytes

    def slow(path: str, data: bytes) -> None:
        if not store.get("late"):
            store.put("late", REPLIES["k3"])
        commit(path, data)

    monkeypatch.setattr(reply_store, "commit_bytes", slow)
    store = ReplyStore(str(remote))
    store.put("k0", REPLIES["k0"])
    store.flush()
    assert [key for key, _ in read_replies(str(remote))] == ["k0"]
    store.close()
    assert [key for key, _ in read_replies(str(remote))] == ["k0", "late"]


def test_a_failed_write_is_tried_again_at_the_end(remote: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: str, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    store = ReplyStore(str(remote))
    store.put("k0", REPLIES["k0"])
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(reply_store, "commit_bytes", fail)
        store.flush()
    store.close()
    assert [key for key, _ in read_replies(str(remote))] == ["k0"]

"""Replies survive the death of the process, torn lines do not mislead."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvlm_workers.base import Reply, Request
from transforms.reply_store import ReplyStore, request_hash

REPLIES = {f"k{n}": Reply(text=f"text {n}\n\u2028", model="m", tokens_in=n) for n in range(4)}


def journal(path: Path) -> bytes:
    with ReplyStore(str(path)) as store:
        for key, reply in REPLIES.items():
            store.put(key, reply)
    return path.read_bytes()


def test_replies_come_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.jsonl"
    journal(path)
    with ReplyStore(str(path)) as store:
        assert {key: store.get(key) for key in REPLIES} == REPLIES
        assert store.get("other") is None


def test_a_reply_is_on_disk_as_soon_as_it_is_put(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    store = ReplyStore(str(path))
    store.put("k0", REPLIES["k0"])
    assert ReplyStore(str(path)).get("k0") == REPLIES["k0"]
    store.__exit__(None, None, None)


def test_a_store_nobody_writes_to_leaves_no_file(tmp_path: Path) -> None:
    with ReplyStore(str(tmp_path / "a.jsonl")):
        pass
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
    with ReplyStore(str(path)) as store:
        assert [store.get(key) is not None for key in REPLIES] == [n < complete for n in range(4)]
        store.put("new", Reply(text="new", model="m"))
    with ReplyStore(str(path)) as store:
        assert store.get("new") == Reply(text="new", model="m")
        assert [store.get(key) is not None for key in REPLIES] == [n < complete for n in range(4)]


def test_a_damaged_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = journal(path).splitlines(keepends=True)
    path.write_bytes(
        lines[0] + lines[1].replace(b"text", b"tent") + lines[2] + b"\xff\xfe nonsense\n" + lines[3]
    )
    with ReplyStore(str(path)) as store:
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

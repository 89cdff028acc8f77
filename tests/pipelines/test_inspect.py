import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from pipelines.inspect import COLUMNS, inspect, mark_changes
from schemas.annotation import Annotation
from schemas.facts import Facts
from transforms.publish.plain_text import column_width
from transforms.publish.plan import plan_output
from transforms.publish.write_shard import Piece, write_output_shard

ODD_SHARDS = Path(__file__).parents[3] / "shared" / "data" / "odd_shards"
COUNTS = {
    "in": 1200,
    "published": 3,
    "dropped": {
        "dedup": {"exact_duplicate": 9, "near_duplicate": 30},
        "profile": {"aspect": 1, "words": 1058},
    },
    "failed": {"annotate": {"bad_reply": 97}, "read": {"null_row": 2}},
}


def _piece(number: int, alt_text: str) -> Piece:
    image = b"image %d" % number
    facts = Facts(
        index=number,
        uid=f"uid{number}",
        key=f"k{number}",
        alt_text=alt_text,
        mended=("dotted_key",),
        sha256=hashlib.sha256(image).digest(),
        format="jpeg",
        mode="RGB",
        width=640,
        height=480,
        frames=1,
        colour_shares=(0.7, 0, 0, 0.3, 0, 0, 0, 0, 0, 0, 0),
        words=2,
        language="en",
    )
    region = {"box": [0, 0.25, 0.5, 1], "phrase": "the car", "score": 0.5, "raw_score": None}
    texts = {
        "long_positive": ["A red car stands."],
        "long_negative": ["A blue car stands."],
        "short_positive": ["car", "street"],
        "short_negative": ["dog"],
        "rewrites": ["Car, red."],
        "recaption": "A car, seen\nfrom behind.",
        "regions": [region],
    }
    annotations = [Annotation(index=number, uid=facts.uid, fields=texts)]
    return Piece(facts=facts, shard_name="in.tar", annotations=annotations, image=image)


def _output(folder: Path, alt_text: str = "my car") -> Path:
    for plan in plan_output([3], 2):
        pieces = [_piece(plan.first + i, f"{alt_text} {plan.first + i}") for i in range(plan.size)]
        write_output_shard(plan, pieces, str(folder / "shards" / plan.name))
    (folder / "run.json").write_text(json.dumps({"name": "mine", "counts": COUNTS}))
    return folder


def _tar(path: Path, members: list[tuple[str, bytes]]) -> str:
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return str(path)


def test_a_run_by_hand(tmp_path: Path) -> None:
    shard = tmp_path / "shards" / "00000.tar"
    lines = list(inspect(str(_output(tmp_path)), limit=1))
    joined = "".join(lines[10:13]).replace(" ", "")
    assert lines[:10] == [  # as samples flow, and most of them first
        "run         mine",
        "in          1,200",
        "            - 2 failed by read: null_row",
        "            - 1,058 dropped by profile: words",
        "            - 1 dropped by profile: aspect",
        "            - 30 dropped by dedup: near_duplicate",
        "            - 9 dropped by dedup: exact_duplicate",
        "            - 97 failed by annotate: bad_reply",
        "published   3",
        "",
    ]
    assert f"shard{shard}:000000000".replace(" ", "") in joined
    start = lines.index("alt text    my car 0")
    assert lines[start:] == [
        "alt text    my car 0",
        "caption     A red car stands.",
        "+           A red car stands.",
        "-           A [red -> blue] car stands.",
        "tags        car, street",
        "not         dog",
        "recaption   A car, seen from behind.",
        "rewrite     Car, red.",
        "region      (0.00, 0.25, 0.50, 1.00) the car 0.50",
        "facts       640 x 480 jpeg RGB; en, 2 words; black, red; mended: dotted_key",
    ]


@pytest.mark.parametrize(("limit", "shown"), [(0, 0), (1, 1), (2, 2), (5, 3)])
def test_limit_goes_over_shards(tmp_path: Path, limit: int, shown: int) -> None:
    lines = list(inspect(str(_output(tmp_path)), limit))
    assert sum(line.startswith("alt text") for line in lines) == shown


def test_one_shard_of_ours(tmp_path: Path) -> None:
    lines = list(inspect(str(_output(tmp_path) / "shards" / "00001.tar")))
    assert "alt text    my car 2" in lines
    assert not any(line.startswith("run") for line in lines)


@pytest.mark.parametrize("compress", [False, True])
def test_a_foreign_shard(tmp_path: Path, compress: bool) -> None:
    members = [
        ("a/x.v1.jpg", b"12345"),
        ("a/x.v1.txt", b"a ca\xfft\x1b[31m"),
        ("b.json", b'{"k": 1}'),
        ("b.npy", bytes(2000)),
    ]
    path = _tar(tmp_path / "f.tar", members)
    if compress:
        packed = tmp_path / "f.tar.gz"
        packed.write_bytes(gzip.compress(Path(path).read_bytes()))
        path = str(packed)
    lines = [line for line in inspect(path) if not line.startswith(("shard", "  "))]
    assert lines == [
        "",
        "v1.jpg      5 bytes",
        "v1.txt      a ca\ufffdt\\x1b[31m",
        "",
        'json        {"k": 1}',
        "npy         2,000 bytes",
    ]


def test_lines_are_short_and_plain(tmp_path: Path) -> None:
    hostile = "\x1b]0;title\x07 \u202e 桜桜桜桜 " * 80
    for line in inspect(str(_output(tmp_path, hostile))):
        assert line.isprintable()
        assert sum(map(column_width, line)) <= COLUMNS


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert any("problem" in line for line in inspect(str(tmp_path / "none.tar")))
    for data in (b"", b"x" * 600, b"\x1f\x8b\x08 no gzip", b"PAR1"):
        (tmp_path / "x.tar").write_bytes(data)
        assert any(line.startswith("problem") for line in inspect(str(tmp_path / "x.tar")))
    assert "problem     a Parquet table; open it in pandas or DuckDB" in list(
        inspect(str(tmp_path / "a.parquet"))
    )
    whole = (_output(tmp_path / "out") / "shards" / "00000.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[:1100])
    assert any(line.startswith("problem") for line in inspect(str(tmp_path / "cut.tar")))


@pytest.mark.parametrize(
    "run", ["", "[]", "{}", '{"counts": {"in": 1, "dropped": [], "failed": {}}}', "[" * 9999]
)
def test_a_damaged_run_still_shows_samples(tmp_path: Path, run: str) -> None:
    output = _output(tmp_path)
    (output / "run.json").write_text(run)
    lines = list(inspect(str(output)))
    assert lines[0].startswith("run.json    cannot be read: ")
    assert "alt text    my car 2" in lines


@pytest.mark.skipif(not ODD_SHARDS.is_dir(), reason="the odd shards are not on this machine")
def test_no_odd_shard_raises() -> None:
    paths = sorted(ODD_SHARDS.rglob("*.tar")) + sorted(ODD_SHARDS.rglob("*.gz"))
    assert paths
    for path in paths:
        lines = list(inspect(str(path), limit=3))
        assert all(line.isprintable() and len(line) <= COLUMNS for line in lines)


@pytest.mark.parametrize(
    ("positive", "negative", "marked"),
    [
        ("a red car", "a blue car", "a [red -> blue] car"),
        ("a car", "a red car", "a [nothing -> red] car"),
        ("a red car", "a car", "a [red -> nothing] car"),
        ("one two", "three four", "[one two -> three four]"),
        ("same", "same", "same"),
        ("", "", ""),
    ],
)
def test_changes_are_marked(positive: str, negative: str, marked: str) -> None:
    assert mark_changes(positive, negative) == marked

import hashlib
import io
import json
import tarfile
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import webdataset
from PIL import Image

from schemas.annotation import Annotation
from schemas.errors import RunError
from transforms.publish.plan import OutputShard, plan_output
from transforms.publish.write_shard import INDEX_SCHEMA, TAR_SHA256, TEXT_FIELDS, Piece, write_output_shard
from transforms.publish_shards import coverage

MakePiece = Callable[..., Piece]


def _plan(size: int, first: int = 0) -> OutputShard:
    (plan,) = plan_output([size], max(1, size))
    return OutputShard(number=plan.number, name=plan.name, first=first, slices=plan.slices)


def test_members_are_sorted_named_and_stamped_alike(make_piece: MakePiece, tmp_path: Path) -> None:
    path = tmp_path / "shards" / "00000.tar"
    kinds = ["jpeg", "png", "webp"]
    pieces = [make_piece(i, kind) for i, kind in enumerate(kinds)]
    write_output_shard(_plan(3, first=41), pieces, str(path))
    with tarfile.open(path, "r:") as tar:
        members = tar.getmembers()
        contents = {m.name: (tar.extractfile(m) or io.BytesIO()).read() for m in members}
    assert [m.name for m in members] == [
        "000000041.jpg",
        "000000041.json",
        "000000041.txt",
        "000000042.json",
        "000000042.png",
        "000000042.txt",
        "000000043.json",
        "000000043.txt",
        "000000043.webp",
    ]
    assert {(m.mtime, m.mode, m.uid, m.gid, m.uname, m.gname) for m in members} == {(0, 0o644, 0, 0, "", "")}
    assert contents["000000042.png"] == pieces[1].image
    assert contents["000000041.txt"] == b"A red car stands on a wet street."


def test_index_finds_each_image_again(make_piece: MakePiece, tmp_path: Path) -> None:
    path = tmp_path / "00000.tar"
    pieces = [make_piece(i, kind) for i, kind in enumerate(["jpeg", "png", "webp"])]
    index = write_output_shard(_plan(3), pieces, str(path))
    assert index.schema.equals(INDEX_SCHEMA)
    archive = path.read_bytes()
    assert index.schema.metadata == {TAR_SHA256.encode(): hashlib.sha256(archive).hexdigest().encode()}
    for row, piece in zip(index.to_pylist(), pieces, strict=True):
        image = archive[row["offset"] : row["offset"] + row["size_bytes"]]
        assert image == piece.image
        assert row["sha256"] == hashlib.sha256(image).hexdigest()
        assert (row["width"], row["height"]) == Image.open(io.BytesIO(image)).size
        assert row["uid"] == piece.facts.uid
    row = index.to_pylist()[1]
    assert {
        name: row[name] for name in ("shard", "key", "source_shard", "source_key", "language", "words")
    } == {
        "shard": "00000.tar",
        "key": "000000001",
        "source_shard": "a/00.tar",
        "source_key": "k1",
        "language": "en",
        "words": 3,
    }
    assert row["alt_text"] == "photo number 1"
    assert row["caption"] == "A red car stands on a wet street."
    assert [row[f"n_{name}"] for name in ("long_positive", "short_positive", "rewrites", "regions")] == [
        2,
        1,
        0,
        0,
    ]
    assert not any(row[f"has_{name}"] for name in TEXT_FIELDS)


def test_the_index_tells_which_texts_there_are(make_piece: MakePiece, tmp_path: Path) -> None:
    fused = Annotation(index=0, uid="u", fields={"fused": "A dog."})
    index = write_output_shard(
        _plan(2), [make_piece(0, annotations=(fused,)), make_piece(1)], str(tmp_path / "0.tar")
    )
    assert index["has_fused"].to_pylist() == [True, False]
    assert index["has_recaption"].to_pylist() == [False, False]
    assert coverage(index)["fused"] == 1
    assert coverage(index)["recaption"] == 0


def test_empty_texts_are_not_counted(make_piece: MakePiece, tmp_path: Path) -> None:
    fields = {
        "long_positive": ["A red car.", "A dog."],
        "long_negative": ["", "A cat."],
        "short_positive": ["car"],
        "short_negative": ["bus", "van", "cat"],
    }
    left = Annotation(index=0, uid="u", fields=fields)
    none = Annotation(index=1, uid="v", fields={"long_positive": ["A dog."], "long_negative": [""]})
    pieces = [make_piece(0, annotations=(left,)), make_piece(1, annotations=(none,))]
    index = write_output_shard(_plan(2), pieces, str(tmp_path / "0.tar"))
    counts = {name: index[f"n_{name}"].to_pylist() for name in fields}
    assert counts == {
        "long_positive": [2, 1],
        "long_negative": [1, 0],
        "short_positive": [1, 0],
        "short_negative": [3, 0],
    }
    assert {name: coverage(index)[name] for name in fields} == {
        "long_positive": 2,
        "long_negative": 1,
        "short_positive": 1,
        "short_negative": 1,
    }


def test_same_pieces_same_bytes(make_piece: MakePiece, tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        write_output_shard(_plan(4), (make_piece(i) for i in range(4)), str(tmp_path / name))
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


@pytest.mark.parametrize(("planned", "given"), [(2, 1), (2, 3), (1, 0)])
def test_more_or_fewer_pieces_than_planned(
    make_piece: MakePiece, tmp_path: Path, planned: int, given: int
) -> None:
    pieces = [make_piece(i) for i in range(given)]
    with pytest.raises(ValueError, match=f"planned to hold {planned} samples, but got"):
        write_output_shard(_plan(planned), pieces, str(tmp_path / "00000.tar"))
    assert list(tmp_path.iterdir()) == []


def test_an_image_that_changed_since_it_was_measured(make_piece: MakePiece, tmp_path: Path) -> None:
    piece = make_piece(0, sha256=hashlib.sha256(b"other").digest())
    with pytest.raises(RunError, match="the image of 'k0' is not the one that was profiled"):
        write_output_shard(_plan(1), [piece], str(tmp_path / "00000.tar"))
    assert list(tmp_path.iterdir()) == []


def test_stock_webdataset_reads_it(make_piece: MakePiece, tmp_path: Path) -> None:
    path = tmp_path / "00000.tar"
    pieces = [make_piece(i, kind) for i, kind in enumerate(["jpeg", "png", "webp"])]
    write_output_shard(_plan(3), pieces, str(path))
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ResourceWarning
        )  # the loader leaves the closing of its stream to Python
        stock = webdataset.WebDataset(str(path), shardshuffle=False).decode("pil")
        samples = list(stock.to_tuple("jpg;png;webp", "txt", "json"))
    assert len(samples) == 3
    for (image, text, record), piece in zip(samples, pieces, strict=True):
        assert image.size == (piece.facts.width, piece.facts.height)
        assert text == record["caption"] == "A red car stands on a wet street."
        assert record["uid"] == piece.facts.uid


def test_fields_as_open_clip_reads_them(make_piece: MakePiece, tmp_path: Path) -> None:
    path = tmp_path / "00000.tar"
    write_output_shard(_plan(2), [make_piece(0), make_piece(1, alt_text="")], str(path))
    with tarfile.open(path, "r:") as tar:
        by_ending = [
            {m.name.partition(".")[2]: (tar.extractfile(m) or io.BytesIO()).read() for m in group}
            for group in zip(*[iter(tar.getmembers())] * 3, strict=True)
        ]
    for sample in by_ending:
        record = json.loads(sample["json"])
        for key in ("caption", "alt_text"):  # flat strings
            assert isinstance(record[key], str)
        assert sample["txt"].decode() == record["caption"]


def test_hostile_texts_agree_in_all_three_places(make_piece: MakePiece, tmp_path: Path) -> None:
    path = tmp_path / "00000.tar"
    piece = make_piece(0, alt_text="a\ud800\0\x1b[31m../../x", key="../k\udcff", annotations=())
    (row,) = write_output_shard(_plan(1), [piece], str(path)).to_pylist()
    with tarfile.open(path, "r:") as tar:
        assert tar.getnames() == ["000000000.jpg", "000000000.json", "000000000.txt"]
        text = (tar.extractfile("000000000.txt") or io.BytesIO()).read().decode()
    assert text == row["caption"] == row["alt_text"] == "a\ufffd\0\x1b[31m../../x"
    assert row["source_key"] == "../k\ufffd"

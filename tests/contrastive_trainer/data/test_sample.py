import json
from pathlib import Path
from typing import Any

import pytest

from contrastive_trainer.data.sample import MAX_TEXTS, TrainSample, UnreadableSampleError, read_sample
from contrastive_trainer.data.tar_index import index_tar


def read(make: Any, tmp_path: Path, parts: dict[str, bytes], picture: bool = True) -> TrainSample:
    path = make.pack(tmp_path / "x.tar", [parts])
    with path.open("rb") as stream:
        place_NR2 = index_tar(stream.fileno(), "x.tar").place_NR2
        return read_sample(stream.fileno(), place_NR2[0], "x.tar:0", picture=picture)


def test_a_published_sample(make: Any, tmp_path: Path) -> None:
    sample = read(make, tmp_path, make.sample_parts(7, rewrites=["r"], recaption="long"))
    assert (sample.uid, sample.alt_text, sample.text) == ("u7", "alt 7", "caption 7")
    assert sample.image == make.picture(7)
    assert (sample.many("rewrites"), sample.one("recaption")) == (["r"], "long")


def test_a_raw_sample_has_only_its_text(make: Any, tmp_path: Path) -> None:
    sample = read(make, tmp_path, {"jpg": b"J", "txt": "Ein Müll\udcff".encode("utf-8", "surrogateescape")})
    assert (sample.uid, sample.alt_text, sample.fields) == ("x.tar:0", "Ein Müll\ufffd", {})


def test_a_synthetic_caption_never_passes_for_alt_text(make: Any, tmp_path: Path) -> None:
    assert read(make, tmp_path, make.sample_parts(1, alt_text="", caption="written")).alt_text == ""


def test_the_picture_is_left_out_where_nobody_wants_it(make: Any, tmp_path: Path) -> None:
    assert read(make, tmp_path, make.sample_parts(1), picture=False).image == b""


@pytest.mark.parametrize(
    ("data", "fields"),
    [(b"[1, 2]", {}), (b'"text"', {}), (b'{"uid": 5}', {"uid": 5}), (b'{"x": NaN}', {"x": pytest.approx})],
)
def test_json_that_is_no_record_is_no_fault(
    make: Any, tmp_path: Path, data: bytes, fields: dict[str, Any]
) -> None:
    sample = read(make, tmp_path, {"jpg": b"J", "json": data})
    assert sample.fields.keys() == fields.keys()
    assert sample.uid == "x.tar:0"


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"txt": b"t", "json": b"{}"}, "no picture"),
        ({"jpg": b"J", "json": b"{"}, "JSON that cannot be read"),
        ({"jpg": b"J", "json": b"\xff\xfe\x00"}, "JSON that cannot be read"),
        ({"jpg": b"J", "json": b"[" * 200_000}, "JSON that cannot be read"),
        ({"jpg": b"J", "json": b'{"n": ' + b"9" * 5000 + b"}"}, "JSON that cannot be read"),
        ({"jpg": b"J", "json": b" " * (2**22 + 1)}, "a part of 4194305 bytes"),
        ({"jpg": b"J", "txt": b" " * (2**22 + 1)}, "a part of 4194305 bytes"),
    ],
)
def test_hostile_samples_are_told_of(make: Any, tmp_path: Path, parts: dict[str, bytes], why: str) -> None:
    with pytest.raises(UnreadableSampleError, match=why):
        read(make, tmp_path, parts)


def test_a_cut_off_member_is_told_of(make: Any, tmp_path: Path) -> None:
    path = make.pack(tmp_path / "x.tar", [{"jpg": b"J" * 4000}])
    path.write_bytes(path.read_bytes()[:1000])
    with path.open("rb") as stream:
        place_NR2 = index_tar(stream.fileno(), "x.tar").place_NR2
        with pytest.raises(UnreadableSampleError, match="cut off"):
            read_sample(stream.fileno(), place_NR2[0], "x.tar:0")


def test_what_is_no_text_is_left_out_of_a_field() -> None:
    texts = ["a", " ", 5, None, ["b"], "c"]
    sample = TrainSample(uid="", image=b"", text="", fields={"m": texts, "n": "a", "o": ["x"] * 1000})
    assert sample.many("m") == ["a", "c"]
    assert sample.items("m") == texts
    assert (sample.many("n"), sample.many("p"), sample.one("m")) == ([], [], "")
    assert len(sample.many("o")) == MAX_TEXTS


def test_lone_surrogates_come_through(make: Any, tmp_path: Path) -> None:
    data = json.dumps({"alt_text": "a\ud800b"}).encode()
    assert read(make, tmp_path, {"jpg": b"J", "json": data}).alt_text == "a\ud800b"

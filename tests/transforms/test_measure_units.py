import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from schemas.arrow import from_table, to_table
from schemas.config import InputConfig
from schemas.facts import COLOURS, Facts
from schemas.shard import Unit, unit_uid
from transforms.measure_units import MAX_SOURCE_JSON_CHARS, measure_units
from transforms.text_facts import measure_text

CONFIG = InputConfig(shards=("x.tar",))
COCO = Path(__file__).parents[3] / "shared/data/coco_open/shards/00001.tar"


def _image(colour: str = "red", name: str = "png") -> bytes:
    image = Image.new("RGB", (40, 20), colour)
    image.paste("white", (0, 0, 10, 20))
    stream = io.BytesIO()
    image.save(stream, name)
    return stream.getvalue()


def _reader(data: bytes) -> Callable[[], bytes]:
    return lambda: data


def _unit(index: int = 0, data: bytes | None = None, **rest: object) -> Unit:
    given: dict[str, object] = {"key": f"k{index}", "image_name": f"k{index}.png", "text": "a red car"}
    read_image = _reader(_image() if data is None else data)
    return Unit(index=index, read_image=read_image, **given | rest)  # type: ignore[arg-type]


def _measure(*units: Unit, needs_text: bool = True, extra_fields: tuple[str, ...] = ()) -> list[Facts]:
    return measure_units("s", units, CONFIG, needs_text=needs_text, extra_fields=extra_fields)


def test_a_whole_unit_has_all_its_facts() -> None:
    data = _image()
    unit = _unit(7, data, offset=512, size_bytes=len(data), url="https://x.org/a", mended=("dotted_key",))
    (facts,) = _measure(unit)
    assert (facts.index, facts.key, facts.uid) == (7, "k7", unit_uid("s", unit))
    assert (facts.offset, facts.size_bytes, facts.url) == (512, len(data), "https://x.org/a")
    assert (facts.stage, facts.reason, facts.value) == (None, None, None)
    assert (facts.format, facts.mode, facts.width, facts.height) == ("png", "RGB", 40, 20)
    assert facts.sha256 == hashlib.sha256(data).digest()
    assert facts.colour_shares[COLOURS.index("white")] == pytest.approx(0.25, abs=0.02)
    assert facts.colour_grid is not None
    assert facts.colour_grid[-3:] == bytes((255, 0, 0))
    assert facts.phash is not None
    assert facts.mended == ("dotted_key",)
    text = measure_text("a red car")
    assert (facts.alt_text, facts.words, facts.chars, facts.language) == ("a red car", 3, 9, "en")
    assert facts.language_probability == text.language_probability
    assert facts.extra == "{}"


def test_units_that_are_none_keep_their_place_and_reason() -> None:
    torn = Unit(index=1, key="k1", reason="truncated_shard", value="at\nbyte 5\x00" + "x" * 300)
    facts = _measure(_unit(0), torn, _unit(2, b"junk"), _unit(3, _image("blue")))
    assert [row.index for row in facts] == [0, 1, 2, 3]
    assert [(row.stage, row.reason) for row in facts] == [
        (None, None),
        ("read", "truncated_shard"),
        ("decode", "unknown_format"),
        (None, None),
    ]
    assert facts[1].value == "at byte 5 " + "x" * 190
    assert facts[2].sha256 == hashlib.sha256(b"junk").digest()
    assert facts[0].colour_grid != facts[3].colour_grid


def test_a_missing_text_is_told_before_the_image_is_read() -> None:
    def refuse() -> bytes:
        raise AssertionError("the image was read")

    units = [
        Unit(index=place, key="k", read_image=refuse, text=text)
        for place, text in enumerate((None, "", " \n"))
    ]
    assert [(row.stage, row.reason) for row in _measure(*units)] == [
        ("read", "missing_text"),
        ("read", "empty_text"),
        ("read", "empty_text"),
    ]


def test_a_text_is_not_needed_where_a_recipe_writes_one() -> None:
    (facts,) = _measure(_unit(text=None), needs_text=False)
    assert (facts.reason, facts.alt_text, facts.words, facts.language) == (None, "", 0, None)


@pytest.mark.parametrize(
    ("member", "real", "mended"),
    [
        ("a.jpg", "png", ("image_ending:jpg->png",)),
        ("a.JPG", "jpeg", ()),
        ("a.jpeg", "jpeg", ()),
        ("a.png", "webp", ("image_ending:png->webp",)),
        ("image", "png", ()),
    ],
)
def test_an_ending_that_disagrees_is_mended(member: str, real: str, mended: tuple[str, ...]) -> None:
    (facts,) = _measure(_unit(data=_image(name=real), image_name=member))
    assert (facts.format, facts.mended) == (real, mended)


def test_extra_numbers_of_the_json() -> None:
    (facts,) = _measure(_unit(json={"p": "0.5", "q": True}), extra_fields=("q", "p"))
    assert facts.extra == '{"p": 0.5}'


def test_an_error_of_the_machine_is_not_the_samples() -> None:
    def fail() -> bytes:
        raise OSError("input/output error")

    with pytest.raises(OSError, match="input/output error"):
        _measure(Unit(index=0, key="k", read_image=fail, text="a"))


def test_a_unit_without_image_and_reason_is_an_error() -> None:
    with pytest.raises(ValueError, match="'k' has neither read_image nor a reason"):
        _measure(Unit(index=0, key="k", text="a"))


def test_what_tables_cannot_hold_is_replaced() -> None:
    odd = _unit(key="k\udcff", text="a \ud83d\ude00 red \ud800 car", url="u\udc80", uid="id\ud800")
    (facts,) = _measure(odd)
    assert (facts.key, facts.alt_text, facts.url) == ("k\ufffd", "a \U0001f600 red \ufffd car", "u\ufffd")
    assert from_table(Facts, to_table(Facts, [facts])) == [facts]


def test_batches_do_not_matter_and_rows_survive_the_table() -> None:
    if not COCO.exists():
        pytest.skip(f"{COCO} is not there")
    with tarfile.open(COCO) as shard:
        members = [member for member in shard if member.name.endswith(".jpg")][:12]
        streams = [shard.extractfile(member) for member in members]
        photos = [stream.read() for stream in streams if stream is not None]
    units = [_unit(place, photo, image_name="a.jpg") for place, photo in enumerate(photos)]
    together = _measure(*units)
    assert together == [row for unit in units for row in _measure(unit)]
    assert from_table(Facts, to_table(Facts, together)) == together
    assert all(row.reason is None and row.format == "jpeg" for row in together)


def test_the_samples_own_json_is_kept_up_to_a_limit() -> None:
    source = {"license": "cc-by", "n": 1}
    rows = _measure(_unit(0, json=source), _unit(1, json={"x": "y" * MAX_SOURCE_JSON_CHARS}), _unit(2))
    assert [row.source_json for row in rows] == ['{"license":"cc-by","n":1}', "{}", "{}"]
    assert ["json_left_out" in row.mended for row in rows] == [False, True, False]

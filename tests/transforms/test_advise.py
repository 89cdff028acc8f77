"""What the doctor advises for hand-made shards, and that a run with that advice reads them."""

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from schemas.config import InputConfig
from transforms.diagnose import Diagnosis, diagnose
from transforms.reading.shard_paths import find_shards

JPEG = b"\xff\xd8\xff\xe0" + b"j" * 30
BMP = b"BM" + bytes(12) + b"\x28\0\0\0" + bytes(30)
TEXT = b"a dog on a beach"
RECORD = json.dumps({"uid": "abc", "prompt": "a dog on a beach", "n": 3}).encode()


def write(folder: Path, samples: Sequence[dict[str, bytes]], ending: str = "tar") -> Path:
    path = folder / f"0.{ending}"
    with tarfile.open(path, "w:gz" if ending == "tar.gz" else "w") as tar:  # type: ignore[call-overload]
        for number, members in enumerate(samples):
            for name, data in members.items():
                info = tarfile.TarInfo(name.format(f"{number:03}"))
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return path


def look(path: Path, *settings: str) -> Diagnosis:
    values = {"shards": str(path)} | {
        name: yaml.safe_load(value) for name, _, value in (setting.partition("=") for setting in settings)
    }
    (shard,) = find_shards([str(path)])
    return diagnose(shard, InputConfig.model_validate(values))


def advice(found: Diagnosis) -> dict[str, list[str]]:
    return {kind: finding.advice for kind, finding in found.problems.items()}


@pytest.mark.parametrize(
    ("members", "problem", "line"),
    [
        (
            {"{}.img": JPEG, "{}.txt": TEXT},
            "missing_image",
            "pictures end in .img; to read them: --set 'input.image=[jpg, jpeg, png, webp, image, img]'",
        ),
        (
            {"{}.bmp": BMP, "{}.txt": TEXT},
            "missing_image",
            "pictures end in .bmp; to read them: --set 'input.formats=[jpeg, png, webp, bmp]'",
        ),
        (
            {"{}.jpg": BMP, "{}.txt": TEXT},
            "unsupported_format",
            "they are bmp; to accept them: --set 'input.formats=[jpeg, png, webp, bmp]'",
        ),
        (
            {"{}.jpg": JPEG, "{}.alt": TEXT, "{}.cls": b"7"},
            "missing_text",
            "texts end in .alt; to read them: --set 'input.text=[txt, text, caption, alt]'",
        ),
        (
            {"{}.jpg": JPEG, "{}.json": RECORD},
            "missing_text",
            "the JSON has texts under prompt; to read them: --set 'input.text=[txt, text, caption, prompt]'",
        ),
    ],
)
def test_the_setting_that_is_advised_mends_it(
    tmp_path: Path, members: dict[str, bytes], problem: str, line: str
) -> None:
    path = write(tmp_path, [members] * 3)
    assert advice(look(path)) == {problem: [line]}
    setting = line.partition("--set 'input.")[2].rstrip("'")
    mended = look(path, setting)
    assert mended.samples == 3
    assert set(mended.problems) == ({"wrong_ending"} if problem == "unsupported_format" else set())


def test_a_column_of_texts_is_named(tmp_path: Path) -> None:
    path = tmp_path / "0.parquet"
    pq.write_table(pa.table({"image": [JPEG], "id": ["x1"], "title": ["a dog on a beach"]}), path)
    line = "columns of texts are title; to read them: --set 'input.text=[txt, text, caption, title]'"
    assert advice(look(path)) == {"missing_text": [line]}
    assert look(path, "text=[txt, text, caption, title]").is_clean
    pq.write_table(pa.table({"image": [JPEG], "caption": pa.array([None], pa.string())}), path)
    (said,) = advice(look(path))["missing_text"]
    assert said.startswith("no other column holds text; ")


def test_what_no_setting_mends_is_said_by_what_is_there(tmp_path: Path) -> None:
    assert advice(look(write(tmp_path, [{"{}.txt": TEXT}] * 2))) == {
        "missing_image": ["no picture is among their members (.txt)"]
    }
    assert advice(look(write(tmp_path, [{"{}.jpg": JPEG, "{}.cls": b"7"}]))) == {
        "missing_text": [
            "their members are .cls, .jpg; a model can write from the picture alone (recipe recaption)"
        ]
    }
    apart = advice(look(write(tmp_path, [{"images/{}.jpg": JPEG}, {"texts/{}.txt": TEXT}])))
    assert apart["missing_image"] == [
        "no picture is among their members (.txt)",
        "where texts/001 and images/000 are one sample: give both one name, up to the first dot",
    ]


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
def test_a_shard_without_samples_is_not_clean(tmp_path: Path, ending: str) -> None:
    found = look(write(tmp_path, [], ending))
    assert (found.units, advice(found)) == (0, {"no_samples": []})
    pq.write_table(pa.table({"image": pa.array([], pa.binary())}), tmp_path / "0.parquet")
    assert advice(look(tmp_path / "0.parquet")) == {"no_samples": []}


def test_members_that_were_passed_over_are_told_by_their_endings(tmp_path: Path) -> None:
    """Of a compressed shard, what is not looked for is not kept, so that nothing says what is in it."""
    path = write(tmp_path, [{"{}.bmp": BMP, "{}.txt": TEXT}, {"{}.img": JPEG, "{}.txt": TEXT}], "tar.gz")
    assert advice(look(path)) == {
        "missing_image": ["pictures end in .bmp; to read them: --set 'input.formats=[jpeg, png, webp, bmp]'"]
    }


def test_an_unreadable_shard_says_why(tmp_path: Path) -> None:
    (tmp_path / "0.tar").write_bytes(b"hello world" * 100)
    assert advice(look(tmp_path / "0.tar")) == {"unreadable_shard": ["its first 512 bytes are no tar header"]}
    assert look(tmp_path / "0.tar").problems["unreadable_shard"].examples == []

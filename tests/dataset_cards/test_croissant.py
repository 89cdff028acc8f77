"""croissant.json's parts; tests/pipelines/test_card.py has mlcroissant read whole ones."""

import json
from typing import Any

import pytest

from dataset_cards.card_figures import Figures
from dataset_cards.card_licence import licence_page
from dataset_cards.croissant import PublishedFile, PublishedFiles, croissant

COLUMNS = {
    "index": {"uid": "string", "key": "string", "width": "int32", "clip_alt": "float", "n_rewrites": "int32"},
    "embeddings": {"uid": "string", "image": "list of halffloat"},
    "mined_negatives": {"uid": "string", "rank": "int32", "text": "string", "cosine": "float"},
}
INDEX = PublishedFile(name="index.parquet", size_bytes=10, sha256="ab" * 32)
TABLES = [PublishedFile(name=f"embeddings/{i:05d}.parquet", size_bytes=9, sha256="ef" * 32) for i in range(2)]
MINED = PublishedFile(name="mined_negatives.parquet", size_bytes=7, sha256="cd" * 32)
SHARDS = [PublishedFile(name=f"shards/{i:05d}.tar", size_bytes=20 + i, sha256=f"{i:064x}") for i in range(2)]
RUN: dict[str, Any] = {
    "name": "set",
    "config": {"output": "/home/me/out", "workers": {"w": {"revision": "abc"}},
               "annotate": [{"recipe": "recaption", "worker": "w"}]},
    "recipes": [{"name": "recaption", "version": "2", "source": "Paper", "prompt_sha256": "cd" * 32,
                 "worker": "openai", "model": "m"}],
    "counts": {"in": 4, "published": 2, "dropped": {"profile": {"words": 1}},
               "failed": {"read": {"missing_image": 1}}},
    "versions": {"pairwright": "9"},
    "seconds": {"profile": 3.5},
}  # fmt: skip


def _made(run: dict[str, Any] = RUN, shards: list[PublishedFile] = SHARDS, **beside: Any) -> dict[str, Any]:
    figures = Figures(count_tokens=len, samples=2)
    figures.formats.update({"jpeg": 1, "webp": 1})
    figures.languages.update({"en": 2})
    files = PublishedFiles(index=INDEX, shards=shards, **beside)
    made: dict[str, Any] = json.loads(croissant(run, figures, files, COLUMNS))
    return made


def test_every_file_with_its_size_and_hash() -> None:
    objects = [one for one in _made()["distribution"] if one["@type"] == "cr:FileObject"]
    assert [(one["contentUrl"], one["contentSize"], one["sha256"]) for one in objects] == [
        ("index.parquet", "10 B", "ab" * 32),
        ("shards/00000.tar", "20 B", f"{0:064x}"),
        ("shards/00001.tar", "21 B", f"{1:064x}"),
    ]


def test_pictures_are_looked_for_by_the_endings_there_are() -> None:
    images, records = (one for one in _made()["distribution"] if one["@type"] == "cr:FileSet")
    assert images["includes"] == ["*.jpg", "*.webp"]
    assert images["encodingFormat"] == ["image/jpeg", "image/webp"]
    assert images["containedIn"] == [{"@id": "shards/00000.tar"}, {"@id": "shards/00001.tar"}]
    assert records["includes"] == ["*.json"]


def test_columns_of_the_index_have_types_and_words() -> None:
    index = _made()["recordSet"][0]
    assert [(field["@id"], field["dataType"]) for field in index["field"]] == [
        ("index/uid", "sc:Text"),
        ("index/key", "sc:Text"),
        ("index/width", "cr:Int32"),
        ("index/clip_alt", "cr:Float32"),
        ("index/n_rewrites", "cr:Int32"),
    ]
    assert all(field["description"] for field in index["field"])


def test_without_shards_there_is_the_index_alone() -> None:
    made = _made(shards=[])
    assert [one["@id"] for one in made["distribution"]] == ["index.parquet"]
    assert [one["@id"] for one in made["recordSet"]] == ["index"]


def test_tables_beside_the_shards_are_described_where_there_are_any() -> None:
    assert [one["@id"] for one in _made()["recordSet"]] == ["index", "samples", "records"]
    made = _made(embeddings=TABLES, mined=MINED)
    *_, file_set = made["distribution"]
    objects = [one for one in made["distribution"] if one["@type"] == "cr:FileObject"]
    assert [(one["contentUrl"], one["sha256"][:2]) for one in objects[3:]] == [
        ("embeddings/00000.parquet", "ef"),
        ("embeddings/00001.parquet", "ef"),
        ("mined_negatives.parquet", "cd"),
    ]
    assert file_set["@type"] == "cr:FileSet"
    assert file_set["includes"] == ["embeddings/*.parquet"]
    assert "containedIn" not in file_set  # they lie beside croissant.json
    embeddings, mined = made["recordSet"][3:]
    assert [(one["@id"], one["dataType"], one.get("isArray")) for one in embeddings["field"]] == [
        ("embeddings/uid", "sc:Text", None),
        ("embeddings/image", "cr:Float16", True),
    ]
    assert [one["source"]["fileSet"] for one in embeddings["field"]] == [{"@id": file_set["@id"]}] * 2
    assert mined["key"] == [{"@id": "mined_negatives/uid"}, {"@id": "mined_negatives/rank"}]
    assert [one["source"]["fileObject"]["@id"] for one in mined["field"]] == [MINED.name] * 4


@pytest.mark.parametrize("worker", ["rules", "segments"])
def test_workers_that_were_asked_nothing_got_no_request_and_no_prompt(worker: str) -> None:
    recipe = RUN["recipes"][0] | {"worker": worker, "model": worker}
    made = _made(RUN | {"recipes": [recipe]})
    (protocol,) = made["rai:dataAnnotationProtocol"]
    assert "no model was asked" in protocol
    assert "rules" in protocol
    assert "request" not in protocol
    assert "cd" * 32 not in json.dumps(made)
    assert "one request a sample" in _made()["rai:dataAnnotationProtocol"][0]


def test_responsible_ai_fields_come_from_the_run() -> None:
    made = _made()
    assert made["rai:machineAnnotationTools"] == ["Pairwright, worker openai, model m, revision abc"]
    assert made["rai:dataAnnotationProtocol"][0].startswith("Recipe recaption 2 by the method of Paper: ")
    assert "cd" * 32 in made["rai:dataAnnotationProtocol"][0]
    assert (
        "1 dropped by profile for words; 1 failed by read for missing_image"
        in (made["rai:dataCollectionMissingData"])
    )
    assert made["rai:personalSensitiveInformation"][0].startswith("Not known")
    none = _made(RUN | {"recipes": []})
    assert {
        "rai:machineAnnotationTools",
        "rai:dataAnnotationProtocol",
        "rai:dataAnnotationPlatform",
    }.isdisjoint(none)


def test_what_is_configured_is_said_and_what_is_not_is_left_out() -> None:
    plain = _made()
    assert {"license", "url", "creator", "datePublished", "version", "isBasedOn"}.isdisjoint(plain)
    config = RUN["config"] | {
        "license": "cc-by-4.0",
        "source": {"url": "https://example.com", "description": "Photos.", "personal": "Faces."},
        "card": {
            "creators": ["A"],
            "published": "2026-02-01",
            "version": "1.0.0",
            "url": "https://e.com/set",
        },
    }
    made = _made(RUN | {"config": config})
    assert made["license"] == "https://spdx.org/licenses/CC-BY-4.0.html"
    assert made["creator"] == [{"@type": "sc:Organization", "name": "A"}]
    assert (made["datePublished"], made["version"], made["url"]) == (
        "2026-02-01",
        "1.0.0",
        "https://e.com/set",
    )
    assert made["isBasedOn"] == "https://example.com"
    assert made["description"].endswith(" Photos.")
    assert made["rai:dataCollection"] == "Photos."
    assert made["rai:personalSensitiveInformation"] == ["Faces."]


def test_only_what_a_rerun_repeats_and_no_paths() -> None:
    other = RUN | {"versions": {}, "seconds": {}, "config": RUN["config"] | {"output": "/elsewhere"}}
    assert _made(other) == _made()
    assert "/home/me" not in json.dumps(_made())


@pytest.mark.parametrize(
    ("licence", "page"),
    [(None, None), ("mit", "https://spdx.org/licenses/MIT.html"), ("Our terms", "Our terms")],
)
def test_pages_of_licences(licence: str | None, page: str | None) -> None:
    assert licence_page(licence) == page

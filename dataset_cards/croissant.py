"""The croissant.json of a published set: Croissant 1.1 over index.parquet and the shards.

Specification: docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html. What its reader `mlcroissant` 1.1.1
can do bounds what is described here: of members of a tar it reads the name and the whole content, no JSON
path; and a record set joins two sources at most.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataset_cards.card_figures import Figures
from dataset_cards.card_front import set_languages
from dataset_cards.card_licence import licence_page
from dataset_cards.card_using import citation
from dataset_cards.croissant_rai import responsible_ai
from dataset_cards.croissant_records import file_sets, record_sets
from dataset_cards.croissant_scored import PARQUET, scored_file_sets, scored_record_sets

CONFORMS_TO = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
INDEX = "index.parquet"

_TERMS = (
    "arrayShape citeAs column containedIn equivalentProperty extract field fileProperty fileObject fileSet "
    "format includes isArray isLiveDataset jsonPath key md5 parentField path recordSet references regex "
    "repeated replace samplingRate separator source subField transform"
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{term: f"cr:{term}" for term in _TERMS.split()},
}
"""The specification's, appendix 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """A file of the set: its path below the folder, its size in bytes, and its hash in hex."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFiles:
    """What is described: the index, the tars and, where they are published, the tables of their embeddings,
    each in the order of their names, and the table of mined negatives."""

    index: PublishedFile
    shards: Sequence[PublishedFile]
    embeddings: Sequence[PublishedFile] = ()
    mined: PublishedFile | None = None

    def all(self) -> Iterator[PublishedFile]:
        """Yield every file."""
        yield self.index
        yield from self.shards
        yield from self.embeddings
        if self.mined is not None:
            yield self.mined


def croissant(
    run: Mapping[str, Any],
    figures: Figures,
    files: PublishedFiles,
    columns: Mapping[str, Mapping[str, str]],
) -> str:
    """Return the JSON-LD of a run, from what a rerun repeats: no times, no paths.

    Args:
        run: as run.json has it; see `dataset_cards.card.dataset_card`.
        figures: over all rows of index.parquet.
        files: what is published.
        columns: those of `index`, `embeddings` and `mined_negatives`, with their types as Arrow names them.
    """
    shards = [shard.name for shard in files.shards]
    described = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS_TO),
        **_about(run, figures),
        **responsible_ai(run),
        "distribution": [
            *_file_objects(files),
            *file_sets(shards, sorted(figures.formats)),
            *scored_file_sets(embeddings=bool(files.embeddings)),
        ],
        "recordSet": [
            *record_sets(INDEX, columns["index"], with_shards=bool(shards)),
            *scored_record_sets(
                columns, embeddings=bool(files.embeddings), mined=files.mined.name if files.mined else None
            ),
        ],
    }
    return f"{json.dumps(described, indent=1, ensure_ascii=False)}\n"


def _file_objects(files: PublishedFiles) -> Iterator[dict[str, Any]]:
    yield _file(files.index, PARQUET, "A row for every sample.")
    yield from (_file(shard, "application/x-tar", None) for shard in files.shards)
    yield from (_file(table, PARQUET, None) for table in files.embeddings)
    if files.mined is not None:
        yield _file(files.mined, PARQUET, "Texts of other samples that a CLIP mistakes for a sample's own.")


def _file(file: PublishedFile, encoding: str, description: str | None) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file.name,
        "name": file.name,
        **({"description": description} if description else {}),
        "contentUrl": file.name,
        "contentSize": f"{file.size_bytes} B",
        "encodingFormat": encoding,
        "sha256": file.sha256,
    }


def _about(run: Mapping[str, Any], figures: Figures) -> dict[str, Any]:
    told, counts = run["config"].get("card") or {}, run["counts"]
    source = run["config"].get("source") or {}
    description = (
        f"{counts['published']:,} pictures with their texts, curated with Pairwright from {counts['in']:,} "
        "units of image-text shards."
    )
    about = {
        "name": run["name"],
        "description": " ".join(
            [description, *([source["description"]] if source.get("description") else [])]
        ),
        "license": licence_page(run["config"].get("license")),
        "url": told.get("url"),
        "creator": [{"@type": "sc:Organization", "name": name} for name in told.get("creators") or ()],
        "datePublished": told.get("published"),
        "version": told.get("version"),
        "citeAs": citation(run),
        "inLanguage": set_languages(figures),
        "keywords": ["image-text", "clip", "webdataset", "pairwright"],
        "isBasedOn": source.get("url"),
    }
    return {name: value for name, value in about.items() if value}

"""The card's sections for those who use a set: licence, limits, loading, citing."""

from collections.abc import Iterator, Mapping
from typing import Any

from dataset_cards.card_making import NO_MODEL, writers
from dataset_cards.markdown import escape_markdown, fenced, table


def provenance(run: Mapping[str, Any]) -> Iterator[str]:
    """Yield the section on licence and source, as configured."""
    licence, source = run["config"].get("license"), run["config"].get("source") or {}
    yield "## Licence and source"
    yield ""
    if licence:
        yield f"Licence, as configured: {escape_markdown(licence)}."
    else:
        yield "No licence was configured: what the source allows is not known here."
    yield ""
    if description := source.get("description"):
        yield escape_markdown(description)
        yield ""
    if url := source.get("url"):
        yield f"Source: <{url}>"
        yield ""
    if not (description or url):
        yield "No source was configured. Shard and key of every sample in the input are in `KEY.json`."
        yield ""
    if personal := source.get("personal"):
        yield f"Personal and sensitive information: {escape_markdown(personal)}"
        yield ""


def baseline_note(run: Mapping[str, Any]) -> str:
    """Return the sentence on fields that no model wrote; empty where there are none."""
    names = sorted({recipe["worker"] for recipe in run["recipes"]} & set(NO_MODEL))
    if not names:
        return ""
    return (
        f"Fields by the worker {' and '.join(names)} were made by fixed rules from alt text, picture and "
        "measurements: they are a baseline without a model."
    )


def limits(run: Mapping[str, Any]) -> list[str]:
    """Return the known limits of the set, a sentence or two each, in plain text."""
    config = run["config"]
    dedup = config.get("dedup") or {}
    kinds = {recipe["worker"] for recipe in run["recipes"]}
    told = []
    if note := baseline_note(run):
        told.append(note)
    if kinds - set(NO_MODEL):
        told.append(
            "Fields by a model can be wrong: nobody has read them beside the pictures, and what a model was "
            "taught to say too often, it says here."
        )
    if not config.get("score"):
        told.append("No model has measured whether texts and pictures belong together.")
    told.append(
        "Alt texts and pictures are as the source had them. Nothing here looks for unsafe or personal "
        "content, nor for faces."
    )
    if not dedup.get("near"):
        told.append("Nearly the same picture may be there more than once.")
    if not dedup.get("decontaminate"):
        told.append("It was not looked for pictures of evaluation sets.")
    return told


def limits_section(run: Mapping[str, Any]) -> Iterator[str]:
    """Yield the section on what is known to be wrong or missing."""
    yield "## Known limits"
    yield ""
    yield from (f"- {line}" for line in limits(run))
    yield ""


def loading(run: Mapping[str, Any], endings: str) -> Iterator[str]:
    """Yield the section on how to load the set.

    Args:
        endings: of the pictures there are, as webdataset takes them: `jpg;png`.
    """
    published = run["counts"]["published"]
    yield "## Loading"
    yield ""
    if not published:
        yield "There is nothing to load: no sample was kept."
        yield ""
        return
    pattern = shard_pattern(published, run["config"]["publish"]["samples_per_shard"])
    yield from fenced(
        "import webdataset as wds\n\n"
        f'samples = wds.WebDataset("{pattern}", shardshuffle=False).decode("pil")\n'
        f'for image, text, record in samples.to_tuple("{endings}", "txt", "json"):\n    ...',
        "python",
    )
    yield "With open_clip (where no number is given, it takes `shards/sizes.json`):"
    yield ""
    yield from fenced(
        f"python -m open_clip_train.main --dataset-type webdataset --train-data '{pattern}' \\\n"
        f"    --train-num-samples {published}"
    )
    yield "With Pairwright's own trainer, which draws among a sample's texts:"
    yield ""
    yield from fenced("pairwright train TRAIN.yaml --set data.shards=THIS_FOLDER")
    yield (
        'With Hugging Face\'s `datasets.load_dataset("THIS_FOLDER", split="train")`: a column for each '
        "format of picture, `txt`, and `json` without `provenance` and `source.json`."
    )
    yield ""
    yield (
        "`croissant.json` describes it all for `mlcroissant`: the record sets `index`, `samples` and "
        "`records`, and `embeddings` and `mined_negatives` where they are published. It keeps unpacked "
        "shards by their names: give every set a `CROISSANT_CACHE` of its own."
    )
    yield ""
    yield "`index.parquet` has a row for every sample, with the place of its picture in the shard."
    yield ""


def shard_pattern(published: int, samples_per_shard: int) -> str:
    """Return the shards as a brace range.

    >>> shard_pattern(2500, 1000), shard_pattern(5, 10)
    ('shards/{00000..00002}.tar', 'shards/00000.tar')
    """
    last = -(-published // samples_per_shard) - 1
    digits = max(5, len(str(last)))
    return f"shards/{{{0:0{digits}d}..{last:0{digits}d}}}.tar" if last else f"shards/{0:0{digits}d}.tar"


def citation(run: Mapping[str, Any]) -> str:
    """Return how to cite the set: as configured, or what is known of it in BibTeX."""
    told = run["config"].get("card") or {}
    if told.get("citation"):
        return str(told["citation"])
    creators, published = told.get("creators") or (), str(told.get("published") or "")
    known = {
        "title": run["name"],
        "author": " and ".join(_braced(creator) for creator in creators),
        "year": published[:4],
        "version": told.get("version"),
        "url": told.get("url"),
        "note": "Curated with Pairwright",
    }
    lines = [f"  {name} = {{{value}}}," for name, value in known.items() if value]
    return "\n".join([f"@misc{{{run['name']},", *lines, "}"])


def _braced(name: str) -> str:
    return f"{{{' '.join(name.replace('{', '').replace('}', '').split())}}}"


def citing(run: Mapping[str, Any]) -> Iterator[str]:
    """Yield the section on how to cite the set, its source and the methods."""
    yield "## Citing"
    yield ""
    yield from fenced(citation(run), "bibtex")
    if source := (run["config"].get("source") or {}).get("citation"):
        yield "The source:"
        yield ""
        yield from fenced(source, "bibtex")
    methods = [(writer["name"], writer["source"]) for writer in writers(run) if writer["source"]]
    if methods:
        yield "The methods:"
        yield ""
        yield from table(("recipe", "method"), (tuple(map(escape_markdown, method)) for method in methods))

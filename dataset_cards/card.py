"""The README.md of a published set: a Hugging Face dataset card from run.json alone."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from dataset_cards.markdown import escape_markdown
from dataset_cards.spending import texts_left_out, tokens_and_cost
from schemas.annotation import FIELDS
from schemas.reasons import REASONS

_SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
    (10**10, "1B<n<10B"),
)
"""Upper bounds and names of the Hub's size categories (huggingface.co/docs/hub/datasets-cards)."""

_FIELDS = {
    "alt_text": "the text that came with the picture",
    "caption": "the text to train on, at most 77 CLIP tokens; also in `KEY.txt`",
    "long_positive": "sentences that describe the picture",
    "long_negative": "sentence k contradicts sentence k of `long_positive`",
    "short_positive": "tags that hold",
    "short_negative": "tags that do not hold",
    "rewrites": "the text in other words",
    "recaption": "one dense description of the picture",
    "fused": "alt text and description in one text, with the names of the alt text",
    "compressed": "a long text within 77 CLIP tokens",
    "english": "the picture in English",
    "chinese": "the same in Chinese, simplified characters",
    "phrases": "what is in the picture, in noun phrases",
    "descriptions": "by which features the main object is recognised",
    "regions": "phrases with boxes `[x0, y0, x1, y1]`, each from 0 to 1",
}


def dataset_card(run: Mapping[str, Any]) -> str:
    """Return the card of a run, from what run.json holds and a rerun repeats: no times, no paths.

    Args:
        run: name, config, recipes [{name, version, prompt_sha256, worker, model}], counts {in, published,
            dropped, failed}, coverage {field: samples with it}, usage {recipes {name: {published, texts}}}.
    """
    sections = (
        _front_matter(run),
        _about(run),
        _funnel(run["counts"]),
        _fields(run),
        _recipes(run),
        texts_left_out(run["usage"]),
        tokens_and_cost(run["usage"]),
        _loading(run),
    )
    return "\n".join(line for section in sections for line in section)


def _front_matter(run: Mapping[str, Any]) -> Iterator[str]:
    published = run["counts"]["published"]
    matter = {
        "pretty_name": " ".join(run["name"].split()),
        "license": run["config"].get("license") or "other",
        "task_categories": ["zero-shot-image-classification", "image-to-text", "text-to-image"],
        "size_categories": [next((name for bound, name in _SIZES if published < bound), "10B<n<100B")],
        "tags": ["webdataset", "image-text", "clip", "pairwright"],
    }
    yield "---"
    yield yaml.safe_dump(matter, sort_keys=False, allow_unicode=False, width=math.inf).rstrip("\n")
    yield "---"
    yield ""


def _about(run: Mapping[str, Any]) -> Iterator[str]:
    counts = run["counts"]
    yield f"# {escape_markdown(run['name'])}"
    yield ""
    yield (
        f"{_samples(counts['published'])} of a picture with its texts, curated with Pairwright from "
        f"{counts['in']:,} units of image-text shards (samples, and halves or torn ends where a shard was "
        "broken). The shards are in WebDataset's format: for each sample the picture as it came, `KEY.txt` "
        "with the text to train on, and `KEY.json` with all that is "
        "known of it."
    )
    if any(recipe["worker"] == "rules" for recipe in run["recipes"]):
        yield ""
        yield (
            "Fields by the worker `rules` were written from alt text and measurements by fixed rules: "
            "they are a baseline without a model."
        )
    yield ""


def _funnel(counts: Mapping[str, Any]) -> Iterator[str]:
    yield "## What was kept and what was not"
    yield ""
    yield "| | stage | reason | samples |"
    yield "|---|---|---|---:|"
    yield f"| in | | | {counts['in']:,} |"
    for kind in ("dropped", "failed"):
        for stage, reasons in sorted(counts[kind].items()):
            for reason, number in sorted(reasons.items()):
                meaning = f": {escape_markdown(REASONS[reason])}" if reason in REASONS else ""
                cells = (kind, escape_markdown(stage), escape_markdown(reason) + meaning, f"{number:,}")
                yield f"| {' | '.join(cells)} |"
    yield f"| published | | | {counts['published']:,} |"
    yield ""
    yield "Every sample that was not published is a row of `rejected/` with its stage, reason and value."
    yield ""


def _fields(run: Mapping[str, Any]) -> Iterator[str]:
    published = run["counts"]["published"]
    coverage = run["coverage"]
    yield "## Fields of `KEY.json`"
    yield ""
    yield "| field | holds | samples with it |"
    yield "|---|---|---:|"
    for name, meaning in _FIELDS.items():
        if name in FIELDS and not coverage.get(name.replace("negative", "positive")):
            continue
        yield f"| `{name}` | {meaning} | {_share(coverage[name], published) if name in coverage else ''} |"
    yield ""
    yield (
        "Beside these: `uid`, `url`, `source` (the input's shard and key), `scores`, `facts` (measurements "
        "of picture and text) and `provenance` (who wrote each field, from which prompt)."
    )
    yield ""


def _recipes(run: Mapping[str, Any]) -> Iterator[str]:
    if not run["recipes"]:
        return
    yield "## Who wrote the fields"
    yield ""
    yield "| recipe | version | worker | model | SHA-256 of the prompt |"
    yield "|---|---|---|---|---|"
    for recipe in run["recipes"]:
        names = ("name", "version", "worker", "model", "prompt_sha256")
        yield f"| {' | '.join(escape_markdown(str(recipe[name])) for name in names)} |"
    yield ""


def _loading(run: Mapping[str, Any]) -> Iterator[str]:
    published = run["counts"]["published"]
    yield "## Loading"
    yield ""
    if not published:
        yield "There is nothing to load: no sample was kept."
        yield ""
        return
    pattern = _shard_pattern(published, run["config"]["publish"]["samples_per_shard"])
    yield "```python"
    yield "import webdataset as wds"
    yield ""
    yield f'samples = wds.WebDataset("{pattern}", shardshuffle=False).decode("pil")'
    yield 'for image, text, record in samples.to_tuple("jpg;png;webp", "txt", "json"):'
    yield "    ..."
    yield "```"
    yield ""
    yield "With open_clip (where no number is given, it takes `shards/sizes.json`):"
    yield ""
    yield "```"
    yield f"python -m open_clip_train.main --dataset-type webdataset --train-data '{pattern}' \\"
    yield f"    --train-num-samples {published}"
    yield "```"
    yield ""
    yield "`index.parquet` has a row for every sample, with the place of its picture in the shard."
    yield ""


def _shard_pattern(published: int, samples_per_shard: int) -> str:
    last = -(-published // samples_per_shard) - 1
    digits = max(5, len(str(last)))
    return f"shards/{{{0:0{digits}d}..{last:0{digits}d}}}.tar" if last else f"shards/{0:0{digits}d}.tar"


def _samples(number: int) -> str:
    return f"{number:,} sample" if number == 1 else f"{number:,} samples"


def _share(number: int, whole: int) -> str:
    return f"{number:,} ({number / whole:.1%})" if whole else f"{number:,}"

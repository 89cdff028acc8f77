import copy
import random
import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
import yaml

from dataset_cards.card import dataset_card
from dataset_cards.card_figures import Figures
from transforms.publish.write_shard import INDEX_SCHEMA

RUN: dict[str, Any] = {
    "name": "coco-open-hqclip",
    "config": {
        "publish": {"samples_per_shard": 1000},
        "output": "/home/me/out",
        "input": {"shards": ["/home/me/in/*.tar"]},
        "profile": {"filters": [{"kind": "words", "min": 3.0, "max": None}, {"kind": "side", "min_px": 200}]},
        "dedup": {"exact": True, "near": {"max_distance": 4, "max_colour": 24}, "decontaminate": ["/x/a"]},
        "annotate": [{"recipe": "hqclip", "worker": "w"}],
        "workers": {"w": {"kind": "rules"}},
    },
    "versions": {"pairwright": "0.1"},
    "seconds": 12.5,
    "recipes": [
        {"name": "hqclip", "version": "1", "source": "HQ-CLIP (arXiv 2507.22431)", "prompt_sha256": "ab" * 32,
         "worker": "rules", "model": "rules"},
    ],
    "tokens": {"in": 0, "out": 0},
    "usage": {"recipes": {}, "endpoints": {}, "pace": {"replies": 0, "seconds": 0.0}},
    "counts": {
        "in": 3000,
        "published": 2500,
        "dropped": {"profile": {"words": 300, "side": 50}, "dedup": {"exact_duplicate": 100}},
        "failed": {"decode": {"truncated_image": 50}},
    },
    "coverage": {"long_positive": 2000, "long_negative": 1250, "short_positive": 2500, "rewrites": 0},
}  # fmt: skip
HOSTILE = (
    "a | b\n|---|\n<img src=x onerror=alert(1)> `c` [l](http://e.com) https://e.com www.e.com \u202e$x$ &lt;"
)


def _changed(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(RUN), **changes}


def _row(number: int, **values: Any) -> dict[str, Any]:
    counted = {name: 0 for name in INDEX_SCHEMA.names if name.startswith("n_")}
    told = {name: False for name in INDEX_SCHEMA.names if name.startswith("has_")}
    row = dict.fromkeys(INDEX_SCHEMA.names) | counted | told
    return row | {
        "key": f"{number:09d}", "format": "jpeg", "width": 640, "height": 480, "alt_text": "a red car",
        "caption": "A red car.", "language": "en", "words": 3, **values,
    }  # fmt: skip


def _figures(rows: Sequence[dict[str, Any]] = (), shown: int = 10) -> Figures:
    places = range(len(rows))
    figures = Figures(
        count_tokens=lambda text: len(text.split()) + 2,
        shown=frozenset(places[:shown]),
        read=frozenset(places),
    )
    for start in range(0, len(rows), 7):
        figures.add(pa.RecordBatch.from_pylist(list(rows[start : start + 7]), schema=INDEX_SCHEMA))
    return figures


ROWS = [_row(number) for number in range(20)]


def _card(run: dict[str, Any] = RUN, rows: Sequence[dict[str, Any]] = ROWS) -> str:
    return dataset_card(run, _figures(rows))


def _front(card: str) -> dict[str, Any]:
    _, block, _ = card.split("---\n", 2)
    matter: dict[str, Any] = yaml.safe_load(block)
    return matter


def _section(card: str, head: str) -> list[str]:
    return card.split(f"## {head}\n\n")[1].split("\n## ")[0].splitlines()


def test_front_matter() -> None:
    matter = _front(_card())
    features = matter.pop("dataset_info")["features"]
    assert [one["name"] for one in features] == ["jpg", "txt", "json"]
    assert matter == {
        "pretty_name": "coco-open-hqclip",
        "license": "unknown",
        "language": ["en"],
        "task_categories": ["zero-shot-image-classification", "image-to-text", "text-to-image"],
        "size_categories": ["1K<n<10K"],
        "tags": ["webdataset", "image-text", "clip", "pairwright"],
        "configs": [
            {"config_name": "default", "data_files": [{"split": "train", "path": "shards/*.tar"}]},
        ],
    }


@pytest.mark.parametrize(
    ("licence", "lines"),
    [
        ("cc-by-4.0", {"license": "cc-by-4.0"}),
        ("CC0-1.0", {"license": "cc0-1.0"}),
        ("other", {"license": "other"}),
        ("Mine & yours: v2\n---", {"license": "other", "license_name": "mine-yours-v2"}),
    ],
)
def test_licences_the_hub_knows_and_others(licence: str, lines: dict[str, str]) -> None:
    matter = _front(_card(_changed(config={**RUN["config"], "license": licence})))
    assert {name: value for name, value in matter.items() if name.startswith("license")} == lines


def test_languages_of_one_per_cent_and_those_that_fields_are_written_in() -> None:
    rows = [_row(i, language="de") for i in range(3)] + [_row(i, has_chinese=True) for i in range(300)]
    rows += [_row(0, language=None)] * 9 + [_row(0, language="als")] * 8
    matter = _front(_card(rows=rows))
    assert matter["language"] == ["en", "gsw", "zh"]  # 3 of 320 are under one per cent
    assert "| de | 3 | 0.9% |" in _card(rows=rows)


@pytest.mark.parametrize(
    ("published", "category"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K"), (10**9, "1B<n<10B")],
)
def test_size_categories(published: int, category: str) -> None:
    counts = {**RUN["counts"], "published": published}
    assert _front(_card(_changed(counts=counts)))["size_categories"] == [category]


def test_the_funnel_has_every_reason_and_ends_with_what_is_published() -> None:
    rows = [line for line in _section(_card(), "What was kept and what was not") if line.startswith("|")]
    assert rows[2:] == [
        "| in |  |  | 3,000 | 3,000 |",
        "| failed | decode | truncated\\_image\\: the image ends before its pixels do | 50 | 2,950 |",
        "| dropped | profile | words\\: filter, min 3 | 300 | 2,650 |",
        "| dropped | profile | side\\: filter, min\\_px 200 | 50 | 2,600 |",
        "| dropped | dedup | exact\\_duplicate\\: the same image bytes as the sample named | 100 | 2,500 |",
        "| published |  |  | 2,500 | 2,500 |",
    ]


def test_fields_and_their_coverage() -> None:
    card = _card(rows=[_row(i, n_long_positive=3, n_long_negative=2) for i in range(5)])
    assert "| `long_positive` | sentences that describe the picture | 2,000 (80.0%) | 15 |" in card
    (line,) = (line for line in card.splitlines() if line.startswith("| `long_negative` |"))
    assert line.endswith(" | 1,250 (50.0%) | 10 |")
    assert "| `short_negative` |" not in card
    assert "| `rewrites` |" not in card
    assert "| `regions` |" not in card


def test_a_baseline_is_called_one_and_a_model_is_not() -> None:
    assert "are a baseline without a model" in _card()
    assert "| rules | rules |  |  |" in _card()  # no revision, and no prompt
    recipes = [{**RUN["recipes"][0], "worker": "openai", "model": "m"}]
    workers = {"w": {"kind": "openai", "model": "m", "revision": "abc123"}}
    card = _card(_changed(recipes=recipes, config={**RUN["config"], "workers": workers}))
    assert "baseline" not in card
    assert f"| hqclip | 1 | HQ-CLIP \\(arXiv 2507\\.22431\\) | openai | m | abc123 | {'ab' * 32} |" in card
    assert "no recipe was run" in _card(_changed(recipes=[]))


def test_filters_with_thresholds_and_papers() -> None:
    lines = _section(_card(), "Filters")
    (side,) = (line for line in lines if line.startswith("| side |"))
    assert side.split(" | ")[1:] == [
        "min\\_px 200",
        "Shorter side of the image\\. DataComp's basic filter\\: at least 200 px\\. |",
    ]
    assert "DataComp is arXiv 2304.14108." in lines


def test_the_score_section_names_checkpoint_rules_and_texts() -> None:
    score = {
        "clip": {"checkpoint": "clip"},
        "keep": [
            {"of": "clip_alt", "min": 0.25, "share": None, "preset": None},
            {"of": "clip_best", "min": None, "share": None, "preset": "datacomp-l14"},
        ],
        "texts": {"min": 0.2, "below_alt": None, "margin": None},
        "words": None,
        "embeddings": False,
    }
    made = {
        "clip": {"checkpoint": "openai/clip", "sha256": "", "average_flipped": "False"},
        "texts_left_out": {"rewrites": {"under score.texts.min": 3}},
    }
    rows = [_row(i, clip_alt=i / 100, clip_caption=None) for i in range(20)]
    card = _card(_changed(config={**RUN["config"], "score": score}, score=made), rows)
    lines = _section(card, "How texts were scored")
    assert lines[0] == "By cosine of picture and text in a CLIP: checkpoint openai/clip."
    assert "- A sample is kept for `clip_alt` of 0.25 or more: the alt text." in lines
    assert "- A sample is kept for `clip_best` among the highest 30.0% (`datacomp-l14`)." in lines
    assert "- `texts`: min 0\\.2." in lines
    assert "| `rewrites` | under score\\.texts\\.min | 3 |" in lines
    assert "| `clip_alt` | alt text | 20 | 0.000 | 0.090 | 0.180 | 0.190 |" in card
    assert "`clip_caption` |" not in card
    assert "No model has measured" not in card


@pytest.mark.parametrize(
    ("embeddings", "mined", "files"),
    [
        (False, None, set()),
        (True, None, {"`embeddings/NNNNN.parquet`"}),
        (False, {"most": 8}, {"`mined_negatives.parquet`"}),
        (True, {"most": 8}, {"`embeddings/NNNNN.parquet`", "`mined_negatives.parquet`"}),
    ],
)
def test_tables_beside_the_shards(embeddings: bool, mined: dict[str, int] | None, files: set[str]) -> None:
    score = {"embeddings": embeddings, "hard_negatives": mined}
    run = _changed(config={**RUN["config"], "score": score})
    card = _card(run)
    assert ("## Tables beside the shards" in card) == bool(files)
    told = {line.split(" | ")[0].strip("| ") for line in card.splitlines() if ".parquet` | `" in line}
    assert told == files
    assert card.count("read_parquet") == len(files)
    none = _card(run | {"counts": {**RUN["counts"], "published": 0}, "coverage": {}}, [])
    assert "## Tables beside the shards" not in none


def test_how_to_load_it() -> None:
    card = _card()
    assert 'wds.WebDataset("shards/{00000..00002}.tar", shardshuffle=False)' in card
    assert '.to_tuple("jpg", "txt", "json")' in card
    assert "--train-num-samples 2500" in card
    one = _card(_changed(counts={**RUN["counts"], "published": 1000}))
    assert 'wds.WebDataset("shards/00000.tar", shardshuffle=False)' in one


def test_nothing_published() -> None:
    none = _card(_changed(counts={**RUN["counts"], "published": 0}, coverage={}), [])
    assert "There is nothing to load" in none
    assert "WebDataset(" not in none
    assert {"configs", "dataset_info", "language"}.isdisjoint(_front(none))


def test_provenance_and_citation_as_configured() -> None:
    told = {
        "license": "cc-by-4.0",
        "source": {
            "description": "Photos | of <things>.", "url": "https://example.com/set?a=b",
            "citation": "@x{a,\n```\n}\u202e", "personal": "Faces of passers-by.",
        },
        "card": {"creators": ["A {B}", "C"], "published": "2026-02-01", "version": "1.2.3", "url": None,
                 "citation": None},
    }  # fmt: skip
    card = _card(_changed(config=RUN["config"] | told))
    assert "Licence, as configured: cc-by-4\\.0." in card
    assert "Photos \\| of \\<things\\>\\." in card
    assert "Source: <https://example.com/set?a=b>" in card
    assert "Personal and sensitive information: Faces of passers-by\\." in card
    assert "````bibtex\n@x{a,\n```\n}\ufffd\n````" in card
    assert "  author = {{A B} and {C}},\n  year = {2026},\n  version = {1.2.3}," in card
    cited = _card(_changed(config=RUN["config"] | {"card": {"citation": "Cite us."}}))
    assert "```bibtex\nCite us.\n```" in cited


def test_only_what_a_rerun_repeats_and_no_paths() -> None:
    other = _changed(seconds=99, versions={}, config={**RUN["config"], "output": "/elsewhere"})
    assert _card(other) == _card()
    assert "/home/me" not in _card()
    assert "/x/a" not in _card()


def test_the_order_of_the_counts_does_not_matter() -> None:
    counts = copy.deepcopy(RUN["counts"])
    counts["dropped"] = dict(random.Random(0).sample(sorted(counts["dropped"].items()), 2))
    counts["dropped"]["profile"] = {"side": 50, "words": 300}
    assert _card(_changed(counts=counts)) == _card()


def test_hostile_names_stay_text() -> None:
    name = "a: [b\n---\n# <img src=x onerror=alert(1)> | `c`"
    recipe = {**RUN["recipes"][0], "model": "m | <b>\nx"}
    card = _card(_changed(name=name, recipes=[recipe]))
    assert _front(card)["pretty_name"] == " ".join(name.split())
    body = card.split("---\n", 2)[2].split("## Loading")[0]
    assert re.search(r"(?<!\\)<", body) is None
    assert r"m \| \<b\> x" in body
    assert "\n---\n" not in body


def test_hostile_texts_of_samples_stay_in_their_cells() -> None:
    texts = [HOSTILE, "```\n# head", "x" * 5000, "", "\u05d0\u2067\u05d1", "a\\|b"]
    rows = [_row(i, alt_text=text, caption=text) for i, text in enumerate(texts)]
    lines = [line for line in _section(_card(rows=rows), "Some samples") if line.startswith("|")][2:]
    assert len(lines) == len(texts)
    for line in lines:
        assert len(re.split(r"(?<!\\)(?:\\\\)*\|", line)) == 6, line  # five bars that are no text
        assert re.search(r"(?<!\\)(?:\\\\)*[<>`\[\]$&]", line) is None
        assert "http:" not in line
        assert "https:" not in line
        assert "www." not in line
        assert not set(line) & set("\u202e\u2067\r")
    assert "x" * 300 + " \\.\\.\\." in lines[2]
    assert lines[5].count("a\\\\\\|b") == 2


def test_sentences_that_were_sent_back() -> None:
    writer = {"name": "realign", "version": "1", "worker": "openai", "model": "a_b", "prompt_sha256": "f00"}
    made = {
        "clip": {"checkpoint": "clip"},
        "rewriter": writer,
        "rewritten": {"long_positive": {"asked": 1200, "mended": 30}},
    }
    config = {**RUN["config"], "score": {"words": {"rewrite": "writer"}}}
    lines = _section(_card(_changed(config=config, score=made)), "How texts were scored")
    assert "| `long_positive` | 1,200 | 30 |" in lines
    (said,) = (line for line in lines if line.startswith("Sentences"))
    assert r"to a\_b by the recipe `realign` 1 (SHA-256 of the prompt f00)" in said
    by_rule = {**made, "rewriter": {**writer, "worker": "rules"}}
    assert "f00" not in _card(_changed(config=config, score=by_rule))


def test_composition_is_of_untrusted_values() -> None:
    counted = {"values": {"by-sa": 6, "`|<b>": 3}, "others": 0, "missing": 1}
    lines = _section(
        _card(_changed(composition={"meta.licence": counted})), r"Samples by meta\.licence in the source"
    )
    assert lines[2:5] == [r"| by-sa | 6 | 60.0% |", r"| \`\|\<b\> | 3 | 30.0% |", "| *none* | 1 | 10.0% |"]

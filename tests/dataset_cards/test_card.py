import copy
import random
import re
from typing import Any

import pytest
import yaml

from dataset_cards.card import dataset_card

RUN: dict[str, Any] = {
    "name": "coco-open-hqclip",
    "config": {"publish": {"samples_per_shard": 1000}, "output": "/home/me/out"},
    "versions": {"pairwright": "0.1"},
    "seconds": 12.5,
    "recipes": [
        {"name": "hqclip", "version": "1", "prompt_sha256": "ab" * 32, "worker": "rules", "model": "rules"},
    ],
    "tokens": {"in": 0, "out": 0},
    "usage": {"recipes": {}, "endpoints": {}, "pace": {"replies": 0, "seconds": 0.0}},
    "counts": {
        "in": 3000,
        "published": 2500,
        "dropped": {"profile": {"words": 300, "side": 50}, "dedup": {"exact_duplicate": 100}},
        "failed": {"profile": {"truncated_image": 50}},
    },
    "coverage": {"long_positive": 2000, "short_positive": 2500, "rewrites": 0, "published": 2500},
}


def _changed(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(RUN), **changes}


def _front(card: str) -> dict[str, Any]:
    _, block, _ = card.split("---\n", 2)
    matter: dict[str, Any] = yaml.safe_load(block)
    return matter


def test_front_matter() -> None:
    assert _front(dataset_card(RUN)) == {
        "pretty_name": "coco-open-hqclip",
        "license": "other",
        "task_categories": ["zero-shot-image-classification", "image-to-text", "text-to-image"],
        "size_categories": ["1K<n<10K"],
        "tags": ["webdataset", "image-text", "clip", "pairwright"],
    }
    assert (
        _front(dataset_card(_changed(config={**RUN["config"], "license": "cc-by-4.0"})))["license"]
        == "cc-by-4.0"
    )


@pytest.mark.parametrize(
    ("published", "category"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K"), (10**9, "1B<n<10B")],
)
def test_size_categories(published: int, category: str) -> None:
    counts = {**RUN["counts"], "published": published}
    assert _front(dataset_card(_changed(counts=counts)))["size_categories"] == [category]


def test_the_funnel_has_every_reason() -> None:
    card = dataset_card(RUN)
    start = card.index("| in |")
    assert card[start : card.index("| published |")].splitlines() == [
        "| in | | | 3,000 |",
        "| dropped | dedup | exact\\_duplicate: the same image bytes as the sample named | 100 |",
        "| dropped | profile | side | 50 |",
        "| dropped | profile | words | 300 |",
        "| failed | profile | truncated\\_image: the image ends before its pixels do | 50 |",
    ]
    assert "| published | | | 2,500 |" in card


def test_fields_and_their_coverage() -> None:
    card = dataset_card(RUN)
    assert "| `long_positive` | sentences that describe the picture | 2,000 (80.0%) |" in card
    assert "| `long_negative` |" in card
    assert "| `rewrites` |" not in card
    assert "| `regions` |" not in card


def test_a_baseline_is_called_one() -> None:
    assert "they are a baseline without a model" in dataset_card(RUN)
    recipes = [{**RUN["recipes"][0], "worker": "openai", "model": "m"}]
    assert "baseline" not in dataset_card(_changed(recipes=recipes))
    assert "Who wrote the fields" not in dataset_card(_changed(recipes=[]))


def test_how_to_load_it() -> None:
    card = dataset_card(RUN)
    assert 'wds.WebDataset("shards/{00000..00002}.tar", shardshuffle=False)' in card
    assert "--train-num-samples 2500" in card
    one = dataset_card(_changed(counts={**RUN["counts"], "published": 1000}))
    assert 'wds.WebDataset("shards/00000.tar", shardshuffle=False)' in one
    none = dataset_card(_changed(counts={**RUN["counts"], "published": 0}))
    assert "There is nothing to load" in none
    assert "WebDataset(" not in none


def test_only_what_a_rerun_repeats() -> None:
    other = _changed(seconds=99, versions={}, config={**RUN["config"], "output": "/elsewhere"})
    assert dataset_card(other) == dataset_card(RUN)
    assert "/home/me" not in dataset_card(RUN)


def test_the_order_of_the_counts_does_not_matter() -> None:
    counts = copy.deepcopy(RUN["counts"])
    counts["dropped"] = dict(random.Random(0).sample(sorted(counts["dropped"].items()), 2))
    counts["dropped"]["profile"] = {"side": 50, "words": 300}
    assert dataset_card(_changed(counts=counts)) == dataset_card(RUN)


def test_hostile_text_stays_text() -> None:
    name = "a: [b\n---\n# <img src=x onerror=alert(1)> | `c`"
    recipe = {**RUN["recipes"][0], "model": "m | <b>\nx"}
    card = dataset_card(_changed(name=name, recipes=[recipe]))
    assert _front(card)["pretty_name"] == " ".join(name.split())
    body = card.split("---\n", 2)[2]
    assert re.search(r"(?<!\\)<", body) is None
    assert r"m \| \<b\> x" in body
    assert "\n---\n" not in body

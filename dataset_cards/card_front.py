"""The front matter of the card, as Hugging Face's hub reads it (huggingface.co/docs/hub/datasets-cards)."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from dataset_cards.card_features import features
from dataset_cards.card_figures import Figures
from dataset_cards.card_licence import hub_licence
from schemas.annotation import LANGUAGES

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
"""Upper bounds and names of the hub's size categories."""

MIN_LANGUAGE_SHARE = 0.01
"""Of the samples: short texts are taken for all kinds of languages, a few for each."""
_PRIMARY = {"als": "gsw", "bh": "bho"}
"""Labels of lid.176 that BCP 47 (RFC 5646) has under another name: Alemannic, Bihari."""


def front_matter(run: Mapping[str, Any], figures: Figures) -> Iterator[str]:
    """Yield the lines of the YAML block and an empty one."""
    published = run["counts"]["published"]
    matter: dict[str, Any] = {"pretty_name": " ".join(run["name"].split())}
    matter |= hub_licence(run["config"].get("license"))
    if languages := set_languages(figures):
        matter["language"] = languages
    matter |= {
        "task_categories": ["zero-shot-image-classification", "image-to-text", "text-to-image"],
        "size_categories": [next((name for bound, name in _SIZES if published < bound), "10B<n<100B")],
        "tags": ["webdataset", "image-text", "clip", "pairwright"],
    }
    if published:
        files = [{"split": "train", "path": "shards/*.tar"}]
        matter["configs"] = [{"config_name": "default", "data_files": files}]
        covered = {name: sum(figures.numbers.get(name, {}).values()) for name in ("clip_alt", "clip_caption")}
        matter["dataset_info"] = {"features": features(figures.formats, covered)}
    yield "---"
    yield yaml.safe_dump(matter, sort_keys=False, allow_unicode=False, width=math.inf).rstrip("\n")
    yield "---"
    yield ""


def set_languages(figures: Figures) -> list[str]:
    """Return the languages of the texts in BCP 47's primary subtags, most samples first.

    They are those that the alt texts of `MIN_LANGUAGE_SHARE` of the samples were found to be in, and those
    that a field is written in.
    """
    most_first = sorted(figures.languages.items(), key=lambda found: (-found[1], found[0]))
    alt_texts = [
        _PRIMARY.get(name, name)
        for name, number in most_first
        if name != "unknown" and number >= MIN_LANGUAGE_SHARE * figures.samples
    ]
    written = [tag.partition("-")[0] for name, tag in LANGUAGES.items() if figures.covered[name]]
    return list(dict.fromkeys([*alt_texts, *written]))

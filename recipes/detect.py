"""What an open-vocabulary detector finds of a sample's phrases."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from recipes.base import Recipe
from recipes.cloc_phrases import ClocPhrases, phrases_by_rule
from recipes.reply import read_object, reject
from recipes.wording.chunk_words import ARTICLES
from schemas.annotation import Fields
from schemas.facts import Facts, written

NO_PHRASES = "no phrases"
"""Why a sample has no regions that nothing was looked for in."""


class Detect(Recipe):
    """Phrases out, boxes back: the pseudo-labels of CLOC's VESL, and of GRAIN.

    Looked for are `phrases` and `descriptions`, where the run has a recipe that writes them; else the noun
    phrases of the texts it writes and of the alt text (English only). Detectors that look for nothing by name
    (`segments`) find what they find. A picture in which nothing is found keeps its place in the set.
    """

    name: ClassVar[str] = "detect"
    version: ClassVar[str] = "1"
    source: ClassVar[str] = "CLOC: Contrastive Localized Language-Image Pre-Training (arXiv 2410.02746)"
    fields: ClassVar[tuple[str, ...]] = ("regions",)
    uses: ClassVar[tuple[str, ...]] = ("phrases", "descriptions", *ClocPhrases.uses)
    needs_text: ClassVar[bool] = False
    needs_image: ClassVar[bool] = True
    detected: ClassVar[bool] = True
    schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {"regions": {"type": "array", "items": {"type": "object"}}},
        "required": ["regions"],
    }

    def prompt(self, facts: Facts) -> str:
        """Return the phrases as JSON, without articles: `{"phrases": [...]}`."""
        return json.dumps({"phrases": asked_phrases(facts)}, ensure_ascii=False)

    def fallback(self, facts: Facts, reason: str) -> Mapping[str, Any]:
        """Return no regions: texts are good without."""
        return {"regions": []}

    def parse(self, text: str, facts: Facts, *, finish_reason: str = "stop") -> Mapping[str, Any]:
        """Return the boxes as the detector gives them; `transforms.regions.choose` cuts and chooses.

        Raises:
            BadReply: the reply is no list of regions.
        """
        found = read_object(text, self.fields, finish_reason)["regions"]
        if not isinstance(found, list) or not all(isinstance(region, dict) for region in found):
            reject(f"regions is no list of objects: {found!r:.60}")
        regions = [
            {"box": region.get("box"), "phrase": region.get("phrase"), "raw_score": region.get("score")}
            for region in found
        ]
        nothing_asked = not regions and not asked_phrases(facts)
        return Fields({"regions": regions}, {"regions": {NO_PHRASES: int(nothing_asked)}})


def asked_phrases(facts: Facts) -> list[str]:
    """Return what is looked for in a sample's picture: each phrase once, without its article."""
    found = written(facts)
    if "phrases" in found or "descriptions" in found:
        phrases = [*found.get("phrases", ()), *found.get("descriptions", ())]
    else:
        phrases = list(phrases_by_rule(facts))
    return list(dict.fromkeys(filter(None, map(_bare, phrases))))


def _bare(phrase: str) -> str:
    first, _, rest = phrase.strip().partition(" ")
    return rest.strip() if first.lower() in ARTICLES and rest.strip() else phrase.strip()

"""What the score stage measures and decides: a configuration's section `score`."""

from typing import Annotated, Literal, get_args

from pydantic import ConfigDict, Field, model_validator

from schemas.examining import OcrConfig, QualityConfig, TagsConfig
from schemas.score import TEMPLATE, ClipConfig
from schemas.section import Section
from schemas.selecting import BalanceConfig, MiningConfig, SemanticConfig

Cosine = Annotated[float, Field(ge=-1, le=1)]
Share = Annotated[float, Field(gt=0, le=1)]
Scored = Literal["clip_alt", "clip_caption", "clip_best", "clip_masked", "quality"]

ScoredField = Literal[
    "long_positive",
    "long_negative",
    "short_positive",
    "short_negative",
    "rewrites",
    "recaption",
    "fused",
    "compressed",
    "english",
]
SCORED_FIELDS: tuple[ScoredField, ...] = get_args(ScoredField)
"""Fields whose texts a CLIP can be asked about; it reads no `chinese`."""

PRESETS: dict[str, dict[str, float]] = {
    "laion-400m": {"min": 0.3},
    "laion-5b-en": {"min": 0.28},
    "datacomp-b32": {"min": 0.25},
    "datacomp-l14": {"share": 0.3},
}
"""LAION-400M (arXiv 2111.02114) and the English part of LAION-5B (2210.08402), both by OpenAI's ViT-B/32;
DataComp's (2304.14108) example for B/32, and its baseline, the best 30 % by L/14. A value means nothing for
another model; a share does."""


class KeepRule(Section):
    """Which samples are kept for one of their scores."""

    of: Scored = Field(
        "clip_alt",
        description="Score of the alt text, of the caption, or the better of both; of the alt text with what "
        "is not written in the picture; or of the picture alone.",
    )
    min: Cosine | None = Field(None, description="The cosine at least.")
    share: Share | None = Field(
        None, description="Share of the pool with the highest scores; equal ones stay together."
    )
    preset: Literal["laion-400m", "laion-5b-en", "datacomp-b32", "datacomp-l14"] | None = Field(
        None, description="A published value, for the model that it was published for."
    )

    @model_validator(mode="after")
    def _one_bound(self) -> "KeepRule":
        if sum(bound is not None for bound in (self.min, self.share, self.preset)) != 1:
            raise ValueError("give one of min, share and preset")
        if self.preset and not self.of.startswith("clip_"):
            raise ValueError(
                f"preset {self.preset} is of a text's cosine, not of {self.of}; give min or share"
            )
        return self

    def bound(self) -> tuple[Literal["min", "share"], float]:
        """Return what is asked for: a cosine, or a share of the pool."""
        told = PRESETS[self.preset] if self.preset else {"min": self.min, "share": self.share}
        if (least := told.get("min")) is not None:
            return "min", least
        share = told["share"]
        assert share is not None
        return "share", share


class TextRules(Section):
    """Which single texts of a sample are left out; what is left of the sample is published."""

    model_config = ConfigDict(allow_inf_nan=False)

    min: Cosine | None = Field(None, description="Written texts of a lower cosine go; not negatives.")
    below_alt: float | None = Field(
        None,
        ge=0,
        le=2,
        description="Those that score so much lower than the alt text go; 0 keeps the better of both.",
    )
    margin: float | None = Field(
        None,
        ge=0,
        le=2,
        description="A negative goes (an empty text is left in its place) unless its sentence scores so much "
        "higher.",
    )


class WordRules(Section):
    """Sentences with a word that the picture speaks against go, or are mended (CLIP4DM, arXiv 2412.18404)."""

    model_config = ConfigDict(allow_inf_nan=False)

    epsilon: float | None = Field(
        None,
        description="Words under it are misaligned. None: it is found from the words in which the run's own "
        "long_negative differ from long_positive. The paper's, for OpenAI's ViT-B/32, is -5e-5.",
    )
    fields: tuple[Literal["long_positive", "rewrites"], ...] = ("long_positive",)
    template: str = Field(
        TEMPLATE,
        max_length=200,
        description="Put before each text; empty for a model that was trained on bare captions.",
    )
    rewrite: str | None = Field(
        None,
        description="Worker that is asked, once, to write such a sentence anew, told the words; what it "
        "writes is scored, and goes by the same rules if it must. None: the sentence goes at once.",
    )

    @property
    def read(self) -> tuple[str, ...]:
        """Return the fields whose words are scored: those that calibrate as well."""
        pairs = ("long_positive", "long_negative") if self.epsilon is None else ()
        return tuple(dict.fromkeys((*self.fields, *pairs)))


class NegativesConfig(Section):
    """Negatives that texts alone give away go, as in SugarCrepe (arXiv 2306.14610)."""

    sample: int = Field(
        100_000, ge=1000, description="Pairs that the text-only models are fitted on, drawn by lot."
    )


class ScoreConfig(Section):
    """What a CLIP measures of every sample, and what is kept for it."""

    clip: ClipConfig
    fields: tuple[ScoredField, ...] = Field(
        ("long_positive", "long_negative", "rewrites", "recaption", "fused", "compressed", "english"),
        description="Texts that are scored beside alt text and caption; each costs a pass of the text tower.",
    )
    keep: tuple[KeepRule, ...] = Field((), description="Each must hold of a sample.")
    texts: TextRules = TextRules()
    words: WordRules | None = Field(None, description="None: words are not looked at.")
    negatives: NegativesConfig | None = Field(
        None, description="None: whether negatives can be told without the picture is not looked at."
    )
    quality: QualityConfig | None = Field(None, description="None: pictures are not held against examples.")
    tags: TagsConfig | None = Field(None, description="None: pictures get no tags of their context.")
    ocr: OcrConfig | None = Field(None, description="None: text in pictures is not read.")
    semantic: SemanticConfig | None = Field(None, description="None: pictures that mean the same all stay.")
    balance: BalanceConfig | None = Field(None, description="None: what is named often is not thinned.")
    hard_negatives: MiningConfig | None = Field(None, description="None: no negatives are mined.")
    embeddings: bool = Field(
        False, description="Publish pictures', alt texts' and captions', for `losses.distill`."
    )
    max_drop_ratio: float = Field(
        0.9, ge=0, le=1, description="The stage stops when it rejects more of its samples."
    )

    @property
    def keeps_images(self) -> bool:
        """Return whether the pictures' embeddings are kept beside the scores."""
        return self.keeps_texts or self.semantic is not None

    @property
    def keeps_texts(self) -> bool:
        """Return whether those of texts that may be the caption are."""
        return self.embeddings or self.hard_negatives is not None

    @model_validator(mode="after")
    def _rules_have_scores(self) -> "ScoreConfig":
        for name in self.words.read if self.words else ():
            if name not in self.fields:
                raise ValueError(
                    f"words looks at {name}, which is not among fields; add it there"
                    + ("" if name in ("rewrites",) else ", or give words.epsilon")
                )
        asked = {rule.of for rule in self.keep}
        if self.quality is None and "quality" in asked:
            raise ValueError("keep asks for quality, which nothing scores; add score.quality with examples")
        if self.ocr is None and "clip_masked" in asked:
            raise ValueError("keep asks for clip_masked, which nothing scores; add score.ocr")
        if self.texts.margin is not None and not {"long_positive", "long_negative"} <= set(self.fields):
            raise ValueError("texts.margin compares long_positive and long_negative; add both to fields")
        return self

"""What a run is told: the YAML configuration, validated before anything starts."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from schemas.card import CardConfig, SourceConfig
from schemas.choosing import Choosing
from schemas.filters import Filter
from schemas.scoring import ScoreConfig
from schemas.section import Names, Section, as_tuple
from schemas.workers import WorkerConfig

ENDINGS = {
    "jpeg": ("jpg", "jpeg", "jpe", "jfif", "mpo"),
    "png": ("png", "apng"),
    "webp": ("webp",),
    "gif": ("gif",),
    "avif": ("avif",),
    "tiff": ("tif", "tiff"),
    "bmp": ("bmp", "dib"),
}
"""The endings by which members of an image format are usually named."""

ImageFormat = Literal["jpeg", "png", "webp", "gif", "bmp", "tiff", "avif"]
Ratio = Annotated[float, Field(ge=0, le=1)]


class InputConfig(Section):
    """Which shards to read, and what in them is the image, the text and the JSON."""

    shards: Names = Field(
        description="Path, glob, brace range or list; tar, tar.gz, tgz or parquet by ending."
    )
    image: Names = Field(
        ("jpg", "jpeg", "png", "webp", "image"),
        description="Members tried in this order; the column in a Parquet shard.",
    )
    text: Names = Field(
        ("txt", "text", "caption"),
        description="Members tried in this order, then fields of the JSON; the column in a Parquet shard.",
    )
    json_: Names = Field(("json",), alias="json", description="Members tried in this order.")
    formats: Annotated[tuple[ImageFormat, ...], BeforeValidator(as_tuple), Field(min_length=1)] = Field(
        ("jpeg", "png", "webp"),
        description="Real image formats to accept; stock loaders read these. Also: avif, bmp, gif, tiff.",
    )

    @model_validator(mode="before")
    @classmethod
    def _members_of_formats(cls, values: Any) -> Any:
        """Without `image`, look for the usual endings of all formats that are accepted."""
        if isinstance(values, dict) and "formats" in values and "image" not in values:
            formats = as_tuple(values["formats"])
            if isinstance(formats, list | tuple):
                usual = cls.model_fields["image"].default
                endings = (e for f in formats if isinstance(f, str) for e in ENDINGS.get(f, ()))
                return values | {"image": tuple(dict.fromkeys((*usual, *endings)))}
        return values

    max_member_bytes: int = Field(64 * 2**20, ge=1, description="A member that declares more is not read.")
    max_pixels: int = Field(100_000_000, ge=1, description="An image that declares more is not decoded.")
    max_expansion: float = Field(
        200, gt=1, description="A compressed shard that expands more than this (past 64 MiB) is a bomb."
    )


class ProfileConfig(Section):
    """What is measured of every sample, and what it must fulfil to be kept."""

    filters: tuple[Filter, ...] = Field(
        (), description="Run in this order; the first that objects gives the reason."
    )
    max_drop_ratio: Ratio = Field(0.9, description="The stage stops when it rejects more of its samples.")


class NearConfig(Section):
    """When two different files are the same picture."""

    max_distance: int = Field(4, ge=0, le=16, description="Hamming distance of the 64-bit perceptual hashes.")
    max_colour: int = Field(
        24,
        ge=0,
        le=255,
        description="Largest difference of a mean colour in a 3 x 3 grid: a red and a blue car are two.",
    )


class DedupConfig(Section):
    """Which duplicates to drop; the larger picture is kept, then the earlier one."""

    exact: bool = Field(True, description="Drop images of the same bytes (sha256).")
    near: NearConfig | None = Field(None, description="Drop nearly the same pictures; none: keep them.")
    decontaminate: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = Field(
        (), description="Parquet lists made by `pairwright hashes`."
    )
    max_drop_ratio: Ratio = Field(0.9, description="The stage stops when it rejects more of its samples.")


class AnnotateStep(Section):
    """One recipe, and who answers it."""

    recipe: str = Field(description="One of docs/recipes.md, or module:Class of your own.")
    worker: str = Field(description="A name under workers.")


class PublishConfig(Section):
    """How the output is cut into shards."""

    samples_per_shard: int = Field(
        10_000, ge=1, strict=True, description="All shards but the last hold exactly so many."
    )


class RunConfig(Section):
    """One run, from input shards to published shards."""

    name: str = Field(
        min_length=1,
        max_length=128,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="Names the dataset; an output folder belongs to one name.",
    )
    license: str | None = Field(
        None,
        min_length=1,
        max_length=128,
        description="Of the source, as Hugging Face names licences; for the card.",
    )
    source: SourceConfig = Field(SourceConfig(), description="Where the input comes from; for the card.")
    card: CardConfig = Field(CardConfig(), description="What the card says beside what was measured.")
    input: InputConfig
    output: str = Field(min_length=1, description="Folder to write; the same command resumes there.")
    profile: ProfileConfig = ProfileConfig()
    dedup: DedupConfig | None = Field(None, description="None: duplicates are kept.")
    workers: dict[str, WorkerConfig] = Field(
        default_factory=dict, description="Who answers, by a name of yours."
    )
    annotate: tuple[AnnotateStep, ...] = Field(
        (), description="Recipes to run; none: captions stay the alt text."
    )
    regions: Choosing = Field(
        Choosing(), description="Which boxes become regions, of a recipe that writes them."
    )
    score: ScoreConfig | None = Field(None, description="None: nothing is scored.")
    publish: PublishConfig = PublishConfig()
    chunk_samples: int = Field(
        256, ge=1, description="Neighbouring samples committed together by `annotate` and `score`."
    )
    max_failed_replies: Ratio = Field(
        0.5, description="`annotate` stops when more of its samples than this fail."
    )

    @property
    def rewriter(self) -> str | None:
        """Return the name of the worker that mends sentences with a misaligned word, where one is asked."""
        return self.score.words.rewrite if self.score is not None and self.score.words is not None else None

    @model_validator(mode="after")
    def _workers_exist(self) -> "RunConfig":
        asked = [("annotate", step.worker) for step in self.annotate]
        asked += [("score.words.rewrite", self.rewriter)] if self.rewriter is not None else []
        for place, worker in asked:
            if worker not in self.workers:
                known = ", ".join(sorted(self.workers)) or "none"
                raise ValueError(
                    f"{place} names worker {worker!r}, but workers has {known}; add it under workers"
                )
        recipes = [step.recipe for step in self.annotate]
        for recipe in recipes:
            if recipes.count(recipe) > 1:
                raise ValueError(f"annotate runs recipe {recipe!r} twice; run it once")
        return self

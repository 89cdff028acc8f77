"""The filters a run can name, with the thresholds of the papers they come from as defaults.

Each filter looks at one sample's facts; the first that objects gives the reason, which is its `kind`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Filter(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Range(_Filter):
    """Keeps values from `min` to `max`, both included; at least one of them must be given."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _needs_a_bound(self) -> "_Range":
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is over max {self.max:g}")
        return self


class Words(_Range):
    """Whitespace-separated words of the alt text. DataComp's basic filter: more than 2."""

    kind: Literal["words"]
    min: float | None = 3


class Chars(_Range):
    """Characters of the alt text. DataComp's basic filter: more than 5; LAION-400M: at least 5."""

    kind: Literal["chars"]
    min: float | None = 6


class Side(_Filter):
    """Shorter side of the image. DataComp's basic filter: at least 200 px."""

    kind: Literal["side"]
    min_px: int = Field(200, ge=1)


class Aspect(_Filter):
    """Longer side over shorter side. DataComp's basic filter: at most 3."""

    kind: Literal["aspect"]
    max: float = Field(3.0, ge=1)


class Language(_Filter):
    """Language of the alt text by fastText's lid.176. DataComp's basic filter: English."""

    kind: Literal["language"]
    allow: tuple[Annotated[str, Field(pattern="^[a-z]{2,3}$")], ...] = Field(
        ("en",), min_length=1, description="ISO 639 codes, such as en, de, zh."
    )
    min_probability: float = Field(0.0, ge=0, le=1)


class Bytes(_Range):
    """Size of the encoded image. LAION-400M: at least 5 KB (5,000 bytes here)."""

    kind: Literal["bytes"]
    min: float | None = 5_000


class Pixels(_Range):
    """Width times height."""

    kind: Literal["pixels"]


class Brightness(_Range):
    """Mean luma, 0..255: finds black and blank pictures."""

    kind: Literal["brightness"]


class Contrast(_Range):
    """Standard deviation of the luma, 0..255."""

    kind: Literal["contrast"]


class Sharpness(_Range):
    """Variance of the Laplacian at 64 x 64 pixels: finds pictures blurred by more than 1/64 of their side."""

    kind: Literal["sharpness"]


class Entropy(_Range):
    """Entropy of the luma's histogram in bits, 0..8: finds flat drawings and placeholders."""

    kind: Literal["entropy"]


class Html(_Filter):
    """Objects to alt text that holds HTML tags or entities."""

    kind: Literal["html"]


class Url(_Filter):
    """Objects to alt text that holds a URL or a bare domain."""

    kind: Literal["url"]


class FileName(_Filter):
    """Objects to alt text that is a file name, such as IMG_0032.jpg."""

    kind: Literal["file_name"]


class Animated(_Filter):
    """Objects to images of more than one frame."""

    kind: Literal["animated"]


class Repetition(_Filter):
    """Share of the alt text's 4-grams of words that repeat an earlier one."""

    kind: Literal["repetition"]
    max: float = Field(0.3, ge=0, le=1)


class Json(_Range):
    """A number in the sample's own JSON, such as `pwatermark` (LAION: at most 0.8) or
    `clip_l14_similarity_score` (DataComp). `field` may be dotted; a sample without the number is kept only
    when `missing` is `keep`.
    """

    kind: Literal["json"]
    field: str = Field(min_length=1)
    missing: Literal["keep", "drop"] = "drop"


Filter = Annotated[
    Words
    | Chars
    | Side
    | Aspect
    | Language
    | Bytes
    | Pixels
    | Brightness
    | Contrast
    | Sharpness
    | Entropy
    | Html
    | Url
    | FileName
    | Animated
    | Repetition
    | Json,
    Field(discriminator="kind"),
]

"""What the score stage learns of the pictures themselves, whatever their texts say."""

from pydantic import ConfigDict, Field

from schemas.section import Names, Section


class QualityConfig(Section):
    """Pictures are scored along the direction from bad examples to good ones (RAVE, arXiv 2404.01889).

    What else sets the examples apart counts as well: run.json names the words next to either end.
    """

    good: Names = Field(
        description="Folders or globs of pictures that the score rises towards; hidden files are passed over."
    )
    bad: Names = Field(description="Those that it falls towards.")


class TagsConfig(Section):
    """Pictures are tagged with their context: background, light, style and so on (arXiv 2308.01313).

    A tag is what PerceptionCLIP's softmax over an attribute's values gives a probability of `bound`.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    bound: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Least probability of a tag among its attribute's values; under it there is none.",
    )


class OcrConfig(Section):
    """Text in pictures is read and painted over, and the alt text scored against what is left (T-MARS).

    arXiv 2307.03132; needs the extra `ocr`. The score is `clip_masked`, for a rule of `score.keep`.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    max_printed: float | None = Field(
        None,
        ge=0,
        le=1,
        description="A sample goes if a larger share of its alt text's words stands in the picture. None: no "
        "sample goes for that.",
    )

"""Which boxes become regions: a configuration's section `regions`."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from schemas.section import Section

Share = Annotated[float, Field(ge=0, lt=1)]


class Choosing(Section):
    """What a region must have, and how much overlap with better ones is borne (Soft-NMS, 1704.04503)."""

    model_config = ConfigDict(allow_inf_nan=False)

    method: Literal["linear", "gaussian", "hard"] = Field(
        "linear", description="How overlap lowers a score; hard: a rival is left out."
    )
    sigma: float = Field(0.5, gt=0, description="Of gaussian: the smaller, the less overlap is borne.")
    overlap: float = Field(0.3, ge=0, le=1, description="IoU above which linear and hard act.")
    rivals: Literal["phrase", "all"] = Field(
        "phrase", description="Boxes of one phrase and those like it are rivals, or boxes of any phrase."
    )
    same_phrase: float = Field(
        0.5, gt=0, le=1, description="Share of common words from which phrases of one head are one."
    )
    min_score: float = Field(0.1, ge=0, le=1, description="The detector's; CLOC has 0.1, GRAIN 0.3.")
    min_decayed: float = Field(0.05, gt=0, le=1, description="What overlap must leave of the score.")
    min_area: Share = Field(1 / 32**2, description="Share of the picture.")
    max_regions: int = Field(20, ge=1, description="Of a picture; the best scores are kept.")

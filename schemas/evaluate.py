"""What the evaluator is told: the YAML configuration of `pairwright evaluate`."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from schemas.section import Section, as_tuple

Corruption = Literal[
    "gaussian_noise", "shot_noise", "gaussian_blur", "jpeg", "contrast", "brightness", "pixelate"
]


class _Data(Section):
    path: str = Field(min_length=1)


class NotoEmojiData(_Data):
    """Shards of Noto Emoji: each picture is a class, by its name."""

    kind: Literal["noto_emoji"]


class ClassFolderData(_Data):
    """A folder `CLASS/PICTURE`."""

    kind: Literal["class_folder"]


class TarData(_Data):
    """Shards of pictures with JSON, one field of which is the class (and another the group)."""

    kind: Literal["tar"]
    label: str = Field(min_length=1, description="Field of the JSON that is the class; may be dotted.")
    classes: tuple[str, ...] | None = Field(
        None, description="Names of the classes 0, 1, ... where the field is a number."
    )
    group: str | None = Field(None, description="Field that is the group or attribute; may be dotted.")


class CocoOpenData(_Data):
    """Shards of COCO pictures with all captions in their JSON."""

    kind: Literal["coco_open"]


class PublishedData(_Data):
    """The output folder of `pairwright curate`."""

    kind: Literal["published"]
    text: Literal["caption", "alt_text"] = Field("caption", description="For retrieval.")


class SugarCrepeData(_Data):
    """SugarCrepe's JSON files, and the COCO pictures that they name as `coco_open` shards."""

    kind: Literal["sugar_crepe"]
    images: str = Field(
        min_length=1, description="Folder of the shards; pairs of other pictures are left out."
    )


class NlvrScenesData(_Data):
    """Shards of NLVR: a scene, a sentence, and whether it is true."""

    kind: Literal["nlvr_scenes"]


LabelledData = Annotated[NotoEmojiData | ClassFolderData | TarData, Field(discriminator="kind")]
CaptionedData = Annotated[CocoOpenData | PublishedData, Field(discriminator="kind")]
PairsData = Annotated[SugarCrepeData | PublishedData, Field(discriminator="kind")]
AnyData = Annotated[
    NotoEmojiData | ClassFolderData | TarData | CocoOpenData | PublishedData | NlvrScenesData,
    Field(discriminator="kind"),
]


def _check_templates(templates: tuple[str, ...]) -> tuple[str, ...]:
    for template in templates:
        if template.count("{}") != 1:
            raise ValueError(f"template {template!r} must hold {{}} once, where the class's name goes")
    return templates


Templates = Annotated[
    tuple[str, ...],
    BeforeValidator(as_tuple),
    AfterValidator(_check_templates),
    Field(min_length=1, description="Texts of a class, `{}` standing for its name; means of them are taken."),
]
_USUAL = ("a photo of a {}.",)


class _Evaluation(Section):
    name: str = Field(
        "", max_length=64, pattern=r"^[a-z0-9_]*$", description="In the results; else the kind."
    )


class ZeroShotConfig(_Evaluation):
    """Classification by the nearest class text."""

    kind: Literal["zero_shot"]
    data: LabelledData
    templates: Templates = _USUAL


class RetrievalConfig(_Evaluation):
    """Pictures find their captions and captions their pictures."""

    kind: Literal["retrieval"]
    data: CaptionedData
    k: tuple[Annotated[int, Field(ge=1)], ...] = Field((1, 5, 10), min_length=1)


class CompositionalConfig(_Evaluation):
    """True captions against ones that were made false."""

    kind: Literal["compositional"]
    data: PairsData


class StatementsConfig(_Evaluation):
    """Sentences that are true or false of a picture."""

    kind: Literal["statements"]
    data: NlvrScenesData


class _Split(_Evaluation):
    data: LabelledData
    folds: int = Field(
        5,
        ge=3,
        le=100,
        description="Parts of equal classes: one to test on, one to choose by, the rest to fit.",
    )
    seed: int = Field(0, ge=0, description="Of the parts.")


class LinearProbeConfig(_Split):
    """A linear classifier on the embeddings."""

    kind: Literal["linear_probe"]


class GdaConfig(_Split):
    """Gaussian discriminant analysis joined to zero-shot, without training."""

    kind: Literal["gda"]
    templates: Templates = _USUAL


class CalibrationConfig(_Evaluation):
    """Whether zero-shot probabilities are right; one half fits a temperature, the other is measured."""

    kind: Literal["calibration"]
    data: LabelledData
    templates: Templates = _USUAL
    seed: int = Field(0, ge=0, description="Of the halves.")


class OutOfDistributionConfig(_Evaluation):
    """Whether pictures of no class are told from those of the classes."""

    kind: Literal["out_of_distribution"]
    data: LabelledData
    outside: AnyData
    templates: Templates = _USUAL


class SubgroupsConfig(_Evaluation):
    """Zero-shot accuracy by group: the worst, and the gap."""

    kind: Literal["subgroups"]
    data: TarData
    templates: Templates = _USUAL
    min_items: int = Field(10, ge=2, description="Smaller groups are neither worst nor part of the gap.")

    @model_validator(mode="after")
    def _has_group(self) -> "SubgroupsConfig":
        if self.data.group is None:
            raise ValueError("data.group is missing; name the field of the JSON that is the group")
        return self


class LeakageConfig(_Evaluation):
    """How well an attribute that no task needs can be read from the embeddings."""

    kind: Literal["leakage"]
    data: LabelledData = Field(description="Its classes are the values of the attribute.")
    folds: int = Field(5, ge=2, le=100, description="Of the cross-validation.")
    shuffles: int = Field(
        19, ge=1, le=9999, description="Of the attribute: the least p-value is 1 / (1 + shuffles)."
    )
    seed: int = Field(0, ge=0)


class RobustnessConfig(_Evaluation):
    """Zero-shot accuracy on corrupted pictures, five severities of each corruption."""

    kind: Literal["robustness"]
    data: LabelledData
    templates: Templates = _USUAL
    corruptions: tuple[Corruption, ...] = Field(
        ("gaussian_noise", "shot_noise", "gaussian_blur", "jpeg", "contrast", "brightness", "pixelate"),
        min_length=1,
    )
    reference: str | None = Field(
        None,
        min_length=1,
        description="Folder of another checkpoint's results by this evaluation, for mCE and relative mCE.",
    )


Evaluation = Annotated[
    ZeroShotConfig
    | RetrievalConfig
    | CompositionalConfig
    | StatementsConfig
    | LinearProbeConfig
    | GdaConfig
    | CalibrationConfig
    | OutOfDistributionConfig
    | SubgroupsConfig
    | LeakageConfig
    | RobustnessConfig,
    Field(discriminator="kind"),
]


class EvaluateConfig(Section):
    """One evaluation of a checkpoint, by any number of probes."""

    output: str = Field(min_length=1, description="Folder to write; the same command resumes there.")
    evaluations: tuple[Evaluation, ...]
    batch: int = Field(64, ge=1, description="Pictures or texts that the model sees at once.")
    workers: int = Field(2, ge=1, description="Threads that decode pictures.")
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @model_validator(mode="after")
    def _own_names(self) -> "EvaluateConfig":
        if not self.evaluations:
            raise ValueError("evaluations is empty; add one, such as {kind: zero_shot, data: ...}")
        names = [name for name, _ in self.named()]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two evaluations are named {name!r}; give each a `name` of its own")
        return self

    def named(self) -> Iterator[tuple[str, Evaluation]]:
        """Yield the evaluations with their names."""
        for evaluation in self.evaluations:
            yield evaluation.name or evaluation.kind, evaluation

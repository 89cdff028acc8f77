"""What the trainer is told: the YAML configuration of `pairwright train`."""

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.section import Names, Section

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Beta = Annotated[float, Field(ge=0, lt=1)]


class TrainDataConfig(Section):
    """Which published shards to train on, and what is done to a picture."""

    shards: Names = Field(
        description="Folder of a published set, or path, glob, brace range or list of its tars."
    )
    shuffle_shards: int = Field(
        8,
        ge=1,
        le=256,
        description="So many shards are shuffled together, sample by sample, and held open; more mix better.",
    )
    workers: int = Field(2, ge=0, description="Processes that read and decode; 0: none but the trainer.")
    crop_scale: tuple[Share, Share] = Field(
        (0.9, 1.0), description="Share of the area that a random crop keeps; [1, 1]: resize alone."
    )
    max_skipped: Share = Field(0.01, description="Training stops when more samples than this cannot be read.")
    cache: str | None = Field(
        None,
        description="Folder for copies of remote shards; those of the present window and the next are kept. "
        "One that changed is copied anew; of a command's output (pipe:) that is not seen.",
    )

    @model_validator(mode="after")
    def _crop_is_a_range(self) -> "TrainDataConfig":
        low, high = self.crop_scale
        if not 0 < low <= high:
            raise ValueError(f"crop_scale {low:g} to {high:g} is no range of areas; give like [0.9, 1]")
        return self


class ModelConfig(Section):
    """The model: a preset with random weights, or a checkpoint to go on from."""

    preset: Literal["tiny", "vit-b-32", "vit-b-16", "vit-l-14"] | None = None
    checkpoint: str | None = Field(None, description="Folder or hub id of a CLIP or SigLIP of transformers.")
    family: Literal["clip", "siglip"] = Field("clip", description="Of a preset.")
    image_size: int | None = Field(None, ge=16, description="Pixels; none: the preset's or checkpoint's.")
    text_length: int | None = Field(
        None,
        ge=8,
        description="Tokens; none: 77, or the checkpoint's. A CLIP's shorter position table is stretched "
        "(Long-CLIP: 248).",
    )
    attention: Literal["sdpa", "eager"] = Field("sdpa", description="eager: where attention maps are needed.")
    dropout: Share = Field(0.0, description="Of attention weights, while training.")

    @model_validator(mode="after")
    def _one_source(self) -> "ModelConfig":
        if (self.preset is None) == (self.checkpoint is None):
            raise ValueError("give either preset or checkpoint")
        if self.checkpoint is not None and "family" in self.model_fields_set:
            raise ValueError("a checkpoint is of its own family; leave family out")
        return self


class TokenizerConfig(Section):
    """The tokenizer: the checkpoint's own, one of a folder, or one trained on the shards' texts."""

    path: str | None = Field(None, description="Folder or hub id; none: the checkpoint's, else trained.")
    vocabulary: int = Field(8192, ge=300, description="Of a trained byte-pair tokenizer.")
    samples: int = Field(20_000, ge=1, description="That it is trained on: the first ones of the order.")


class TextConfig(Section):
    """Which of a sample's texts an image is trained with; weights of absent fields go to the others.

    The caption evenly drawn among itself and M rewrites, as LaCLIP has it, is `p_raw: 1, p_rewrite: M`.
    """

    p_raw: Weight = Field(1.0, description="The alt text.")
    p_long: Weight = Field(0.0, description="Sentences of long_positive (else of fused, else of recaption).")
    p_short: Weight = Field(0.0, description="short_positive, joined by commas.")
    p_rewrite: Weight = Field(0.0, description="One of rewrites.")
    sentences: int = Field(2, ge=1, description="Drawn of the long text, in their order.")

    @model_validator(mode="after")
    def _some_text(self) -> "TextConfig":
        total = self.p_raw + self.p_long + self.p_short + self.p_rewrite
        if not 0 < total < math.inf:
            raise ValueError(
                f"the weights sum to {total:g}; give one of p_raw, p_long, p_short, p_rewrite, like 1"
            )
        return self


class NegativesConfig(Section):
    """NegCLIP: images are told from false texts as well; texts are compared with images as ever."""

    per_image: int = Field(1, ge=1, description="Drawn an image, as for hni.")
    of: Literal["batch", "own"] = Field(
        "batch", description="Those an image meets: of all images of all ranks (NegCLIP), or its own alone."
    )


class ContrastiveConfig(Section):
    """The main loss: InfoNCE, SigLIP's sigmoid or CLOOB's leave-one-out (InfoLOOB)."""

    kind: Literal["softmax", "sigmoid", "leave_one_out"] = Field(
        "softmax", description="sigmoid needs SigLIP's logit bias; SigLIP takes the others as well."
    )
    tile: int = Field(2048, ge=1, description="Rows of the logits that exist at once.")
    same_text: bool = Field(False, description="Samples of one and the same text are all positives.")
    smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Label smoothing: this share of the target goes evenly to the batch's texts; of softmax "
        "only, in multi_text and long_clip as well (Long-CLIP: 0.1).",
    )
    negatives: NegativesConfig | None = Field(
        None, description="False sentences as more texts in the images' denominators."
    )

    @model_validator(mode="after")
    def _smoothing_is_of_softmax(self) -> "ContrastiveConfig":
        if self.smoothing and self.kind != "softmax":
            raise ValueError(f"smoothing is of kind softmax, not of {self.kind}; leave it out")
        return self


class HniConfig(Section):
    """HQ-CLIP's hard negatives: an image against its own false sentences."""

    weight: Weight = 1.0
    negatives: int = Field(1, ge=1, description="Drawn an image.")


class StcConfig(Section):
    """HQ-CLIP's short tags as classes."""

    weight: Weight = 1.0
    vocabulary: int = Field(10_000, ge=2, description="The most frequent tags of the shards.")


class MultiTextConfig(Section):
    """LaCLIP's multi-text form: several texts an image in one step."""

    weight: Weight = Field(
        1.0, description="Of the mean over the texts but the first; with texts - 1 all count alike."
    )
    texts: int = Field(3, ge=2, description="An image, drawn by the weights of `texts`.")


class LongClipConfig(Section):
    """Long-CLIP: the full picture with the long text, its main components with the short one."""

    weight: Weight = 1.0
    components: int = Field(32, ge=1, description="Principal components of the batch that are kept.")


class RegionsConfig(Section):
    """CLOC: regions with their phrases, and boxes from phrases."""

    weight: Weight = 1.0
    per_image: int = Field(4, ge=1)
    same_phrase: float = Field(
        0.9, allow_inf_nan=False, description="Phrases of a higher cosine are no negatives."
    )


class DistillConfig(Section):
    """MobileCLIP: the similarities of teachers' stored embeddings (columns `image` and `text`'s)."""

    weight: Weight = 1.0
    teachers: dict[str, str] = Field(
        min_length=1,
        description="Folder of each teacher's embeddings: a Parquet file a shard, a row a sample.",
    )
    text: Literal["caption", "alt_text"] = Field("caption", description="The column that holds the text's.")
    scale: float = Field(100.0, gt=0, allow_inf_nan=False, description="Of the teachers' logits.")


class LossesConfig(Section):
    """Losses; all but the contrastive one are off unless named."""

    contrastive: ContrastiveConfig = ContrastiveConfig()
    hni: HniConfig | None = None
    stc: StcConfig | None = None
    multi_text: MultiTextConfig | None = None
    long_clip: LongClipConfig | None = None
    regions: RegionsConfig | None = None
    distill: DistillConfig | None = None

    @property
    def drawn_negatives(self) -> int:
        """Return how many false texts an image are drawn: as many as the loss that asks for most."""
        extra = self.contrastive.negatives
        return max(self.hni.negatives if self.hni else 0, extra.per_image if extra else 0)


class OptimConfig(Section):
    """AdamW with warm-up and cosine."""

    lr: float = Field(5e-4, gt=0, allow_inf_nan=False)
    min_lr: float = Field(0.0, ge=0, allow_inf_nan=False, description="At the end of the cosine.")
    warmup: int = Field(500, ge=0, description="Steps.")
    weight_decay: float = Field(
        0.2,
        ge=0,
        allow_inf_nan=False,
        description="Of matrices; not of biases, norms, class embedding, scale.",
    )
    betas: tuple[Beta, Beta] = (0.9, 0.98)
    eps: float = Field(1e-6, gt=0, allow_inf_nan=False)
    clip_norm: float | None = Field(
        1.0, gt=0, allow_inf_nan=False, description="Gradients are clipped to this norm; none: never."
    )
    ema: float | None = Field(
        None, gt=0, lt=1, description="Decay of averaged weights, which the finished model then has."
    )


class TrainConfig(Section):
    """One training run."""

    output: str = Field(
        min_length=1, description="Folder to write, seen by all ranks; the same command resumes there."
    )
    data: TrainDataConfig
    model: ModelConfig
    tokenizer: TokenizerConfig = TokenizerConfig()
    texts: TextConfig = TextConfig()
    losses: LossesConfig = LossesConfig()
    optim: OptimConfig = OptimConfig()
    batch: int = Field(256, ge=2, description="Samples a step, over all ranks.")
    chunk: int | None = Field(
        None, ge=1, description="Samples a rank that the towers see at once (GradCache); none: all."
    )
    epochs: float = Field(1.0, gt=0, allow_inf_nan=False, description="May be a fraction.")
    seed: int = Field(0, ge=0, lt=2**63)
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="Of the towers; weights and losses stay in float32."
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: cuda where there is a GPU.")
    compile: bool = Field(False, description="torch.compile of the towers.")
    checkpoint_steps: int = Field(1000, ge=1, description="Steps between checkpoints.")
    keep_checkpoints: int = Field(2, ge=1)
    log_steps: int = Field(20, ge=1)

    @model_validator(mode="after")
    def _sections_fit(self) -> "TrainConfig":
        if self.losses.drawn_negatives and self.texts.p_long == 0:
            name = "hni" if self.losses.hni else "contrastive.negatives"
            raise ValueError(
                f"losses.{name} contradicts sentences of the long text; give texts.p_long a weight"
            )
        if self.losses.contrastive.kind == "sigmoid" and self.model.preset and self.model.family == "clip":
            raise ValueError(
                "losses.contrastive.kind sigmoid needs a logit bias, and CLIP has none; set model.family to "
                "siglip"
            )
        return self

"""The loss of a step: the contrastive one and those that the configuration adds.

Shape letters as in `contrastive_trainer.data.batch` and `contrastive_trainer.embedder`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from contrastive_trainer.data.batch import Batch
from contrastive_trainer.embedder import Embedder
from contrastive_trainer.losses.contrastive import ALL_PAIRED, Negatives, contrastive
from contrastive_trainer.losses.distill import Teacher, distillation
from contrastive_trainer.losses.hni import hard_negative
from contrastive_trainer.losses.long_clip import coarse_images
from contrastive_trainer.losses.pairs import Pairs
from contrastive_trainer.losses.regions import grounding, region_text, region_weight
from schemas.errors import ConfigError
from schemas.train import LossesConfig

Embedded = Mapping[str, Tensor]
"""What `Embedder` returns."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """The configured losses of a model's embeddings.

    Raises:
        ConfigError: the sigmoid loss of a model without a logit bias.
    """

    config: LossesConfig
    embedder: Embedder  # its scale, bias and heads take part
    group: distributed.ProcessGroup | None

    def __post_init__(self) -> None:
        if self.config.contrastive.kind == "sigmoid" and self.embedder.clip.bias is None:
            raise ConfigError(
                "losses.contrastive.kind: sigmoid needs a logit bias, and the checkpoint, a CLIP, has none; "
                "train a SigLIP, or choose another kind"
            )

    def __call__(self, embedded: Embedded, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted sum of the losses, and each of them unweighted and detached.

        They are this rank's shares: their mean over ranks is the loss of the whole batch.
        """
        parts = self._parts(embedded, batch)
        total = torch.stack([self._weight(name) * part for name, part in parts.items()]).sum()
        return total, {name: part.detach() for name, part in parts.items()}

    def _weight(self, name: str) -> float:
        section = getattr(self.config, "regions" if name == "grounding" else name)
        return 1.0 if name == "contrastive" else float(section.weight)

    def _parts(self, embedded: Embedded, batch: Batch) -> dict[str, Tensor]:
        config, image_BD = self.config, embedded["image"]
        parts = {"contrastive": self._contrastive(embedded, batch)}
        if config.hni:
            negative_BKD, has_BK = _negatives(embedded, batch, config.hni.negatives)
            scale = self.embedder.clip.scale
            parts["hni"] = hard_negative(
                image_BD, embedded["text"], negative_BKD, scale, has_BK, group=self.group
            )
        if config.stc and self.embedder.tag_head is not None:
            parts["stc"] = self.embedder.tag_head(
                image_BD, batch.tag_BG, batch.false_tag_BG, group=self.group
            )
        if config.multi_text:
            parts["multi_text"] = self._multi_text(image_BD, embedded["more"])
        if config.long_clip:
            parts["long_clip"] = self._long_clip(image_BD, embedded["short"], config.long_clip.components)
        if config.regions:
            parts |= self._regions(embedded, batch)
        if config.distill:
            parts["distill"] = self._distill(embedded, batch)
        return parts

    def _contrastive(self, embedded: Embedded, batch: Batch) -> Tensor:
        asked, negatives = self.config.contrastive.negatives, None
        if asked is not None:
            negative_BKD, has_BK = _negatives(embedded, batch, asked.per_image)
            negatives = Negatives(text_NKD=negative_BKD, valid_NK=has_BK, shared=asked.of == "batch")
        return self._compare(embedded["image"], embedded["text"], Pairs(ids_N=batch.group_B), negatives)

    def _compare(
        self,
        image_BD: Tensor,
        text_BD: Tensor,
        pairs: Pairs = ALL_PAIRED,
        negatives: Negatives | None = None,
    ) -> Tensor:
        """Return the contrastive loss of the configured kind."""
        config, bias = self.config.contrastive, self.embedder.clip.bias
        return contrastive(
            image_BD,
            text_BD,
            self.embedder.clip.scale,
            kind=config.kind,
            bias=bias if bias is not None and config.kind == "sigmoid" else 0.0,
            pairs=pairs,
            negatives=negatives,
            smoothing=config.smoothing,
            group=self.group,
            tile=config.tile,
        )

    def _multi_text(self, image_BD: Tensor, text_BTD: Tensor) -> Tensor:
        """Return the mean over the texts of the images' losses with them.

        Texts of one image never meet, so none of them is a negative of its own image.

        Source: LaCLIP-MT (arXiv 2305.20088), which the paper describes so; its code releases only the
        single-text form.
        """
        return torch.stack([self._compare(image_BD, text_BD) for text_BD in text_BTD.unbind(1)]).mean()

    def _long_clip(self, image_BD: Tensor, short_BD: Tensor, components: int) -> Tensor:
        """Return InfoNCE of coarse images and short texts, see `coarse_images`; smoothed as the main loss."""
        coarse_BD = coarse_images(image_BD, components, self.group)
        scale, config = self.embedder.clip.scale, self.config.contrastive
        smoothing, tile = config.smoothing, config.tile
        return contrastive(coarse_BD, short_BD, scale, smoothing=smoothing, group=self.group, tile=tile)

    def _regions(self, embedded: Embedded, batch: Batch) -> dict[str, Tensor]:
        """Return CLOC's two losses, with its weight images / regions applied."""
        box_BR4, has_BR, config = batch.box_BR4, batch.has_region_BR, self.config
        assert config.regions is not None
        assert box_BR4 is not None
        assert has_BR is not None
        text = region_text(
            embedded["region"],
            embedded["phrase"],
            self.embedder.clip.scale,
            has_BR,
            alike_above=config.regions.same_phrase,
            group=self.group,
            tile=config.contrastive.tile,
        )
        boxes = grounding(embedded["found"], box_BR4, has_BR, group=self.group)
        share = region_weight(has_BR, self.group)
        return {"regions": share * text, "grounding": share * boxes}

    def _distill(self, embedded: Embedded, batch: Batch) -> Tensor:
        assert self.config.distill is not None
        normalise = torch.nn.functional.normalize
        teachers = [
            Teacher(
                image_ND=normalise(image_BE, dim=1),
                text_ND=normalise(batch.teacher_text_BE[name], dim=1),
                scale=self.config.distill.scale,
            )
            for name, image_BE in batch.teacher_image_BE.items()
        ]
        image_BD, text_BD, scale = embedded["image"], embedded["distill"], self.embedder.clip.scale
        tile = self.config.contrastive.tile
        return distillation(image_BD, text_BD, scale, teachers, group=self.group, tile=tile)


def _negatives(embedded: Embedded, batch: Batch, count: int) -> tuple[Tensor, Tensor]:
    """Return the first `count` false texts of each image (B, count, D), and which there are (B, count)."""
    assert batch.has_negative_BK is not None
    return embedded["negative"][:, :count], batch.has_negative_BK[:, :count]

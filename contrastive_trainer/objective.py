"""The loss of a step: the contrastive one and those that the configuration adds.

Shape letters as in `contrastive_trainer.data.batch` and `contrastive_trainer.embedder`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from contrastive_trainer.data.batch import Batch
from contrastive_trainer.embedder import Embedder
from contrastive_trainer.losses.contrastive import contrastive
from contrastive_trainer.losses.distill import Teacher, distillation
from contrastive_trainer.losses.hni import hard_negative
from contrastive_trainer.losses.long_clip import coarse_images
from contrastive_trainer.losses.multi_text import multi_text
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
        config, group, tile = self.config, self.group, self.config.contrastive.tile
        image_BD, text_BD, scale = embedded["image"], embedded["text"], self.embedder.clip.scale
        parts = {"contrastive": self._contrastive(image_BD, text_BD, batch)}
        if config.hni:
            parts["hni"] = hard_negative(
                image_BD, text_BD, embedded["negative"], scale, valid_NK=batch.has_negative_BK, group=group
            )
        if config.stc and self.embedder.tag_head is not None and batch.tag_BG is not None:
            parts["stc"] = self.embedder.tag_head(image_BD, batch.tag_BG, batch.false_tag_BG, group=group)
        if config.multi_text:
            kind, bias = config.contrastive.kind, self._bias()
            more_TBD = embedded["more"].transpose(0, 1)
            parts["multi_text"] = multi_text(
                image_BD, more_TBD, scale, kind=kind, bias=bias, group=group, tile=tile
            )
        if config.long_clip:
            coarse_BD = coarse_images(image_BD, config.long_clip.components, group)
            parts["long_clip"] = contrastive(coarse_BD, embedded["short"], scale, group=group, tile=tile)
        if config.regions:
            parts |= self._regions(embedded, batch)
        if config.distill:
            parts["distill"] = self._distill(embedded, batch)
        return parts

    def _contrastive(self, image_BD: Tensor, text_BD: Tensor, batch: Batch) -> Tensor:
        return contrastive(
            image_BD,
            text_BD,
            self.embedder.clip.scale,
            kind=self.config.contrastive.kind,
            bias=self._bias(),
            pairs=Pairs(ids_N=batch.group_B),
            group=self.group,
            tile=self.config.contrastive.tile,
        )

    def _bias(self) -> Tensor | float:
        bias = self.embedder.clip.bias
        return bias if bias is not None and self.config.contrastive.kind == "sigmoid" else 0.0

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

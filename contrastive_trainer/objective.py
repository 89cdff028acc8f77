"""The loss of a step: the contrastive one and those that the configuration adds.

Shape letters as in `contrastive_trainer.data.batch` and `contrastive_trainer.embedder`.
"""

from collections.abc import Mapping

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
from schemas.train import LossesConfig

Embedded = Mapping[str, Tensor]


def objective(
    embedded: Embedded,
    batch: Batch,
    embedder: Embedder,
    config: LossesConfig,
    group: distributed.ProcessGroup | None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the weighted sum of the configured losses, and each of them unweighted and detached.

    The parts are this rank's shares: their mean over ranks is the loss of the whole batch.
    """
    parts = _parts(embedded, batch, embedder, config, group)
    weights = {
        "contrastive": 1.0,
        "hni": config.hni.weight if config.hni else 0.0,
        "stc": config.stc.weight if config.stc else 0.0,
        "long_clip": config.long_clip.weight if config.long_clip else 0.0,
        "multi_text": config.multi_text.weight if config.multi_text else 0.0,
        "regions": config.regions.weight if config.regions else 0.0,
        "grounding": config.regions.weight if config.regions else 0.0,
        "distill": config.distill.weight if config.distill else 0.0,
    }
    total = torch.stack([weights[name] * part for name, part in parts.items()]).sum()
    return total, {name: part.detach() for name, part in parts.items()}


def _parts(
    embedded: Embedded,
    batch: Batch,
    embedder: Embedder,
    config: LossesConfig,
    group: distributed.ProcessGroup | None,
) -> dict[str, Tensor]:
    image_BD, text_BD = embedded["image"], embedded["text"]
    clip, tile = embedder.clip, config.contrastive.tile
    scale = clip.scale
    parts = {"contrastive": _contrastive(embedded, batch, embedder, config, group)}
    if config.hni and batch.has_negative_BK is not None:
        negative = embedded["negative"]
        parts["hni"] = hard_negative(
            image_BD, text_BD, negative, scale, valid_NK=batch.has_negative_BK, group=group
        )
    if config.stc and embedder.tag_head is not None and batch.tag_BG is not None:
        parts["stc"] = embedder.tag_head(image_BD, batch.tag_BG, batch.false_tag_BG, group=group)
    if config.multi_text:
        texts_TBD = embedded["texts"].transpose(0, 1)[1:]  # the first is `text`
        parts["multi_text"] = multi_text(image_BD, texts_TBD, scale, group=group, tile=tile)
    if config.long_clip:
        coarse_BD = coarse_images(image_BD, config.long_clip.components, group)
        parts["long_clip"] = contrastive(coarse_BD, embedded["short"], scale, group=group, tile=tile)
    if config.regions and batch.box_BR4 is not None and batch.has_region_BR is not None:
        parts |= _regions(embedded, batch.box_BR4, batch.has_region_BR, scale, config, group)
    if config.distill:
        parts["distill"] = _distill(embedded, batch, scale, config, group)
    return parts


def _contrastive(
    embedded: Embedded,
    batch: Batch,
    embedder: Embedder,
    config: LossesConfig,
    group: distributed.ProcessGroup | None,
) -> Tensor:
    kind, bias = config.contrastive.kind, embedder.clip.bias
    return contrastive(
        embedded["image"],
        embedded["text"],
        embedder.clip.scale,
        kind=kind,
        bias=bias if kind == "sigmoid" and bias is not None else 0.0,
        pairs=Pairs(ids_N=batch.group_B),
        group=group,
        tile=config.contrastive.tile,
    )


def _regions(
    embedded: Embedded,
    box_BR4: Tensor,
    has_BR: Tensor,
    scale: Tensor,
    config: LossesConfig,
    group: distributed.ProcessGroup | None,
) -> dict[str, Tensor]:
    """Return CLOC's two losses, with its weight images / regions applied."""
    assert config.regions is not None
    share = region_weight(has_BR, group)
    alike, tile = config.regions.same_phrase, config.contrastive.tile
    text = region_text(
        embedded["region"], embedded["phrase"], scale, has_BR, alike_above=alike, group=group, tile=tile
    )
    return {
        "regions": share * text,
        "grounding": share * grounding(embedded["found"], box_BR4, has_BR, group=group),
    }


def _distill(
    embedded: Embedded,
    batch: Batch,
    scale: Tensor,
    config: LossesConfig,
    group: distributed.ProcessGroup | None,
) -> Tensor:
    assert config.distill is not None
    normalise = torch.nn.functional.normalize
    teachers = [
        Teacher(
            image_ND=normalise(image_BE, dim=1),
            text_ND=normalise(batch.teacher_text_BE[name], dim=1),
            scale=config.distill.scale,
        )
        for name, image_BE in batch.teacher_image_BE.items()
    ]
    return distillation(
        embedded["image"],
        embedded["distill"],
        scale,
        teachers,
        group=group,
        tile=config.contrastive.tile,
    )

"""An OWLv2 that finds phrases in pictures.

Letters in the names of tensors: B pictures of a batch, P patches of a picture (each has one box), K those
that are kept, Q phrases of a picture, D what towers give, H and W rows and columns of patches, C colours, S
side of the model's input, N phrases to embed.
"""

import math
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
import transformers
from PIL import Image
from torch.nn.utils.rnn import pad_sequence
from transformers.image_processing_base import ImageProcessingMixin

from lvlm_workers.base import WorkerError
from lvlm_workers.checkpoint_files import (
    BROKEN,
    load_weights,
    need_device,
    need_safe_weights,
    one_line,
    read_config,
)
from lvlm_workers.owlv2_pixels import PixelReader, make_reader
from schemas.boxes import Box, area
from schemas.regions import Region
from schemas.workers import Owlv2WorkerConfig

MAX_REGIONS = 300
"""Of a picture, the best of them; so many count in LVIS (1908.03195), three times as many as in COCO."""

_DIGITS = 6
_MAX_EMBEDDINGS = 2**14
"""Phrases that are kept embedded: 32 MiB of the base model's."""
_TEXTS = 256
"""Phrases that are embedded at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundOwlv2:
    """What a checkpoint says of itself before its weights are read."""

    reader: PixelReader
    max_tokens: int


def find_owlv2(config: Owlv2WorkerConfig) -> FoundOwlv2:
    """Look, without reading weights, whether a checkpoint is there, is an OWLv2 and can be loaded.

    Raises:
        WorkerError: it cannot.
    """
    found = read_config(config)
    if not isinstance(found, transformers.Owlv2Config):
        raise WorkerError(
            f"model {config.model!r} ({found.model_type}) is no OWLv2; name a checkpoint of one, such as "
            "google/owlv2-base-patch16-ensemble"
        )
    need_safe_weights(config)
    revision = config.revision or "main"
    try:
        settings, _ = ImageProcessingMixin.get_image_processor_dict(config.model, revision=revision)
        reader = make_reader(settings, int(found.vision_config.image_size))
    except BROKEN as error:
        raise WorkerError(
            f"model {config.model!r} cannot be used ({one_line(error)}); name an OWLv2 with its own "
            "preprocessor_config.json"
        ) from error
    return FoundOwlv2(reader=reader, max_tokens=found.text_config.max_position_embeddings)


class Owlv2Checkpoint:
    """A model that finds phrases in pictures.

    What follows the two towers is computed in float32, whatever the `dtype`: of a box in bfloat16 the sides
    would jump by 4 pixels of 1,000.

    Raises:
        WorkerError: it cannot be loaded.
    """

    def __init__(self, config: Owlv2WorkerConfig) -> None:
        found, self._device = find_owlv2(config), need_device(config)
        self._reader, self._max_tokens, self._threshold = found.reader, found.max_tokens, config.threshold
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(
                config.model, revision=config.revision or "main", trust_remote_code=False
            )
            self._model = load_weights(config, transformers.Owlv2ForObjectDetection, self._device)
        except BROKEN as error:
            raise WorkerError(f"model {config.model!r} cannot be loaded ({one_line(error)})") from error
        for head in (self._model.class_head, self._model.box_head):
            head.float()
        self._embedded: OrderedDict[str, torch.Tensor] = OrderedDict()  # those used last at the end

    @property
    def max_pixels(self) -> int:
        """Of a picture to be read: four times the model's; its resize loses what more would show."""
        return 4 * self._reader.side**2

    def detect(self, pictures: Sequence[Image.Image], phrases: Sequence[Sequence[str]]) -> list[list[Region]]:
        """Return what of its phrases, of which there must be some, is found in each picture, best first.

        A region has the phrase that scores most for its box, and only boxes over the threshold are there.

        Raises:
            torch.OutOfMemoryError: the batch is too large.
            BROKEN: a phrase is no text, or the scores of a picture are no numbers.
        """
        with torch.inference_mode():
            pixels_BCSS = torch.stack([self._reader.read(picture, self._device) for picture in pictures])
            query_BQD, mask_BQ = self._queries(phrases)
            map_BHWD, _ = self._model.image_embedder(pixels_BCSS.to(self._model.dtype))
            patch_BPD = map_BHWD.flatten(1, 2).float()
            logit_BPQ, _ = self._model.class_predictor(patch_BPD, query_BQD, mask_BQ)
            logit_BP, label_BP = logit_BPQ.max(dim=-1)
            score_BP = logit_BP.sigmoid().cpu()
            box_BP4 = _corners(self._model.box_predictor(patch_BPD, map_BHWD)).cpu()
        if score_BP.isnan().all(dim=1).any():
            raise ValueError("the scores of a picture are no numbers; set dtype to float32")
        return [
            self._regions(picture.size, of_picture, *found)
            for picture, of_picture, *found in zip(
                pictures, phrases, score_BP, label_BP.cpu(), box_BP4, strict=True
            )
        ]

    def _regions(
        self,
        size: tuple[int, int],
        phrases: Sequence[str],
        score_P: torch.Tensor,
        label_P: torch.Tensor,
        box_P4: torch.Tensor,
    ) -> list[Region]:
        kept_K = (score_P > self._threshold).nonzero()[:, 0]
        best_K = kept_K[score_P[kept_K].argsort(descending=True, stable=True)]
        boxes = (_inside(box, size) for box in box_P4[best_K].tolist())
        of_boxes = zip(boxes, label_P[best_K].tolist(), score_P[best_K].tolist(), strict=True)
        regions = (
            Region(box=box, phrase=phrases[label], score=round(score, _DIGITS))
            for box, label, score in of_boxes
            if area(box) > 0
        )
        return list(islice(regions, MAX_REGIONS))

    def _queries(self, phrases: Sequence[Sequence[str]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the embeddings of each picture's phrases, padded, and which of them are none."""
        self._embed(dict.fromkeys(phrase for of_picture in phrases for phrase in of_picture))
        rows = [torch.stack([self._embedded[phrase] for phrase in of_picture]) for of_picture in phrases]
        mask_BQ = pad_sequence([torch.ones(len(row), dtype=torch.bool) for row in rows], batch_first=True)
        while len(self._embedded) > _MAX_EMBEDDINGS:
            self._embedded.popitem(last=False)
        return pad_sequence(rows, batch_first=True), mask_BQ.to(self._device)

    def _embed(self, phrases: Iterable[str]) -> None:
        """Embed the phrases that are not yet, and move all to the end of those that are."""
        missing = []
        for phrase in phrases:
            if phrase in self._embedded:
                self._embedded.move_to_end(phrase)
            else:
                missing.append(phrase)
        for texts in _parts(missing, _TEXTS):
            for phrase, row_D in zip(texts, self._embed_texts(texts), strict=True):
                self._embedded[phrase] = row_D.clone()

    def _embed_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Return text_ND; longer texts are cut to the model's tokens, and none is read as a control token."""
        inputs = self._tokenizer(
            list(texts),
            padding="max_length",
            max_length=self._max_tokens,
            truncation=True,
            split_special_tokens=True,
            return_tensors="pt",
        ).to(self._device)
        owlv2 = self._model.owlv2
        read = owlv2.text_model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
        text_ND = owlv2.text_projection(read[1]).float()
        return torch.nn.functional.normalize(text_ND, dim=-1)


def _parts(texts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (texts[start : start + size] for start in range(0, len(texts), size))


def _corners(box_BP4: torch.Tensor) -> torch.Tensor:
    """Return boxes of centre and sides by their corners."""
    centre_BP2, side_BP2 = box_BP4[..., :2], box_BP4[..., 2:]
    return torch.cat([centre_BP2 - side_BP2 / 2, centre_BP2 + side_BP2 / 2], dim=-1)


def _inside(box: Sequence[float], size: tuple[int, int]) -> Box:
    """Return a box of the padded square in 0..1 of the picture, cut to it; of no area where it is none.

    >>> _inside((0.25, 0.0, 0.75, 0.75), (200, 100))
    (0.25, 0.0, 0.75, 1.0)
    >>> _inside((0.25, 0.6, 0.75, 0.75), (200, 100))
    (0.25, 1.0, 0.75, 1.0)
    """
    if not all(map(math.isfinite, box)):
        return (0.0, 0.0, 0.0, 0.0)
    square = max(size)
    sides = (square / size[0], square / size[1]) * 2
    x0, y0, x1, y1 = (
        round(min(1.0, max(0.0, side * whole)), _DIGITS) for side, whole in zip(box, sides, strict=True)
    )
    return (x0, y0, x1, y1)

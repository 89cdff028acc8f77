"""What is learnt of pictures beside the cosines of their texts."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lvlm_workers.clip_scorer import Scored
from lvlm_workers.text_finder import OcrTextFinder
from recipes.clip_tokens import cut_to_fit
from schemas.scoring import ScoreConfig
from transforms.scoring.score_table import Scores
from transforms.selecting.context_tags import ContextTagger, attribute_texts, make_tagger
from transforms.selecting.quality_direction import QualityDirection, read_direction, score_quality
from transforms.selecting.text_in_image import PictureScorer, measure_text_in_image
from transforms.storage import read_json


class Embedder(PictureScorer, Protocol):
    """What is asked of `lvlm_workers.clip_scorer.ClipScorer`."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]: ...

    def scale(self) -> float: ...


class Examiner:
    """Looks at pictures that were embedded; what it needs is made when it is first needed.

    Args:
        direction: path of the direction of quality, where it is asked for.
    """

    def __init__(self, config: ScoreConfig, scorer: Embedder, direction: str | None = None) -> None:
        self._config = config
        self._scorer = scorer
        self._path = direction

    def examine(
        self,
        found: Sequence[Scores],
        scored: Sequence[Scored],
        pictures: Sequence[bytes],
        alt_texts: Sequence[str],
    ) -> list[Scores]:
        """Return the scores with what is asked for beside them; those of unreadable pictures as they are."""
        places = [n for n, one in enumerate(scored) if one.image_E is not None]
        done = list(found)
        if places:
            images = np.stack([image for one in scored if (image := one.image_E) is not None])
            for n, changed in zip(places, self._of_images([found[n] for n in places], images), strict=True):
                done[n] = changed
        if self._config.ocr is not None:
            read = measure_text_in_image(
                [pictures[n] for n in places],
                [cut_to_fit(alt_texts[n]) for n in places],
                self._finder,
                self._scorer,
            )
            for n, one in zip(places, read, strict=True):
                done[n] = replace(done[n], clip_masked=one.masked, text_printed=one.printed)
        return done

    def _of_images(self, found: list[Scores], images: NDArray[np.floating]) -> list[Scores]:
        if self._config.quality is not None:
            values = score_quality(self._direction, images).tolist()
            found = [replace(one, quality=value) for one, value in zip(found, values, strict=True)]
        if self._config.tags is not None:
            tagged = self._tagger.tags(images)
            named = [{name: tag.value for name, tag in tags.items()} for tags in tagged]
            found = [replace(one, tags=tags) for one, tags in zip(found, named, strict=True)]
        return found

    @cached_property
    def _direction(self) -> QualityDirection:
        assert self._path is not None, "the direction of quality has no place"
        return read_direction(read_json(self._path)["direction"])

    @cached_property
    def _tagger(self) -> ContextTagger:
        assert self._config.tags is not None
        texts = attribute_texts()
        embeddings = self._scorer.embed([text for _, _, text in texts])
        return make_tagger(texts, embeddings, scale=self._scorer.scale(), bound=self._config.tags.bound)

    @cached_property
    def _finder(self) -> OcrTextFinder:
        return OcrTextFinder()

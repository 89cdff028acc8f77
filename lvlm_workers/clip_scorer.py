"""Texts against their picture, by a CLIP or SigLIP.

Letters in the names of arrays: K texts of a sample, V views of a picture, E embedding.
"""

import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lvlm_workers.clip_words import WordScores
from schemas.errors import ConfigError
from schemas.score import TEMPLATE, ClipConfig

if TYPE_CHECKING:
    from lvlm_workers.clip_checkpoint import LoadedClip

Rows = NDArray[np.float32]

_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A sample's picture and texts.

    A text in which there is nothing to read (empty, blank, or digits alone where these are left out) has no
    score: its cosine is None and its row of `text_KE` NaN. A picture that cannot be read has a `reason`, and
    its texts no scores either; `image_E` is then None, `text_KE` empty.

    Attributes:
        image_E: the picture's embedding, of unit length; not its mirror image's.
        text_KE: the texts', of unit length.
        cosine_K: of each text with the picture; where mirror images count, the mean of both.
    """

    image_E: Rows | None
    text_KE: Rows
    cosine_K: tuple[float | None, ...]
    reason: str | None = None


class ClipScorer:
    """Scores with one checkpoint, on a CPU or one GPU; it is loaded when it is first needed.

    Pictures are turned upright by their EXIF orientation, then prepared as the checkpoint's own image
    processor does on Pillow. A score does not depend on what else is in its batch by more than 1e-5.

    Raises:
        ConfigError: torch or transformers is not installed.
    """

    def __init__(self, config: ClipConfig) -> None:
        for package in ("torch", "transformers", "safetensors"):
            if importlib.util.find_spec(package) is None:
                raise ConfigError(
                    f"scoring by a CLIP needs {package}, which is not installed; "
                    "pip install 'pairwright[torch]'"
                )
        self._config = config
        self._clip: LoadedClip | None = None

    def check(self) -> None:
        """Look whether the checkpoint can be used; one of the hub is looked at without its weights.

        Raises:
            ConfigError: it cannot.
        """
        from lvlm_workers.clip_checkpoint import check_clip

        check_clip(self._config)

    def close(self) -> None:
        """Let go of the model and its memory."""
        if self._clip is not None:
            import torch

            self._clip = None
            torch.cuda.empty_cache()

    def score(self, pictures: Sequence[bytes], texts: Sequence[Sequence[str]]) -> list[Scored]:
        """Return, for each sample, its picture against each of its texts.

        Equal texts are embedded once, and those of unreadable pictures not at all.

        Raises:
            ConfigError: the checkpoint cannot be used.
            WorkerError: a batch takes more than the GPU's memory, or the weights give no numbers.
        """
        from lvlm_workers.clip_embedder import embed_pictures, embed_texts

        clip, settings = self._loaded(), self._config
        views = embed_pictures(clip, pictures, settings.batch_size, and_flipped=settings.average_flipped)
        read = [
            () if isinstance(view_VE, Exception) else tuple(map(self._as_read, of_sample))
            for view_VE, of_sample in zip(views, texts, strict=True)
        ]
        distinct = list(dict.fromkeys(text for of_sample in read for text in of_sample if text))
        row_of: dict[str, Rows] = {}
        if distinct:
            row_of = dict(zip(distinct, embed_texts(clip, distinct, settings.batch_size), strict=True))
        return [
            Scored(
                image_E=None,
                text_KE=np.empty((0, 0), np.float32),
                cosine_K=(None,) * len(of_sample),
                reason=str(view_VE),
            )
            if isinstance(view_VE, Exception)
            else _compare(view_VE, as_read, row_of)
            for view_VE, as_read, of_sample in zip(views, read, texts, strict=True)
        ]

    def embed(self, texts: Sequence[str]) -> Rows:
        """Return the embeddings (N, E) of texts, of unit length; NaN where there is nothing to read.

        Raises:
            ConfigError: the checkpoint cannot be used.
            WorkerError: a batch takes more than the GPU's memory, or the weights give no numbers.
        """
        from lvlm_workers.clip_embedder import embed_texts

        read = [self._as_read(text) for text in texts]
        places = [n for n, text in enumerate(read) if text]
        if not places:
            return np.full((len(texts), 1), np.nan, np.float32)
        found = embed_texts(self._loaded(), [read[n] for n in places], self._config.batch_size)
        text_NE = np.full((len(texts), found.shape[1]), np.nan, np.float32)
        text_NE[places] = found
        return text_NE

    def scale(self) -> float:
        """Return what the model multiplies a cosine by before its softmax: 100 for OpenAI's CLIPs.

        Raises:
            ConfigError: the checkpoint cannot be used.
        """
        return float(self._loaded().model.logit_scale.float().exp())

    def word_scores(
        self, images: Sequence[Rows] | Rows, texts: Sequence[str], *, template: str = TEMPLATE
    ) -> list[WordScores]:
        """Return the scores of each text's words against the picture whose embedding stands beside it.

        See `lvlm_workers.clip_relevance`; digits are read, whatever the configuration says of scores.

        Args:
            images: (N, E), as `score` returns them.
            template: put before each text, as captions began that the model knows.

        Raises:
            ConfigError: the checkpoint cannot be used, or says nothing of words.
            WorkerError: a batch takes more than the GPU's memory, or the weights give no numbers.
        """
        from lvlm_workers.clip_relevance import score_words

        images_NE = np.asarray(images, np.float32)
        return score_words(self._loaded(), images_NE, texts, self._config.batch_size, template=template)

    def _as_read(self, text: str) -> str:
        """Return a text as it is scored; an empty one where there is nothing to read."""
        if self._config.strip_digits:
            text = " ".join(_DIGITS.sub("", text).split())
        return text if text.strip() else ""

    def _loaded(self) -> "LoadedClip":
        if self._clip is None:
            from lvlm_workers.clip_checkpoint import load_clip

            self._clip = load_clip(self._config)
        return self._clip


def _compare(view_VE: Rows, texts: Sequence[str], row_of: dict[str, Rows]) -> Scored:
    text_KE = np.full((len(texts), view_VE.shape[1]), np.nan, np.float32)
    for k, text in enumerate(texts):
        if text:
            text_KE[k] = row_of[text]
    cosine_K = (text_KE.astype(np.float64) @ view_VE.astype(np.float64).T).mean(axis=1)
    return Scored(
        image_E=view_VE[0],
        text_KE=text_KE,
        cosine_K=tuple(float(cosine) if text else None for text, cosine in zip(texts, cosine_K, strict=True)),
    )

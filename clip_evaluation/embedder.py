"""Pictures and texts to embeddings, each different one once, through the cache.

Batches never reach over a chunk of the cache: an interrupted run then has the same batches as another, and
the same rounding. What is equal is embedded once, so that equal texts tie exactly.

Shape letters: N rows, U different ones, D embedding, B batch, C channels, H and W pixels, L tokens.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clip_evaluation.checkpoint import Checkpoint
from clip_evaluation.corruption import corrupt
from clip_evaluation.embedding_store import EmbeddingStore
from clip_evaluation.pictures import Pictures, hash_of
from clip_evaluation.progress import Progress
from schemas.errors import RunError

CHUNK = 1024
"""Different pictures or texts of one file of the cache."""

Rows = NDArray[np.float32]


class Embedder:
    """Embeds with one checkpoint; results are in the order of what was given, in float32."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        store: EmbeddingStore,
        *,
        batch: int,
        workers: int,
        progress: Progress,
    ) -> None:
        self.scale = float(checkpoint.clip.scale)
        self._checkpoint = checkpoint
        self._store = store
        self._batch = batch
        self._workers = workers
        self._progress = progress

    def images(self, pictures: Pictures, what: str, *, corruption: tuple[str, int] | None = None) -> Rows:
        """Return the embeddings (N, D) of pictures, corrupted by (kind, severity) where it is given.

        `what` names them while they are embedded.

        Raises:
            RunError: a picture cannot be decoded or has changed, or the model is broken.
        """
        kind = "image" if corruption is None else f"image_{corruption[0]}_{corruption[1]}"
        digests, place_N = pictures.unique()

        def prepare(where: str, data: bytes) -> Tensor:
            image = self._checkpoint.preprocessing.picture(data, where)
            if corruption is not None:
                image = corrupt(image, *corruption, seed=int.from_bytes(hash_of(data)[:8], "big"))
            return torch.from_numpy(np.asarray(image).transpose(2, 0, 1).copy())

        def missing(wanted: set[int]) -> Iterator[tuple[int, Tensor]]:
            needed = (item for item in pictures.again() if item[0] // CHUNK in wanted)
            return self._prepared(needed, prepare)

        return self._through_cache(kind, digests, missing, self._see, what, "pictures")[place_N]

    def texts(self, texts: Sequence[str], what: str) -> Rows:
        """Return the embeddings (N, D) of texts; those with the same tokens are one.

        Raises:
            RunError: the model is broken.
        """
        places: dict[bytes, int] = {}
        first_U: list[int] = []
        place_N = np.empty(len(texts), dtype=np.int64)
        for start in range(0, len(texts), CHUNK):
            token_BL = self._checkpoint.encoder(texts[start : start + CHUNK]).numpy()
            for row, tokens_L in enumerate(token_BL, start):
                place_N[row] = places.setdefault(hashlib.sha256(tokens_L.tobytes()).digest(), len(places))
                if place_N[row] == len(first_U):
                    first_U.append(row)

        def missing(wanted: set[int]) -> Iterator[tuple[int, Tensor]]:
            for chunk in sorted(wanted):
                start = chunk * CHUNK
                token_BL = self._checkpoint.encoder([texts[n] for n in first_U[start : start + CHUNK]])
                yield from enumerate(token_BL, start)

        return self._through_cache("text", list(places), missing, self._read, what, "texts")[place_N]

    def _through_cache(
        self,
        kind: str,
        digests: list[bytes],
        missing: Callable[[set[int]], Iterator[tuple[int, Tensor]]],
        forward: Callable[[Tensor], Tensor],
        what: str,
        unit: str,
    ) -> Rows:
        """Return the rows (U, D) of `digests`: stored ones, and `missing` ones of chunks by the model."""
        total = len(digests)
        found_UD = np.empty((total, self._checkpoint.clip.embedding), dtype=np.float32)
        parts = [slice(start, min(start + CHUNK, total)) for start in range(0, total, CHUNK)]
        paths = [self._store.path(kind, digests[part]) for part in parts]
        wanted = set()
        for chunk, (part, path) in enumerate(zip(parts, paths, strict=True)):
            stored = self._store.load(path, part.stop - part.start)
            if stored is None:
                wanted.add(chunk)
            else:
                found_UD[part] = stored
        cached = total - sum(parts[chunk].stop - parts[chunk].start for chunk in wanted)
        with self._progress.step(what, total=total, cached=cached, unit=unit) as advance:
            batch: list[Tensor] = []
            for place, item in missing(wanted) if wanted else ():
                batch.append(item)
                chunk, following = place // CHUNK, place + 1
                if len(batch) == self._batch or following == parts[chunk].stop:
                    found_UD[following - len(batch) : following] = self._embed(batch, forward)
                    advance(len(batch))
                    batch = []
                if following == parts[chunk].stop:
                    self._store.save(paths[chunk], found_UD[parts[chunk]])
        return found_UD

    def _embed(self, batch: list[Tensor], forward: Callable[[Tensor], Tensor]) -> Rows:
        name = self._checkpoint.name
        # TF32 would round a GPU's convolutions to ten bits.
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            try:
                rows_BD: Rows = forward(torch.stack(batch).to(self._checkpoint.device)).cpu().numpy()
            except torch.OutOfMemoryError as error:
                raise RunError(f"batch: {self._batch} takes more than the GPU's memory; lower it") from error
        if not np.isfinite(rows_BD).all() or not rows_BD.any(axis=1).all():
            raise RunError(f"checkpoint {name!r} embeds as NaN, infinite or 0: its weights are broken")
        return rows_BD

    def _see(self, image_BCHW: Tensor) -> Tensor:
        return self._checkpoint.clip.encode_image(image_BCHW)[0]

    def _read(self, text_BL: Tensor) -> Tensor:
        return self._checkpoint.clip.encode_text(text_BL)

    def _prepared(
        self, items: Iterator[tuple[int, str, bytes]], prepare: Callable[[str, bytes], Tensor]
    ) -> Iterator[tuple[int, Tensor]]:
        """Yield (place, picture) in order; threads prepare those of the next batches meanwhile."""
        waiting: deque[tuple[int, Future[Tensor]]] = deque()
        pool = ThreadPoolExecutor(self._workers)
        try:
            for place, where, data in items:
                waiting.append((place, pool.submit(prepare, where, data)))
                if len(waiting) > 2 * self._batch:
                    first, done = waiting.popleft()
                    yield first, done.result()
            for first, done in waiting:
                yield first, done.result()
        finally:
            pool.shutdown(cancel_futures=True)

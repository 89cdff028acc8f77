"""The embedded detector: colour segments, and no model."""

import json
import math
from collections.abc import Generator, Iterable

import numpy as np
from PIL import Image

from lvlm_workers.base import Reply, Request, Worker
from lvlm_workers.chat_api import REFUSED_REQUEST
from lvlm_workers.in_process import need_packages
from lvlm_workers.picture import UnreadablePictureError, shrink_picture

MAX_PIXELS = 14_000
"""To which a picture is reduced, about 137 x 102: its objects are then of few segments."""


class SegmentsWorker(Worker):
    """Finds areas of one colour in pictures: a baseline that knows no objects and no words.

    `Request.image` is looked at, and the prompt is not. A reply is the JSON object `{"regions": [{"box": [x0,
    y0, x1, y1], "phrase": "orange area, lower left", "score": 0.7}]}`: boxes in 0..1 of the upright picture,
    best first, at most 50. `lvlm_workers.colour_segments.find_segments` says how they are found and scored.
    A picture that cannot be decoded gets the finish reason `refused_request`.

    Raises:
        ConfigError: scikit-image is not installed.
    """

    name = "segments"
    repeatable = True
    reads_images = True

    def __init__(self) -> None:
        need_packages(self.name, "skimage", extra="segments")

    def answer(self, requests: Iterable[Request]) -> Generator[tuple[Request, Reply], None, None]:
        """Yield each request with its reply, in the order asked."""
        from lvlm_workers.colour_segments import find_segments

        for request in requests:
            try:
                picture = _small(request.image or b"")
            except UnreadablePictureError as error:
                yield (
                    request,
                    Reply(text=str(error), model=self.name, finish_reason=REFUSED_REQUEST, attempts=0),
                )
                continue
            found = find_segments(np.asarray(picture))
            regions = [{"box": list(one.box), "phrase": one.phrase, "score": one.score} for one in found]
            yield request, Reply(text=json.dumps({"regions": regions}), model=self.name)


def _small(data: bytes) -> Image.Image:
    # Means of squares at last: filters that look further draw a seam along each border of colours.
    picture = shrink_picture(data, 4 * MAX_PIXELS)
    scale = math.sqrt(min(1.0, MAX_PIXELS / (picture.width * picture.height)))
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Image.Resampling.BOX)

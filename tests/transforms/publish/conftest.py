import hashlib
import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from schemas.annotation import Annotation, Provenance
from schemas.facts import COLOURS, Facts
from transforms.publish.write_shard import Piece

PROVENANCE = Provenance(
    recipe="hqclip", worker="rules", model="rules", prompt_sha256="ab" * 32, tokens_in=3, tokens_out=4
)
POSITIVE = ("A red car stands on a wet street.", "Two people walk past.")
NEGATIVE = ("A blue car stands on a wet street.", "Three people walk past.")


def _image(number: int, kind: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (16 + number % 7, 12), (number % 256, 40, 90)).save(stream, kind)
    return stream.getvalue()


def _piece(number: int, kind: str = "jpeg", **changes: Any) -> Piece:
    image = _image(number, kind)
    facts: dict[str, Any] = {
        "index": number,
        "uid": hashlib.sha256(b"%d" % number).hexdigest()[:32],
        "key": f"k{number}",
        "alt_text": f"photo number {number}",
        "sha256": hashlib.sha256(image).digest(),
        "format": kind,
        "mode": "RGB",
        "width": 16 + number % 7,
        "height": 12,
        "frames": 1,
        "colour_shares": (0.0,) * len(COLOURS),
        "language": "en",
        "words": 3,
        "chars": 14,
    }
    fields = {"long_positive": list(POSITIVE), "long_negative": list(NEGATIVE), "short_positive": ["car"]}
    texts = Annotation(index=number, uid=facts["uid"], fields=fields, provenance=PROVENANCE)
    annotations = changes.pop("annotations", (texts,))
    return Piece(facts=Facts(**facts | changes), shard_name="a/00.tar", annotations=annotations, image=image)


@pytest.fixture
def make_piece() -> Callable[..., Piece]:
    """Make a whole sample from its number; keywords change its facts."""
    return _piece

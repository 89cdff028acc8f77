"""What the readers yield."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPicture:
    """A picture and its class, a place in the set's list of classes. `image` is an encoded file."""

    key: str
    image: bytes
    label: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionedPicture:
    """A picture and its captions, none of them empty; there may be none. `image` is an encoded file."""

    key: str
    image: bytes
    captions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionPair:
    """A caption that is true of a COCO picture, and one that is not; `kind` is what was changed."""

    item: str
    kind: str
    coco_id: int
    positive: str
    negative: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A picture and a sentence that is true or false of it. `image` is an encoded file."""

    key: str
    image: bytes
    sentence: str
    is_true: bool

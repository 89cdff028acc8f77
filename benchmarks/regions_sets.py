"""Pictures with known boxes."""

import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo_data.scenes import render_scene, scene_members
from schemas.boxes import Box

COCO_OPEN = Path(__file__).parents[2] / "shared" / "data" / "coco_open" / "shards"


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A picture, the boxes that are known in it with their labels, those of crowds, and its captions."""

    image: bytes
    boxes: tuple[Box, ...]
    labels: tuple[str, ...]
    crowds: tuple[Box, ...] = ()
    captions: tuple[str, ...] = ()


def coco_samples(folder: Path) -> Iterator[Labelled]:
    """Yield the pictures whose boxes are known; where they are null, nobody looked for any.

    They lie there as x, y, width and height in pixels. Those from `yolo_txt` do not say which are crowds.
    """
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as tar:
            files = {member.name: tar.extractfile(member) for member in tar}
            data = {name: file.read() for name, file in files.items() if file is not None}
        for name in sorted(name for name in data if name.endswith(".json")):
            fields = json.loads(data[name])
            if fields["boxes"] is not None:
                yield coco_sample(fields, data[name.removesuffix("json") + "jpg"])


def coco_sample(fields: Mapping[str, Any], image: bytes) -> Labelled:
    """Return a picture with what its JSON says, crowds apart."""
    wide, high = fields["width"], fields["height"]
    boxes = [(x / wide, y / high, (x + w) / wide, (y + h) / high) for x, y, w, h in fields["boxes"]]
    is_crowd = fields["iscrowd"] or [0] * len(boxes)
    single = [n for n, crowd in enumerate(is_crowd) if not crowd]
    return Labelled(
        image=image,
        boxes=tuple(boxes[n] for n in single),
        labels=tuple(fields["labels"][n] for n in single),
        crowds=tuple(box for box, crowd in zip(boxes, is_crowd, strict=True) if crowd),
        captions=tuple(fields["captions"]),
    )


def scene_samples(count: int) -> Iterator[Labelled]:
    """Yield rendered scenes; a label says size, colour and shape."""
    for seed in range(count):
        scene = render_scene(seed)
        image = dict(scene_members(scene))["jpg"]
        yield Labelled(image=image, boxes=scene.boxes, labels=scene.phrases, captions=scene.captions)

"""Rendered scenes with exact ground truth: `python -m demo_data.scenes OUT_DIR --count N --seed S`."""

import argparse
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from demo_data.scene_drawing import draw
from demo_data.scene_layout import Box, SceneObject, layout
from demo_data.scene_statements import false_statements, true_statements
from demo_data.tar_writing import add_member


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A picture and all that is true of it.

    `captions` are true: the first says what there is, the others how it lies and how much it is.
    `false_statements[k]` is `captions[k]` with one attribute changed, and is false.
    """

    seed: int
    image: Image.Image
    objects: tuple[SceneObject, ...]
    captions: tuple[str, ...]
    false_statements: tuple[str, ...]

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Return the objects' boxes, [x0, y0, x1, y1] in 0..1."""
        return tuple(item.box for item in self.objects)

    @property
    def phrases(self) -> tuple[str, ...]:
        """Return a phrase for each box, such as "a large red circle"."""
        return tuple(item.phrase for item in self.objects)


def render_scene(seed: int, size_px: int = 256) -> Scene:
    """Render the scene of a seed, size_px x size_px; the same arguments give the same pixels and texts.

    Raises:
        ValueError: the seed is negative or size_px under 32.
    """
    plan = layout(seed)
    statements = true_statements(plan)
    return Scene(
        seed=seed,
        image=draw(plan, size_px),
        objects=plan.objects,
        captions=tuple(s.text() for s in statements),
        false_statements=tuple(s.text() for s in false_statements(statements, plan)),
    )


def scene_members(scene: Scene) -> Iterator[tuple[str, bytes]]:
    """Yield the members of a scene's sample as (extension, bytes): jpg, txt (the short caption), json."""
    picture = io.BytesIO()
    scene.image.save(picture, "JPEG", quality=92, subsampling=0)
    yield "jpg", picture.getvalue()
    yield "txt", scene.captions[0].encode()
    objects = [
        {
            "shape": item.shape,
            "colour": item.colour,
            "size": item.size,
            "box": [round(edge, 6) for edge in item.box],
            "phrase": item.phrase,
        }
        for item in scene.objects
    ]
    fields = {
        "seed": scene.seed,
        "captions": scene.captions,
        "false_statements": scene.false_statements,
        "objects": objects,
    }
    yield "json", json.dumps(fields).encode()


def write_scenes(out_dir: Path, count: int, seed: int, size_px: int, per_shard: int) -> int:
    """Write the scenes of seeds seed .. seed + count - 1 as WebDataset shards; return how many shards."""
    out_dir.mkdir(parents=True, exist_ok=True)
    starts = range(0, count, per_shard)
    for number, start in enumerate(starts):
        with tarfile.open(out_dir / f"{number:05d}.tar", "w", format=tarfile.USTAR_FORMAT) as shard:
            for index in range(start, min(count, start + per_shard)):
                for extension, data in scene_members(render_scene(seed + index, size_px)):
                    add_member(shard, f"{index:09d}.{extension}", data)
    return len(starts)


def main() -> None:
    """Write shards of rendered scenes."""
    parser = argparse.ArgumentParser(prog="python -m demo_data.scenes", description=main.__doc__)
    parser.add_argument("out_dir", type=Path)
    parser.add_argument("--count", type=int, required=True, help="how many scenes")
    parser.add_argument("--seed", type=int, required=True, help="seed of the first; the next has the next")
    parser.add_argument("--size", type=int, default=256, help="side in pixels (default 256)")
    parser.add_argument("--per-shard", type=int, default=1000, help="scenes a shard (default 1000)")
    args = parser.parse_args()
    if args.count < 1 or args.per_shard < 1 or args.seed < 0 or args.size < 32:
        parser.error("give --count and --per-shard of 1 or more, --seed of 0 or more, --size of 32 or more")
    shards = write_scenes(args.out_dir, args.count, args.seed, args.size, args.per_shard)
    print(f"{args.count} scenes of {args.size} px in {shards} shards in {args.out_dir}")


if __name__ == "__main__":
    main()

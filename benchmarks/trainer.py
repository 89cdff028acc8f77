"""How fast the trainer reads and trains; its losses alone are in `benchmarks.losses`.

    python -m benchmarks.trainer loader [--photos 1024] [--size 224] [--batch 64] [--rounds 3] [--shards ...]
    python -m benchmarks.trainer loop [--preset tiny] [--batch 64] [--steps 12] [--workers 1] [--threads 2]

`loop` is described in `benchmarks.trainer_loop`. In `loader` each contender reads an epoch of the same shards
in one process, crops at random, and encodes the texts, in turn, `--rounds` times; each figure is the best
round's. Read ratios and CPU time.

- `pairwright`: the trainer's reader, which decodes at reduced scale and reads by offset.
- `webdataset, same decode`: a stream of webdataset, shuffled in a buffer, its pictures read by our function.
- `webdataset, full decode`: the same, decoding every pixel before the crop.
"""

import argparse
import io
import json
import math
import tarfile
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import webdataset
from PIL import Image
from torch import Tensor

from benchmarks.clock import clocked
from benchmarks.trainer_loop import loop
from contrastive_trainer.data.batch_reader import BatchReader
from contrastive_trainer.data.picture import draw_window, load_picture
from contrastive_trainer.data.shard_list import TrainShard, list_shards
from contrastive_trainer.data.text_samples import read_texts
from contrastive_trainer.tokenizer import TextEncoder, train_tokenizer
from demo_data.web_photos import write_photos
from schemas.train import TrainConfig

SCALE = (0.9, 1.0)
Load = Callable[[bytes, int, tuple[float, float], np.random.Generator], tuple[Tensor, Any]]


def full_decode(data: bytes, size: int, scale: tuple[float, float], random: np.random.Generator) -> Any:
    """Return a picture like `load_picture`, decoded at full scale."""
    with Image.open(io.BytesIO(data)) as image:
        picture = image.convert("RGB")
    window = draw_window(scale, random)
    box = tuple(side * length for side, length in zip(window, picture.size * 2, strict=True))
    small = picture.resize((size, size), Image.Resampling.BICUBIC, box=box)
    return torch.from_numpy(np.asarray(small).transpose(2, 0, 1).copy()), window


def by_webdataset(
    shards: Sequence[TrainShard], config: TrainConfig, encode: TextEncoder, size: int, load: Load
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of an epoch."""
    random = np.random.default_rng(0)

    def sample(found: dict[str, Any]) -> tuple[Tensor, str]:
        image_CHW, _ = load(found["jpg"], size, SCALE, random)
        return image_CHW, json.loads(found["json"]).get("alt_text") or found["txt"].decode()

    def batch(rows: Sequence[tuple[Tensor, str]]) -> tuple[Tensor, Tensor]:
        images, texts = zip(*rows, strict=True)
        return torch.stack(images), encode(texts)

    paths = [shard.path for shard in shards]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stream = webdataset.WebDataset(paths, shardshuffle=len(paths), empty_check=False).shuffle(1000)
        yield from stream.map(sample, handler=webdataset.ignore_and_continue).batched(
            config.batch, collation_fn=batch, partial=False
        )


def by_pairwright(
    shards: Sequence[TrainShard], config: TrainConfig, encode: TextEncoder, size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of an epoch, of a new reader."""
    reader = BatchReader(shards, config, encode, image_size=size)
    for step in range(reader.samples // config.batch):
        batch = reader[step]
        yield batch.image_BCHW, batch.text_BL


def loader(arguments: argparse.Namespace) -> None:
    """Measure and print the table."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        if not arguments.shards:
            write_photos(Path(folder), count=arguments.photos, seed=0)
        shards = arguments.shards or [folder]
        config = TrainConfig.model_validate(
            {"output": folder, "model": {"preset": "tiny"}, "batch": arguments.batch}
            | {"data": {"shards": shards, "crop_scale": SCALE}}
        )
        found = list_shards(config.data.shards)
        texts = [sample.alt_text for sample in read_texts(found, config)]
        encode = TextEncoder(train_tokenizer(texts, 4096), 77)
        count = sum(shard.samples for shard in found)
        print(f"{count} samples, {_mean_pixels(found):.0f} pixels each, to {arguments.size} px")
        contenders: dict[str, Callable[[], Iterator[Any]]] = {
            "pairwright": lambda: by_pairwright(found, config, encode, arguments.size),
            "webdataset, same decode": lambda: by_webdataset(
                found, config, encode, arguments.size, load_picture
            ),
            "webdataset, full decode": lambda: by_webdataset(
                found, config, encode, arguments.size, full_decode
            ),
        }
        best = dict.fromkeys(contenders, (math.inf, math.inf))
        for _ in range(arguments.rounds):
            for name, batches in contenders.items():
                best[name] = tuple(map(min, best[name], _time(batches)))  # type: ignore[assignment]  # a pair
    _print(best)


def _time(batches: Callable[[], Iterator[Any]]) -> tuple[float, float]:
    """Return the seconds, of the clock and of the processor, that an image took."""
    seen, seconds, cpu_s = clocked(lambda: sum(len(images) for images, _ in batches()))
    return seconds / seen, cpu_s / seen


def _print(best: dict[str, tuple[float, float]]) -> None:
    own = best["pairwright"][1]
    print("| | images/s | CPU ms an image | CPU against pairwright |\n|---|---|---|---|")
    for name, (seconds, cpu_s) in best.items():
        print(f"| {name} | {1 / seconds:.0f} | {1000 * cpu_s:.2f} | {cpu_s / own:.2f} |")


def _mean_pixels(shards: Sequence[TrainShard]) -> float:
    sizes = []
    with tarfile.open(shards[0].path) as tar:
        for member in tar:
            if member.name.endswith("jpg") and (stream := tar.extractfile(member)) is not None:
                with Image.open(stream) as image:
                    sizes.append(image.width * image.height)
    return float(np.mean(sizes))


def main() -> None:
    """Run the part that is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = parser.add_subparsers(required=True)
    part = parts.add_parser("loader")
    part.add_argument("--photos", type=int, default=1024)
    part.add_argument("--size", type=int, default=224)
    part.add_argument("--batch", type=int, default=64)
    part.add_argument("--rounds", type=int, default=3)
    part.add_argument("--shards", nargs="*", help="those of others, with jpg, json and txt")
    part.set_defaults(run=loader)
    part = parts.add_parser("loop")
    part.add_argument("--preset", default="tiny")
    part.add_argument("--photos", type=int, default=1024)
    part.add_argument("--batch", type=int, default=64)
    part.add_argument("--steps", type=int, default=12)
    part.add_argument("--rounds", type=int, default=2)
    part.add_argument("--workers", type=int, default=1)
    part.add_argument("--threads", type=int, default=2)
    part.set_defaults(run=loop)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()

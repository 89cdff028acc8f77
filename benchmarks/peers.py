"""What Pairwright is measured against: the bare limit, and the scripts that people write by hand."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

MIN_SIDE_PX, MAX_ASPECT, MIN_WORDS, MAX_DISTANCE = 200, 3.0, 3, 4


def bare_shard(source: Path, target: Path) -> int:
    """Read a tar, hash every image, decode it at reduced scale, hash that, write a tar: nothing else."""
    samples = 0
    with tarfile.open(source) as shard, tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as out:
        for member in shard:
            stream = shard.extractfile(member)
            assert stream is not None
            data = stream.read()
            if member.name.endswith(".jpg"):
                samples += 1
                hashlib.sha256(data).digest()
                difference_hash(data)
            out.addfile(member, io.BytesIO(data))
    return samples


def difference_hash(data: bytes) -> int:
    """Return the 64-bit difference hash (dHash) of a JPEG decoded at an eighth of its size; 0 if damaged."""
    try:
        image = Image.open(io.BytesIO(data))
        image.draft("L", (image.width // 8, image.height // 8))
        grey = np.asarray(image.convert("L").resize((9, 8)))
    except OSError:
        return 0
    return int.from_bytes(np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes(), "big")


def bare_limit(shards: list[Path], output: Path, processes: int) -> int:
    """Run `bare_shard` over all shards on all cores."""
    pairs = [(shard, output / shard.name) for shard in shards]
    with get_context("fork").Pool(processes) as pool:
        return sum(pool.starmap(bare_shard, pairs, chunksize=1))


def measure_sample(sample: dict[str, Any]) -> dict[str, Any] | None:
    """Judge and hash one sample as a straightforward script does; None where it is dropped."""
    data, text = sample["jpg"], sample["txt"].decode()
    if len(text.split()) < MIN_WORDS:
        return None
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except OSError:
        return None
    width, height = image.size
    if min(width, height) < MIN_SIDE_PX or max(width, height) / min(width, height) > MAX_ASPECT:
        return None
    return {**sample, "sha256": hashlib.sha256(data).hexdigest(), "phash": perceptual_hash(image)}


def perceptual_hash(image: Image.Image) -> int:
    """Return the 64-bit pHash: the low 8 x 8 block of a 32 x 32 DCT-II against its median."""
    grey = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.LANCZOS), np.float64)
    low = _DCT[:8] @ grey @ _DCT[:8].T
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


_DCT = np.cos(np.pi / 32 * np.outer(np.arange(32), np.arange(32) + 0.5))


def read_shard(path: str) -> Iterator[dict[str, Any]]:
    """Yield a shard's raw samples with stock webdataset."""
    import webdataset as wds

    yield from wds.WebDataset([path], shardshuffle=False, empty_check=False)


def measure_shard(path: str) -> list[dict[str, Any]]:
    """Return the kept samples of one shard."""
    return [kept for kept in map(measure_sample, read_shard(path)) if kept is not None]


def write_script_output(samples: Iterator[dict[str, Any]], output: Path) -> int:
    """Drop duplicates against everything kept so far, and write tars, as a script does."""
    import webdataset as wds

    seen: set[str] = set()
    hashes = np.zeros(1_000_000, np.uint64)
    written = 0
    with wds.ShardWriter(str(output / "%05d.tar"), maxcount=1000, verbose=0) as writer:
        for sample in samples:
            if sample["sha256"] in seen:
                continue
            near = np.bitwise_count(hashes[:written] ^ np.uint64(sample["phash"])) <= MAX_DISTANCE
            if near.any():
                continue
            seen.add(sample["sha256"])
            hashes[written] = sample["phash"]
            facts = json.dumps({"sha256": sample["sha256"], "key": sample["__key__"]})
            members = {"jpg": sample["jpg"], "txt": sample["txt"], "json": facts.encode()}
            writer.write({"__key__": f"{written:09d}", **members})
            written += 1
    return written


def script(shards: list[Path], output: Path, processes: int) -> int:
    """Curate with webdataset and Pillow: in one process, or with a pool that measures."""
    paths = [str(shard) for shard in shards]
    if processes == 1:
        measured = (sample for path in paths for sample in measure_shard(path))
        return write_script_output(measured, output)
    with get_context("fork").Pool(processes) as pool:
        measured = (sample for kept in pool.imap(measure_shard, paths) for sample in kept)
        return write_script_output(measured, output)

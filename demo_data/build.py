"""The demo shards: `python -m demo_data.build OUT_DIR [--seed S]` writes them with their right answers."""

import argparse
import gzip
import io
import json
import tarfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from demo_data.photos import PHOTOS, views
from demo_data.tar_writing import add_member
from demo_data.web_noise import FILTERS, MENDED, Planted, web_samples
from demo_data.web_pictures import web_version

SAMPLES = {"00004.tar": 20, "00005.tar.gz": 20, "00006.parquet": 24}
"""Samples in the shards that are not plain tars; the others share what is left."""
TARS = ("00000.tar", "00001.tar", "00002.tar", "00003.tar")
TORN = "00004.tar"
NEAR_DISTANCE = 4
FAILED = ("truncated_image", "missing_image", "truncated_shard", "null_row")
"""The reasons that are damage; the others are choices (dropped)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A sample in its shard. `place` is its place in the list of samples; -1 for one made for its shard."""

    shard: str
    key: str
    place: int
    sample: Planted


def _place(samples: Sequence[Planted], random: np.random.Generator) -> list[list[int]]:
    """Deal the samples' places over TARS and SAMPLES: the odd ones to the plain tars alone."""
    order = [int(i) for i in random.permutation(len(samples))]
    plain = [i for i in order if samples[i].is_plain]
    special = []
    for count in SAMPLES.values():
        special.append(plain[:count])
        plain = plain[count:]
    odd = [i for i in order if not samples[i].is_plain and samples[i].kind != "repeated_key"]
    tars = [plain[n :: len(TARS)] + odd[n :: len(TARS)] for n in range(len(TARS))]
    # Far from the sample whose key it repeats: the first of the first shard, a plain one.
    tars[0] += [i for i in order if samples[i].kind == "repeated_key"]
    return tars + special


def _key(shard: str, number: int) -> str:
    return str(number) if shard.endswith(".parquet") else f"{shard[:5]}{number:04d}"


def place_samples(samples: Sequence[Planted], seed: int) -> dict[str, list[Placed]]:
    """Return each shard's samples in order, with the torn and the null one that belong to their shards."""
    random = np.random.default_rng([seed, 0xB01D])
    shards: dict[str, list[Placed]] = {}
    for shard, places in zip((*TARS, *SAMPLES), _place(samples, random), strict=True):
        placed = []
        for number, i in enumerate(places):
            key = _key(shard, 0 if samples[i].kind == "repeated_key" else number)
            placed.append(Placed(shard=shard, key=key + samples[i].key_ending, place=i, sample=samples[i]))
        shards[shard] = placed
    torn = web_version(views(next(iter(PHOTOS)))[0], True, random)
    lost = Planted(kind="torn_tail", image=torn.data, text=torn.text.encode(), reason="truncated_shard")
    shards[TORN].append(Placed(shard=TORN, key=_key(TORN, len(shards[TORN])), place=-1, sample=lost))
    null = Planted(kind="null_row", image=None, text=b"A picture that failed to download", reason="null_row")
    parquet = "00006.parquet"
    shards[parquet].append(
        Placed(shard=parquet, key=_key(parquet, len(shards[parquet])), place=-1, sample=null)
    )
    return shards


def _url(placed: Placed) -> str:
    return f"https://images.example.com/{placed.shard[:5]}/{placed.key}.jpg"


def _tar_bytes(shard: Sequence[Placed]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for placed in shard:
            if placed.sample.image is not None:
                add_member(tar, f"{placed.key}.jpg", placed.sample.image)
            if placed.sample.kind == "torn_tail":
                # Half of the picture is there, and nothing after it.
                end = buffer.tell() - len(placed.sample.image or b"") // 2
                return buffer.getvalue()[:end]
            add_member(tar, f"{placed.key}.txt", placed.sample.text)
            add_member(tar, f"{placed.key}.json", json.dumps({"url": _url(placed)}).encode())
    return buffer.getvalue()


def _parquet_bytes(shard: Sequence[Placed]) -> bytes:
    images = [
        None if p.sample.image is None else {"bytes": p.sample.image, "path": f"{p.key}.jpg"} for p in shard
    ]
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table(
        {
            "image": pa.array(images, image),
            "text": pa.array([p.sample.text.decode() for p in shard], pa.string()),
            "url": pa.array([_url(p) for p in shard], pa.string()),
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", row_group_size=8)
    return buffer.getvalue()


def shard_bytes(name: str, shard: Sequence[Placed]) -> bytes:
    """Return the bytes of a shard of the kind that its ending says."""
    if name.endswith(".parquet"):
        return _parquet_bytes(shard)
    return gzip.compress(_tar_bytes(shard), mtime=0) if name.endswith(".gz") else _tar_bytes(shard)


def manifest(shards: Mapping[str, Sequence[Placed]], seed: int) -> dict[str, object]:
    """Return the right answers: counts by reason, and a row a unit, in the order in which they lie."""
    every = [placed for shard in shards.values() for placed in shard]
    where = {p.place: {"shard": p.shard, "key": p.key} for p in every if p.place >= 0}
    rows: list[dict[str, object]] = []
    for p in every:
        original = None if p.sample.original is None else where[p.sample.original]
        row = {"shard": p.shard, "key": p.key, "kind": p.sample.kind, "reason": p.sample.reason}
        rows.append({**row, "original": original})
    reasons = Counter(p.sample.reason for p in every if p.sample.reason is not None)
    return {
        "seed": seed,
        "filters": FILTERS,
        "near_max_distance": NEAR_DISTANCE,
        "in": len(every),
        "kept": sum(p.sample.reason is None for p in every),
        "dropped": {reason: n for reason, n in sorted(reasons.items()) if reason not in FAILED},
        "failed": {reason: n for reason, n in sorted(reasons.items()) if reason in FAILED},
        "mended": dict(sorted(Counter(p.sample.kind for p in every if p.sample.kind in MENDED).items())),
        "samples": rows,
    }


def build(out_dir: Path, seed: int) -> dict[str, object]:
    """Write the shards and OUT_DIR/manifest.json; return the manifest. The same seed gives the same bytes."""
    out_dir.mkdir(parents=True, exist_ok=True)
    shards = place_samples(web_samples(seed), seed)
    for name, shard in shards.items():
        (out_dir / name).write_bytes(shard_bytes(name, shard))
    answers = manifest(shards, seed)
    (out_dir / "manifest.json").write_text(json.dumps(answers, indent=1) + "\n")
    return answers


def main() -> None:
    """Write the demo shards: web-like samples with planted noise, and a manifest of the right answers."""
    parser = argparse.ArgumentParser(prog="python -m demo_data.build", description=main.__doc__)
    parser.add_argument("out_dir", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="another seed, other sizes, order and scenes")
    args = parser.parse_args()
    if args.seed < 0:
        parser.error(f"--seed {args.seed} is negative; give 0 or more")
    made = build(args.out_dir, args.seed)
    print(
        f"{made['in']} samples in {len(TARS) + len(SAMPLES)} shards in {args.out_dir}: "
        f"{made['kept']} to keep, the others planted with the reason they must go for (manifest.json)"
    )


if __name__ == "__main__":
    main()

"""Many photos of web size for benchmarks, with planted duplicates and damage.

`python -m demo_data.web_photos OUT_DIR [--count N] [--seed S] [--processes P]`
"""

import argparse
import json
import multiprocessing
import tarfile
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise
from pathlib import Path

import numpy as np

from demo_data.perceptual_hash import Distinct, perceptual_hash
from demo_data.photo_mixing import mixed_photo
from demo_data.tar_writing import add_member
from demo_data.web_pictures import FAR, decode, encode, resized, shrunk_copy

SHARDS = 8
PLANTED = {
    "exact_duplicate": 200,
    "near_duplicate": 40,
    "short_text": 16,
    "small": 8,
    "long": 8,
    "truncated": 8,
}
"""What is planted in FULL_COUNT photos; other counts get their share, at least one of each."""
FULL_COUNT = 4192
LEAST_COUNT = 32
LONG_PX = (960, 240)
SMALL_PX = 120
REASONS = {
    "exact_duplicate": "exact_duplicate",
    "near_duplicate": "near_duplicate",
    "short_text": "words",
    "small": "side",
    "long": "aspect",
    "truncated": "truncated_image",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What photo `index` is to be; `original` is the earlier index that a duplicate repeats."""

    index: int
    kind: str
    original: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A finished photo: its bytes, its text, its perceptual hash."""

    data: bytes
    text: str
    hash: int


def plan_photos(count: int, seed: int) -> list[Plan]:
    """Return what each photo is to be: the planted ones at random places, no original repeated twice.

    Raises:
        ValueError: count is under LEAST_COUNT, or the seed negative.
    """
    if count < LEAST_COUNT or seed < 0:
        raise ValueError(
            f"count {count}, seed {seed}: give a count of {LEAST_COUNT} or more, a seed of 0 or more"
        )
    random = np.random.default_rng([seed, 0x91A4])
    kinds = [kind for kind, n in PLANTED.items() for _ in range(max(1, round(n * count / FULL_COUNT)))]
    # Behind the first quarter, so that a duplicate always finds an earlier original.
    places = random.permutation(np.arange(count // 4, count))[: len(kinds)]
    planted = {int(place): kind for place, kind in zip(places, kinds, strict=True)}
    plans = []
    free: list[int] = []
    for index in range(count):
        kind = planted.get(index, "clean")
        original = None
        if kind.endswith("duplicate"):
            original = free.pop(int(random.integers(len(free))))
        elif kind == "clean":
            free.append(index)
        plans.append(Plan(index=index, kind=kind, original=original))
    return plans


def make_photo(seed: int, plan: Plan, attempt: int = 0) -> Made | None:
    """Make a photo that is no duplicate; None for a duplicate, which needs its original."""
    if plan.original is not None:
        return None
    size_px = LONG_PX if plan.kind == "long" else None
    data, value, text = mixed_photo(seed, plan.index, attempt, size_px)
    if plan.kind == "short_text":
        text = f"photo {plan.index}"
    if plan.kind == "small":
        data = encode(resized(decode(data), SMALL_PX), 90)
    if plan.kind == "truncated":
        data = data[: len(data) * 6 // 10]
    return Made(data=data, text=text, hash=value)


def _duplicate(seed: int, plan: Plan, original: Made) -> Made:
    text = f"again: {original.text}"
    if plan.kind == "exact_duplicate":
        return Made(data=original.data, text=text, hash=original.hash)
    data = shrunk_copy(original.data, np.random.default_rng([seed, plan.index, 0xD0B1]))
    return Made(data=data, text=text, hash=perceptual_hash(decode(data)))


@contextmanager
def _made(seed: int, plans: Sequence[Plan], processes: int) -> Iterator[Iterator[Made | None]]:
    make = partial(make_photo, seed)
    if processes == 1:
        yield map(make, plans)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield pool.imap(make, plans, chunksize=8)


def photos(count: int, seed: int, processes: int) -> Generator[tuple[Plan, Made], None, None]:
    """Yield the photos in order. One too like an earlier one is made again with the next attempt.

    Unplanted photos keep a Hamming distance of FAR bits or more.
    """
    plans = plan_photos(count, seed)
    wanted = {plan.original for plan in plans}
    originals: dict[int, Made] = {}
    distinct = Distinct(count)
    with _made(seed, plans, processes) as stream:
        for plan, first in zip(plans, stream, strict=True):
            made = first
            if plan.original is not None:
                made = _duplicate(seed, plan, originals.pop(plan.original))
            attempt = 0
            while made is None or (plan.original is None and not distinct.add_if_far(made.hash, FAR)):
                attempt += 1
                made = make_photo(seed, plan, attempt)
            if plan.index in wanted:
                originals[plan.index] = made
            yield plan, made


def _write_shard(path: Path, stream: Iterator[tuple[Plan, Made]]) -> Iterator[tuple[Plan, str, int]]:
    """Write a shard of all that the stream holds; yield each photo's plan, key and size in bytes."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as shard:
        for plan, made in stream:
            key = f"{plan.index:09d}"
            fields = {"url": f"https://images.example.com/{key}.jpg"}
            add_member(shard, f"{key}.jpg", made.data)
            add_member(shard, f"{key}.txt", made.text.encode())
            add_member(shard, f"{key}.json", json.dumps(fields).encode())
            yield plan, key, len(made.data)


def write_photos(out_dir: Path, count: int, seed: int, processes: int = 2) -> dict[str, object]:
    """Write SHARDS tars and OUT_DIR/manifest.json; return the manifest. The same seed gives the same bytes.

    Raises:
        ValueError: count is under LEAST_COUNT, or the seed negative.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    edges = [count * n // SHARDS for n in range(SHARDS + 1)]
    planted: list[dict[str, object]] = []
    image_bytes = 0
    with closing(photos(count, seed, processes)) as stream:
        for number, (start, end) in enumerate(pairwise(edges)):
            name = f"{number:05d}.tar"
            for plan, key, size_bytes in _write_shard(out_dir / name, islice(stream, end - start)):
                image_bytes += size_bytes
                if plan.kind != "clean":
                    original = None if plan.original is None else f"{plan.original:09d}"
                    row = {"shard": name, "key": key, "kind": plan.kind, "reason": REASONS[plan.kind]}
                    planted.append({**row, "original": original})
    answers = {
        "seed": seed,
        "in": count,
        "kept": count - len(planted),
        "image_bytes": image_bytes,
        "planted": dict(sorted(Counter(str(row["kind"]) for row in planted).items())),
        "samples": planted,
    }
    (out_dir / "manifest.json").write_text(json.dumps(answers, indent=1) + "\n")
    return answers


def main() -> None:
    """Write photos of web size, about 165 kB each, with planted duplicates and damage."""
    parser = argparse.ArgumentParser(prog="python -m demo_data.web_photos", description=main.__doc__)
    parser.add_argument("out_dir", type=Path)
    parser.add_argument("--count", type=int, default=FULL_COUNT, help=f"how many (default {FULL_COUNT})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    if args.count < LEAST_COUNT or args.seed < 0 or args.processes < 1:
        parser.error(f"give --count of {LEAST_COUNT} or more, --seed of 0 or more, --processes of 1 or more")
    made = write_photos(args.out_dir, args.count, args.seed, args.processes)
    print(f"{made['in']} photos in {SHARDS} shards in {args.out_dir}, {made['kept']} to keep (manifest.json)")


if __name__ == "__main__":
    main()

"""Time of Soft-NMS beside the plain loop over pairs of boxes, against the number of boxes.

    python -m benchmarks.soft_nms [--sizes 100 1000 3000] [--rounds 5]

Boxes lie at random with sides of 5 to 30 % of the picture. Times are the best of `--rounds`, on the clock;
both contenders run in turn in one process, and must keep the same boxes.
"""

import argparse
import math

import numpy as np
from numpy.typing import NDArray

from benchmarks.clock import best_of
from transforms.regions.soft_nms import METHODS, Method, soft_nms

Floats = NDArray[np.float64]
Kept = list[tuple[int, float]]


def ours(boxes: Floats, scores: Floats, method: Method) -> Kept:
    """Return the places and scores that `soft_nms` keeps."""
    found = soft_nms(boxes, scores, method=method)
    return list(zip(found.index_k.tolist(), found.score_k.tolist(), strict=True))


def plain(boxes: Floats, scores: Floats, method: Method) -> Kept:
    """Return the same by a loop over Python numbers, the paper's defaults written out."""
    rows = boxes.tolist()
    left = [(score, -i) for i, score in enumerate(scores.tolist()) if score >= 0.001]
    kept = []
    while left:
        best = max(left)
        kept.append((-best[1], best[0]))
        x0, y0, x1, y1 = rows[-best[1]]
        rest = []
        for score, place in left:
            if place == best[1]:
                continue
            u0, v0, u1, v1 = rows[-place]
            wide, high = min(x1, u1) - max(x0, u0), min(y1, v1) - max(y0, v0)
            if wide > 0 and high > 0:
                shared = wide * high
                o = shared / ((x1 - x0) * (y1 - y0) + (u1 - u0) * (v1 - v0) - shared)
                if method == "gaussian":
                    score *= math.exp(-(o * o) / 0.5)
                elif o > 0.3:
                    score *= 1 - o if method == "linear" else 0.0
            if score >= 0.001:
                rest.append((score, place))
        left = rest
    return kept


def row(boxes: Floats, scores: Floats, method: Method, rounds: int) -> str:
    """Return a line of the table, after a look whether both contenders keep the same boxes."""
    kept, wanted = ours(boxes, scores, method), plain(boxes, scores, method)
    assert [i for i, _ in kept] == [i for i, _ in wanted]
    assert np.allclose([score for _, score in kept], [score for _, score in wanted], rtol=1e-12)
    fast, _ = best_of(rounds, lambda: ours(boxes, scores, method))
    slow, _ = best_of(rounds, lambda: plain(boxes, scores, method))
    times = f"{fast * 1e3:.2f} | {slow * 1e3:.1f} | {slow / fast:.1f}"
    return f"| {len(boxes):,} | {method} | {len(kept):,} | {times} |"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="*", default=[100, 1000, 3000])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print("| boxes | method | kept | ours, ms | plain loop, ms | ratio |")
    print("|---|---|---|---|---|---|")
    for count in options.sizes:
        random = np.random.default_rng(0)
        corners, sides = random.random((count, 2)) * 0.7, random.uniform(0.05, 0.3, (count, 2))
        boxes, scores = np.hstack([corners, corners + sides]), random.random(count)
        for method in METHODS:
            print(row(boxes, scores, method, options.rounds), flush=True)


if __name__ == "__main__":
    main()

"""What reading text in pictures costs, how much of it is read, and what is read where nothing is written.

    python -m benchmarks.text_in_image [--data FOLDER] [--pictures 24] [--scenes 60]

The pictures are the photographs of coco_open. `cost`: CPU milliseconds of one thread, medians over pictures
(each contender takes its turn at each), and medians of the pictures' ratios; `embed` is that of the picture
by a ViT-B/32 of random weights, `whole` reads, paints over and embeds again, with the alt text. `printed`:
three words are printed in each picture, on the photograph or on a plain patch of its mean colour; `read` is
the share of the words, `covered` that of their ink that lies in the boxes. `as they came`: nothing is
printed, and scenes have no writing at all.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.clip_scorer import save
from benchmarks.clock import clocked
from benchmarks.regions_sets import COCO_OPEN, scene_samples
from benchmarks.text_in_image_sets import Printed, coco_pictures, print_words
from lvlm_workers.clip_scorer import ClipScorer
from lvlm_workers.picture import shrink_picture
from lvlm_workers.text_finder import MAX_PIXELS, FoundText, OcrTextFinder
from schemas.score import ClipConfig
from transforms.selecting.text_in_image import TextFinder, measure_text_in_image, printed_share

SIZES = (1 / 10, 1 / 20, 1 / 30, 1 / 45)
"""Of the font, in heights of the picture."""

GROUNDS = ((1.0, True), (1.0, False), (0.4, False))
"""Contrast, and whether the ground is plain."""

_LARGE = 0.2
_PRINTED = 0.5


def cost_row(pictures: Sequence[bytes], finder: TextFinder, scorer: ClipScorer) -> tuple[str, ...]:
    """Return median CPU ms to decode, embed, read, and of the whole; the last two's ratio to embedding."""
    contenders: tuple[Callable[[bytes], object], ...] = (
        lambda picture: shrink_picture(picture, MAX_PIXELS),
        lambda picture: scorer.score([picture], [()]),
        finder.find,
        lambda picture: measure_text_in_image([picture], ["a photo"], finder, scorer),
    )
    warmed = [*pictures[:1], *pictures]
    cpu_s = [[clocked(partial(work, picture))[2] for work in contenders] for picture in warmed]
    times_PC = 1000 * np.array(cpu_s)[1:]
    medians = np.median(times_PC, axis=0), np.median(times_PC[:, 2:] / times_PC[:, 1:2], axis=0)
    return tuple(f"{value:.1f}" for value in np.concatenate(medians))


def printed_cell(printed: Sequence[Printed], finder: TextFinder) -> tuple[float, float]:
    """Return the mean share of words that are read, and of ink that lies in the boxes."""
    read, covered = [], []
    for one in printed:
        lines = finder.find(one.image)
        read.append(printed_share([line.text for line in lines], one.text))
        covered.append(_inside(lines, one.ink).mean())
    return float(np.mean(read)), float(np.mean(covered))


def _inside(lines: Sequence[FoundText], ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return for each dot of the ink (H, W) whether it lies in a box."""
    rows, columns = np.nonzero(ink)
    places_2N = (columns + 0.5) / ink.shape[1], (rows + 0.5) / ink.shape[0]
    inside = np.zeros(len(rows), bool)
    for line in lines:
        x0, y0, x1, y1 = line.box
        inside |= (x0 <= places_2N[0]) & (places_2N[0] <= x1) & (y0 <= places_2N[1]) & (places_2N[1] <= y1)
    return inside


def came_row(pictures: Sequence[tuple[bytes, str]], finder: TextFinder) -> tuple[str, ...]:
    """Return how many pictures have lines, boxes over a fifth of them, and half their alt text's words."""
    found = [(finder.find(picture), text) for picture, text in pictures]
    large = sum(any(_area(line) > _LARGE for line in lines) for lines, _ in found)
    printed = sum(printed_share([line.text for line in lines], text) > _PRINTED for lines, text in found)
    return tuple(
        str(number) for number in (len(found), sum(bool(lines) for lines, _ in found), large, printed)
    )


def _area(line: FoundText) -> float:
    x0, y0, x1, y1 = line.box
    return (x1 - x0) * (y1 - y0)


def cost_table(pictures: Sequence[bytes], finder: TextFinder) -> Iterator[str]:
    """Yield what pictures cost as they came, and with three words printed in them."""
    drawn = [
        print_words(picture, n, share=SIZES[1], contrast=1, plain=False) for n, picture in enumerate(pictures)
    ]
    yield "cost | decode ms | embed ms | read ms | whole ms | read to embed | whole to embed"
    with tempfile.TemporaryDirectory() as folder:
        save("vit-b-32", Path(folder))
        scorer = ClipScorer(ClipConfig(checkpoint=folder, device="cpu"))
        yield " | ".join(["as they came", *cost_row(pictures, finder, scorer)])
        yield " | ".join(["printed", *cost_row([one.image for one in drawn], finder, scorer)])


def printed_table(pictures: Sequence[bytes], finder: TextFinder) -> Iterator[str]:
    """Yield what is read and covered of words of each size, on each ground."""
    grounds = (f"{contrast}{' plain' * plain} read / covered" for contrast, plain in GROUNDS)
    yield " | ".join(["printed", *grounds])
    for share in SIZES:
        cells = []
        for contrast, plain in GROUNDS:
            printed = [
                print_words(picture, n, share=share, contrast=contrast, plain=plain)
                for n, picture in enumerate(pictures)
            ]
            cells.append("{:.3f} / {:.3f}".format(*printed_cell(printed, finder)))
        yield " | ".join([f"1/{round(1 / share)}", *cells])


def came_table(photographs: Sequence[tuple[bytes, str]], scenes: int, finder: TextFinder) -> Iterator[str]:
    """Yield what is read where nothing was printed."""
    yield "as they came | pictures | with writing | boxes over a fifth | half of the alt text printed"
    yield " | ".join(["coco_open", *came_row(photographs, finder)])
    rendered = [(one.image, one.captions[0]) for one in scene_samples(scenes)]
    yield " | ".join(["scenes", *came_row(rendered, finder)])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=COCO_OPEN, help="folder of tars")
    parser.add_argument("--pictures", type=int, default=24)
    parser.add_argument("--scenes", type=int, default=60)
    told = parser.parse_args()
    torch.set_num_threads(1)
    photographs, finder = list(coco_pictures(told.data)), OcrTextFinder()
    part = [picture for picture, _ in photographs][: told.pictures]
    for row in (
        *cost_table(part, finder),
        *printed_table(part, finder),
        *came_table(photographs, told.scenes, finder),
    ):
        print(row)


if __name__ == "__main__":
    main()

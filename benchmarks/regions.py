"""How many known boxes a detector finds, and how well it names them.

    python -m benchmarks.regions [--worker YAML] [--data scenes coco_open] [--ask labels|captions]

`--worker` is a mapping as under `workers:` of a configuration, by default `{kind: segments}`; OWLv2 is
`{kind: owlv2, model: google/owlv2-base-patch16-ensemble}`. It is asked for all labels of the set in every
picture, or with `--ask captions` for the noun phrases of the picture's own captions.

Measured is what would be published: the reply after `choose` with its defaults, 20 boxes at most. The best
box takes the known box that it overlaps most, at an IoU of 0.5 at least, then the next; each known box is
taken once. Precision is the share of boxes that take one, recall the share of known boxes that are taken. A
box that lies mostly in a crowd, as COCO marks it, is not counted. `named` is the share of the taken whose
phrase contains the label or is like it (`likeness` of 0.5), `colour` the share that have the label's colour
in their phrase. Times are the worker's, for a picture, after one to warm up.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from pydantic import TypeAdapter

from benchmarks.clock import clocked
from benchmarks.regions_matching import Tally
from benchmarks.regions_sets import COCO_OPEN, Labelled, coco_samples, scene_samples
from lvlm_workers.base import Request, Worker
from lvlm_workers.chat_api import REFUSED_REQUEST
from lvlm_workers.registry import make_worker
from recipes.base import BadReply
from recipes.detect import Detect
from recipes.phrases import find_phrases
from schemas.choosing import Choosing
from schemas.facts import Facts
from schemas.regions import Region, read_region
from schemas.workers import WorkerConfig
from transforms.regions.chosen_fields import choose_fields

COLUMNS = (
    "set", "pictures", "known boxes", "boxes", "recall", "precision", "named", "colour", "ms", "CPU ms",
)  # fmt: skip


def requests(samples: Sequence[Labelled], ask: str) -> Iterator[Request]:
    """Yield a request a picture, tagged with its place."""
    labels = sorted({label for sample in samples for label in sample.labels})
    for n, sample in enumerate(samples):
        phrases = labels if ask == "labels" else find_phrases(sample.captions, str(n))
        prompt = json.dumps({"phrases": phrases}, ensure_ascii=False)
        yield Request(tag=n, prompt=prompt, image=sample.image, schema=Detect.schema)


def measure(worker: Worker, samples: Sequence[Labelled], ask: str) -> tuple[str, ...]:
    """Return the figures of a set; replies without regions are told on standard error and find nothing."""
    asked = list(requests(samples, ask))
    list(worker.answer(asked[:1]))
    tally = Tally()
    answered, *times = clocked(lambda: list(worker.answer(asked)))
    replies = {request.tag: reply for request, reply in answered}
    for n, sample in enumerate(samples):
        regions: list[Region] = []
        try:
            regions = read_reply(replies[n].text, replies[n].finish_reason)
        except BadReply as error:
            print(f"picture {n}: {error.reason}: {error.value:.100}", file=sys.stderr)
        tally.add(sample, regions)
    counts = (tally.pictures, tally.known, tally.boxes)
    return (*map(str, counts), *tally.shares(), *(f"{spent / len(samples) * 1e3:.1f}" for spent in times))


def read_reply(text: str, finish_reason: str) -> list[Region]:
    """Return the regions that `detect` would publish of a reply, the best first.

    Raises:
        BadReply: the reply is no list of regions.
    """
    if finish_reason == REFUSED_REQUEST:
        raise BadReply(REFUSED_REQUEST, text)
    fields = Detect().parse(text, Facts(index=0, uid="", key=""), finish_reason=finish_reason)
    regions = map(read_region, choose_fields(fields, Choosing())["regions"])
    return [region for region in regions if region is not None]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--worker", type=yaml.safe_load, default={"kind": "segments"}, metavar="YAML")
    sets = ("scenes", "coco_open")
    parser.add_argument("--data", nargs="*", choices=sets, default=sets)
    parser.add_argument("--ask", choices=("labels", "captions"), default="labels")
    parser.add_argument("--scenes", type=int, default=300, help="how many are rendered (300)")
    options = parser.parse_args()
    worker = make_worker(TypeAdapter[Any](WorkerConfig).validate_python(options.worker))
    worker.check()
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for name in options.data:
        samples = scene_samples(options.scenes) if name == "scenes" else coco_samples(COCO_OPEN)
        figures = measure(worker, list(samples), options.ask)
        print(f"| {name} | {' | '.join(figures)} |", flush=True)
    worker.close()


if __name__ == "__main__":
    main()

"""Ask a worker HQ-CLIP's question about scenes: `python ask_scenes.py WORKER`, its configuration as JSON.

The last line printed is a JSON list of replies, in the order asked. The last picture ends too early, which
shows only when its pixels are decoded.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from io import BytesIO

from pydantic import TypeAdapter

from demo_data.scenes import render_scene
from lvlm_workers.base import Request
from lvlm_workers.registry import make_worker
from recipes.registry import get_recipe
from schemas.facts import Facts
from schemas.workers import WorkerConfig

SCENES = 24


def requests() -> Iterator[Request]:
    """Yield greedy requests, one a scene."""
    recipe = get_recipe("hqclip")
    for seed in range(SCENES):
        scene = render_scene(seed, 200)
        out = BytesIO()
        scene.image.convert("RGB").save(out, "JPEG")
        prompt = recipe.prompt(Facts(index=seed, uid="", key="", alt_text=scene.captions[0]))
        whole = out.getvalue()
        image = whole if seed < SCENES - 1 else whole[: len(whole) // 2]
        yield Request(tag=seed, prompt=prompt, image=image, schema=recipe.schema)


def main(config: str) -> None:
    """Print the replies."""
    worker = make_worker(TypeAdapter(WorkerConfig).validate_json(config))
    with closing(worker):
        worker.check()
        replies = {request.tag: asdict(reply) for request, reply in worker.answer(requests())}
    print(json.dumps([replies[tag] for tag in range(SCENES)]))


if __name__ == "__main__":
    main(sys.argv[1])

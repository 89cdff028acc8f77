"""What the layout of our prompts saves: the server keeps the state of prefixes that requests share."""

import json
import urllib.request
from io import BytesIO
from typing import Any

import pytest

from demo_data.scenes import render_scene
from lvlm_workers.base import Request
from lvlm_workers.chat_api import write_body
from lvlm_workers.picture import reduce_picture
from recipes.registry import get_recipe
from schemas.annotation import Sampling
from schemas.facts import Facts

SCENES = 40


def body(seed: int) -> dict[str, Any]:
    """Return HQ-CLIP's request about a scene, for one token."""
    scene = render_scene(seed, 512)
    out = BytesIO()
    scene.image.save(out, "PNG")
    prompt = get_recipe("hqclip").prompt(Facts(index=0, uid="", key="", alt_text=scene.captions[0]))
    request = Request(tag=None, prompt=prompt, sampling=Sampling(max_tokens=1))
    return json.loads(write_body(request, model="tiny", jpeg=reduce_picture(out.getvalue(), 512 * 512)))


def picture_first(body: dict[str, Any]) -> dict[str, Any]:
    (message,) = body["messages"]
    return body | {"messages": [message | {"content": message["content"][::-1]}]}


def share_kept(server: Any, bodies: list[dict[str, Any]]) -> float:
    """Return the share of prompt tokens whose state the server had kept, over requests one by one."""
    names = ("prefix_cache_hits", "prefix_cache_queries")
    before = [server.count(name) for name in names]
    for one in bodies:
        asked = urllib.request.Request(
            f"{server.url}/v1/chat/completions",
            json.dumps(one).encode(),
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(asked, timeout=60).close()
    hits, queries = (server.count(name) - then for name, then in zip(names, before, strict=True))
    return hits / queries


def test_our_layout_lets_the_server_skip_the_instruction(
    server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    bodies = [body(seed) for seed in range(1000, 1000 + SCENES)]
    swapped = [picture_first(one) for one in bodies]
    ours, other = share_kept(server, bodies), share_kept(server, swapped)
    with capsys.disabled():
        print(
            f"\nprompt tokens not computed: {ours:.1%} with the prompt first, {other:.1%} the picture first"
        )
    assert ours > 0.3
    assert other < 0.02

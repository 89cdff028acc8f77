"""The worker with the engine in its process answers as the server does."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.real_vllm.conftest import SETTINGS

HERE = Path(__file__).parent
SAME = ("text", "finish_reason", "tokens_in", "tokens_out", "attempts")


def replies(worker: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what `ask_scenes.py` prints of a worker."""
    command = [sys.executable, str(HERE / "ask_scenes.py"), json.dumps(worker)]
    ran = subprocess.run(command, env=os.environ | SETTINGS, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout.splitlines()[-1])


def test_the_same_replies_and_tokens(server: Any, tiny_model: Path) -> None:
    asked = replies({"kind": "openai", "base_urls": [f"{server.url}/v1"], "model": "tiny"})
    in_process = {"kind": "vllm", "model": str(tiny_model), "dtype": "float32", "max_model_len": 1536}
    answered = replies(in_process)
    *whole, cut = answered
    assert cut["finish_reason"] == asked[-1]["finish_reason"] == "refused_request"
    assert "truncated" in cut["text"]
    assert [[reply[name] for name in SAME] for reply in whole] == [
        [reply[name] for name in SAME] for reply in asked[:-1]
    ]
    assert {reply["model"] for reply in answered} == {tiny_model.name}

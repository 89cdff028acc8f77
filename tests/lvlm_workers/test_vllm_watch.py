"""An engine ends with the process that started it, however that ends."""

import contextlib
import multiprocessing
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from lvlm_workers.vllm_watch import Watch

ROOT = Path(__file__).parents[2]
_ENGINE_OF_A_PARENT = """
import multiprocessing, sys, time
from lvlm_workers.vllm_watch import Watch
if __name__ == "__main__":
    watch = Watch()
    spawn = multiprocessing.get_context("spawn")
    with watch.over_start():
        child = spawn.Process(target=time.sleep, args=(600,), name="EngineCore")
        child.start()
    print(child.pid, flush=True)
    sys.stdin.read()
"""


def test_an_engine_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_ENGINE_OF_A_PARENT)
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as parent:
        assert parent.stdout is not None
        engine = os.pidfd_open(int(parent.stdout.readline()))
        try:
            parent.kill()
            parent.wait()
            assert select.select([engine], [], [], 30)[0]
        finally:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(engine, signal.SIGKILL)
            os.close(engine)


def test_a_closed_watch_ends_nobody() -> None:
    watch = Watch()
    child = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,), name="EngineCore")
    with watch.over_start():
        child.start()
    watch.close()
    assert child.is_alive()
    child.kill()
    child.join()
    assert child.exitcode == -signal.SIGKILL

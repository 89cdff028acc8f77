"""Mend what the CPU wheels of torch lack beside vLLM: `python mend_install.py`, in the environment to mend.

Package indexes may hold torchvision, torchaudio and torchcodec for GPUs only. With a CPU torch, torchvision
finds no operators: two that its Python parts name are declared then, and never called. The other two cannot
be imported, and are not needed: they go.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

DECLARED = """

if not _has_ops():  # written by Pairwright's tests/real_vllm/mend_install.py
    _declared = torch.library.Library("torchvision", "DEF")
    _declared.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
"""


def imports(name: str) -> bool:
    """Return whether a new process can import the package; true where it is not installed."""
    if importlib.util.find_spec(name) is None:
        return True
    return subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True).returncode == 0


def main() -> None:
    """Declare torchvision's operators, and remove what cannot be imported."""
    if not imports("torchvision"):
        found = importlib.util.find_spec("torchvision")
        assert found is not None
        assert found.submodule_search_locations is not None
        extension = Path(found.submodule_search_locations[0]) / "extension.py"
        extension.write_text(extension.read_text() + DECLARED)
        assert imports("torchvision")
    for name in ("torchaudio", "torchcodec"):
        if not imports(name):
            subprocess.run([sys.executable, "-m", "pip", "uninstall", "--quiet", "--yes", name], check=True)


if __name__ == "__main__":
    main()

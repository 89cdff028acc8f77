"""A small run to start from the command line."""

from pathlib import Path

import pytest

from demo_data.scenes import write_scenes

CONFIG = """\
name: small
input: {{shards: {folder}/in/*.tar}}
output: {folder}/out
profile:
  filters:
    - {{kind: words, min: 3}}
workers: {{baseline: {{kind: rules}}}}
annotate:
  - {{recipe: hqclip, worker: baseline}}
publish: {{samples_per_shard: 4}}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return the configuration of a run over two shards of five scenes; its output is `out` beside it."""
    write_scenes(tmp_path / "in", count=10, seed=3, size_px=64, per_shard=5)
    path = tmp_path / "run.yaml"
    path.write_text(CONFIG.format(folder=tmp_path))
    return path

"""`pairwright train`: exit status, signals, torchrun, and what it says without torch."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from demo_data.scenes import write_scenes
from pairwright.cli import main

ROOT = Path(__file__).parents[2]
CONFIG = """\
output: {folder}/out
data: {{shards: {folder}/in, workers: 0}}
model: {{preset: tiny, image_size: 16, text_length: 8}}
tokenizer: {{vocabulary: 300}}
optim: {{warmup: 1}}
batch: 4
epochs: {epochs}
log_steps: 1
device: cpu
"""
COMMAND = [sys.executable, "-m", "pairwright", "train"]


@pytest.fixture
def configure(tmp_path: Path) -> Callable[[float], Path]:
    """Write a configuration of so many epochs over 8 scenes."""
    write_scenes(tmp_path / "in", count=8, seed=3, size_px=32, per_shard=4)

    def write(epochs: float) -> Path:
        path = tmp_path / "train.yaml"
        path.write_text(CONFIG.format(folder=tmp_path, epochs=epochs))
        return path

    return write


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_a_run_and_its_repetition(
    configure: Callable[[float], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", str(configure(1)), "--out", str(tmp_path / "mine"), "--set", "optim.lr=1e-3"]
    for steps in (["1/2", "2/2"], []):
        assert main(command) == 0
        told = capsys.readouterr()
        assert [line.split()[1] for line in told.out.splitlines() if line.startswith("step")] == steps
        assert told.err == ""
    settings = json.loads((tmp_path / "mine" / "final" / "config.json").read_text())
    assert settings["model_type"] == "clip"
    assert not (tmp_path / "out").exists()


def test_sigterm_saves_and_leaves_with_143(configure: Callable[[float], Path], tmp_path: Path) -> None:
    command = [*COMMAND, str(configure(10_000)), "--set", "data.workers=1"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if line.startswith("step "))
        process.send_signal(signal.SIGTERM)
        last = list(process.stdout)[-1]
    assert process.returncode == 128 + signal.SIGTERM
    assert last.startswith("stopped after step ")
    assert last.endswith("saved; the same command resumes\n")
    (saved,) = [path for path in (tmp_path / "out").glob("step-*") if path.name != "step-00000000"]
    assert f"after step {int(saved.name[5:])} of 20000" in last


def test_under_torchrun(configure: Callable[[float], Path], tmp_path: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = run([*torchrun, "-m", "pairwright", "train", str(configure(1))])
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("step")] == ["1/2", "2/2"]
    assert (tmp_path / "out" / "final" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("optim.learning_rate=1", "optim.learning_rate: unknown field"),
        ("optim.lr=0", "optim.lr: 0 is too small; give more than 0"),
        ("optim.lr=.nan", "optim.lr: "),
        ("texts.p_raw=.inf", "texts.p_raw: inf is no finite number"),
        ("texts.p_raw=.nan", "texts.p_raw: "),
        ("texts={p_raw: 1.0e+308, p_long: 1.0e+308}", "texts: the weights sum to inf; give one of p_raw"),
        ("optim.clip_norm=.inf", "optim.clip_norm: inf is no finite number"),
        ("optim.warmup=2", "optim.warmup: 2 steps are not less than the 2 of the run"),
        ("model={checkpoint: none/of/them}", "model.checkpoint: there is no folder 'none/of/them'"),
        ("losses.regions.same_phrase=.nan", "losses.regions.same_phrase: nan is no finite number"),
        (
            "seed=18446744073709551616",
            "seed: 18446744073709551616 is too large; give less than 92233720368547758",
        ),
        (
            "model.preset=vit-b-99",
            "model.preset: 'vit-b-99' is not known; did you mean 'vit-b-32'? known: tiny, ",
        ),
        ("model.checkpoint=x", "model: give either preset or checkpoint"),
        ("losses.hni.wieght=1", "losses.hni.wieght: unknown field; did you mean 'weight'?"),
        ("losses.hni.weight=1", "losses.hni contradicts sentences of the long text; give texts.p_long"),
        ("losses.contrastive.kind=sigmoid", "kind sigmoid needs a logit bias, and CLIP has none"),
        ("batch=9", "batch: 9 is more than the 8 samples of data.shards; lower it"),
        ("texts.p_rewrite=1", "texts.p_rewrite: none of the first 8 samples has rewrites"),
        ("model.attention=flash", "model.attention: 'flash' is not known; known: sdpa, eager"),
    ],
)
def test_what_is_wrong_is_one_line_with_status_2(
    configure: Callable[[float], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    setting: str,
    said: str,
) -> None:
    assert main(["train", str(configure(1)), "--set", setting]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (tmp_path / "out").exists()


def test_overfit_one_batch(
    configure: Callable[[float], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("contrastive_trainer.overfit.STEPS", 3)
    settings = ["--set", "optim.lr=1e-9", "--set", "log_steps=200"]
    assert main(["train", str(configure(1)), "--overfit-one-batch", *settings]) == 1
    told = capsys.readouterr()
    assert "step 3/3" in told.out
    assert "one batch of 4 samples is not learnt" in told.err
    assert not (tmp_path / "out").exists()


CODE = "import sys; {first}; from pairwright.cli import main; status = main({argv}); {last}; sys.exit(status)"


def test_without_torch_the_extra_is_named(configure: Callable[[float], Path]) -> None:
    code = CODE.format(first="sys.modules['torch'] = None", argv=["train", str(configure(1))], last="pass")
    done = run([sys.executable, "-c", code])
    assert done.returncode == 2
    assert done.stderr == "pairwright: torch is not installed; pip install 'pairwright[torch]'\n"


def test_other_commands_do_not_import_torch() -> None:
    last = "assert not {'torch', 'transformers'} & sys.modules.keys()"
    code = CODE.format(first="pass", argv=["schema", "train"], last=last)
    done = run([sys.executable, "-c", code])
    assert done.returncode == 0, done.stderr
    assert {"data", "model", "losses", "optim"} <= set(json.loads(done.stdout)["properties"])

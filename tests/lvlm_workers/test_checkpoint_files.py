"""What is wrong with a checkpoint is said in one line, before its weights are read where that can be."""

import importlib.util
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import CLIPConfig, CLIPModel

from lvlm_workers.base import Request
from lvlm_workers.registry import make_worker
from lvlm_workers.transformers import TransformersWorker
from schemas.annotation import Sampling
from schemas.errors import ConfigError
from schemas.workers import TransformersWorkerConfig
from tests.lvlm_workers.breaking import change, told
from tests.lvlm_workers.checkpoint_asking import make

TINY = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "tiny_models.py")))


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return TINY.save_text_model(tmp_path_factory.mktemp("checkpoints") / "llama")


@pytest.fixture
def copied(llama: Path, tmp_path: Path) -> Path:
    """Return a checkpoint to be broken."""
    return shutil.copytree(llama, tmp_path / "broken")


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return the line that a worker says of a model: `fails(model, "check")` or `fails(model, "answer")`."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    asked = Request(tag=0, prompt="a")
    return lambda model, method, **settings: told(make(model, **settings), method, asked)


def test_a_good_checkpoint_passes(llama: Path) -> None:
    make(llama).check()
    make(llama, device="auto").check()
    worker = make_worker(TransformersWorkerConfig(kind="transformers", model=str(llama)))
    assert isinstance(worker, TransformersWorker)
    assert (worker.name, worker.repeatable, worker.reads_images) == ("transformers", False, True)


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_a_missing_package(llama: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else find(name))
    with pytest.raises(ConfigError, match=rf"needs {package}.*pip install 'pairwright\[torch\]'"):
        make(llama)


@pytest.mark.parametrize("method", ["check", "answer"])
def test_what_can_be_seen_without_the_weights(
    fails: Callable[..., str], copied: Path, tmp_path: Path, method: str
) -> None:
    assert "'no/such-model' cannot be used" in fails("no/such-model", method)
    assert "model: 'no model' is no folder and no hub id; give" in fails("no model", method)
    assert "model: there is no folder" in fails(tmp_path / "nowhere", method)
    (tmp_path / "empty").mkdir()
    assert "config.json" in fails(tmp_path / "empty", method)
    CLIPModel(
        CLIPConfig(
            text_config={"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 9},
            vision_config={"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1},
        )
    ).save_pretrained(tmp_path / "clip")
    assert "(clip) answers no prompts" in fails(tmp_path / "clip", method)
    weights = copied / "model.safetensors"
    torch.save({}, copied / "pytorch_model.bin")
    weights.rename(copied / "hidden")
    assert "no model.safetensors, and pickled weights are not read" in fails(copied, method)
    (copied / "config.json").write_text('{"model_type": ')
    assert "cannot be used" in fails(copied, method)


def test_code_of_a_checkpoint_is_never_run(fails: Callable[..., str], copied: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    (copied / "own.py").write_text(f"open({str(ran)!r}, 'w')\n")
    names = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}
    change(copied / "config.json", model_type="own_model", auto_map=names)
    for method in ("check", "answer"):
        assert "without code of its own" in fails(copied, method)
    # A type that the library has is loaded with the library's own class.
    change(copied / "config.json", model_type="llama", auto_map=names)
    change(copied / "tokenizer_config.json", auto_map={"AutoTokenizer": ["own.Tokenizer", None]})
    assert len(list(make(copied).answer([Request(tag=0, prompt="a", sampling=Sampling(max_tokens=1))]))) == 1
    assert not ran.exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(fails: Callable[..., str], llama: Path) -> None:
    for method in ("check", "answer"):
        assert "no GPU here; set device to auto or cpu" in fails(llama, method, device="cuda")


def test_broken_weights(fails: Callable[..., str], copied: Path) -> None:
    weights = copied / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:5000])
    assert "cannot be loaded" in fails(copied, "answer")
    weights.write_bytes(b"")
    assert "cannot be loaded" in fails(copied, "answer")
    weights.write_bytes(whole)
    change(copied / "config.json", num_hidden_layers=3)
    assert "it lacks 9 of its weights, such as model.layers.2." in fails(copied, "answer")
    change(copied / "config.json", num_hidden_layers=2, hidden_size=32)
    assert "cannot be loaded" in fails(copied, "answer")


def test_a_missing_tokenizer_and_a_broken_template(fails: Callable[..., str], copied: Path) -> None:
    (copied / "chat_template.jinja").write_text("{% for x in %}")
    assert "cannot be loaded" in fails(copied, "answer")
    (copied / "chat_template.jinja").write_text("{{ raise_exception('not for\nyou') }}")
    assert "(not for you)" in fails(copied, "answer")
    for path in copied.glob("*token*"):
        path.unlink()
    assert "cannot be loaded" in fails(copied, "answer")


def test_a_checkpoint_without_a_padding_token_and_with_its_own_penalties(llama: Path, copied: Path) -> None:
    change(copied / "tokenizer_config.json", pad_token=None)
    change(copied / "generation_config.json", repetition_penalty=5.0, num_beams=3, do_sample=True, top_k=3)
    prompts = ["a", "a dog on the green grass", "two red circles"]
    short = Sampling(max_tokens=24)
    requests = [Request(tag=number, prompt=prompt, sampling=short) for number, prompt in enumerate(prompts)]
    right = {request.tag: reply.text for request, reply in make(llama).answer(requests)}
    assert {request.tag: reply.text for request, reply in make(copied).answer(requests)} == right
    revised = make(copied, revision="v2")
    assert {reply.model for _, reply in revised.answer(requests)} == {"broken@v2"}

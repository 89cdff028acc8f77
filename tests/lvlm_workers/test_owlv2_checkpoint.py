"""When an OWLv2 is loaded, what it keeps, and what is wrong with one, in one line."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

import lvlm_workers.owlv2_checkpoint
from lvlm_workers.owlv2 import Owlv2Worker
from lvlm_workers.owlv2_checkpoint import Owlv2Checkpoint
from lvlm_workers.registry import make_worker
from schemas.workers import Owlv2WorkerConfig
from tests.lvlm_workers.asking import ask
from tests.lvlm_workers.breaking import change, told
from tests.lvlm_workers.owlv2_asking import PHRASES, PICTURES, assert_same, make, regions, request

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def copied(owlv2: Path, tmp_path: Path) -> Path:
    """Return a checkpoint to be broken."""
    return shutil.copytree(owlv2, tmp_path / "broken")


def test_what_was_embedded_is_kept_within_bounds(owlv2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []
    embed = Owlv2Checkpoint._embed_texts

    def noted(self: Owlv2Checkpoint, some: Sequence[str]) -> torch.Tensor:
        texts.extend(some)
        return embed(self, some)

    monkeypatch.setattr(Owlv2Checkpoint, "_embed_texts", noted)
    monkeypatch.setattr(lvlm_workers.owlv2_checkpoint, "_MAX_EMBEDDINGS", 4)
    monkeypatch.setattr(lvlm_workers.owlv2_checkpoint, "_TEXTS", 2)
    worker = make(owlv2, batch_size=2)
    data = PICTURES["square"]
    lists = (PHRASES[:3], PHRASES[1:4], PHRASES[:1], PHRASES, PHRASES[3:])
    for phrases in lists:
        (reply,) = ask(worker, [request(0, phrases, data)])
        (alone,) = ask(make(owlv2), [request(0, phrases, data)])
        assert_same(regions(reply), regions(alone), atol=1e-5)
    texts.clear()
    for phrases in (PHRASES[3:], PHRASES[4:], PHRASES[2:3], PHRASES[5:], PHRASES[3:4]):
        ask(worker, [request(0, phrases, data)])
    # Four are kept; the third list puts out the one used longest ago, the fourth phrase.
    assert texts == [PHRASES[2], PHRASES[3]]


def test_control_tokens_in_a_phrase_are_text(owlv2: Path) -> None:
    checkpoint = Owlv2Checkpoint(make(owlv2)._config)
    with torch.inference_mode():
        rows_ND = checkpoint._embed_texts(["sky", "sky<|endoftext|>"])
    assert torch.pdist(rows_ND).min() > 0.1


def test_bfloat16(owlv2: Path) -> None:
    asked = [request(0, PHRASES, PICTURES["landscape"])]
    (reply,) = ask(make(owlv2, dtype="bfloat16"), asked)
    assert regions(reply)
    checkpoint = Owlv2Checkpoint(make(owlv2, dtype="bfloat16")._config)
    heads = checkpoint._model.class_head, checkpoint._model.box_head
    assert {weights.dtype for head in heads for weights in head.parameters()} == {torch.float32}
    assert checkpoint._model.dtype == torch.bfloat16


def test_boxes_and_scores_that_are_no_numbers_are_left_out(owlv2: Path) -> None:
    worker = make(owlv2, threshold=0.0)
    asked = [request(0, PHRASES, PICTURES["square"])]
    whole = regions(ask(worker, asked)[0])
    assert worker._batches is not None
    model = worker._batches._checkpoint._model
    scores, boxes = model.class_predictor, model.box_predictor
    bad_scores, bad_boxes = range(5), range(5, 12)

    def poisoned(*given: Any) -> Any:
        logit_BPQ, rest = scores(*given)
        logit_BPQ[:, : len(bad_scores), 0] = float("nan")
        return logit_BPQ, rest

    def flat(*given: Any) -> Any:
        box_BP4 = boxes(*given)
        box_BP4[:, 5:9, 2] = 0.0
        box_BP4[:, 9:12, 0] = float("inf")
        return box_BP4

    model.class_predictor, model.box_predictor = poisoned, flat
    left = regions(ask(worker, asked)[0])
    assert len(left) == len(whole) - len(bad_scores) - len(bad_boxes)
    assert [region for region in whole if region in left] == left


def test_the_model_is_loaded_on_first_use(owlv2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    load = Owlv2Checkpoint.__init__

    def noted(self: Owlv2Checkpoint, config: Owlv2WorkerConfig) -> None:
        loads.append(config.model)
        load(self, config)

    monkeypatch.setattr(Owlv2Checkpoint, "__init__", noted)
    worker = make_worker(Owlv2WorkerConfig(kind="owlv2", model=str(owlv2), revision="a1"))
    assert isinstance(worker, Owlv2Worker)
    assert (worker.name, worker.repeatable, worker.reads_images) == ("owlv2", False, True)
    worker.check()
    asked = [request(0, PHRASES, PICTURES["square"])]
    assert loads == []
    assert ask(worker, asked)[0].model == "tiny@a1"
    ask(worker, asked)
    assert len(loads) == 1
    worker.close()
    worker.close()
    ask(worker, asked)
    assert len(loads) == 2


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return the line that a worker says of a model: `fails(model, "check")` or `fails(model, "answer")`."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    asked = request(0, PHRASES, PICTURES["square"])
    return lambda model, method, **settings: told(make(model, **settings), method, asked)


@pytest.mark.parametrize("method", ["check", "answer"])
def test_what_can_be_seen_without_the_weights(
    fails: Callable[..., str], copied: Path, tmp_path: Path, method: str
) -> None:
    assert "model: there is no folder" in fails(tmp_path / "nowhere", method)
    assert "'no/such-model' cannot be used" in fails("no/such-model", method)
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "config.json").write_text('{"model_type": "owlvit"}')
    assert "(owlvit) is no OWLv2; name a checkpoint of one" in fails(tmp_path / "clip", method)
    processor = copied / "processor_config.json"
    settings = json.loads(processor.read_text())["image_processor"]
    change(processor, image_processor={**settings, "do_pad": False})
    assert "has do_pad false" in fails(copied, method)
    processor.unlink()
    assert "cannot be used" in fails(copied, method)
    (copied / "preprocessor_config.json").write_text(json.dumps(settings))  # where older checkpoints have it
    make(copied).check()
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    assert "no model.safetensors, and pickled weights are not read" in fails(copied, method)


def test_broken_weights(fails: Callable[..., str], copied: Path) -> None:
    weights = copied / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:5000])
    assert "cannot be loaded" in fails(copied, "answer")
    weights.write_bytes(whole)
    config = json.loads((copied / "config.json").read_text())
    change(copied / "config.json", vision_config={**config["vision_config"], "num_hidden_layers": 3})
    assert "of its weights, such as owlv2.vision_model" in fails(copied, "answer")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(fails: Callable[..., str], owlv2: Path) -> None:
    for method in ("check", "answer"):
        assert "no GPU here; set device to auto or cpu" in fails(owlv2, method, device="cuda")

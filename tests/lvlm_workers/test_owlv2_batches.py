"""Requests that cannot be answered fail alone, and a model that answers none ends the run."""

from pathlib import Path
from typing import Any

import pytest
import torch

import lvlm_workers.owlv2_checkpoint
from lvlm_workers.base import Request, WorkerError
from lvlm_workers.owlv2_checkpoint import Owlv2Checkpoint
from tests.lvlm_workers.asking import ask
from tests.lvlm_workers.owlv2_asking import PHRASES, PICTURES, assert_same, make, regions, request

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_batch_too_large_for_memory_is_halved(owlv2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [request(number, PHRASES, data) for number, data in enumerate(PICTURES.values())]
    right = ask(make(owlv2, batch_size=8), asked)
    sizes: list[int] = []
    detect = Owlv2Checkpoint.detect

    def cramped(self: Owlv2Checkpoint, pictures: Any, phrases: Any) -> Any:
        if len(pictures) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        sizes.append(len(pictures))
        return detect(self, pictures, phrases)

    monkeypatch.setattr(Owlv2Checkpoint, "detect", cramped)
    for reply, expected in zip(ask(make(owlv2, batch_size=8), asked), right, strict=True):
        assert_same(regions(reply), regions(expected), atol=1e-5)
    # Of 13, eight were pulled as one batch, and the rest before it was answered.
    assert sizes == [2, 2, 2, 2, 2, 1, 2]
    monkeypatch.setattr(Owlv2Checkpoint, "detect", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError()))
    with pytest.raises(WorkerError, match="one request; set dtype to bfloat16, or name a smaller model"):
        ask(make(owlv2), asked)


def test_a_model_of_no_numbers_ends_the_run(owlv2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = make(owlv2, batch_size=2)
    asked = [request(number, PHRASES, PICTURES["square"]) for number in range(16)]
    ask(worker, asked[:1])
    assert worker._batches is not None
    detector = worker._batches._checkpoint
    with torch.inference_mode():
        detector._model.class_head.dense0.weight.fill_(float("nan"))
    replies = ask(worker, asked)  # it has answered others before
    assert {reply.finish_reason for reply in replies} == {"refused_request"}
    assert "no numbers; set dtype to float32" in replies[0].text
    fresh = make(owlv2, batch_size=2)
    monkeypatch.setattr(lvlm_workers.owlv2_checkpoint, "load_weights", lambda *_: detector._model)
    with pytest.raises(WorkerError, match="answers none of the first 16 requests .*set dtype to float32"):
        ask(fresh, asked)


def test_a_failing_device_ends_the_run(owlv2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("CUDA error: device-side assert triggered\nCompile with ...")

    monkeypatch.setattr(Owlv2Checkpoint, "detect", broken)
    with pytest.raises(WorkerError, match=r"failed \(CUDA error: device-side assert.*run again to resume"):
        ask(make(owlv2), [request(0, PHRASES, PICTURES["square"])])


def test_nothing_to_look_for_needs_no_model(owlv2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("loaded")

    monkeypatch.setattr(Owlv2Checkpoint, "__init__", refuse)
    requests = [request(0, [], PICTURES["tiny"]), request(1, [], None), request(2, [], b"no picture")]
    replies = ask(make(owlv2), requests)
    assert [(reply.text, reply.finish_reason) for reply in replies] == [('{"regions": []}', "stop")] * 3
    assert ask(make(owlv2), []) == []


def test_a_picture_that_cannot_be_decoded(owlv2: Path) -> None:
    good = PICTURES["landscape"]
    images = [good, b"no picture", good[: len(good) // 2], good, b""]
    replies = ask(make(owlv2), [request(number, PHRASES, image) for number, image in enumerate(images)])
    assert [reply.finish_reason == "refused_request" for reply in replies] == [False, True, True, False, True]
    assert [reply.attempts for reply in replies] == [1, 0, 0, 1, 0]
    assert all("the picture cannot be decoded" in replies[number].text for number in (1, 2, 4))
    assert_same(regions(replies[0]), regions(replies[3]), atol=1e-5)


def test_a_phrase_that_is_no_text_fails_its_own_request(owlv2: Path) -> None:
    lists = [PHRASES, ["\ud800"], PHRASES[:2], ["", " "]]
    asked = [request(number, some, PICTURES["square"]) for number, some in enumerate(lists)]
    replies = ask(make(owlv2), asked)
    assert [reply.finish_reason for reply in replies] == ["stop", "refused_request", "stop", "stop"]
    assert_same(regions(replies[2]), regions(ask(make(owlv2), asked[2:3])[0]), atol=1e-5)


@pytest.mark.parametrize(
    "prompt", ["Describe the picture.", "[]", '{"phrases": "a"}', '{"phrases": [1]}', "[" * 9999]
)
def test_a_prompt_for_a_model_that_writes(owlv2: Path, prompt: str) -> None:
    with pytest.raises(WorkerError, match="no object of phrases; give this recipe a worker with a model"):
        ask(make(owlv2), [Request(tag=0, prompt=prompt, image=PICTURES["square"])])


def test_a_request_without_a_picture(owlv2: Path) -> None:
    with pytest.raises(WorkerError, match="request 0 has no picture"):
        ask(make(owlv2), [request(0, PHRASES, None)])

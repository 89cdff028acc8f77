"""Regions against the library's own model, processor and post-processing, on one picture at a time."""

import io
import json
import runpy
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from transformers import AutoTokenizer, Owlv2ForObjectDetection, Owlv2ImageProcessorPil, Owlv2Processor

import lvlm_workers.owlv2_checkpoint
from lvlm_workers.base import Reply, Request, WorkerError
from lvlm_workers.owlv2 import Owlv2Worker
from lvlm_workers.owlv2_checkpoint import Owlv2Checkpoint
from lvlm_workers.picture import shrink_picture
from lvlm_workers.registry import make_worker
from schemas.workers import Owlv2WorkerConfig

pytest.importorskip("scipy", reason="the library's own resize needs it")

TINY = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "tiny_owlv2.py")))
PHRASES = ("a red fox", "a barn", "green grass", "sky", "two dogs", "blue car", "old wooden door")
THRESHOLD = 0.3


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return TINY.save_owlv2(tmp_path_factory.mktemp("checkpoints") / "tiny")


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    """Return a checkpoint to be broken."""
    shutil.copytree(folder, tmp_path / "broken")
    return tmp_path / "broken"


def make(folder: Path | str, **settings: Any) -> Owlv2Worker:
    values = {"kind": "owlv2", "model": str(folder), "device": "cpu", "threshold": THRESHOLD, **settings}
    return Owlv2Worker(Owlv2WorkerConfig.model_validate(values))


def request(tag: int, phrases: Sequence[str], image: bytes | None) -> Request:
    return Request(tag=tag, prompt=json.dumps({"phrases": list(phrases)}), image=image)


def ask(worker: Owlv2Worker, requests: Sequence[Request]) -> list[Reply]:
    """Return the replies in the order of the requests; each request must have one."""
    replies = {request.tag: reply for request, reply in worker.answer(requests)}
    assert len(replies) == len(requests)
    return [replies[request.tag] for request in requests]


def regions(reply: Reply) -> list[Any]:
    assert reply.finish_reason == "stop"
    found = json.loads(reply.text)
    assert list(found) == ["regions"]
    return found["regions"]


def encode(image: Image.Image, kind: str = "PNG", **settings: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


def scene(width: int, height: int, seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (3, 3, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(scene(90, 50, 9), "JPEG", exif=exif)


def see_through(mode: str) -> Image.Image:
    image = scene(80, 60, 6).convert(mode)
    image.putalpha(Image.linear_gradient("L").resize((80, 60)))
    return image


PICTURES: dict[str, bytes] = {
    "landscape": encode(scene(120, 70, 1), "JPEG"),
    "portrait": encode(scene(50, 110, 2), "JPEG"),
    "square": encode(scene(64, 64, 3)),
    "tiny": encode(scene(7, 5, 4)),
    "grey": encode(scene(90, 100, 5).convert("L")),
    "grey JPEG": encode(scene(100, 40, 5).convert("L"), "JPEG"),
    "RGBA": encode(see_through("RGB")),
    "palette": encode(scene(70, 100, 7).quantize(16)),
    "palette with one colour left out": encode(scene(70, 60, 7).quantize(16), transparency=3),
    **{f"turned {number}": turned(number) for number in (3, 5, 6, 8)},
}


def upright(data: bytes) -> Image.Image:
    """Return a picture over white as a viewer shows it."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


class Library:
    """The library's own way from a picture and phrases to regions."""

    def __init__(self, folder: Path) -> None:
        self.model = Owlv2ForObjectDetection.from_pretrained(folder).eval()
        self.processor = Owlv2Processor(
            Owlv2ImageProcessorPil.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
        )

    def detect(self, data: bytes, phrases: Sequence[str], threshold: float) -> list[dict[str, Any]]:
        picture = upright(data)
        inputs = self.processor(
            text=[list(phrases)], images=picture, return_tensors="pt", max_length=TINY.TOKENS, truncation=True
        )
        with torch.inference_mode():
            outputs = self.model(**inputs)
        (found,) = self.processor.post_process_grounded_object_detection(
            outputs, threshold, target_sizes=[picture.size[::-1]], text_labels=[list(phrases)]
        )
        assert (found["scores"] - threshold).abs().min() > 1e-5
        box_N4 = found["boxes"] / torch.tensor([*picture.size, *picture.size])
        box_N4 = box_N4.clamp(0, 1)
        sides_N = (box_N4[:, 2:] - box_N4[:, :2]).min(dim=1).values
        assert not ((sides_N > 0) & (sides_N < 1e-5)).any()
        rows = zip(found["scores"].tolist(), box_N4.tolist(), found["text_labels"], sides_N, strict=True)
        return [
            {"box": box, "phrase": phrase, "score": score} for score, box, phrase, side in rows if side > 0
        ]


@pytest.fixture(scope="module")
def library(folder: Path) -> Library:
    return Library(folder)


def assert_same(
    found: Sequence[Mapping[str, Any]], expected: Sequence[Mapping[str, Any]], atol: float = 1e-4
) -> None:
    """Compare regions in any order: of each, box, score and phrase."""
    assert len(found) == len(expected)
    numbers_N5, wanted_M5 = (
        torch.tensor([[*region["box"], region["score"]] for region in side]).reshape(-1, 5)
        for side in (found, expected)
    )
    apart_MN = (wanted_M5[:, None] - numbers_N5).abs().amax(dim=2)
    for row, region in enumerate(expected):
        for column, other in enumerate(found):
            apart_MN[row, column] += region["phrase"] != other["phrase"]
    near = apart_MN.min(dim=1) if found else None
    if near is not None:
        assert near.values.max() < atol
        assert sorted(near.indices.tolist()) == list(range(len(found)))


# What is found.


@pytest.mark.parametrize("batch_size", [1, 5])
def test_regions_as_the_library_finds_them(folder: Path, library: Library, batch_size: int) -> None:
    # Each picture has other phrases, and another number of them.
    asked = [
        (PHRASES[number % 3 : 3 + number % 5] + PHRASES[:1], data)
        for number, data in enumerate(PICTURES.values())
    ]
    assert len({len(phrases) for phrases, _ in asked}) > 3
    worker = make(folder, batch_size=batch_size)
    replies = ask(worker, [request(number, *one) for number, one in enumerate(asked)])
    labels, counts = set(), []
    for (phrases, data), reply in zip(asked, replies, strict=True):
        found = regions(reply)
        assert_same(found, library.detect(data, list(dict.fromkeys(phrases)), THRESHOLD))
        scores = [region["score"] for region in found]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= side <= 1 for region in found for side in region["box"])
        assert {region["phrase"] for region in found} <= set(phrases)
        labels |= {region["phrase"] for region in found}
        counts.append(len(found))
        assert (reply.model, reply.tokens_in, reply.tokens_out) == ("tiny", 0, 0)
        assert reply.seconds > 0
    assert len(labels) > 3
    assert min(counts) > 5


def test_a_turned_picture_has_the_boxes_of_the_upright_one(folder: Path) -> None:
    for orientation in range(1, 9):
        data = turned(orientation)
        one, other = ask(
            make(folder), [request(0, PHRASES, data), request(1, PHRASES, encode(upright(data)))]
        )
        assert_same(regions(one), regions(other), atol=1e-5)


def test_the_threshold(folder: Path, library: Library) -> None:
    data = PICTURES["landscape"]
    every = library.detect(data, PHRASES, 0.0)
    counts = []
    for threshold in (0.0, 0.5, 0.7):
        (reply,) = ask(make(folder, threshold=threshold), [request(0, PHRASES, data)])
        assert_same(regions(reply), [region for region in every if region["score"] > threshold])
        counts.append(len(regions(reply)))
    assert counts == sorted(set(counts), reverse=True)


def test_at_most_so_many_of_the_best(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [request(0, PHRASES, PICTURES["square"])]
    (reply,) = ask(make(folder), asked)
    monkeypatch.setattr(lvlm_workers.owlv2_checkpoint, "MAX_REGIONS", 5)
    (short,) = ask(make(folder), asked)
    assert regions(short) == regions(reply)[:5]
    assert len(regions(reply)) > 5


def test_large_pictures_are_reduced_first(folder: Path) -> None:
    large = encode(scene(500, 300, 8))
    small = encode(shrink_picture(large, 4 * TINY.SIDE**2))
    one, other = ask(make(folder), [request(0, PHRASES, large), request(1, PHRASES, small)])
    assert_same(regions(one), regions(other), atol=1e-5)


def test_a_phrase_asked_twice_counts_once(folder: Path) -> None:
    twice = request(0, [*PHRASES, *PHRASES], PICTURES["square"])
    one, other = ask(make(folder), [twice, request(1, PHRASES, PICTURES["square"])])
    assert_same(regions(one), regions(other), atol=1e-5)


def test_phrases_longer_than_the_text_tower(folder: Path, library: Library) -> None:
    phrases = ["an old house by the sea with a garden", "sky", "an old house by the sea with a boat"]
    (reply,) = ask(make(folder), [request(0, phrases, PICTURES["square"])])
    expected = library.detect(PICTURES["square"], phrases, THRESHOLD)
    assert_same(regions(reply), expected)
    assert {region["phrase"] for region in expected} == set(phrases[:2])  # cut, the third is the first


def test_control_tokens_in_a_phrase_are_text(folder: Path) -> None:
    checkpoint = Owlv2Checkpoint(make(folder)._config)
    with torch.inference_mode():
        rows_ND = checkpoint._embed_texts(["sky", "sky<|endoftext|>"])
    assert torch.pdist(rows_ND).min() > 0.1


def test_bfloat16(folder: Path) -> None:
    asked = [request(0, PHRASES, PICTURES["landscape"])]
    (reply,) = ask(make(folder, dtype="bfloat16"), asked)
    assert regions(reply)
    checkpoint = Owlv2Checkpoint(make(folder, dtype="bfloat16")._config)
    heads = checkpoint._model.class_head, checkpoint._model.box_head
    assert {weights.dtype for head in heads for weights in head.parameters()} == {torch.float32}
    assert checkpoint._model.dtype == torch.bfloat16


# Phrases are embedded once.


def test_what_was_embedded_is_kept_within_bounds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []
    embed = Owlv2Checkpoint._embed_texts

    def noted(self: Owlv2Checkpoint, some: Sequence[str]) -> torch.Tensor:
        texts.extend(some)
        return embed(self, some)

    monkeypatch.setattr(Owlv2Checkpoint, "_embed_texts", noted)
    monkeypatch.setattr(lvlm_workers.owlv2_checkpoint, "_MAX_EMBEDDINGS", 4)
    monkeypatch.setattr(lvlm_workers.owlv2_checkpoint, "_TEXTS", 2)
    worker = make(folder, batch_size=2)
    data = PICTURES["square"]
    lists = (PHRASES[:3], PHRASES[1:4], PHRASES[:1], PHRASES, PHRASES[3:])
    for phrases in lists:
        (reply,) = ask(worker, [request(0, phrases, data)])
        (alone,) = ask(make(folder), [request(0, phrases, data)])
        assert_same(regions(reply), regions(alone), atol=1e-5)
    texts.clear()
    for phrases in (PHRASES[3:], PHRASES[4:], PHRASES[2:3], PHRASES[5:], PHRASES[3:4]):
        ask(worker, [request(0, phrases, data)])
    # Four are kept; the third list puts out the one used longest ago, the fourth phrase.
    assert texts == [PHRASES[2], PHRASES[3]]


# Requests that cannot be answered, or need no model.


def test_nothing_to_look_for_needs_no_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("loaded")

    monkeypatch.setattr(Owlv2Checkpoint, "__init__", refuse)
    requests = [request(0, [], PICTURES["tiny"]), request(1, [], None), request(2, [], b"no picture")]
    replies = ask(make(folder), requests)
    assert [(reply.text, reply.finish_reason) for reply in replies] == [('{"regions": []}', "stop")] * 3
    assert ask(make(folder), []) == []


def test_a_picture_that_cannot_be_decoded(folder: Path) -> None:
    good = PICTURES["landscape"]
    images = [good, b"no picture", good[: len(good) // 2], good, b""]
    replies = ask(make(folder), [request(number, PHRASES, image) for number, image in enumerate(images)])
    assert [reply.finish_reason == "refused_request" for reply in replies] == [False, True, True, False, True]
    assert [reply.attempts for reply in replies] == [1, 0, 0, 1, 0]
    assert all("the picture cannot be decoded" in replies[number].text for number in (1, 2, 4))
    assert_same(regions(replies[0]), regions(replies[3]), atol=1e-5)


def test_a_phrase_that_is_no_text_fails_its_own_request(folder: Path) -> None:
    lists = [PHRASES, ["\ud800"], PHRASES[:2], ["", " "]]
    asked = [request(number, some, PICTURES["square"]) for number, some in enumerate(lists)]
    replies = ask(make(folder), asked)
    assert [reply.finish_reason for reply in replies] == ["stop", "refused_request", "stop", "stop"]
    assert_same(regions(replies[2]), regions(ask(make(folder), asked[2:3])[0]), atol=1e-5)


@pytest.mark.parametrize(
    "prompt", ["Describe the picture.", "[]", '{"phrases": "a"}', '{"phrases": [1]}', "[" * 9999]
)
def test_a_prompt_for_a_model_that_writes(folder: Path, prompt: str) -> None:
    with pytest.raises(WorkerError, match="no object of phrases; give this recipe a worker with a model"):
        ask(make(folder), [Request(tag=0, prompt=prompt, image=PICTURES["square"])])


def test_a_request_without_a_picture(folder: Path) -> None:
    with pytest.raises(WorkerError, match="request 0 has no picture"):
        ask(make(folder), [request(0, PHRASES, None)])


def test_boxes_and_scores_that_are_no_numbers_are_left_out(folder: Path) -> None:
    worker = make(folder, threshold=0.0)
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


def test_a_model_of_no_numbers_ends_the_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = make(folder, batch_size=2)
    asked = [request(number, PHRASES, PICTURES["square"]) for number in range(16)]
    ask(worker, asked[:1])
    assert worker._batches is not None
    detector = worker._batches._checkpoint
    with torch.inference_mode():
        detector._model.class_head.dense0.weight.fill_(float("nan"))
    replies = ask(worker, asked)  # it has answered others before
    assert {reply.finish_reason for reply in replies} == {"refused_request"}
    assert "no numbers; set dtype to float32" in replies[0].text
    fresh = make(folder, batch_size=2)
    monkeypatch.setattr(lvlm_workers.owlv2_checkpoint, "load_weights", lambda *_: detector._model)
    with pytest.raises(WorkerError, match="answers none of the first 16 requests .*set dtype to float32"):
        ask(fresh, asked)


def test_a_batch_too_large_for_memory_is_halved(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [request(number, PHRASES, data) for number, data in enumerate(PICTURES.values())]
    right = ask(make(folder, batch_size=8), asked)
    sizes: list[int] = []
    detect = Owlv2Checkpoint.detect

    def cramped(self: Owlv2Checkpoint, pictures: Any, phrases: Any) -> Any:
        if len(pictures) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        sizes.append(len(pictures))
        return detect(self, pictures, phrases)

    monkeypatch.setattr(Owlv2Checkpoint, "detect", cramped)
    for reply, expected in zip(ask(make(folder, batch_size=8), asked), right, strict=True):
        assert_same(regions(reply), regions(expected), atol=1e-5)
    # Of 13, eight were pulled as one batch, and the rest before it was answered.
    assert sizes == [2, 2, 2, 2, 2, 1, 2]
    monkeypatch.setattr(Owlv2Checkpoint, "detect", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError()))
    with pytest.raises(WorkerError, match="one request; set dtype to bfloat16, or name a smaller model"):
        ask(make(folder), asked)


def test_a_failing_device_ends_the_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("CUDA error: device-side assert triggered\nCompile with ...")

    monkeypatch.setattr(Owlv2Checkpoint, "detect", broken)
    with pytest.raises(WorkerError, match=r"failed \(CUDA error: device-side assert.*run again to resume"):
        ask(make(folder), [request(0, PHRASES, PICTURES["square"])])


# When the model is there.


def test_the_model_is_loaded_on_first_use(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    load = Owlv2Checkpoint.__init__

    def noted(self: Owlv2Checkpoint, config: Owlv2WorkerConfig) -> None:
        loads.append(config.model)
        load(self, config)

    monkeypatch.setattr(Owlv2Checkpoint, "__init__", noted)
    worker = make_worker(Owlv2WorkerConfig(kind="owlv2", model=str(folder), revision="a1"))
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


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return the line that a worker says of a model: `fails(model, "check")` or `fails(model, "answer")`."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    def told(model: Path | str, method: str, **settings: Any) -> str:
        worker = make(model, **settings)
        with pytest.raises(WorkerError) as raised:
            if method == "check":
                worker.check()
            else:
                ask(worker, [request(0, PHRASES, PICTURES["square"])])
        assert "\n" not in str(raised.value)
        return str(raised.value)

    return told


@pytest.mark.parametrize("method", ["check", "answer"])
def test_what_can_be_seen_without_the_weights(
    fails: Callable[..., str], copied: Path, tmp_path: Path, method: str
) -> None:
    assert "is no folder; name one" in fails(tmp_path / "nowhere", method)
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
def test_a_gpu_that_is_not_there(fails: Callable[..., str], folder: Path) -> None:
    for method in ("check", "answer"):
        assert "no GPU here; set device to auto or cpu" in fails(folder, method, device="cuda")


def test_what_asks_again() -> None:
    config = Owlv2WorkerConfig(kind="owlv2", model="m")
    assert config.identity() == {
        "kind": "owlv2", "model": "m", "revision": "", "dtype": "auto", "threshold": "0.1",
    }  # fmt: skip
    other = config.model_copy(update={"batch_size": 2, "device": "cpu", "gpu": "nvidia-tesla-t4"})
    assert other.identity() == config.identity()
    assert config.model_copy(update={"threshold": 0.3}).identity() != config.identity()
    for threshold in (-0.1, 1.0, float("nan")):
        with pytest.raises(ValueError, match="threshold"):
            Owlv2WorkerConfig(kind="owlv2", model="m", threshold=threshold)

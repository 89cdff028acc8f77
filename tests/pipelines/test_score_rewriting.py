"""Sentences with a misaligned word are sent back with the word named, scored anew, and stand or go."""

import json
import re
import runpy
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from demo_data.scenes import write_scenes
from lvlm_workers.clip_scorer import ClipScorer
from pipelines.load_config import load_config
from pipelines.run import open_run
from pipelines.verify import verify
from schemas.config import RunConfig
from schemas.errors import ConfigError, PairwrightError, RunError
from schemas.score import TEMPLATE, ClipConfig
from transforms.scoring.candidates import REWRITTEN
from transforms.scoring.edit import MISALIGNED

Config = dict[str, Any]
Curate = Callable[..., Any]
LINE = re.compile(r'^\d+\. (".*") Suspect: (".*")$', re.MULTILINE)
ModelServer: Any = runpy.run_path(str(Path(__file__).parents[1] / "openai_server.py"))["ModelServer"]


def sentences_in(prompt: str) -> list[tuple[str, list[str]]]:
    """Return the sentences of a prompt with their suspect words."""
    return [(json.loads(text), json.loads(f"[{words}]")) for text, words in LINE.findall(prompt)]


def mend(text: str, words: list[str]) -> str:
    """Put another word in place of the first suspect one."""
    return re.sub(rf"\b{re.escape(words[0])}\b", "plain", text, count=1)


def answer(body: Mapping[str, Any]) -> str:
    (part,) = [part for part in body["messages"][0]["content"] if part["type"] == "text"]
    return json.dumps({"sentences": [mend(*one) for one in sentences_in(part["text"])]})


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=16, seed=5, size_px=64, per_shard=8)
    return folder


@pytest.fixture
def server() -> Iterator[Any]:
    with ModelServer(answer=answer) as server:
        yield server


@pytest.fixture
def config(checkpoint: Path, scenes: Path, server: Any) -> Config:
    writer = {"kind": "openai", "model": "tiny", "base_urls": [server.url], "price_in": 1.0}
    return {
        "input": {"shards": f"{scenes}/*.tar"},
        "workers": {"rules": {"kind": "rules"}, "writer": writer},
        "annotate": [{"recipe": "hqclip", "worker": "rules"}],
        "score": {
            "clip": {"checkpoint": str(checkpoint), "batch_size": 5},
            "fields": ["long_positive", "long_negative"],
            "words": {"epsilon": -1e9},
            "embeddings": True,
            "max_drop_ratio": 1.0,
        },
        "chunk_samples": 6,
    }


def word_scores(output: Path) -> dict[str, list[dict[str, float]]]:
    """Return by uid the scores of the words of each sentence, as the tables have them."""
    tables = [pq.read_table(path) for path in sorted((output / "work" / "scores").glob("shard*.parquet"))]
    tables += [pq.read_table(path) for path in sorted((output / "work" / "scores").glob("0*.parquet"))]
    return {
        row["uid"]: [
            {word["word"]: word["score"] for word in text["words"]} for text in row["words_long_positive"]
        ]
        for table in tables
        for row in table.to_pylist()
    }


def lowest(output: Path, share: float) -> float:
    scores = [score for texts in word_scores(output).values() for text in texts for score in text.values()]
    return float(np.quantile(scores, share))


def expected(
    old: Mapping[str, Any],
    words: list[dict[str, float]],
    epsilon: float,
    stands: Callable[[str], bool],
) -> tuple[list[str], list[str], list[int]]:
    """Return the sentences and negatives that should be left of a record, and the places of mended ones."""
    positives: list[str] = []
    negatives: list[str] = []
    places: list[int] = []
    for text, negative, scores in zip(old["long_positive"], old["long_negative"], words, strict=True):
        low = [word for word, score in scores.items() if score < epsilon]
        if low and stands(mend(text, low)):
            places.append(len(positives))
        if not low or stands(mend(text, low)):
            positives.append(mend(text, low) if low else text)
            negatives.append("" if low else negative)
    return positives, negatives, places


def test_mended_sentences_stand_where_they_are_aligned(
    curate: Curate, config: Config, server: Any, checkpoint: Path, tmp_path: Path
) -> None:
    whole = curate(config, tmp_path / "whole")
    epsilon = lowest(whole.output, 0.2)
    config["score"]["words"] = {"epsilon": epsilon, "rewrite": "writer"}
    run = curate(config, tmp_path / "rewritten")
    words = word_scores(run.output)
    scorer = ClipScorer(ClipConfig(checkpoint=str(checkpoint), device="cpu"))
    for old, new, members in zip(whole.records, run.records, run.samples.values(), strict=True):
        picture = next(data for ending, data in members.items() if ending in ("jpg", "png", "webp"))

        def stands(text: str, picture: bytes = picture) -> bool:
            (seen,) = scorer.score([picture], [[text]])
            assert seen.image_E is not None
            (said,) = scorer.word_scores([seen.image_E], [text], template=TEMPLATE)
            return all(word.score >= epsilon for word in said.words)

        positives, negatives, places = expected(old, words[old["uid"]], epsilon, stands)
        assert (new["long_positive"], new["long_negative"]) == (positives, negatives)
        told = new["provenance"].get("realigned")
        assert (told["sentences"]["long_positive"] if told else []) == places
        assert told is None or (told["recipe"], told["model"]) == ("realign", "tiny")
        (again,) = scorer.score([picture], [[new["alt_text"], new["caption"], *positives]])
        scores = new["scores"]
        held = [scores["clip_alt"], scores["clip_caption"], *scores["clip_long_positive"]]
        np.testing.assert_allclose(held, np.array(again.cosine_K, float), atol=1e-5)
    assert verify(str(run.output)) == []


def test_what_is_asked_and_counted(curate: Curate, config: Config, server: Any, tmp_path: Path) -> None:
    whole = curate(config, tmp_path / "whole")
    epsilon = lowest(whole.output, 0.2)
    config["score"]["words"] = {"epsilon": epsilon}
    dropped = curate(config, tmp_path / "dropped").records
    assert not server.seen
    config["score"]["words"]["rewrite"] = "writer"
    run = curate(config, tmp_path / "rewritten")
    words = word_scores(run.output)
    asked = [
        (text, [word for word, score in scores.items() if score < epsilon])
        for old, less in zip(whole.records, dropped, strict=True)
        for text, scores in zip(old["long_positive"], words[old["uid"]], strict=True)
        if text not in less["long_positive"]
    ]
    assert all(low for _, low in asked)
    assert sorted(one for prompt in server.prompts for one in sentences_in(prompt)) == sorted(asked)
    told = json.loads((run.output / "run.json").read_text())
    mended = sum(len(r["long_positive"]) for r in run.records) - sum(len(r["long_positive"]) for r in dropped)
    assert len(asked) > mended > 0
    rewritten = told["score"]["rewritten"]["long_positive"]
    assert (rewritten["asked"], rewritten["mended"]) == (len(asked), mended)
    assert len(asked) - mended >= sum(rewritten["unused"].values())
    negatives = sum(r["long_negative"].count("") for r in run.records)
    left_out = {"long_positive": {MISALIGNED: len(asked) - mended}, "long_negative": {REWRITTEN: negatives}}
    assert told["score"]["texts_left_out"] == left_out
    assert told["score"]["rewriter"]["name"] == "realign"
    spent = told["usage"]["recipes"]["realign"]
    assert spent["replies"] == len(server.seen)
    assert spent["cost"] == pytest.approx(spent["tokens_in"] / 1e6)


def test_killed_and_run_again_asks_nothing_twice(
    curate: Curate, config: Config, server: Any, tmp_path: Path
) -> None:
    whole = curate(config, tmp_path / "whole")
    config["score"]["words"] = {"rewrite": "writer", "epsilon": lowest(whole.output, 0.3)}
    first = curate(config, tmp_path / "out")
    requests = len(server.seen)
    assert requests
    work = first.output / "work"
    for pattern in ("scores/rewritten-*", "annotations/realign/*", "score/*", "realign/*", "index/*"):
        gone = sorted(work.glob(pattern))
        assert gone
        for path in gone[::2]:
            path.unlink()
    (first.output / "run.json").unlink()
    again = curate(config, tmp_path / "out")
    assert again.digests == first.digests
    assert len(server.seen) == requests


def test_replies_that_cannot_be_used_lose_the_sentence_and_not_the_sample(
    curate: Curate, config: Config, server: Any, tmp_path: Path
) -> None:
    whole = curate(config, tmp_path / "whole")
    config["score"]["words"] = {"epsilon": lowest(whole.output, 0.2)}
    dropped = curate(config, tmp_path / "dropped")
    server.answer = lambda body: "I cannot see a picture."
    config["score"]["words"]["rewrite"] = "writer"
    run = curate(config, tmp_path / "rewritten")
    assert server.seen
    assert run.records == dropped.records
    told = json.loads((run.output / "run.json").read_text())["score"]["rewritten"]["long_positive"]
    assert told["asked"] > 0 == told["mended"]


def test_rules_leave_the_word_out(curate: Curate, config: Config, tmp_path: Path) -> None:
    whole = curate(config, tmp_path / "whole")
    config["score"]["words"] = {"epsilon": lowest(whole.output, 0.3), "rewrite": "rules"}
    run = curate(config, tmp_path / "rules")
    before = {record["uid"]: record["long_positive"] for record in whole.records}
    mended = 0
    for record in run.records:
        for place in (
            record["provenance"].get("realigned", {"sentences": {}})["sentences"].get("long_positive", ())
        ):
            words = record["long_positive"][place].lower().split()
            mended += 1
            assert any(set(words) <= {*old.lower().split(), "a", "an"} for old in before[record["uid"]])
    assert (
        json.loads((run.output / "run.json").read_text())["score"]["rewritten"]["long_positive"]["mended"]
        == mended
    )
    assert verify(str(run.output)) == []


@pytest.mark.parametrize(
    ("worker", "message"),
    [
        ("nobody", "score.words.rewrite names worker 'nobody'"),
        ("boxes", "is a detector and writes no sentences"),
    ],
)
def test_workers_that_cannot_mend(config: Config, worker: str, message: str, tmp_path: Path) -> None:
    config["workers"]["boxes"] = {"kind": "segments"}
    config["score"]["words"] = {"rewrite": worker}
    path = tmp_path / "run.yaml"
    path.write_text(json.dumps({"name": "test", "output": str(tmp_path / "out"), **config}))
    with pytest.raises(ConfigError, match=re.escape(message)):
        open_run(load_config(str(path), RunConfig, ()))


def test_no_model_is_paid_on_a_threshold_of_a_few_words(
    curate: Curate, config: Config, server: Any, tmp_path: Path
) -> None:
    config["score"]["words"] = {"rewrite": "writer"}
    with pytest.raises(RunError, match=r"would ask 'writer', but .* --set score.words.epsilon=-?[0-9.e-]+"):
        curate(config, tmp_path / "out")
    assert not server.seen


def test_a_server_that_refuses_is_asked_again_once_it_is_mended(
    curate: Curate, config: Config, server: Any, tmp_path: Path
) -> None:
    whole = curate(config, tmp_path / "whole")
    config["score"]["words"] = {"epsilon": lowest(whole.output, 0.5), "rewrite": "writer"}
    fresh = curate(config, tmp_path / "fresh")
    asked = len(server.seen)
    assert asked >= 16
    server.fault_rate, server.faults = 1.0, ["400"]
    with pytest.raises(PairwrightError, match="refuse"):
        curate(config, tmp_path / "out")
    server.fault_rate = 0.0
    server.seen.clear()
    again = curate(config, tmp_path / "out")
    assert len(server.seen) == asked
    assert {name: of for name, of in again.digests.items() if name.endswith(".tar")} == {
        name: of for name, of in fresh.digests.items() if name.endswith(".tar")
    }


def test_a_sentence_that_is_another_ones_negative_mends_nothing(
    curate: Curate, config: Config, server: Any, tmp_path: Path
) -> None:
    whole = curate(config, tmp_path / "whole")
    negatives = {no for record in whole.records for no in record["long_negative"] if no}

    def swap(body: Mapping[str, Any]) -> str:
        (part,) = [part for part in body["messages"][0]["content"] if part["type"] == "text"]
        asked = [text for text, _ in sentences_in(part["text"])]
        false = {
            yes: no
            for record in whole.records
            for yes, no in zip(record["long_positive"], record["long_negative"], strict=True)
        }
        return json.dumps({"sentences": [false[text] for text in asked]})

    server.answer = swap
    config["score"]["words"] = {"epsilon": lowest(whole.output, 0.5), "rewrite": "writer"}
    run = curate(config, tmp_path / "out")
    assert server.seen
    assert negatives
    assert not any("realigned" in record["provenance"] for record in run.records)

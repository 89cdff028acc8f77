"""A mistake is told at its place as the user wrote it, with the value and what may stand there."""

from typing import Any

import pytest
from pydantic import ValidationError

from pipelines.config_errors import explain_errors
from schemas.config import RunConfig

GOOD: dict[str, Any] = {"name": "x", "input": {"shards": "a.tar"}, "output": "o"}
SCORES = "clip_alt, clip_caption, clip_best, clip_masked, quality"
KINDS = "rules, segments, openai, vllm, transformers, owlv2"


def lines_of(change: dict[str, Any]) -> list[str]:
    values = GOOD | change
    with pytest.raises(ValidationError) as raised:
        RunConfig.model_validate(values)
    return explain_errors(raised.value, RunConfig, values)


def keep(rule: object) -> dict[str, Any]:
    return {"score": {"clip": {"checkpoint": "c"}, "keep": [{"share": 0.3}, rule]}}


def worker(**fields: object) -> dict[str, Any]:
    return {"workers": {"w": {"kind": "openai", "base_urls": "u", "model": "m"} | fields}}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            keep({"of": "clip_al", "share": 0.3}),
            f"score.keep[1].of: 'clip_al' is not known; did you mean 'clip_alt'? known: {SCORES}",
        ),
        (keep({"of": 3, "share": 0.3}), f"score.keep[1].of: 3 is not known; known: {SCORES}"),
        (keep({"shar": 0.3}), "score.keep[1].shar: unknown field; did you mean 'share'?"),
        (
            keep({"share": 0.3, "zzz": 1}),
            "score.keep[1].zzz: unknown field; known: of, min, share, preset",
        ),
        (keep({"share": 0}), "score.keep[1].share: 0 is too small; give more than 0"),
        (keep({"min": "high"}), "score.keep[1].min: 'high' is no number; give one"),
        (keep({}), "score.keep[1]: give one of min, share and preset"),
        (keep(0.3), "score.keep[1]: 0.3 is no section; its fields are of, min, share, preset"),
        ({"input": {"shards": None}}, "input.shards: has no value; give one"),
        ({"input": {"shards": []}}, "input.shards: is an empty list; give at least one item"),
        ({"input": {"shards": 5}}, "input.shards: 5 is no list; write [a, b]"),
        ({"input": {"shards": [5]}}, "input.shards[0]: 5 is no text; put it in quotes"),
        ({"workers": None}, "workers: has no value; give one, or leave it out"),
        (worker(send_seed="perhaps"), "workers.w.send_seed: 'perhaps' is neither true nor false"),
        (worker(in_flight=2.5), "workers.w.in_flight: 2.5 is no whole number; give one"),
        (worker(kind="opnai"), f"workers.w: unknown kind 'opnai'; did you mean 'openai'? known: {KINDS}"),
        ({"workers": {"w": {}}}, f"workers.w: has no kind; add one: {KINDS}"),
        (
            {"profile": {"filters": [{"kind": "language", "allow": ["English"]}]}},
            "profile.filters[0].allow[0]: 'English' does not match ^[a-z]{2,3}$ "
            "(ISO 639 codes, such as en, de, zh)",
        ),
        (
            {"workers": {"w": "rules"}},
            f"workers.w: 'rules' is no section; write {{kind: ...}}, one of {KINDS}",
        ),
        ({"name": ""}, "name: '' is empty; give a text"),
        ({"dedup": {"exact": None}}, "dedup.exact: has no value; give one, or leave it out"),
    ],
)
def test_a_mistake_is_one_line(change: dict[str, Any], line: str) -> None:
    assert lines_of(change)[0] == line


def test_what_follows_from_another_mistake_is_not_told() -> None:
    """A needed field that is misspelt is not missing as well, and a list of wrong items is not too short."""
    misspelt: dict[str, Any] = {"kind": "openai", "base_urls": "u", "modl": "m"}
    assert lines_of({"workers": {"w": misspelt}}) == ["workers.w.modl: unknown field; did you mean 'model'?"]
    assert len(lines_of({"profile": {"filters": [{"kind": "language", "allow": ["English"]}]}})) == 1


def test_of_many_mistakes_the_first_five_are_told() -> None:
    found = lines_of({"publish": {f"zz{n}": n for n in range(8)}})
    assert [line.partition(":")[0] for line in found[:5]] == [f"publish.zz{n}" for n in range(5)]
    assert found[5:] == ["and 3 more"]

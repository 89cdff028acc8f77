"""Results are written, read again, and compared; the same results give the same bytes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clip_evaluation.compositional import Compositional, score_pairs
from clip_evaluation.figure import figures
from clip_evaluation.report import compare_results, read_results, write_comparison, write_results
from clip_evaluation.subgroups import subgroups
from clip_evaluation.tables import comparison_lines, comparison_table
from clip_evaluation.zero_shot import zero_shot
from schemas.errors import ConfigError, RunError

HOSTILE = "<b>|../x.y\n\ud800"


def records(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    labels = np.arange(60) % 3
    pairs = score_pairs(
        rng.normal(size=60), rng.normal(size=60), ["swap_obj"] * 60, clusters=np.arange(60) // 2
    )
    correct = rng.random(60) < 0.5
    return {
        "emoji": zero_shot(rng.normal(size=(60, 8)), rng.normal(size=(3, 8)), labels),
        "crepe": Compositional(model=pairs, blind={"longer": pairs}),
        "groups": subgroups(correct, [HOSTILE if i % 2 else "b" for i in range(60)], chance=None),
    }


def write(folder: Path, seed: int, data: str = "same") -> None:
    found = records(seed)
    write_results(
        folder,
        checkpoint=f"run|{seed}",
        records=found,
        main=["emoji.top1", "crepe.model.overall.accuracy"],
        data=dict.fromkeys(found, data),
        plots={"a_1": "<svg/>"},
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(tmp_path, 0)
    read = read_results(tmp_path)
    expected = dict(figures(records(0)))
    assert read.figures == expected
    for name, figure in expected.items():
        for kind in ("items", "clusters"):
            mine, theirs = getattr(read.figures[name], kind), getattr(figure, kind)
            assert (mine is None) == (theirs is None)
            if mine is not None:
                np.testing.assert_array_equal(mine, theirs)
    assert read.checkpoint == "run|0"
    assert (tmp_path / "a_1.svg").read_text() == "<svg/>"
    told = json.loads((tmp_path / "results.json").read_text())
    assert told["results"]["emoji"]["classes"] == 3


def test_the_table_has_chance_beside_each_figure(tmp_path: Path) -> None:
    write(tmp_path, 0)
    lines = (tmp_path / "results.md").read_text().splitlines()
    (row,) = (line for line in lines if line.startswith(r"| emoji.top1 |"))
    figure = dict(figures(records(0)))["emoji.top1"]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "emoji.top1", f"{figure.value:.4g}", f"{figure.low:.4g} to {figure.high:.4g}", "0.3333", "60",
    ]  # fmt: skip
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == 1 + len(dict(figures(records(0))))
    assert {line.replace(r"\|", "").count("|") for line in rows} == {6}
    assert not any("<b>" in line for line in lines)


def test_the_same_results_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, 0)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["a_1.svg", "items.npz", "results.json", "results.md"]
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_checkpoints_are_compared_on_the_same_data_only(tmp_path: Path) -> None:
    write(tmp_path / "a", 0)
    write(tmp_path / "b", 1)
    write(tmp_path / "c", 1, data="other")
    a, b, c = (read_results(tmp_path / name) for name in "abc")
    paired = {row.name: row for row in compare_results(a, b).rows}
    plain = {row.name: row for row in compare_results(a, c).rows}
    assert list(paired) == list(plain) == list(a.figures)
    assert paired["emoji.top1"].low is not None
    assert paired["emoji.top1"].p_value is not None
    assert paired["crepe.model.overall.accuracy"].p_value is None  # clustered
    assert plain["emoji.top1"].low is None
    assert plain["emoji.top1"].difference == paired["emoji.top1"].difference
    table = comparison_table(a.checkpoint, b.checkpoint, compare_results(a, b))
    assert table.splitlines()[0] == r"# a: run\|0, b: run\|1"
    assert "| emoji.top1 |" in table


def test_a_terminal_shows_the_main_figures_and_where_the_rest_is(tmp_path: Path) -> None:
    write(tmp_path / "a", 0)
    write(tmp_path / "b", 1)
    a, b = read_results(tmp_path / "a"), read_results(tmp_path / "b")
    head, top1, accuracy, rest = comparison_lines(compare_results(a, b))
    assert head.split()[:3] == ["figure", "a", "b"]
    assert top1.startswith("emoji.top1 ")
    assert accuracy.startswith("crepe.model.overall.accuracy ")
    number = len(a.figures)
    assert rest == f"2 of {number} figures that both have; comparison.md lists all"
    del b.figures["emoji.top1"]
    del a.figures["emoji.mean_per_class"]
    lines = comparison_lines(compare_results(a, b))
    assert len(lines) == 3
    assert lines[-1] == (
        f"1 of {number - 2} figures that both have, 1 in a alone, 1 in b alone; comparison.md lists all"
    )
    a.figures.clear()
    (line,) = comparison_lines(compare_results(a, b))
    assert line == f"0 of 0 figures that both have, {number - 1} in b alone; comparison.md lists all"
    a, b = read_results(tmp_path / "a"), read_results(tmp_path / "b")
    write_comparison(tmp_path / "out", "a", "b", compare_results(a, b))
    told = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert len(told["rows"]) == number
    assert (tmp_path / "out" / "comparison.md").read_text().count("\n| ") == 1 + number


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no results.json; evaluate first"):
        read_results(tmp_path)
    with pytest.raises(ValueError, match="data are named"):
        write_results(tmp_path, checkpoint="x", records=records(0), main=[], data={})
    with pytest.raises(ValueError, match=r"plot '\.\./x'"):
        write_results(tmp_path, checkpoint="x", records={}, main=[], data={}, plots={"../x": ""})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("results.json", b"{"),
        ("results.json", b"[]"),
        ("results.json", b'{"figures": {"a": {"value": 1}}}'),
        ("results.json", b"[" * 100_000),
        ("items.npz", b"PK"),
        ("items.npz", b""),
    ],
)
def test_damaged_results(tmp_path: Path, name: str, content: bytes) -> None:
    write(tmp_path, 0)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RunError, match="damaged"):
        read_results(tmp_path)

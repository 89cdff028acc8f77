"""Plots are XML whose points lie where the numbers say."""

from xml.etree import ElementTree

import numpy as np
import pytest

from clip_evaluation.calibration import calibration
from clip_evaluation.plot import Line, line_plot, recall_plot, reliability_plot, severity_plot
from clip_evaluation.retrieval import retrieval

SVG = "{http://www.w3.org/2000/svg}"


def test_points_lie_where_they_should() -> None:
    root = ElementTree.fromstring(
        line_plot("t", "x", "y", [Line(name="a", points=[(1, 0), (3, 1)])], x_ticks=[1, 3])
    )
    (line,) = root.iter(f"{SVG}polyline")
    assert line.get("points") == "52,274 406,34"
    assert [circle.get("cx") for circle in root.iter(f"{SVG}circle")] == ["52", "406"]


def test_names_are_text() -> None:
    svg = line_plot("<b>&", "x", "y", [Line(name='"<script>"', points=[])], x_ticks=[0, 1])
    assert "<script>" not in svg
    root = ElementTree.fromstring(svg)
    assert root[0].text == "<b>&"
    with pytest.raises(ValueError, match="ticks"):
        line_plot("t", "x", "y", [], x_ticks=[])


def test_every_corruption_has_a_colour_and_a_name_beside_the_lines() -> None:
    root = ElementTree.fromstring(severity_plot("t", {f"kind{n}": [0.9, 0.5] for n in range(7)}, chance=0.25))
    lines = list(root.iter(f"{SVG}polyline"))
    assert len({line.get("stroke") for line in lines}) == 8
    assert lines[-1].get("points") == "52,214 406,214"  # a quarter of the way from 274 to 34
    named = {text.text: float(text.get("x") or 0) for text in root.iter(f"{SVG}text")}
    assert all(named[name] > 406 for name in [*(f"kind{n}" for n in range(7)), "chance"])


def test_plots_of_results() -> None:
    rng = np.random.default_rng(0)
    result = retrieval(rng.normal(size=(12, 4)), rng.normal(size=(12, 4)), np.arange(12))
    both = {"picture to text": result.image_to_text, "text to picture": result.text_to_image}
    svg = recall_plot("recall", both)
    assert len(list(ElementTree.fromstring(svg).iter(f"{SVG}polyline"))) == 4
    assert svg == recall_plot("recall", both)
    bins = calibration(rng.normal(size=(50, 3)), rng.integers(0, 3, size=50))
    root = ElementTree.fromstring(reliability_plot("calibration", {"before": bins}))
    assert len(list(root.iter(f"{SVG}circle"))) == len(bins.reliability)

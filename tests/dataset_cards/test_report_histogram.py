import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dataset_cards.report_histogram import Distribution, bin_edges, fill_bins, histogram, quantile

VALUES = st.lists(st.integers(0, 5000), min_size=1, max_size=60)


@given(VALUES, st.floats(0.01, 1))
def test_quantiles_are_those_of_numpy(values: list[int], share: float) -> None:
    assume(abs(share * len(values) - round(share * len(values))) > 1e-9 or share == 1)
    expected = np.quantile(values, share, method="inverted_cdf")
    assert quantile(Counter(values), share) == expected


@given(VALUES, st.integers(0, 3))
def test_bins_are_those_of_numpy(values: list[int], digits: int) -> None:
    step = 10.0**-digits
    scaled = [round(value * step, digits) for value in values]
    edges = bin_edges(min(scaled), max(scaled), step)
    assert edges[0] <= min(scaled)
    assert max(scaled) < edges[-1]
    assert 1 <= len(edges) - 1 <= 52
    # Half a step below, so that no value lies on an edge, where floating point decides.
    expected, _ = np.histogram(np.array(scaled), bins=np.array(edges) - step / 2)
    assert fill_bins(Counter(scaled), edges) == expected.tolist()


def test_values_outside_fall_into_the_outer_bins() -> None:
    assert fill_bins({-5: 2, 0: 1, 9: 1, 99: 4}, [0, 5, 10]) == [3, 5]


def test_the_bars_are_as_high_as_the_counts() -> None:
    figure = "".join(histogram(Distribution(title="Words", unit=" words", counts={1: 10, 2: 5, 3: 1})))
    bars = [float(high) for high in re.findall(r'class="bar"[^>]*height="([\d.]+)"', figure)]
    assert bars == pytest.approx([94.0, 47.0, 9.4])
    assert "<title>1 to under 2 words: 10 (62.5%)</title>" in figure
    assert "median 1 words, 90% from 1 to 3" in figure
    assert '<th scope="row">3 to under 4</th><td>1</td>' in figure


def test_another_run_is_an_outline_on_its_own_scale() -> None:
    chart = Distribution(
        title="Side", unit=" px", counts={1: 1, 2: 1}, name="<a>", other={2: 100}, other_name="b"
    )
    figure = "".join(histogram(chart))
    # Shares: 0.5 and 0.5 against 0 and 1; the highest is 94 units high, above the axis at 100.
    assert 'd="M0 100V100.00H160.00 V6.00H320.00V100"' in figure
    assert "&lt;a&gt;: median 1 px" in figure
    assert "<a>" not in figure


def test_nothing_counted_is_no_chart() -> None:
    assert list(histogram(Distribution(title="x", unit="", counts={}))) == []

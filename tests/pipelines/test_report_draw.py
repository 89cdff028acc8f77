from hypothesis import given
from hypothesis import strategies as st

from pipelines.report_draw import shares, spread


@given(st.integers(0, 3000), st.integers(0, 100), st.text(max_size=3))
def test_samples_are_drawn_evenly(whole: int, wanted: int, seed: str) -> None:
    drawn = spread(whole, wanted, seed)
    assert len(drawn) == min(whole, wanted)
    assert drawn == sorted(set(drawn))
    assert drawn == spread(whole, wanted, seed)
    if whole > wanted:
        for number, place in enumerate(drawn):  # one of each stretch
            assert number * whole // wanted <= place < (number + 1) * whole // wanted


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 50)), st.integers(0, 120))
def test_rare_reasons_are_drawn_whole(counts: dict[str, int], wanted: int) -> None:
    drawn = shares(counts, wanted)
    assert sum(drawn.values()) == min(wanted, sum(counts.values()))
    cut = {kind: number for kind, number in drawn.items() if number < counts[kind]}
    assert all(number <= counts[kind] for kind, number in drawn.items())
    if cut:  # who does not get all gets as much as anybody, but for the last one
        assert max(drawn.values()) - min(cut.values()) <= 1

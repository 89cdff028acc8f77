"""Stretched positions against Long-CLIP's released rule, written down row by row."""

import pytest
import torch

from contrastive_trainer.positions import stretch_positions


def released(old_LD: torch.Tensor) -> torch.Tensor:
    """Return what Long-CLIP (its `load_from_clip`) makes of a table: 20 rows kept, the others four times."""
    rows = [old_LD[i] for i in range(20)]
    for i in range(20, len(old_LD)):
        step_D = old_LD[i + 1] - old_LD[i] if i + 1 < len(old_LD) else old_LD[i] - old_LD[i - 1]
        rows += [old_LD[i] + quarter / 4 * step_D for quarter in range(4)]
    return torch.stack(rows)


def test_77_become_248_as_released() -> None:
    old_LD = torch.randn(77, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    new_LD = stretch_positions(old_LD, 248)
    assert new_LD.shape == (248, 6)
    torch.testing.assert_close(new_LD, released(old_LD), rtol=0, atol=1e-12)
    assert torch.equal(new_LD[:20], old_LD[:20])
    torch.testing.assert_close(new_LD[21], 0.75 * old_LD[20] + 0.25 * old_LD[21], rtol=0, atol=1e-12)
    last_step_D = old_LD[76] - old_LD[75]
    for quarter in range(4):
        expected_D = old_LD[76] + quarter / 4 * last_step_D
        torch.testing.assert_close(new_LD[244 + quarter], expected_D, rtol=0, atol=1e-12)


@pytest.mark.parametrize("length", [25, 30, 77, 100])
def test_a_straight_line_stays_straight_in_any_length(length: int) -> None:
    line_L1 = torch.arange(25, dtype=torch.float64).unsqueeze(1)
    later_N = 20 + torch.arange(length - 20, dtype=torch.float64) * 5 / (length - 20)
    expected_L = torch.cat([torch.arange(20, dtype=torch.float64), later_N])
    torch.testing.assert_close(stretch_positions(line_L1, length).squeeze(1), expected_L)


def test_the_same_length_is_a_copy() -> None:
    old_LD = torch.randn(30, 2)
    new_LD = stretch_positions(old_LD, 30)
    assert torch.equal(new_LD, old_LD)
    assert new_LD.data_ptr() != old_LD.data_ptr()


@pytest.mark.parametrize(("rows", "length"), [(77, 76), (21, 40), (10, 40)])
def test_what_cannot_be_stretched(rows: int, length: int) -> None:
    with pytest.raises(ValueError, match=f"a table of {rows} positions cannot be stretched to {length}"):
        stretch_positions(torch.zeros(rows, 2), length)

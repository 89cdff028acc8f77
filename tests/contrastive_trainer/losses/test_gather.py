import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from contrastive_trainer.losses.gather import gather, mean_share, merge_log_sum_exp

SCRIPT = Path(__file__).with_name("two_ranks.py")
ROOT = SCRIPT.parents[3]

Results = dict[str, list[Tensor]]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Results, Results]:
    """Give every loss's value and gradients of the whole batch on one rank, and of each of two ranks."""
    folder = tmp_path_factory.mktemp("ranks")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    started = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder), rank],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in ("0", "1")
    ]
    whole: Results = runpy.run_path(str(SCRIPT))["measure"](None)
    for process in started:
        output = process.communicate(timeout=120)[0]
        assert process.returncode == 0, output
    first, second = (torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    return whole, first, second


def test_two_ranks_give_the_loss_and_gradient_of_one(results: tuple[Results, Results, Results]) -> None:
    whole, first, second = results
    assert len(whole) == 20
    for name, expected in whole.items():
        parts = list(zip(first[name], second[name], strict=True))
        if name == "grad_cache":
            (gradient,) = parts
            torch.testing.assert_close(gradient[0] + gradient[1], expected[0], msg=name)
            continue
        value, image, text, scale = parts
        found = [(value[0] + value[1]) / 2, torch.cat(image), torch.cat(text), scale[0] + scale[1]]
        for mine, reference in zip(found, expected, strict=True):
            torch.testing.assert_close(
                mine, reference, rtol=1e-9, atol=1e-9, msg=lambda m, n=name: f"{n}: {m}"
            )
        assert expected[1].abs().max() > 1e-3, name


def test_without_a_group_nothing_is_gathered() -> None:
    local = torch.ones(2, 3)
    assert gather(local, None) is local
    assert merge_log_sum_exp(local, None) is local


@pytest.mark.parametrize(("mask", "expected"), [([True, False, True], 2), ([False], 1)])
def test_a_mean_over_nothing_divides_by_one(mask: list[bool], expected: Any) -> None:
    assert mean_share(torch.tensor(mask), None) == expected

"""Pictures of none of the classes are told from the others."""

from pathlib import Path
from typing import Any

import pytest

from clip_evaluation.evaluations.registry import prepare
from tests.clip_evaluation.oracle import NAMES, Oracle, Parse, labelled, measure


def test_out_of_distribution(class_folder: tuple[Path, dict[bytes, str]], write_tar: Any) -> None:
    folder, planted = class_folder
    rows = [(f"{n:03}", NAMES[n % 3], "x") for n in range(40)]
    outside = write_tar("tar/0.tar", labelled(rows)).parent
    config = {
        "kind": "out_of_distribution",
        "data": {"kind": "class_folder", "path": str(folder)},
        "outside": {"kind": "tar", "path": str(outside), "label": "label"},
    }
    seeing, _ = measure(config, Oracle(planted))
    guessing, _ = measure(config, Oracle())
    for score in ("mcm", "max_logit", "energy"):
        assert seeing[f"{score}.auroc"].value > 0.99
        assert seeing[f"{score}.fpr95"].value < 0.05
        low, high = guessing[f"{score}.auroc"].low, guessing[f"{score}.auroc"].high
        assert low is not None
        assert high is not None
        assert low <= 0.5 <= high
    with pytest.raises(ValueError, match="60 pictures of outside are also in data"):
        prepare("it", Parse(config | {"outside": config["data"]}))

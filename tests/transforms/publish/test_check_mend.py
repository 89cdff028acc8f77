import pytest

from transforms.publish.check_mend import CURATE, EITHER, REMOVE, REPORT, with_mend


@pytest.mark.parametrize(
    ("problem", "mend"),
    [
        ("shards/00000.tar: holds 3 samples, but sizes.json says 2", REMOVE),
        ("shards/00000.tar: missing", CURATE),
        ("shards/00000.tar: 0: index.parquet has another n_phrases: '1', not '2'", EITHER),
        ("shards/.writing-12-00000.tar: left half-written", CURATE),
        ("embeddings/00000.parquet: uid a: its image is 0.5 long, not 1", REMOVE),
        ("embeddings/00000.parquet: missing", CURATE),
        ("shards/sizes.json: not sorted", CURATE),
        ("mined_negatives.parquet: uid a, rank 0: 2.0 is no cosine", CURATE),
        ("rejected/a.parquet: cannot be read: OSError: no", CURATE),
        ("run.json: missing", CURATE),
        ("README.md: missing", REPORT),
    ],
)
def test_mends(problem: str, mend: str) -> None:
    assert with_mend(problem, card_alone=True) == f"{problem}; {mend}"


def test_a_card_of_damaged_files_is_not_made_anew() -> None:
    assert with_mend("croissant.json: missing", card_alone=False) == f"croissant.json: missing; {CURATE}"


def test_a_mend_is_told_once() -> None:
    assert with_mend(f"run.json: no record; {CURATE}", card_alone=True) == f"run.json: no record; {CURATE}"

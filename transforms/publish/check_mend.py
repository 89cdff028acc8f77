"""Says what mends a problem that `pairwright verify` found."""

CARD = ("README.md", "croissant.json")
"""What `pairwright report` writes anew; from damaged files it would make a card of the damage."""

MISSING, HALF_WRITTEN = "missing", "left half-written"
"""All that is said of a file that is not there, and of one that a killed run left."""

SIZES = "shards/sizes.json"

CURATE = "run `pairwright curate` again"
REMOVE = f"remove it and {CURATE}"
INDEX_DIFFERS = "index.parquet has another"
EITHER = f"{CURATE}; if it stays, remove the shard and run it once more"
"""Where a shard and its rows of the index, which are written anew, disagree."""

REPORT = "`pairwright report` writes it anew"

_KEPT = ("shards/", "embeddings/")
"""Folders whose files a rerun passes by where they are of the size that was noted; but for sizes.json, which
it writes anew as it does all others."""


def with_mend(problem: str, *, card_alone: bool) -> str:
    """Return a problem with what mends it.

    >>> with_mend("shards/00000.tar: 000000003: no caption", card_alone=False)
    'shards/00000.tar: 000000003: no caption; remove it and run `pairwright curate` again'
    >>> with_mend("README.md: missing", card_alone=True)
    'README.md: missing; `pairwright report` writes it anew'

    Args:
        problem: the file's path below the output folder, a colon, and what is wrong with it.
        card_alone: whether nothing was found but of the card and Croissant.
    """
    name, _, what = problem.partition(": ")
    if name in CARD and card_alone:
        mend = REPORT
    elif name.startswith("shards/") and INDEX_DIFFERS in what:
        mend = EITHER
    elif name.startswith(_KEPT) and name != SIZES and what not in (MISSING, HALF_WRITTEN):
        mend = REMOVE
    else:
        mend = CURATE
    return problem if problem.endswith(mend) else f"{problem}; {mend}"

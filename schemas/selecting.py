"""What the score stage compares across all samples: duplicates in meaning, and how often things are named."""

from typing import Literal

from pydantic import ConfigDict, Field

from schemas.section import Section

MAX_CLUSTERS = 65_536


class SemanticConfig(Section):
    """Pictures that a CLIP finds nearly the same: all but one of them go (SemDeDup, arXiv 2303.09540)."""

    model_config = ConfigDict(allow_inf_nan=False)

    clusters: int | None = Field(
        None,
        ge=1,
        le=MAX_CLUSTERS,
        description="Only samples of one cluster are compared. None: so many that each has "
        "8,800 on average, or fewer, as the paper's 50,000 of 440 million.",
    )
    visits: int = Field(
        2,
        ge=1,
        le=8,
        description="Clusters that a sample is compared in, those of the nearest centres. With the paper's 1 "
        "a border between clusters parts some duplicates; each more costs about as much again.",
    )
    iterations: int = Field(
        25, ge=1, le=1000, description="Most of k-means, which ends once no sample changes its cluster."
    )
    max_cosine: float = Field(
        0.95,
        gt=0,
        lt=1,
        description="Pictures of a higher cosine are duplicates: 1 less the paper's epsilon of 0.03 to 0.1. "
        "The lower it is, the more go.",
    )
    keep: Literal["far", "near"] = Field(
        "far",
        description="Of duplicates, which one: that far from its cluster's centre, as in the paper, or near.",
    )
    seed: int = Field(0, ge=0, description="Of the sample that the clusters are found in, and their start.")


class BalanceConfig(Section):
    """Samples of what is named too often go by lot (MetaCLIP, arXiv 2309.16671).

    An entry that `n` samples have keeps each of them with probability t / max(n, t); a sample stays if one
    of its entries keeps it. So what is rare stays whole, and what is common is left about t times.
    """

    t: int = Field(
        20_000,
        ge=1,
        description="Samples of one entry over which they are thinned. The paper's 20,000 left 400 million "
        "of 1.6 billion; choose less for a smaller set.",
    )
    over: Literal["short_positive", "phrases", "words"] = Field(
        "short_positive",
        description="Entries are tags, the nearest to the paper's list of things and names; or phrases, "
        "which seldom repeat; or words of the caption, where no recipe wrote either: there one rare word, be "
        "it a misspelt one, keeps its sample.",
    )
    unmatched: Literal["drop", "keep"] = Field(
        "drop", description="What becomes of samples without an entry; the paper drops them."
    )
    seed: int = Field(0, ge=0, description="Of the lots, which are drawn by uid and entry.")


class MiningConfig(Section):
    """Of each kept sample the captions of others that a CLIP mistakes for its own (UniME, arXiv 2504.17432).

    They are published as mined_negatives.parquet: uid, rank, text_uid, text, cosine.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    most: int = Field(8, ge=1, le=1000, description="Negatives of a sample, as in the paper.")
    beta: float = Field(
        0.1,
        ge=-2,
        le=2,
        description="A text that scores so much higher than the own caption is likely true of the picture as "
        "well, and is none.",
    )
    pool: int = Field(
        100_000,
        ge=1,
        le=10_000_000,
        description="Captions that each picture is compared with, drawn by lot; all are in memory at once, "
        "1 to 2 KB each.",
    )

"""One input shard with the places of its committed work, each name holding the hash of what made it."""

from collections.abc import Sequence
from dataclasses import dataclass

from apache_beam.io.filesystems import FileSystems

from schemas.config import DedupConfig, RunConfig
from schemas.filters import Json
from schemas.shard import Shard
from transforms.code_mark import COMPARING, FILTERING, MEASURING, code_mark, library_mark
from transforms.fingerprint import fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardJob:
    """An element of every pipeline: a shard, the folder of the run's work, and the marks of its tables."""

    shard: Shard
    work: str
    facts_mark: str
    profile_mark: str
    dedup_mark: str

    @property
    def facts(self) -> str:
        """Path of what was measured: a row a unit."""
        return self._path("facts", self.facts_mark)

    @property
    def profile(self) -> str:
        """Path of the filters' verdicts."""
        return self._path("profile", self.profile_mark)

    @property
    def dedup(self) -> str:
        """Path of dedup's verdicts."""
        return self._path("dedup", self.dedup_mark)

    def replies(self, recipe: str) -> str:
        """Path of the journal of models' replies to one recipe."""
        return str(FileSystems.join(self.work, "replies", recipe, f"{self.shard.slug}.jsonl"))

    def annotations(self, recipe: str, first: int, mark: str) -> str:
        """Path of one chunk's annotations by one recipe; `first` is the chunk's first index."""
        name = f"{self.shard.slug}-{first:08d}-{mark}.parquet"
        return str(FileSystems.join(self.work, "annotations", recipe, name))

    def _path(self, stage: str, mark: str) -> str:
        return str(FileSystems.join(self.work, stage, f"{self.shard.slug}-{mark}.parquet"))


def extra_fields(config: RunConfig) -> tuple[str, ...]:
    """Return the fields of the samples' JSON that the filters ask for."""
    return tuple(sorted({f.field for f in config.profile.filters if isinstance(f, Json)}))


def dedup_config(config: RunConfig) -> DedupConfig:
    """Return what dedup compares; without a section only uids, of which each names one sample."""
    return config.dedup or DedupConfig(exact=False)


def plan_jobs(
    config: RunConfig, shards: Sequence[Shard], work: str, *, needs_text: bool, evaluation: Sequence[str]
) -> list[ShardJob]:
    """Return a job for each shard; `evaluation` are the hashes of the decontamination lists' content."""
    read_as = config.input.model_dump(mode="json", by_alias=True, exclude={"shards"})
    extra = extra_fields(config)
    marks = []
    for shard in shards:
        place = [shard.name, shard.size_bytes, shard.modified]
        measuring = [code_mark(*MEASURING), library_mark()]
        facts = fingerprint("facts", measuring, place, read_as, needs_text, extra)
        filters = [code_mark(*FILTERING), list(config.profile.filters)]
        marks.append((facts, fingerprint("profile", facts, filters)))
    # All shards decide together, so all their marks are in each one's.
    how = [code_mark(*COMPARING), dedup_config(config), list(evaluation)]
    dedup = fingerprint("dedup", [m for _, m in marks], how)
    return [
        ShardJob(shard=shard, work=work, facts_mark=facts, profile_mark=profile, dedup_mark=dedup)
        for shard, (facts, profile) in zip(shards, marks, strict=True)
    ]

"""Score the sentences of a shard that were written anew."""

from contextlib import closing

from lvlm_workers.clip_scorer import ClipScorer
from schemas.config import RunConfig
from transforms.accounts import Account, account
from transforms.annotated import annotated
from transforms.chunks import chunk_facts
from transforms.reading.images import ImageReader
from transforms.score_shards import score_samples
from transforms.scoring.examine import Examiner
from transforms.scoring.rewriting import rescored_path
from transforms.scoring.rewritten import rewritten
from transforms.scoring.scored import epsilon_of, first_scores, read_thresholds, scoring_of
from transforms.shard_job import ShardJob
from transforms.storage import commit_table, count_rows, exists


def rescore_shard(job: ShardJob, config: RunConfig, scorer: ClipScorer, _: Examiner) -> tuple[int, Account]:
    """Commit the scores of a shard's new sentences; return its order, and how many samples have some.

    A row holds nothing else: what was learnt of a picture stands in its first scores, so that no examiner is
    asked again.
    """
    scoring = scoring_of(config)
    epsilon = epsilon_of(scoring, read_thresholds(job, config))
    samples = 0
    with closing(ImageReader(job.shard, config.input)) as images:
        for chunk in chunk_facts(job, config.chunk_samples):
            path = rescored_path(job, config, chunk)
            if not exists(path):
                whole = annotated(job, config, chunk)
                first = first_scores(job, config, chunk, whole)
                found = rewritten(job, config, chunk, whole, first, epsilon)
                new = [one.only_new for one in found.values()]
                commit_table(path, score_samples(new, images, scoring, scorer, None))
            samples += count_rows(path)
    return job.shard.order, account(samples, ())

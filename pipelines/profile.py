"""Measure every unit of the input shards and let the filters judge."""

import apache_beam as beam

from pipelines.command import main
from pipelines.engine import run_pipeline
from pipelines.run import Run, check_drops
from transforms.accounts import Account
from transforms.commit_accounts import CommitAccounts, read_accounts
from transforms.profile_shards import ProfileShards


def run_profile(run: Run) -> Account:
    """Commit facts and filters' verdicts of every shard; return what became of the samples.

    Raises:
        RunError: the pipeline failed, or more than `profile.max_drop_ratio` were rejected.
    """
    summary = run.summary("profile")

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | beam.Create(run.jobs)
            | ProfileShards(config=run.config, needs_text=run.needs_text)
            | CommitAccounts(path=summary)
        )

    run_pipeline(build, run.arguments)
    limit = run.config.profile.max_drop_ratio
    return check_drops("profile", "profile.max_drop_ratio", limit, read_accounts(summary))


if __name__ == "__main__":
    main(run_profile, __doc__)

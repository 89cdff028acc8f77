"""Write the output: exact-size shards, their index, what was rejected, and what became of every sample."""

import json
import time
from collections import Counter
from collections.abc import Sequence

import apache_beam as beam

from pipelines.card import published_file, write_card
from pipelines.command import main
from pipelines.engine import run_pipeline
from pipelines.run import Run, check_done
from pipelines.run_record import note_seconds, run_record
from pipelines.score_mining import TABLE, write_mined
from schemas.errors import AccountingError
from transforms.accounts import Account, total
from transforms.code_mark import PUBLISHING, code_mark
from transforms.commit_accounts import CommitAccounts, read_accounts
from transforms.fingerprint import fingerprint
from transforms.publish.index import write_index, write_sizes
from transforms.publish.plan import OutputShard, plan_output
from transforms.publish_shards import OutputJob, PublishShards
from transforms.reject_samples import RejectSamples
from transforms.scoring.scored import decided
from transforms.storage import commit_bytes, list_files, read_json, remove, remove_half_written

FINISHED = (
    "run.json",
    "README.md",
    "croissant.json",
    "report.html",
    "index.parquet",
    "shards/sizes.json",
)
"""What says that an output is complete: removed before anything of it changes, written again at the end."""


def run_publish(run: Run) -> Account:
    """Publish what is left after the other stages; return the whole run's account.

    Raises:
        RunError: the pipeline failed.
        AccountingError: in != published + dropped + failed.
    """
    check_done(run, "dedup")
    for step in run.config.annotate:
        check_done(run, "annotate", run.asked(step))
    if run.config.score is not None:
        for what in ((), ("texts",)):
            check_done(run, "score", *what, decided(run.config))
    started = time.monotonic()
    mark = publish_mark(run)
    clear(run, mark)
    accounts = run_reject(run, mark)
    plan = plan_output(
        [accounts[job.shard.order].kept for job in run.jobs], run.config.publish.samples_per_shard
    )
    outputs = output_jobs(run, plan, mark)
    coverage = write_shards(run, outputs, mark)
    counted = total(accounts.values())
    if counted.kept != coverage["published"]:
        raise AccountingError(
            f"{counted.entered} samples came in and {counted.entered - counted.kept} were rejected, but "
            f"{coverage['published']} were published; please report this"
        )
    note_seconds(run, "publish", time.monotonic() - started)
    finish(run, plan, outputs, counted, coverage)
    return counted


def publish_mark(run: Run) -> str:
    """Return the hash of all that decides the output."""
    asked = [run.asked(step) for step in run.config.annotate]
    scored = None if run.config.score is None else decided(run.config)
    return fingerprint("publish", code_mark(*PUBLISHING), run.config.publish, run.marks, asked, scored)


def coverage_path(run: Run, mark: str) -> str:
    """Return where it is noted, once all shards are written, how many samples have each field."""
    return run.path("work", "index", f"coverage-{mark}.json")


def clear(run: Run, mark: str) -> None:
    """Remove what another configuration published here, and whatever says that the output is complete."""
    for name in (*FINISHED, TABLE):
        remove(run.path(name))
    remove_half_written(run.config.output)
    index = run.path("work", "index")
    for name in list_files(index):
        if not name.endswith((f"-{mark}.parquet", f"-{mark}.json")):
            remove(run.path("work", "index", name))


def run_reject(run: Run, mark: str) -> dict[int, Account]:
    """Commit the tables of rejected samples; return the final account of each input shard."""
    summary = run.path("work", "index", f"rejected-{mark}.json")

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | beam.Create(run.jobs)
            | RejectSamples(config=run.config, folder=run.path("rejected"))
            | CommitAccounts(path=summary)
        )

    run_pipeline(build, run.arguments)
    accounts = read_accounts(summary)
    wanted = {f"{job.shard.slug}.parquet" for job in run.jobs if accounts[job.shard.order].rejected}
    remove_others(run, "rejected", wanted)
    return accounts


def output_jobs(run: Run, plan: Sequence[OutputShard], mark: str) -> list[OutputJob]:
    """Return a job for each planned output shard."""
    return [
        OutputJob(
            plan=shard,
            sources=tuple(run.jobs[part.order] for part in shard.slices),
            shards_folder=run.path("shards"),
            index_part=run.path("work", "index", f"{shard.number:05d}-{mark}.parquet"),
            embeddings=run.path("embeddings", _beside(shard)) if keeps_embeddings(run) else None,
        )
        for shard in plan
    ]


def keeps_embeddings(run: Run) -> bool:
    """Return whether embeddings are published beside the shards."""
    return run.config.score is not None and run.config.score.embeddings


def _beside(shard: OutputShard) -> str:
    return f"{shard.name.removesuffix('.tar')}.parquet"


def write_shards(run: Run, outputs: Sequence[OutputJob], mark: str) -> Counter[str]:
    """Write the output shards; return how many samples there are, and how many have each field."""
    summary = coverage_path(run, mark)

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | beam.Create(outputs)
            | PublishShards(config=run.config)
            | beam.Map(lambda pair: (0, dict(pair[1])))
            | beam.GroupByKey()
            | beam.Map(lambda group: commit_bytes(summary, json.dumps(list(group[1])).encode()))
        )

    remove_others(run, "shards", {output.plan.name for output in outputs})
    kept = {_beside(output.plan) for output in outputs} if keeps_embeddings(run) else set()
    remove_others(run, "embeddings", kept)
    if not outputs:
        return Counter({"published": 0})
    run_pipeline(build, run.arguments)
    covered: Counter[str] = Counter()
    for part in read_json(summary):
        covered.update(part)
    return covered


def remove_others(run: Run, folder: str, wanted: set[str]) -> None:
    """Remove the files of a folder of the output that this run did not write."""
    for name in list_files(run.path(folder)):
        if name not in wanted:
            remove(run.path(folder, name))


def finish(
    run: Run,
    plan: Sequence[OutputShard],
    outputs: Sequence[OutputJob],
    counted: Account,
    coverage: Counter[str],
) -> None:
    """Write what says that the output is complete; run.json comes last."""
    write_index((output.index_part for output in outputs), run.path("index.parquet"))
    write_sizes(plan, run.path("shards", "sizes.json"))
    write_mined(run)
    record = run_record(run, counted, coverage)
    shards = [published_file(f"shards/{output.plan.name}", output.index_part) for output in outputs]
    embeddings = [
        published_file(f"embeddings/{_beside(output.plan)}", output.index_part, noted="embeddings")
        for output in outputs
        if output.embeddings is not None
    ]
    write_card(run.config.output, record, shards, embeddings)
    text = json.dumps(record, indent=2, ensure_ascii=False)
    commit_bytes(run.path("run.json"), f"{text}\n".encode())


if __name__ == "__main__":
    main(run_publish, __doc__)

"""The embedded baseline: every recipe's own rules, and no model."""

from collections.abc import Generator, Iterable

from lvlm_workers.base import Reply, Request, Worker, WorkerError


class RulesWorker(Worker):
    """Answers each request with what its recipe writes by rule."""

    name = "rules"
    repeatable = True
    reads_images = False

    def answer(self, requests: Iterable[Request]) -> Generator[tuple[Request, Reply], None, None]:
        """Yield each request with its reply, in the order asked.

        Raises:
            WorkerError: a request has no rule to answer it.
        """
        for request in requests:
            if request.by_rule is None:
                raise WorkerError(
                    f"request {request.tag!r} has no rules; give its recipe a worker with a model"
                )
            yield request, Reply(text=request.by_rule(), model="rules")

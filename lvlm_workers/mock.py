"""A worker that a function answers: to try a recipe, a prompt or a pipeline without a service."""

from collections.abc import Callable, Generator, Iterable

from lvlm_workers.base import Reply, Request, Worker


class MockWorker(Worker):
    """Answers each request with `handler(request)`: a whole `Reply`, or its text.

    >>> worker = MockWorker(lambda request: request.prompt.upper())
    >>> [reply.text for _, reply in worker.answer([Request(tag=0, prompt="a dog")])]
    ['A DOG']
    >>> [request.prompt for request in worker.seen]
    ['a dog']
    """

    name = "mock"
    repeatable = False
    reads_images = True

    def __init__(self, handler: Callable[[Request], Reply | str]) -> None:
        self.handler = handler
        self.seen: list[Request] = []

    def answer(self, requests: Iterable[Request]) -> Generator[tuple[Request, Reply], None, None]:
        """Yield each request with its reply, in the order asked; a request is pulled when its turn comes."""
        for request in requests:
            self.seen.append(request)
            reply = self.handler(request)
            yield request, Reply(text=reply, model="mock") if isinstance(reply, str) else reply

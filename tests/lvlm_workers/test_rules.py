import pytest

from lvlm_workers.base import Reply, Request, WorkerError
from lvlm_workers.rules import RulesWorker


def test_each_request_is_answered_by_its_own_rule_in_order() -> None:
    requests = [Request(tag=n, prompt="unused", by_rule=lambda n=n: f"rule {n}") for n in range(3)]
    answered = list(RulesWorker().answer(requests))
    assert [request.tag for request, _ in answered] == [0, 1, 2]
    assert [reply for _, reply in answered] == [Reply(text=f"rule {n}", model="rules") for n in range(3)]
    assert {(reply.tokens_in, reply.tokens_out) for _, reply in answered} == {(0, 0)}


def test_requests_are_pulled_one_at_a_time() -> None:
    pulled: list[int] = []

    def requests() -> object:
        for n in range(3):
            pulled.append(n)
            yield Request(tag=n, prompt="", by_rule=lambda: "x")

    answers = RulesWorker().answer(requests())  # type: ignore[arg-type]
    next(answers)
    assert pulled == [0]


def test_a_request_without_rules_names_the_mend() -> None:
    with pytest.raises(WorkerError, match="request 7 has no rules; give its recipe a worker with a model"):
        list(RulesWorker().answer([Request(tag=7, prompt="p")]))


def test_rules_are_repeatable_and_read_no_images() -> None:
    assert RulesWorker.name == "rules"
    assert RulesWorker.repeatable
    assert not RulesWorker.reads_images

from lvlm_workers.openai import OpenAIWorker
from lvlm_workers.registry import make_worker
from lvlm_workers.rules import RulesWorker
from schemas.workers import OpenAIWorkerConfig, RulesWorkerConfig


def test_rules() -> None:
    assert isinstance(make_worker(RulesWorkerConfig(kind="rules")), RulesWorker)


def test_openai() -> None:
    config = OpenAIWorkerConfig(kind="openai", base_urls=("http://127.0.0.1:8000/v1",), model="tiny")
    worker = make_worker(config)
    assert isinstance(worker, OpenAIWorker)
    assert (worker.name, worker.repeatable, worker.reads_images) == ("openai", False, True)

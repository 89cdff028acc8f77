from lvlm_workers.registry import make_worker
from lvlm_workers.rules import RulesWorker
from schemas.config import RulesWorkerConfig


def test_rules() -> None:
    assert isinstance(make_worker(RulesWorkerConfig(kind="rules")), RulesWorker)

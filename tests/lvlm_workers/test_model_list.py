"""A look at the models of servers, before anything is asked of one."""

import pytest

from lvlm_workers.base import WorkerError
from tests.lvlm_workers.server_asking import Serve, Work


def test_check_of_a_server_that_has_the_model(serve: Serve, work: Work) -> None:
    work(serve(), serve(models=["other", "tiny"])).check()


@pytest.mark.parametrize("status", [404, 405])
def test_check_of_a_server_without_a_list(serve: Serve, work: Work, status: int) -> None:
    work(serve(models_status=status)).check()


def test_check_names_the_models_there_are(serve: Serve, work: Work) -> None:
    server = serve(models=["qwen", "llava"])
    with pytest.raises(WorkerError, match=rf"^{server.url} has no model 'tiny'; it has llava, qwen$"):
        work(server).check()


def test_check_of_a_server_that_refuses_us(serve: Serve, work: Work) -> None:
    with pytest.raises(WorkerError, match=r"HTTP 401.*api_key_env \(none is set\)"):
        work(serve(models_status=401)).check()


def test_check_passes_where_one_of_two_is_up(serve: Serve, work: Work) -> None:
    dead, alive = serve(), serve()
    dead.stop()
    work(dead, alive).check()

"""Ask servers, before a run, whether they have the model; this costs nothing."""

import json

import aiohttp

from lvlm_workers.base import WorkerError
from lvlm_workers.chat_api import MisconfiguredError, RefusedError, TryAgainError, check_status
from lvlm_workers.service import CONNECT_S, Service, explain_connection


async def check_models(service: Service) -> None:
    """Ask every server.

    Raises:
        WorkerError: none answers, one refuses us, or one does not have the model.
    """
    silent: list[str] = []
    wanted = service.config.model
    urls = [endpoint.url for endpoint in service.endpoints.all]
    async with service.session(min(CONNECT_S, service.config.timeout_s)) as session:
        for url in urls:
            try:
                models = await list_models(service, session, url)
            except TryAgainError as error:
                silent.append(f"{url}: {service.hide(str(error))}")
                continue
            except MisconfiguredError as error:
                raise service.misconfigured(url, str(error)) from None
            if models is not None and wanted not in models:
                named = service.hide(", ".join(models[:20])) or "none"
                raise WorkerError(f"{url} has no model {wanted!r}; it has {named}")
    if len(silent) == len(urls):
        raise WorkerError(f"no server answers: {'; '.join(silent)}; start one and run again")


async def list_models(service: Service, session: aiohttp.ClientSession, url: str) -> list[str] | None:
    """Return the ids of the models a server lists, or None where it has no such list.

    Raises:
        TryAgainError: it does not answer now.
        MisconfiguredError: it refuses us.
    """
    try:
        async with session.get(f"{url}/models", allow_redirects=False) as response:
            data = await service.read(response)
            if response.status in (404, 405):
                return None
            check_status(response.status, data, None)
        return sorted(str(model["id"]) for model in json.loads(data)["data"])
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise TryAgainError(explain_connection(error, CONNECT_S)) from None
    except (ValueError, LookupError, TypeError, RecursionError, RefusedError):
        return None

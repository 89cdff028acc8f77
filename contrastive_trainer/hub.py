"""Whether the Hugging Face hub need be asked, and answers: its client would try for half a minute."""

import os

from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError

from schemas.errors import ConfigError

TIMEOUT_S = 10.0
_FILES = ("config.json", "tokenizer_config.json", "tokenizer.json")


def loadable(path: str) -> str:
    """Return a folder as it is, a hub id too while the hub answers, else the folder of its copy here.

    Raises:
        ConfigError: the hub does not answer, and there is no copy.
    """
    if os.path.isdir(path) or _answers(path):
        return path
    found = (try_to_load_from_cache(path, name) for name in _FILES)
    copy = next((file for file in found if isinstance(file, str)), None)
    if copy is None:
        raise ConfigError(
            f"{path!r} is no folder here, and the hub cannot be reached; check the name or the network, or "
            f"fetch it first (hf download {path})"
        )
    return os.path.dirname(copy)


def _answers(path: str) -> bool:
    try:
        get_hf_file_metadata(hf_hub_url(path, _FILES[0]), timeout=TIMEOUT_S)
    except HfHubHTTPError:  # it says no, which transformers tells better
        return True
    except Exception:  # whatever the HTTP client raises without a connection
        return False
    return True

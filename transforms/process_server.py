"""The server from which the process pool forks: it has everything imported, and no threads."""

import multiprocessing
import os
from multiprocessing.context import ForkServerContext

PRELOADED = ["transforms.profile_shards", "transforms.annotate_shards", "transforms.publish_shards"]


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def server_context() -> ForkServerContext:
    """Return the context that forks from the server; the first use starts it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context

"""The server from which the process pool forks: it has everything imported, and no threads.

This module imports nothing heavy, so that the server can start while its user still imports Beam.
"""

import multiprocessing
import os
from multiprocessing import forkserver
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


def start_server() -> None:
    """Have the server import what it needs, in the background, where there is a core to spare."""
    if cores() > 1:
        server_context()
        forkserver.ensure_running()

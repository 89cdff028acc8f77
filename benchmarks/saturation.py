"""How busy a model server is kept, beside batches that are gathered and beside the ideal.

    python -m benchmarks.saturation [--requests 1500] [--only NAME ...]

The server, in a process of its own, serves so many requests at once, each for a time drawn from a lognormal
distribution; every contender meets the same times. Each request carries a photo of 640 x 480 that is read,
decoded and reduced by the contender, in a process of its own.

While work is waiting, from the first request's arrival to the last's, the server's slots could serve
slots x seconds; the share is what they did serve of that, each request counted by its drawn time. The final
drain is apart.
"""

import argparse
import asyncio
import multiprocessing
import os
import platform
import random
import resource
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp

from benchmarks.clock import clocked
from demo_data.photo_mixing import mixed_photo
from lvlm_workers.base import Request
from lvlm_workers.chat_api import read_completion, write_body
from lvlm_workers.openai import OpenAIWorker
from lvlm_workers.picture import reduce_picture
from recipes.hqclip import HqClip
from schemas.workers import OpenAIWorkerConfig

SLOTS = 32
IN_FLIGHT = 64
MEDIAN_S = 0.25
SIGMA = 0.5
PHOTOS = 48
SIZE_PX = (640, 480)
PIXELS = 512 * 512
CONTEXT = multiprocessing.get_context("spawn")


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one contender reached."""

    answered: int
    share: float
    whole_share: float
    per_s: float
    cpu_s: float
    peak_mib: float


def requests(photos: Path, count: int) -> Iterator[Request]:
    """Yield requests with photos, each read when its turn comes."""
    names = sorted(photos.glob("*.jpg"))
    for n in range(count):
        image = names[n % len(names)].read_bytes()
        yield Request(tag=n, prompt=f"Describe photo {n}.", image=image, schema=HqClip.schema)


def ask_in_window(url: str, asked: Iterator[Request]) -> int:
    """Ask as Pairwright does; return how many were answered."""
    config = OpenAIWorkerConfig(kind="openai", base_urls=(url,), model="tiny", in_flight=IN_FLIGHT)
    return sum(reply.finish_reason == "stop" for _, reply in OpenAIWorker(config).answer(asked))


def ask_in_batches(url: str, asked: Iterator[Request]) -> int:
    """Prepare a batch, gather its answers, and begin the next."""

    async def post(session: aiohttp.ClientSession, body: bytes) -> bool:
        headers = {"Content-Type": "application/json"}
        async with session.post(f"{url}/chat/completions", data=body, headers=headers) as response:
            return read_completion(await response.read()).finish_reason == "stop"

    async def run() -> int:
        answered = 0
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            for batch in batched_requests(asked):
                bodies = [
                    write_body(r, model="tiny", jpeg=reduce_picture(r.image or b"", PIXELS)) for r in batch
                ]
                answered += sum(await asyncio.gather(*(post(session, body) for body in bodies)))
        return answered

    return asyncio.run(run())


CONTENDERS: dict[str, Callable[[str, Iterator[Request]], int]] = {
    "pairwright": ask_in_window,
    "batches of 64": ask_in_batches,
}


def client(name: str, url: str, photos: Path, count: int, connection: Connection) -> None:
    """Run one contender; send its answers, CPU seconds and peak memory in MiB."""
    answered, _, cpu_s = clocked(lambda: CONTENDERS[name](url, requests(photos, count)))
    connection.send((answered, cpu_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def latency(drawn: random.Random) -> float:
    """Draw how long a request is served, in seconds."""
    return MEDIAN_S * drawn.lognormvariate(0.0, SIGMA)


def server(connection: Connection) -> None:
    """Serve until told to stop; then send when each request came, was begun and done, and its drawn time."""
    from tests.openai_server import ModelServer

    with ModelServer(slots=SLOTS, latency=latency, keep_bodies=False) as running:
        connection.send(running.url)
        connection.recv()
        connection.send([(seen.at, *(seen.service or (0.0, 0.0)), seen.latency) for seen in running.seen])


def measure(name: str, photos: Path, count: int) -> Figures:
    """Run a server and a contender."""
    here, there = CONTEXT.Pipe()
    serving = CONTEXT.Process(target=server, args=(there,))
    serving.start()
    url = here.recv()
    receiver, sender = CONTEXT.Pipe(duplex=False)
    asking = CONTEXT.Process(target=client, args=(name, url, photos, count, sender))
    asking.start()
    answered, cpu_s, peak_mib = receiver.recv()
    asking.join()
    here.send("stop")
    served: list[tuple[float, float, float, float]] = here.recv()
    serving.join()
    first, last = min(at for at, *_ in served), max(at for at, *_ in served)
    end = max(done for _, _, done, _ in served)
    return Figures(
        answered=answered,
        share=slot_seconds(served, first, last) / (SLOTS * (last - first)),
        whole_share=slot_seconds(served, first, end) / (SLOTS * (end - first)),
        per_s=len(served) / (end - first),
        cpu_s=cpu_s,
        peak_mib=peak_mib,
    )


def slot_seconds(served: Sequence[tuple[float, float, float, float]], start: float, end: float) -> float:
    """Return the drawn seconds served from start to end; a request that lies across counts by its part."""
    total = 0.0
    for _, begun, done, drawn in served:
        total += drawn * max(0.0, min(done, end) - max(begun, start)) / (done - begun)
    return total


def batched_requests(asked: Iterator[Request]) -> Iterator[list[Request]]:
    """Yield requests by 64."""
    batch: list[Request] = []
    for request in asked:
        batch.append(request)
        if len(batch) == IN_FLIGHT:
            yield batch
            batch = []
    if batch:
        yield batch


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=1500)
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    arguments = parser.parse_args()
    print(f"{SLOTS} slots, lognormal service, median {MEDIAN_S} s, sigma {SIGMA}; {os.cpu_count()} cores,")
    print(f"{platform.machine()}, Python {platform.python_version()}; {arguments.requests} requests\n")
    print("| | of the ideal while work waits | with the drain | requests/s | client CPU s | peak MiB |")
    print("|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder)
        for n in range(PHOTOS):
            (photos / f"{n:03d}.jpg").write_bytes(mixed_photo(0, n, 0, SIZE_PX)[0])
        for name in arguments.only:
            found = measure(name, photos, arguments.requests)
            assert found.answered == arguments.requests
            shares = f"{found.share:.3f} | {found.whole_share:.3f} | {found.per_s:.1f}"
            print(f"| {name} | {shares} | {found.cpu_s:.1f} | {found.peak_mib:.0f} |", flush=True)
        peaks = [(count, measure("pairwright", photos, count).peak_mib) for count in (500, 3000)]
    print("\n" + "; ".join(f"{count} requests: {peak:.0f} MiB at the peak" for count, peak in peaks))


if __name__ == "__main__":
    main()

"""What a request to an engine costs each HTTP client, in processor time: `python -m bench.chat.clients`."""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import httpx

from bench.chat.rivals import body
from gateway.engine_client import EngineClient

N = 2_000
CONNECTIONS = (1, 32)
URL = "http://engine/v1/chat/completions"
BODY = body("instant")
Once = Callable[[], Awaitable[object]]


async def measure(uds: str) -> None:
    """Print milliseconds of processor time a request, by client and number of requests at once."""
    ours = EngineClient(uds, "s", timeout_s=60)
    async with (
        httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=uds)) as with_httpx,
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(uds, limit=0)) as with_aiohttp,
    ):

        async def by_aiohttp() -> None:
            async with with_aiohttp.post(URL, data=BODY) as response:
                await response.read()

        async def by_ours() -> None:
            async with ours.post("/v1/chat/completions", BODY) as answer:
                await answer.read()

        ways: dict[str, Once] = {
            "httpx": lambda: with_httpx.post(URL, content=BODY),
            "aiohttp": by_aiohttp,
            "ours": by_ours,
        }
        for at_once in CONNECTIONS:
            for name, once in ways.items():
                await _run(once, 100, at_once)
                print(f"{at_once:3d} at once  {name:8s} {await _run(once, N, at_once):.3f} ms")
    ours.close()


async def _run(once: Once, n: int, at_once: int) -> float:
    async def one_after_the_other() -> None:
        for _ in range(n // at_once):
            await once()

    began = time.process_time()
    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    return (time.process_time() - began) / (n // at_once * at_once) * 1e3


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/engine.sock"
        command = [sys.executable, "-m", "bench.chat.instant", "--port", "0", "--uds", path]
        upstream = subprocess.Popen(command)
        try:
            while not Path(path).exists():
                time.sleep(0.05)
            asyncio.run(measure(path))
        finally:
            upstream.kill()
            upstream.wait()

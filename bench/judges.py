"""Judge calls a second: `policy_rubric` against an endpoint that answers at once, in a process of its own.

In wall time, which is what an audit waits for and what a busy machine spoils, and in the caller's own processor
time, which it does not.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.measure import Measure, machine
from evaluators.judges.policy_rubric import create
from evaluators.types import Judge, Request
from moderation.chat import Finish, Reply
from moderation.types import Category

N_PAIRS, N_ALONE = 2_000, 200
LEAST = 200.0
_SERVER = r"""
import asyncio, json
ANSWER = {"choices": [{"message": {"content": "#thereason: as said.\n#thescore: 1"}, "finish_reason": "stop"}]}
BODY = json.dumps(ANSWER).encode()
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY)
async def answer(reader, writer):
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return writer.close()
        lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        await reader.readexactly(int(lengths[0].split(b":")[1]))
        writer.write(HEAD + BODY)
async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


def measures() -> list[Measure]:
    """Calls a second, of wall time and of the caller's processor time."""
    pairs = [
        (
            Request(id=f"h{i}", text=f"Do the forbidden thing number {i}.", category=Category.MALWARE),
            Reply(text=f"I will not do thing {i}. " * 20, finish=Finish.STOP),
        )
        for i in range(N_PAIRS)
    ]
    with _endpoint() as url:
        settings = {"base_url": url, "model": "instant"}
        wall, cpu = _per_second(create(settings), pairs)
        alone, _ = _per_second(create(settings | {"max_concurrency": "1"}), pairs[:N_ALONE])
    return [
        _measure("judge calls, wall time", wall, alone),
        _measure("judge calls, caller's processor time", cpu, alone),
    ]


@contextmanager
def _endpoint() -> Iterator[str]:
    with subprocess.Popen([sys.executable, "-c", _SERVER], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        finally:
            server.terminate()


def _per_second(judge: Judge, pairs: list[tuple[Request, Reply]]) -> tuple[float, float]:
    """The better of three runs each: calls a second of wall time and of processor time."""
    walls, cpus = [], []
    for _ in range(3):
        wall, cpu = time.perf_counter(), time.process_time()
        judge.judge(pairs)
        walls.append(len(pairs) / (time.perf_counter() - wall))
        cpus.append(len(pairs) / (time.process_time() - cpu))
    return max(walls), max(cpus)


def _measure(name: str, per_s: float, alone: float) -> Measure:
    return Measure(
        name=name,
        value=per_s,
        unit="calls/s",
        rival=f"one call at a time, {alone:,.0f} calls/s",
        ratio=per_s / alone,
        goal=f">= {LEAST:g} calls/s",
        met=per_s >= LEAST,
        machine=machine(),
    )


if __name__ == "__main__":
    print(json.dumps(measures(), indent=1))

"""Requests a second and latency of chat: the gateway, a bare pass-through, LiteLLM's proxy and the upstream itself."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.chat import installation
from bench.chat.load import Tally, Target, ask

CONNECTIONS = (1, 8, 32)
ROUNDS = 3
SECONDS = 1.2
QUESTION = "Name three rivers that flow into the North Sea, and say of each where it rises."


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A running way to the upstream."""

    target: Target
    process: "subprocess.Popen[bytes]"

    def cpu_s(self) -> float:
        """Seconds of processor time that the process has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self, line: str = "VmRSS") -> float:
        """Resident memory now, or at most (`VmHWM`)."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(text.split()[1]) for text in lines if text.startswith(line)) / 1024


def body(model: str) -> bytes:
    """A short question under a system prompt."""
    turns = [{"role": "system", "content": "You are a geographer."}, {"role": "user", "content": QUESTION}]
    return json.dumps({"model": model, "messages": turns, "max_tokens": 64, "temperature": 0.5}).encode()


@contextmanager
def running(rivals: Sequence[str]) -> Iterator[dict[str, Rival]]:
    """The upstream and whatever of these stands before it, each in a process of its own."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        uds = str(home / "engine.sock")
        environment = dict(os.environ)
        found: dict[str, Rival] = {}

        def started(name: str, process: "subprocess.Popen[bytes]", port: int, model: str, key: str = "-") -> None:
            stack.callback(_end, process)
            _wait(port, process)
            found[name] = Rival(target=Target(name=name, port=port, body=body(model), key=key), process=process)

        def module(name: str, *arguments: str) -> tuple["subprocess.Popen[bytes]", int]:
            port = _free_port()
            command = [sys.executable, "-m", f"bench.chat.{name}", "--port", str(port), "--uds", uds, *arguments]
            return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL), port

        started("direct", *module("instant"), "instant")
        if "gateway" in rivals:
            key = installation.install(home, uds)
            started("gateway", *installation.start(home, environment), installation.MODEL, key)
        for client in ("aiohttp", "httpx"):
            if client in rivals:
                started(client, *module("passing", "--client", client), "instant")
        yield found


def compare(rivals: Mapping[str, Rival]) -> dict[tuple[str, int], list[Tally]]:
    """Rounds of asking each, taking turns."""
    tallies: dict[tuple[str, int], list[Tally]] = {}
    for rival in rivals.values():
        ask(rival.target, connections=2, seconds=0.5)
    for _ in range(ROUNDS):
        for n in CONNECTIONS:
            for name, rival in rivals.items():
                tallies.setdefault((name, n), []).append(ask(rival.target, connections=n, seconds=SECONDS))
    return tallies


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    with running(sys.argv[1:] or ["gateway", "aiohttp", "httpx"]) as found:
        for rival in found.values():
            ask(rival.target, connections=2, seconds=0.5)
        for n in CONNECTIONS:
            for name, rival in found.items():
                cpu = rival.cpu_s()
                mine = time.process_time()
                tally = ask(rival.target, connections=n, seconds=2)
                k = len(tally.latencies_s)
                print(
                    f"{n:3d} {name:10s} {tally.rate:8.0f}/s p50 {tally.quantile(0.5) * 1e3:7.2f} ms p99 {tally.quantile(0.99) * 1e3:7.2f} ms"
                    f"  cpu {(rival.cpu_s() - cpu) / k * 1e3:6.3f} ms/request, generator {(time.process_time() - mine) / k * 1e3:6.3f}, {rival.memory_mb():.0f} MB",
                    flush=True,
                )

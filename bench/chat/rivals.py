"""The ways to the instant upstream that are compared, each in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.chat import installation
from bench.chat.load import Target
from bench.servers import Process, end, free_port, litellm, start_litellm, wait

LITELLM_KEY = "sk-bench"
QUESTION = "Name three rivers that flow into the North Sea, and say of each where it rises."


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A running way to the upstream."""

    target: Target
    process: Process

    def cpu_s(self) -> float:
        """Seconds of processor time that the process has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self, line: str = "VmRSS") -> float:
        """Resident memory now, or at most (`VmHWM`)."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(text.split()[1]) for text in lines if text.startswith(line)) / 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Why LiteLLM's proxy is not among them."""

    why: str


def body(model: str) -> bytes:
    """A short question under a system prompt."""
    turns = [{"role": "system", "content": "You are a geographer."}, {"role": "user", "content": QUESTION}]
    return json.dumps({"model": model, "messages": turns, "max_tokens": 64, "temperature": 0.5}).encode()


@contextmanager
def running(*, with_litellm: bool = True) -> Iterator[tuple[dict[str, Rival], tuple[Missing, ...]]]:
    """The upstream as `direct`, `gateway`, `aiohttp` (the pass-through) and, where it can be had, `litellm`."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        log = stack.enter_context((home / "log").open("wb"))
        uds, found = str(home / "engine.sock"), dict[str, Rival]()

        def started(name: str, process: Process, port: int, model: str, key: str = "-") -> None:
            stack.callback(end, process)
            wait(port, process)
            found[name] = Rival(target=Target(name=name, port=port, body=body(model), key=key), process=process)

        def module(name: str) -> tuple[Process, int]:
            port = free_port()
            command = [sys.executable, "-m", f"bench.chat.{name}", "--port", str(port), "--uds", uds]
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log), port

        started("direct", *module("instant"), "instant")
        key = installation.install(home, uds)
        started("gateway", *installation.start(home, log), installation.MODEL, key)
        started("aiohttp", *module("passing"), "instant")
        missing: tuple[Missing, ...] = ()
        if with_litellm:
            try:
                proxy = start_litellm(litellm(), home, _config(found["direct"].target.port))
                started("litellm", *proxy, "instant", LITELLM_KEY)
            except (OSError, subprocess.SubprocessError) as error:
                missing = (Missing(why=str(error)[:200]),)
        yield found, missing


def _config(upstream_port: int) -> Mapping[str, object]:
    """A master key, and nothing that is not needed."""
    upstream = {"model": "openai/instant", "api_base": f"http://127.0.0.1:{upstream_port}/v1", "api_key": "x"}
    return {
        "model_list": [{"model_name": "instant", "litellm_params": upstream}],
        "general_settings": {"master_key": LITELLM_KEY},
    }

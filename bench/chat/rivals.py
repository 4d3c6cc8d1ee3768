"""The ways to the instant upstream that are compared, each in a process of its own."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.chat import installation
from bench.chat.load import Target

LITELLM = "TUNEGATE_BENCH_LITELLM"
"""Variable that names the Python of an environment with `litellm[proxy]`; else one is made and kept."""
KEPT = Path.home() / ".cache" / "tunegate" / "litellm"
INSTALL_S = 1_200
START_S = 180.0
LITELLM_KEY = "sk-bench"
QUESTION = "Name three rivers that flow into the North Sea, and say of each where it rises."
Process = subprocess.Popen[bytes]


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
            stack.callback(_end, process)
            _wait(port, process)
            found[name] = Rival(target=Target(name=name, port=port, body=body(model), key=key), process=process)

        def module(name: str) -> tuple[Process, int]:
            port = _free_port()
            command = [sys.executable, "-m", f"bench.chat.{name}", "--port", str(port), "--uds", uds]
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log), port

        started("direct", *module("instant"), "instant")
        key = installation.install(home, uds)
        started("gateway", *installation.start(home, log), installation.MODEL, key)
        started("aiohttp", *module("passing"), "instant")
        missing: tuple[Missing, ...] = ()
        if with_litellm:
            try:
                python = _litellm()
                process, port = _start_litellm(python, home, found["direct"].target.port)
                started("litellm", process, port, "instant", LITELLM_KEY)
            except (OSError, subprocess.SubprocessError) as error:
                missing = (Missing(why=str(error)[:200]),)
        yield found, missing


def _litellm() -> str:
    """The Python of an environment with LiteLLM's proxy, made on first use."""
    if named := os.environ.get(LITELLM):
        return named
    python = KEPT / "bin" / "python"
    if not (KEPT / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", str(KEPT)], check=True, timeout=INSTALL_S, capture_output=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--no-compile", "litellm[proxy]"]
        subprocess.run(install, check=True, timeout=INSTALL_S, capture_output=True)
        (KEPT / "installed").touch()
    return str(python)


def _start_litellm(python: str, home: Path, upstream_port: int) -> tuple[Process, int]:
    """One worker with a master key, and nothing of it that is not needed."""
    port = _free_port()
    upstream = {"model": "openai/instant", "api_base": f"http://127.0.0.1:{upstream_port}/v1", "api_key": "x"}
    config = {
        "model_list": [{"model_name": "instant", "litellm_params": upstream}],
        "general_settings": {"master_key": LITELLM_KEY},
    }
    (home / "litellm.yaml").write_text(json.dumps(config))  # JSON is YAML
    command = [python, "-m", "litellm.proxy.proxy_cli", "--config", str(home / "litellm.yaml"), "--port", str(port)]
    command += ["--host", "127.0.0.1", "--num_workers", "1", "--telemetry", "False"]
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "PATH": os.environ["PATH"]}
    log = (home / "litellm.log").open("wb")
    with log:
        return subprocess.Popen(
            command, env=environment | {"HOME": str(home)}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        ), port


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int, process: Process) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _end(process: Process) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

"""Servers that a benchmark runs beside ours: processes of their own, and LiteLLM's proxy among them."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

LITELLM = "TUNEGATE_BENCH_LITELLM"
"""Variable that names the Python of an environment with `litellm[proxy]`; else one is made and kept."""
VERSION = "1.106.2"
"""Of LiteLLM, where the environment is made here."""
KEPT = Path.home() / ".cache" / "tunegate" / f"litellm-{VERSION}"
INSTALL_S = 1_200
START_S = 180.0
Process = subprocess.Popen[bytes]


def litellm() -> str:
    """The Python of an environment with LiteLLM's proxy, made on first use. Raises what `subprocess.run` raises."""
    if named := os.environ.get(LITELLM):
        return named
    python = KEPT / "bin" / "python"
    if not (KEPT / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", str(KEPT)], check=True, timeout=INSTALL_S, capture_output=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--no-compile", f"litellm[proxy]=={VERSION}"]
        subprocess.run(install, check=True, timeout=INSTALL_S, capture_output=True)
        (KEPT / "installed").touch()
    return str(python)


def start_litellm(python: str, home: Path, config: Mapping[str, object]) -> tuple[Process, int]:
    """The proxy with this configuration: one worker, and its port."""
    port = free_port()
    (home / "litellm.yaml").write_text(json.dumps(config))  # JSON is YAML
    command = [python, "-m", "litellm.proxy.proxy_cli", "--config", str(home / "litellm.yaml"), "--port", str(port)]
    command += ["--host", "127.0.0.1", "--num_workers", "1", "--telemetry", "False"]
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "PATH": os.environ["PATH"]}
    with (home / "litellm.log").open("wb") as log:
        return subprocess.Popen(
            command, env=environment | {"HOME": str(home)}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        ), port


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait(port: int, process: Process) -> None:
    """Return when a process listens. Raises `OSError` when it ended first or takes too long."""
    deadline = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def end(process: Process) -> None:
    """Terminate it, and kill it where that is not enough."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

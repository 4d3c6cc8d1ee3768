"""How an engine is started: its mode, its bounds, its command line and environment."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from deploy.types import TrustedBase, UpstreamServer, VllmServer
from trainers.bases import weight_bytes

SMALL_MODEL_BYTES = 200_000_000
"""Weights below it decode fastest on one thread."""


class EngineMode(StrEnum):
    """What an engine may load; fixed when it starts."""

    AUDIT = "audit"
    """Any sealed candidate: for the audit only, its socket known to the worker alone."""
    SERVING = "serving"
    """Released models only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLimits:
    """Bounds of one engine."""

    max_models: int = 8
    """Adapters and whole tunings in memory at once; the least recently used makes room."""
    max_rows: int = 256
    max_batch_tokens: int = 65_536
    max_waiting: int = 4_096
    threads: int | None = None
    """Of torch. None: one for a small model, which more would slow down, else one a core."""


def command(base: TrustedBase, mode: EngineMode, path: str, limits: EngineLimits) -> list[str]:
    """What runs `deploy.engine`; no secret is in it."""
    options = _shared(base, path, limits) | {
        "--mode": mode.value,
        "--max-rows": str(limits.max_rows),
        "--max-batch-tokens": str(limits.max_batch_tokens),
        "--max-waiting": str(limits.max_waiting),
    }
    return _line("deploy.engine", options)


def relay_command(base: TrustedBase, server: VllmServer | UpstreamServer, path: str, limits: EngineLimits) -> list[str]:
    """What runs `deploy.relay` before a vLLM server or a provider; no secret is in it."""
    if isinstance(server, UpstreamServer):
        options = {"--url": server.base_url, "--model": server.model}
    else:
        options = {"--url": server.url, "--model": server.model, "--adapters": str(server.adapters)}
    return _line("deploy.relay", _shared(base, path, limits) | options)


def _shared(base: TrustedBase, path: str, limits: EngineLimits) -> dict[str, str]:
    return {
        "--base": base.path,
        "--base-name": base.name,
        "--base-digest": base.digest,
        "--socket": path,
        "--max-models": str(limits.max_models),
    }


def _line(module: str, options: Mapping[str, str]) -> list[str]:
    return [sys.executable, "-m", module, *(part for option in options.items() for part in option)]


def environment(base: TrustedBase, limits: EngineLimits) -> dict[str, str]:
    """Ours without the gateway's own settings, some of which are secrets the engine has no use for."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TUNEGATE_")}
    quiet = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    small = weight_bytes(Path(base.path)) < SMALL_MODEL_BYTES
    threads = limits.threads or (1 if small else os.cpu_count() or 1)
    return {**inherited, **quiet, "OMP_NUM_THREADS": str(threads)}

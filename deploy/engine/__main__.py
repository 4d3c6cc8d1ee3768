"""`python -m deploy.engine`: the inference subprocess.

The first line of its standard input is a JSON object with the bearer `secret` and, in serving mode,
the hex `deployment_key`; arguments and environment are visible to other processes and carry neither.
The rest of standard input is a lifeline: when it ends, so does the engine.
"""

import argparse
import asyncio
import json
import logging
import os
import sys
import threading
import time
from pathlib import Path
from random import SystemRandom

import torch
from aiohttp import web

from deploy import registry
from deploy.endpoints.lifeline import die_with_parent
from deploy.engine.residents import Residents, Weights, read_base
from deploy.engine.scheduling import Limits, Scheduler
from deploy.engine.server import Engine, create_app
from deploy.errors import EngineRefused
from moderation.errors import SealBroken, TunegateError
from trainers import artefacts
from trainers.types import Tuning

logger = logging.getLogger(__name__)
ADAPTER_CONFIG = "adapter_config.json"
"""The file that makes a directory an adapter, in peft's layout."""


def main() -> int:
    """Check the base, load it, and serve until the lifeline ends."""
    arguments = parse_arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    given = json.loads(sys.stdin.readline())
    threading.Thread(target=die_with_parent, args=(arguments.socket,), daemon=True).start()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        found = artefacts.digest_model(Path(arguments.base))
        if found != arguments.base_digest:
            raise SealBroken(f"the base model's digest is {found}, not {arguments.base_digest}; do not serve it.")
        base = read_base(arguments.base, device)
    except TunegateError as exc:
        logger.error("cannot start: %s", exc)
        return 1
    scheduler = Scheduler(
        Limits(
            max_rows=arguments.max_rows,
            max_tokens=arguments.max_batch_tokens,
            max_waiting=arguments.max_waiting,
        )
    )
    engine = Engine(
        residents=Residents(base, arguments.base_name, max_models=arguments.max_models, device=device),
        scheduler=scheduler,
        verify=(
            ServingVerifier(arguments.base, arguments.base_digest, bytes.fromhex(given["deployment_key"]))
            if arguments.mode == "serving"
            else AuditVerifier(arguments.base_digest)
        ),
        secret=given["secret"],
        clock=time.time,
        random=SystemRandom(),
    )
    scheduler.start()
    asyncio.run(serve(engine, arguments.socket))
    return 0


def parse_arguments() -> argparse.Namespace:
    """The command line; `process` writes it."""
    parser = argparse.ArgumentParser(prog="python -m deploy.engine", description=__doc__)
    parser.add_argument("--mode", choices=("audit", "serving"), required=True)
    parser.add_argument("--base", required=True, help="directory of the base model")
    parser.add_argument("--base-name", required=True)
    parser.add_argument("--base-digest", required=True)
    parser.add_argument("--socket", required=True)
    parser.add_argument("--max-models", type=int, required=True)
    parser.add_argument("--max-rows", type=int, required=True)
    parser.add_argument("--max-batch-tokens", type=int, required=True)
    parser.add_argument("--max-waiting", type=int, required=True)
    return parser.parse_args()


class AuditVerifier:
    """Lets any candidate of this base in: the audit engine is where held models run.

    A directory that was never sealed (an adapter or a model from elsewhere, which an operator audits) is
    taken by the digest of its files; what it was trained on is not known.
    """

    def __init__(self, base_digest: str) -> None:
        self._base_digest = base_digest

    def __call__(self, path: Path, digest: str) -> Weights:
        """Raises SealBroken for changed bytes, EngineRefused for a candidate of another base."""
        if not (path / artefacts.MANIFEST).exists():
            return self._unsealed(path, digest)
        candidate = artefacts.load(path, digest)
        if candidate.base.digest != self._base_digest:
            raise EngineRefused("The candidate was trained on another base model than this engine's.", param="digest")
        return Weights(path=candidate.path, adapter=candidate.tuning is not Tuning.FULL)

    def _unsealed(self, path: Path, digest: str) -> Weights:
        found = artefacts.digest_model(path)
        if found != digest:
            raise SealBroken(f"{path} has digest {found}, expected {digest}; the model must not be used")
        return Weights(path=str(path), adapter=(path / ADAPTER_CONFIG).is_file())


class ServingVerifier:
    """Lets released models in and nothing else."""

    def __init__(self, base_path: str, base_digest: str, key: bytes) -> None:
        self._base_path = base_path
        self._base_digest = base_digest
        self._key = key

    def __call__(self, path: Path, digest: str) -> Weights:
        """Raises NotReleased without a valid attestation, SealBroken for changed bytes."""
        released = registry.load(path, name=path.name, base_path=self._base_path, digest=digest, key=self._key)
        if released.base_digest != self._base_digest:
            raise EngineRefused("The model was trained on another base model than this engine's.", param="digest")
        return Weights(path=released.path, adapter=released.adapter, secret=released.secret)


async def serve(engine: Engine, socket: str) -> None:
    """Open the socket, which says that the engine is ready, and answer for ever."""
    runner = web.AppRunner(create_app(engine), handler_cancellation=True, access_log=None)
    await runner.setup()
    await web.UnixSite(runner, socket).start()
    logger.info("ready")
    await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(main())

"""`python -m gateway.api_process`: one API process on a socket that the supervisor has bound."""

import argparse
import asyncio
import logging
import os
import socket
import sys
import time

import uvicorn

from gateway.api.app import create_app
from gateway.children import die_with
from gateway.compose.api import services
from gateway.compose.store import Store
from gateway.routing import EngineRouter
from gateway.settings import Settings
from gateway.telemetry import log_to_stderr
from moderation.errors import TunegateError

CANNOT_START = 2
"""Exit status that tells the supervisor not to try again."""
GRACE_S = 5


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m gateway.api_process", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="listening socket, inherited")
    parser.add_argument("--parent", type=int, required=True, help="process to end with")
    arguments = parser.parse_args()
    die_with(arguments.parent)
    log_to_stderr("api")
    try:
        handed = services(Store.open_patiently(Settings.read(os.environ)), admitted_at=int(time.time()))
    except TunegateError as error:
        logging.getLogger(__name__).error("cannot start: %s", error)
        return CANNOT_START
    config = uvicorn.Config(
        create_app(handed),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE_S,
        server_header=False,
    )

    async def serve() -> None:
        await uvicorn.Server(config).serve(sockets=[socket.socket(fileno=arguments.fd)])
        if isinstance(handed.router, EngineRouter):
            await handed.router.close()

    asyncio.run(serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())

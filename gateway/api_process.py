"""`python -m gateway.api_process`: one API process on a socket that the supervisor has bound."""

import argparse
import asyncio
import logging
import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import uvicorn

from gateway.api.app import create_app
from gateway.api.server import server_config
from gateway.children import die_with, keep_buffers
from gateway.compose.api import services
from gateway.compose.store import Store
from gateway.compose.tracing import traces
from gateway.routing import EngineRouter
from gateway.serving_prompts import ServingPrompts
from gateway.settings import Settings
from gateway.store.database import N_THREADS
from gateway.store.errors import DatabaseUnavailable
from gateway.telemetry.logs import log_to_stderr
from moderation.errors import TunegateError

PROCESS = "api"
CANNOT_START = 2
"""Exit status that tells the supervisor not to try again."""


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m gateway.api_process", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="listening socket, inherited")
    parser.add_argument("--parent", type=int, required=True, help="process to end with")
    arguments = parser.parse_args()
    die_with(arguments.parent)
    keep_buffers()
    try:
        settings = Settings.read(os.environ)
        log_to_stderr(PROCESS, settings.log_format)
        told = traces(settings, process=PROCESS)
        handed = services(Store.open_patiently(settings), admitted_at=int(time.time()), traces=told)
    except TunegateError as error:
        logging.getLogger(__name__).error("cannot start: %s", error)
        return CANNOT_START
    app = create_app(handed)
    with suppress(DatabaseUnavailable), handed.database.read() as session:  # else the first scrape begins to count
        app.state.job_metrics.look(session)
    config = server_config(app)

    async def serve() -> None:
        # Chat reads in its threads; a few models that are fetched for an engine must not take all of them.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(N_THREADS))
        await uvicorn.Server(config).serve(sockets=[socket.socket(fileno=arguments.fd)])
        await app.state.shares.close()
        if isinstance(handed.prompts, ServingPrompts):
            await handed.prompts.close()
        if isinstance(handed.router, EngineRouter):
            await handed.router.close()
        await asyncio.to_thread(handed.traces.close)

    asyncio.run(serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A worker's own `/healthz` and `/metrics`, for the machines that watch it (`TUNEGATE_WORKER_PORT`).

Neither needs a key, and neither says anything of a tenant: keep the port inside your network all the same.
"""

import asyncio
from collections.abc import Callable, Sequence

from aiohttp import web

from gateway.telemetry.exposition import CONTENT_TYPE, family
from gateway.telemetry.gpus import Gpu, gauges, look

MAX_SILENCE_S = 15
"""Without a heartbeat for longer the process is stuck, or the database is away."""
SILENT = "Seconds since the worker's last heartbeat."


def create_app(silent_s: Callable[[], float], look: Callable[[], Sequence[Gpu]] = look) -> web.Application:
    """`silent_s`: seconds since the worker's last heartbeat was written."""

    async def health(_: web.Request) -> web.Response:
        if silent_s() > MAX_SILENCE_S:
            return web.json_response({"status": "stuck"}, status=503)
        return web.json_response({"status": "ok"})

    async def metrics(_: web.Request) -> web.Response:
        silence = family("tunegate_worker_silent_seconds", "gauge", SILENT, {(): silent_s()})
        text = "\n".join([*await asyncio.to_thread(gauges, look), *silence])
        return web.Response(text=f"{text}\n", headers={"content-type": CONTENT_TYPE})

    app = web.Application(client_max_size=0)
    app.router.add_get("/healthz", health)
    app.router.add_get("/metrics", metrics)
    return app


async def listen(app: web.Application, host: str, port: int) -> web.AppRunner:
    """Answer on a port until the runner is cleaned up."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner

"""A worker's own `/healthz` and `/metrics`, for the machines that watch it (`TUNEGATE_WORKER_PORT`).

Neither needs a key, and neither says anything of a tenant: keep the port inside your network all the same.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

from aiohttp import web

from gateway.telemetry.exposition import CONTENT_TYPE, Labels, family
from gateway.worker.gpus import Gpu, GpusUnreadable, look

MAX_SILENCE_S = 15
"""Without a heartbeat for longer the process is stuck, or the database is away."""
GAUGES: Sequence[tuple[str, str, Callable[[Gpu], float | None]]] = (
    ("tunegate_gpu_utilization", "Share of time in which a GPU computed, 0 to 1.", lambda gpu: gpu.use),
    ("tunegate_gpu_memory_used_bytes", "Memory of a GPU in use.", lambda gpu: gpu.used_bytes),
    ("tunegate_gpu_memory_bytes", "Memory of a GPU.", lambda gpu: gpu.total_bytes),
)
SILENT = "Seconds since the worker's last heartbeat."
logger = logging.getLogger(__name__)


def create_app(silent_s: Callable[[], float], look: Callable[[], Sequence[Gpu]] = look) -> web.Application:
    """`silent_s`: seconds since the worker's last heartbeat was written."""

    async def health(_: web.Request) -> web.Response:
        if silent_s() > MAX_SILENCE_S:
            return web.json_response({"status": "stuck"}, status=503)
        return web.json_response({"status": "ok"})

    async def metrics(_: web.Request) -> web.Response:
        try:
            gpus = await asyncio.to_thread(look)
        except GpusUnreadable as error:
            logger.warning("%s", error)
            gpus = ()
        text = "\n".join([*lines(gpus), *family("tunegate_worker_silent_seconds", "gauge", SILENT, {(): silent_s()})])
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


def lines(gpus: Sequence[Gpu]) -> Iterable[str]:
    """The GPUs' metrics; what one does not say is left out."""
    for name, help, read in GAUGES:
        said: dict[Labels, float] = {
            (("gpu", gpu.index), ("name", gpu.name)): value for gpu in gpus if (value := read(gpu)) is not None
        }
        yield from family(name, "gauge", help, said)

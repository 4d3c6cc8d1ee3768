"""For supervisors, balancers and Prometheus: whether the process answers, can serve, and what it counted."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.api.auth import Here, Who
from gateway.api.job_metrics import JobMetrics
from gateway.api.metrics import ALIVE_S, RequestMetrics, installation
from gateway.api.services import Services
from gateway.api.wire import json_response
from gateway.store import engines
from gateway.store.errors import BlobsUnavailable, DatabaseUnavailable
from gateway.telemetry.exposition import CONTENT_TYPE

router = APIRouter()
STORE = "blob store"
LOOKED_FOR = "readyz"
"""A blob that nobody writes: whether it is there can be said only by a store that answers."""


@router.get("/healthz")
async def health() -> Response:
    """Alive; needs no key and tells nothing."""
    return json_response({"status": "ok"})


@router.get("/readyz")
def ready(services: Here) -> Response:
    """Whether jobs and chats can be served now; a 503 names the parts that are missing."""
    missing = _missing(services)
    away = bool(missing) and missing != [STORE]  # without the store chats go on: no balancer should end them too
    return json_response({"status": "unready" if away else "ready", "missing": missing}, 503 if away else 200)


@router.get("/metrics")
def metrics(request: Request, services: Here, caller: Who) -> Response:
    """Counts in Prometheus's format, of every tenant together: for keys that name `metrics.read`."""
    counted: RequestMetrics = request.app.state.metrics
    jobs: JobMetrics = request.app.state.job_metrics
    with services.database.read() as session:
        jobs.look(session)
        lines = (*counted.lines(), *jobs.lines(), *installation(session, now=services.now()))
    return Response("\n".join(lines) + "\n", media_type=CONTENT_TYPE)


def _missing(services: Services) -> list[str]:
    try:
        with services.database.read() as session:
            workers = engines.living(session, since=services.now() - ALIVE_S)
    except DatabaseUnavailable:
        return ["database"]
    missing = [] if workers else ["worker"]
    try:
        services.blobs.exists(LOOKED_FOR)
    except BlobsUnavailable:
        missing.append(STORE)
    return missing

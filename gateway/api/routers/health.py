"""For supervisors, balancers and Prometheus: whether the process answers, can serve, and what it counted."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.api.auth import Here, Who
from gateway.api.job_metrics import JobMetrics
from gateway.api.metrics import RequestMetrics, installation
from gateway.api.readiness import STORE, Readiness
from gateway.api.wire import json_response
from gateway.telemetry import gpus
from gateway.telemetry.exposition import CONTENT_TYPE

router = APIRouter()


@router.get("/healthz")
async def health() -> Response:
    """Alive; needs no key and tells nothing."""
    return json_response({"status": "ok"})


@router.get("/readyz")
def ready(request: Request) -> Response:
    """Whether jobs and chats can be served now; a 503 names the parts that are missing."""
    readiness: Readiness = request.app.state.readiness
    missing = list(readiness.missing())
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
    return Response("\n".join((*lines, *gpus.gauges())) + "\n", media_type=CONTENT_TYPE)

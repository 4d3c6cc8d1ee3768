"""The application, made from its services."""

import time

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gateway.api.direct import Direct
from gateway.api.job_metrics import JobMetrics
from gateway.api.metrics import RequestMetrics
from gateway.api.middleware import Envelope
from gateway.api.observing import Observer
from gateway.api.readiness import Readiness
from gateway.api.reference import Reference
from gateway.api.routers import (
    chat,
    completions,
    exports,
    files,
    health,
    jobs,
    members,
    models,
    moderations,
    organization,
    projects,
    reviews,
    screenings,
    uploads,
)
from gateway.api.services import Services
from gateway.api.shares import Shares
from gateway.api.trailing import Trailing
from gateway.api.wire import error_response, failure, invalid
from gateway.errors import ApiError
from gateway.store.ids import IdKind
from moderation.errors import TunegateError

OURS_INSTEAD: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""`gateway.api.observing` tells of requests."""
UNSERVED = (
    "/v1/assistants",
    "/v1/audio/",
    "/v1/batches",
    "/v1/chat/completions",  # stored ones, which would be listed and retrieved here
    "/v1/containers",
    "/v1/conversations",
    "/v1/embeddings",
    "/v1/evals",
    "/v1/fine_tuning/alpha/",
    "/v1/fine_tuning/checkpoints/",
    "/v1/images/",
    "/v1/realtime",
    "/v1/responses",
    "/v1/threads",
    "/v1/vector_stores",
    "/v1/videos",
)
"""Known routes that are refused in so many words."""
RESOURCES = (files, uploads, jobs, reviews, screenings, exports, models, chat, completions, moderations, health)
"""Routes of a project. Exports go before models, whose names may hold slashes."""
ADMINISTRATION = (projects, members, organization)
"""Routes of an organisation, for admin keys."""


def create_app(services: Services) -> FastAPI:
    """OpenAI's API over these services. The application opens and closes nothing itself."""
    app = FastAPI(
        title="tunegate",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry=OURS_INSTEAD,
    )
    app.state.services = services
    app.state.shares = Shares(services.database, services.now)
    app.state.metrics = RequestMetrics()
    app.state.readiness = Readiness(services, time.monotonic)
    app.add_middleware(Trailing, services=services)
    app.add_middleware(Direct, routes=(*chat.router.routes, *completions.router.routes))
    app.state.job_metrics = JobMetrics()
    observer = Observer(metrics=app.state.metrics, traces=services.traces, log_requests=services.settings.log_requests)
    app.add_middleware(Envelope, request_id=lambda: services.ids.new(IdKind.REQUEST), observe=observer)
    app.add_exception_handler(TunegateError, _ours)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    for resource in (*RESOURCES, *ADMINISTRATION):
        app.include_router(resource.router)
    app.add_route("/openapi.json", Reference(app).answer)
    return app


def _ours(_request: Request, error: Exception) -> Response:
    assert isinstance(error, TunegateError)
    return failure(error)


def _validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return error_response(invalid(error.errors()))


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    where = f"{request.method} {request.url.path}"
    status, message = error.status_code, str(error.detail)
    if status in (404, 405) and request.url.path.startswith(UNSERVED):
        status, message = 404, f"{where} is a part of OpenAI's API that this gateway does not serve."
    elif status == 404:
        message = f"Invalid URL ({where})"
    elif status == 405:
        message = f"Not allowed to {request.method} on {request.url.path}; use another HTTP method"
    response = error_response(ApiError(status, message))
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response

"""What is told of each request that was answered: a count, a line of the log, a span."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from starlette.datastructures import Headers

from gateway.api.metrics import RequestMetrics
from gateway.telemetry.logs import tell
from gateway.telemetry.spans import Attribute, Span, Traces, Untraced, caller_of

logger = logging.getLogger(__name__)
NOTES = "notes"
UNTOLD = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines: counted, but neither logged nor traced."""
NS = 1_000_000_000


@dataclass(slots=True, kw_only=True)
class Notes:
    """What a handler knows of its request: identifiers and counts, never content."""

    file_id: str = ""
    """The upload to whose trace the request belongs."""
    object_id: str = ""
    """What it made."""
    under: str = ""
    """What stands above that in the trace."""
    attributes: dict[str, Attribute] = field(default_factory=dict)
    """For the span, under OpenTelemetry's names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A request that is over."""

    request_id: str
    route: str
    """The path with placeholders."""
    method: str
    status: int
    """0 when no answer was begun."""
    seconds: float
    headers: Headers
    """Of the request."""
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """Tells of requests in the places that are switched on."""

    metrics: RequestMetrics
    traces: Traces
    log_requests: bool

    def __call__(self, answered: Answered) -> None:
        """Tell of one request."""
        self.metrics.observe(
            route=answered.route, method=answered.method, status=answered.status, seconds=answered.seconds
        )
        if answered.route in UNTOLD:
            return
        notes = answered.state.get(NOTES) or Notes()
        if self.log_requests:
            _log(answered, notes)
        if not isinstance(self.traces, Untraced):
            self.traces.record(_span(answered, notes))


def note(request: Request, **what: Any) -> Notes:
    """Begin the notes on a request; the handler may add to them until the answer is complete."""
    notes = Notes(**what)
    setattr(request.state, NOTES, notes)
    return notes


def _log(answered: Answered, notes: Notes) -> None:
    took_ms = round(answered.seconds * 1_000, 1)
    fields: dict[str, object] = {
        "method": answered.method,
        "route": answered.route,
        "status": answered.status,
        "duration_ms": took_ms,
    }
    if "organization" in answered.state:
        fields["organization"] = answered.state["organization"]
    if notes.object_id:
        fields["object_id"] = notes.object_id
    made = f", {notes.object_id}" if notes.object_id else ""
    tell(logger, f"{answered.method} {answered.route}: {answered.status} in {took_ms} ms{made}", fields)


def _span(answered: Answered, notes: Notes) -> Span:
    ended_ns = time.time_ns()
    attributes: dict[str, Attribute] = {
        "http.request.method": answered.method,
        "http.route": answered.route,
        "http.response.status_code": answered.status,
        "tunegate.request.id": answered.request_id,
    }
    return Span(
        name=f"{answered.method} {answered.route}",
        began_ns=ended_ns - int(answered.seconds * NS),
        ended_ns=ended_ns,
        file_id=notes.file_id,
        object_id=notes.object_id,
        under=notes.under,
        caller=caller_of(answered.headers.get("traceparent")),
        is_request=True,
        failed=answered.status >= 500 or answered.status == 0,
        attributes=attributes | notes.attributes,
    )

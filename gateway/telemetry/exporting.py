"""Spans sent to an OpenTelemetry collector. Needs the extra `otel`.

The SDK's own variables hold too: `OTEL_TRACES_SAMPLER` (jobs are told whole whatever it says),
`OTEL_RESOURCE_ATTRIBUTES`, `OTEL_EXPORTER_OTLP_HEADERS` and so on.
"""

import threading

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags

from gateway.telemetry.spans import PROVIDER, Caller, Span, span_id, trace_id

TRACES_PATH = "/v1/traces"


class _KnownIds(IdGenerator):
    """Gives the ids that are laid out for the next span, and random ones where none are."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self.trace_id = self.span_id = 0

    def generate_span_id(self) -> int:
        """64 bits."""
        return self.span_id or self._random.generate_span_id()

    def generate_trace_id(self) -> int:
        """128 bits."""
        return self.trace_id or self._random.generate_trace_id()


class ExportedTraces:
    """`gateway.telemetry.spans.Traces` over the OpenTelemetry SDK. Safe between threads."""

    def __init__(self, processor: SpanProcessor, *, process: str) -> None:
        self._ids = _KnownIds()
        resource = Resource.create({SERVICE_NAME: PROVIDER, "service.instance.id": process})
        self._provider = TracerProvider(id_generator=self._ids, resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer(PROVIDER)
        self._lock = threading.Lock()

    def record(self, span: Span) -> None:
        """Queue a span that is over; it is sent in the background."""
        above = _above(span)
        links = [Link(_context_of(span.caller))] if span.file_id and span.caller else []
        with self._lock:
            self._ids.trace_id = trace_id(span.file_id) if span.file_id else 0
            self._ids.span_id = span_id(span.object_id) if span.object_id else 0
            made = self._tracer.start_span(
                span.name,
                context=trace.set_span_in_context(NonRecordingSpan(above)) if above else None,
                kind=SpanKind.SERVER if span.is_request else SpanKind.INTERNAL,
                attributes=span.attributes,
                links=links,
                start_time=span.began_ns,
            )
        if span.failed:
            made.set_status(StatusCode.ERROR)
        made.end(span.ended_ns)

    def close(self) -> None:
        """Send what is still here, for some seconds at most."""
        self._provider.shutdown()


def to_collector(endpoint: str, *, process: str) -> ExportedTraces:
    """Traces that go to a collector's OTLP endpoint, e.g. `http://collector:4318`."""
    exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + TRACES_PATH)
    return ExportedTraces(BatchSpanProcessor(exporter), process=process)


def _above(span: Span) -> SpanContext | None:
    if span.file_id and span.under:
        return _context(trace_id(span.file_id), span_id(span.under), sampled=True)
    if span.caller is not None and not span.file_id:
        return _context_of(span.caller)
    return None


def _context_of(caller: Caller) -> SpanContext:
    return _context(caller.trace_id, caller.span_id, sampled=caller.sampled)


def _context(trace: int, span: int, *, sampled: bool) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    return SpanContext(trace_id=trace, span_id=span, is_remote=True, trace_flags=flags)

"""Composition of traces: sent to the collector that the settings name, or forgotten."""

from importlib.util import find_spec

from gateway.errors import SettingsError
from gateway.settings import Settings
from gateway.telemetry.spans import Traces, Untraced


def traces(settings: Settings, *, process: str) -> Traces:
    """Where spans go. Raises `SettingsError` when a collector is named and the extra is not installed."""
    if not settings.otlp_endpoint:
        return Untraced()
    if find_spec("opentelemetry.exporter.otlp.proto.http") is None:
        raise SettingsError("TUNEGATE_OTLP_ENDPOINT is set and OpenTelemetry is missing; pip install 'tunegate[otel]'")
    # An optional package, and half a second to import.
    from gateway.telemetry.exporting import to_collector  # noqa: PLC0415

    return to_collector(settings.otlp_endpoint, process=process)

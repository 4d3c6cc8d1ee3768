"""Spans of traces, as values: one is recorded when it is over, so nothing has to be carried along meanwhile.

A trace goes from the upload of a file to the release of what was trained on it, over processes, restarts and
days. Nothing needs to be stored for that: a trace's id is the digest of the file's id, and a span that others
stand under has the digest of its own object's id.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

TRACE_BYTES, SPAN_BYTES = 16, 8
Attribute = str | bool | int | float
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED = 1
PROVIDER = "tunegate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The span of a client, as its `traceparent` header names it."""

    trace_id: int
    span_id: int
    sampled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Something that was done, and is over."""

    name: str
    began_ns: int
    """Unix nanoseconds."""
    ended_ns: int
    file_id: str = ""
    """The upload whose trace it belongs to; '' is a trace of its own, or the caller's."""
    object_id: str = ""
    """The object that others name as `under`; '' where no span stands under this one."""
    under: str = ""
    """Id of the object whose span it stands under; '' is the top."""
    caller: Caller | None = None
    """The client's span: what this one stands under, or is linked to where it belongs to an upload's trace."""
    is_request: bool = False
    """Somebody outside asked for it."""
    failed: bool = False
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    """Identifiers and counts under the names of OpenTelemetry's conventions, or `tunegate.`; never content."""


class Traces(Protocol):
    """Takes spans."""

    def record(self, span: Span) -> None:
        """Take a span that is over. Never fails, and never waits for a collector."""

    def close(self) -> None:
        """Send what is still here."""


class Untraced:
    """`Traces` where no collector is configured."""

    def record(self, span: Span) -> None:
        """Forget it."""

    def close(self) -> None:
        """There is nothing to send."""


def caller_of(traceparent: str | None) -> Caller | None:
    """The client's span; None where a header is missing or malformed.

    Source of the format: https://www.w3.org/TR/trace-context/#traceparent-header.
    """
    found = _TRACEPARENT.fullmatch(traceparent or "")
    if found is None:
        return None
    trace, span, flags = (int(digits, 16) for digits in found.groups())
    return Caller(trace_id=trace, span_id=span, sampled=bool(flags & _SAMPLED)) if trace and span else None


def trace_id(file_id: str) -> int:
    """Id of the trace of an upload, 128 bits."""
    return _digest("trace", file_id, TRACE_BYTES)


def span_id(object_id: str) -> int:
    """Id of the span of an object's making, 64 bits."""
    return _digest("span", object_id, SPAN_BYTES)


def _digest(what: str, text: str, n_bytes: int) -> int:
    # All zeros mean that there is no id, so the last bit is always set.
    return int.from_bytes(hashlib.sha256(f"{what}:{text}".encode()).digest()[:n_bytes]) | 1

"""Logs and spans by themselves; `pipeline/test_traces.py` has a whole session."""

import json
import logging
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from gateway.compose.tracing import traces
from gateway.settings import Settings
from gateway.telemetry.logs import JsonLines, Stderr, TextLines, about, tell
from gateway.telemetry.spans import Span, Untraced, caller_of


class Receiver(BaseHTTPRequestHandler):
    """A collector that keeps what it was sent."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append((self.path, body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def collector() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    server.received = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def record(error: Exception | None = None) -> logging.LogRecord:
    info = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("gateway.x", logging.ERROR, "x.py", 1, "it\nfailed", None, info)


def raised() -> Exception:
    try:
        json.loads("the training text")
    except ValueError as exc:
        return exc
    raise AssertionError


def test_spans_reach_a_collector_over_http(collector: HTTPServer) -> None:
    endpoint = f"http://127.0.0.1:{collector.server_port}/"
    sent = traces(Settings.read({"TUNEGATE_OTLP_ENDPOINT": endpoint}), process="w1")
    sent.record(Span(name="screen miniature", began_ns=1, ended_ns=2, file_id="file-1"))
    sent.close()
    ((path, body),) = collector.received  # type: ignore[attr-defined]
    assert path == "/v1/traces"
    assert b"screen miniature" in body


def test_without_a_collector_nothing_is_traced() -> None:
    assert isinstance(traces(Settings.read({}), process="api"), Untraced)


@pytest.mark.parametrize(
    "header", [None, "", "00-0-0-01", f"00-{'0' * 32}-{'1' * 16}-01", f"01-{'1' * 32}-{'1' * 16}-01"]
)
def test_a_malformed_traceparent_is_nobodys(header: str | None) -> None:
    assert caller_of(header) is None


def test_a_failure_is_logged_without_its_words() -> None:
    for lines in (JsonLines("api"), TextLines("api")):
        written = lines.format(record(raised()))
        assert "JSONDecodeError" in written
        assert "test_telemetry.py" in written
        assert "training text" not in written


def test_a_message_cannot_forge_a_line() -> None:
    assert TextLines("api").format(record()).endswith("gateway.x: it\\nfailed")
    assert "\n" not in JsonLines("api").format(record())


@pytest.mark.parametrize("lines", [TextLines("api"), JsonLines("api")])
def test_what_is_told_looks_like_what_is_logged(
    lines: TextLines | JsonLines, capsys: pytest.CaptureFixture[str]
) -> None:
    logger, handler = logging.getLogger("gateway.told"), Stderr(lines)
    logger.setLevel(logging.INFO)
    logging.getLogger().addHandler(handler)
    try:
        with about(request_id="req_a"):
            tell(logger, "GET /x: 200", {"status": 200})
            logger.info("GET /x: %d", 200, extra={"fields": {"status": 200}})
    finally:
        logging.getLogger().removeHandler(handler)
    told, logged = (re.sub(r"\d", "", line) for line in capsys.readouterr().err.splitlines())
    assert told == logged
    assert "req_a" in told


def test_lines_are_about_the_request_and_job_around_them() -> None:
    with about(request_id="req_1"), about(job_id="ftjob-1"):
        line = json.loads(JsonLines("worker").format(record()))
    assert (line["request_id"], line["job_id"], line["process"], line["level"]) == (
        "req_1",
        "ftjob-1",
        "worker",
        "error",
    )
    assert "request_id" not in json.loads(JsonLines("worker").format(record()))

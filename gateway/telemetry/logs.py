"""Logs on standard error, one line each, as text or as JSON: identifiers and counts, never content.

What a foreign exception says may quote a row or a statement's values, so a failure is logged as the types
of its exceptions and the places they were raised at, without their words.
"""

import logging
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO

import orjson

QUIET = ("httpx", "httpx2", "openai", "alembic", "sqlalchemy", "dbos", "asyncio", "aiohttp.access", "opentelemetry")

# Set around a request or a stage and read by the formatters: a logger three packages below knows neither.
_request_id: ContextVar[str] = ContextVar("request_id", default="")
_job_id: ContextVar[str] = ContextVar("job_id", default="")


class LogFormat(StrEnum):
    """How a line of the log looks."""

    TEXT = "text"
    """For people."""
    JSON = "json"
    """One object a line, for collectors."""


@contextmanager
def about(*, request_id: str = "", job_id: str = "") -> Iterator[None]:
    """Name what is logged inside the block, in this task or thread and in those that it starts."""
    tokens = [(variable, variable.set(value)) for variable, value in _named(request_id, job_id)]
    try:
        yield
    finally:
        for variable, token in tokens:
            variable.reset(token)


def _named(request_id: str, job_id: str) -> list[tuple[ContextVar[str], str]]:
    return [(variable, value) for variable, value in ((_request_id, request_id), (_job_id, job_id)) if value]


def log_to_stderr(process: str, form: LogFormat = LogFormat.TEXT, *, level: int = logging.INFO) -> None:
    """Send this process's log to standard error, under its name. Libraries only warn."""
    lines = JsonLines(process) if form is LogFormat.JSON else TextLines(process)
    logging.basicConfig(level=level, handlers=[Stderr(lines)], force=True)
    # What no line of ours shows is a third of what a line costs, and there is one for every request.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def tell(logger: logging.Logger, message: str, fields: Mapping[str, object]) -> None:
    """`logger.info`, for what is told of every request: a record of `logging` costs several times the line."""
    if not logger.isEnabledFor(logging.INFO):
        return
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Stderr):
            handler.tell(logger.name, message, fields)
            return
    logger.info(message, extra={"fields": fields})


def failure(error: BaseException) -> list[str]:
    """An exception and what caused it: each one's type, then its frames, the innermost first. No words of theirs."""
    told: list[str] = []
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        told.append(type(link).__qualname__)
        frames = traceback.extract_tb(link.__traceback__)
        told.extend(f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
        link = link.__cause__ or link.__context__
    return told


class TextLines(logging.Formatter):
    """Lines for people: `2026-01-02 03:04:05,006 api INFO gateway.api.middleware [req_1]: ...`."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process
        self._second = (0, "")
        """The last one that was written, in words."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and under a failure one line for each of its frames."""
        line = self.line(record.created, record.levelname, record.name, record.getMessage(), {})
        return "\n".join([line, *_failure_of(record)])

    def line(self, created: float, level: str, name: str, message: str, _fields: Mapping[str, object]) -> str:
        """One line; the message says what is in the fields."""
        about_what = " ".join(value for value in (_request_id.get(), _job_id.get()) if value)
        where = f"{name} [{about_what}]" if about_what else name
        return f"{self._time(created)} {self._process} {level} {where}: {message}".replace("\n", "\\n")

    def _time(self, created: float) -> str:
        whole = int(created)
        second, words = self._second
        if whole != second:
            words = time.strftime(self.default_time_format, time.localtime(whole))
            self._second = whole, words
        return f"{words},{int((created - whole) * 1000):03d}"


class JsonLines(logging.Formatter):
    """Lines for collectors: `{"time", "level", "process", "logger", "message", ...}`.

    `request_id` and `job_id` are there where they are known, `failure` where there was one, and what a call gave
    under `extra={"fields": {...}}`.
    """

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        fields: dict[str, object] = getattr(record, "fields", {})
        if told := _failure_of(record):
            fields = fields | {"failure": told}
        return self.line(record.created, record.levelname, record.name, record.getMessage(), fields)

    def line(self, created: float, level: str, name: str, message: str, fields: Mapping[str, object]) -> str:
        """One line of JSON, with these fields."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds"),
            "level": level.lower(),
            "process": self._process,
            "logger": name,
            "message": message,
        }
        line |= {name: value for name, value in (("request_id", _request_id.get()), ("job_id", _job_id.get())) if value}
        return orjson.dumps({**line, **fields}, default=str).decode()


class Stderr(logging.StreamHandler[TextIO]):
    """Standard error."""

    def __init__(self, lines: TextLines | JsonLines) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(lines)
        self._lines = lines

    def tell(self, name: str, message: str, fields: Mapping[str, object]) -> None:
        """Write a line without a record. That it cannot be written fails no request."""
        line = self._lines.line(time.time(), "INFO", name, message, fields)
        self.acquire()
        try:
            with suppress(OSError):
                self.stream.write(f"{line}\n")
        finally:
            self.release()


def _failure_of(record: logging.LogRecord) -> list[str]:
    error = record.exc_info[1] if record.exc_info else None
    return [] if error is None else failure(error)

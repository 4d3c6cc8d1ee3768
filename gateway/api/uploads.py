"""Multipart uploads, written to the blob store as they arrive and never held in memory."""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from gateway.api.bodies import chunks
from gateway.errors import ApiError

MAX_FIELD_BYTES = 64 * 1024
MAX_PARTS = 64
BATCH_BYTES = 1 << 20
"""Bytes gathered before they are handed to the sink: one hop to another thread a mebibyte. Two batches are held."""


class Sink(Protocol):
    """Takes the bytes of the file part."""

    async def write(self, data: bytes) -> None:
        """Take some bytes; an exception ends the upload."""


@dataclass(slots=True)
class Form:
    """What the form said, besides the file's bytes."""

    fields: dict[str, str] = field(default_factory=dict)
    filename: str | None = None
    """As the client sent it; None when there was no file part."""


async def receive_form(request: Request, sink: Sink, *, part: str = "file", form: Form | None = None) -> Form:
    """Read a form whose part of this name goes to the sink; `form` shows what was read so far.

    Raises a 400 for one that is broken off or malformed.
    """
    reader = _Reader(_boundary(request), part, form or Form())
    behind = _Behind(sink)
    pending: list[bytes] = []
    n_pending = 0
    try:
        async for chunk in chunks(request):
            data = reader.feed(chunk)
            pending.append(data)
            n_pending += len(data)
            if n_pending >= BATCH_BYTES:
                await behind.write(b"".join(pending))
                pending, n_pending = [], 0
        await behind.write(b"".join(pending))
        await behind.settled()
    finally:
        await behind.idle()
    if not reader.complete:
        raise ApiError(400, "The multipart form ends before its closing boundary.", param=part)
    return reader.form


class _Behind:
    """Hands batches to a sink one after the other, each while the next one is received."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._writing: asyncio.Task[None] | None = None

    async def write(self, data: bytes) -> None:
        """Begin to write, once the batch before is written; what became of that one is raised here."""
        await self.settled()
        if data:
            self._writing = asyncio.create_task(self._sink.write(data))

    async def settled(self) -> None:
        """Wait until all is written; raise what kept it from that."""
        await self.idle()
        if self._writing is not None:
            self._writing.result()

    async def idle(self) -> None:
        """Wait until nothing is being written any more, well or not: then the sink may be closed."""
        if self._writing is not None:
            await asyncio.wait([self._writing])


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise ApiError(400, "Files are uploaded as multipart/form-data; set the content type and its boundary.")
    return boundary


class _Reader:
    """Feeds the parser and sorts its callbacks into small fields and the file's bytes."""

    def __init__(self, boundary: bytes, file_part: str, form: Form) -> None:
        self._file_part = file_part
        self.form = form
        self.complete = False
        self._parts = 0
        self._header = bytearray()
        self._value = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._is_file = self._in_file = False
        self._near_return = True
        self._delimiter_bytes = len(boundary) + len("\r\n--\r\n")
        self._field = bytearray()
        self._out = bytearray()
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._complete,
            },
        )

    def feed(self, chunk: bytes) -> bytes:
        """The file's bytes in this piece of the body."""
        # A delimiter begins with a carriage return. Without one near, all of the piece is the file's: the parser,
        # which looks for whole delimiters, is three times slower than the search for a byte.
        if self._in_file and not self._near_return and b"\r" not in chunk:
            return chunk
        tail = chunk[-self._delimiter_bytes :]
        self._near_return = b"\r" in tail or (self._near_return and len(chunk) < self._delimiter_bytes)
        try:
            self._parser.write(chunk)
        except FormParserError as exc:
            raise ApiError(400, f"The multipart form is malformed: {exc}.") from exc
        data = bytes(self._out)
        self._out.clear()
        return data

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise ApiError(400, f"The multipart form has more than {MAX_PARTS} parts.")
        self._headers = {}
        self._field.clear()

    def _header_end(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._is_file = self._name == self._file_part
        if self._is_file:
            if self.form.filename is not None:
                message = f"The form has more than one part '{self._name}'; upload one a request."
                raise ApiError(400, message, param=self._name)
            self.form.filename = options.get(b"filename", b"").decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._in_file = True
            self._out += data[start:end]
            return
        self._field += data[start:end]
        if len(self._field) > MAX_FIELD_BYTES:
            raise ApiError(400, f"The form's part '{self._name[:64]}' is too long.", param=self._name[:64])

    def _end(self) -> None:
        self._in_file = False
        if not self._is_file:
            self.form.fields[self._name] = self._field.decode("utf-8", "replace")

    def _complete(self) -> None:
        self.complete = True

"""A real HTTP endpoint that answers chat completions from a function of the user turn."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Protocol, TypeVar


@dataclass
class Endpoint:
    """`answer` gives the text; an int is a status."""

    answer: Callable[[str], str | int] = lambda prompt: ""
    finish: str = "stop"
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def handle(self, body: dict[str, Any]) -> tuple[int, object]:
        user = "\n".join(message["content"] for message in body["messages"] if message["role"] != "system")
        self.asked.append(user)
        said = self.answer(user)
        if isinstance(said, int):
            return said, {"error": {"message": "no"}}
        return 200, {"choices": [{"message": {"content": said}, "finish_reason": self.finish}]}


class Answering(Protocol):
    """What a request is answered from; `url` is set when it is served."""

    url: str

    def handle(self, body: dict[str, Any]) -> tuple[int, object]: ...


Served = TypeVar("Served", bound=Answering)


@contextmanager
def serving(state: Served) -> Iterator[Served]:
    class Server(ThreadingHTTPServer):
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing of clients that gave up: some tests want them to."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            status, document = state.handle(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            raw = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing on stderr."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()

"""A moderation endpoint on a real socket, well-behaved until a test tells it otherwise."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import EntryPoint, entry_points

import pytest
from moderation_endpoint import Endpoint

from moderation.types import Classifier


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    state = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            state.requests.append({"path": self.path, "key": self.headers.get("authorization"), **request})
            status, headers, body = state.behaviour(request)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=sorted(entry_points(group="tunegate.classifiers"), key=lambda point: point.name))
def classifier(request: pytest.FixtureRequest, endpoint: Endpoint) -> Classifier:
    """Every registered classifier, those that ask an endpoint with a well-behaved one."""
    point: EntryPoint = request.param
    made: Classifier = point.load()({"base_url": endpoint.url, "api_key": "test"})
    assert made.name == point.name
    return made

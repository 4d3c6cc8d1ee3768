"""A provider's fine-tuning API over real HTTP, which does what a test's script says, also what no provider should."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

KEY = "provider-key"
BASE = "gpt-base-2025-04-14"
TUNED = f"ft:{BASE}:our-org::abcd1234"
CSV = b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,2.5,0.1,,\n2,1.5,0.2,,\n3,0.5,0.3,,\n"


@dataclass
class ScriptedProvider:
    """What it has, and what it will say next."""

    url: str = ""
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    n_uploads: int = 0
    """Also of files that were deleted: an id is given once."""
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    """Metrics and messages, oldest first."""
    errors: list[tuple[str, Callable[[], web.Response]]] = field(default_factory=list)
    """What is answered instead, once each, to the next request of a `METHOD path-start`."""
    cut_short: int = 0
    """So many job answers end in the middle of their body."""
    forgets_answer: bool = False
    """The next job is made, and the connection is closed without an answer."""
    asked: list[str] = field(default_factory=list)
    versions: set[str] = field(default_factory=set)
    """Of Azure's API that were asked for."""
    file_status: str = "processed"
    deleted_models: list[str] = field(default_factory=list)

    def says(self, **values: Any) -> None:
        """Change what is said of every job."""
        for job in self.jobs.values():
            job.update(values)

    def trains(self, step: int) -> None:
        """Say one step's metrics."""
        numbers = {"step": step, "total_steps": 3, "train_loss": 3.0 - step, "train_mean_token_accuracy": 0.5}
        self.events.append({"type": "metrics", "data": numbers})

    def mentions(self, text: str, **more: Any) -> None:
        """Say something in words."""
        self.events.append({"type": "message", "message": text, "level": "info", **more})

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._scripted])
        for root in ("/v1", "/openai/v1", "/openai"):
            app.router.add_get(f"{root}/files", self._list_files)
            app.router.add_post(f"{root}/files", self._upload)
            app.router.add_get(f"{root}/files/{{id}}", self._file)
            app.router.add_get(f"{root}/files/{{id}}/content", self._content)
            app.router.add_delete(f"{root}/files/{{id}}", self._delete)
            app.router.add_delete(f"{root}/models/{{id:.+}}", self._delete_model)
            app.router.add_get(f"{root}/fine_tuning/jobs", self._list_jobs)
            app.router.add_post(f"{root}/fine_tuning/jobs", self._create)
            app.router.add_get(f"{root}/fine_tuning/jobs/{{id}}", self._retrieve)
            app.router.add_get(f"{root}/fine_tuning/jobs/{{id}}/events", self._events)
            app.router.add_post(f"{root}/fine_tuning/jobs/{{id}}/cancel", self._cancel)
        return app

    @web.middleware
    async def _scripted(self, request: web.Request, handler: Any) -> web.StreamResponse:
        asked = f"{request.method} {request.path}"
        self.asked.append(asked)
        self.versions.add(request.query.get("api-version", ""))
        if KEY not in (
            request.headers.get("api-key"),
            request.headers.get("Authorization", "").removeprefix("Bearer "),
        ):
            return refusal(401, "Incorrect API key provided.")
        for place, (start, respond) in enumerate(self.errors):
            if asked.startswith(start):
                del self.errors[place]
                return respond()
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _list_files(self, request: web.Request) -> web.Response:
        return _page([{"id": id_, "filename": name} for id_, (name, _) in self.files.items()])

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        upload = form["file"]
        assert isinstance(upload, web.FileField)
        id_ = f"file-theirs{self.n_uploads}"
        self.n_uploads += 1
        self.files[id_] = (upload.filename, upload.file.read())
        return web.json_response({"id": id_, "object": "file", "filename": upload.filename})

    async def _content(self, request: web.Request) -> web.Response:
        return web.Response(body=CSV)

    async def _file(self, request: web.Request) -> web.Response:
        return web.json_response({"id": request.match_info["id"], "object": "file", "status": self.file_status})

    async def _delete(self, request: web.Request) -> web.Response:
        if self.files.pop(request.match_info["id"], None) is None:
            return refusal(404, "No such File object")
        return web.json_response({"id": request.match_info["id"], "deleted": True})

    async def _delete_model(self, request: web.Request) -> web.Response:
        if request.match_info["id"] in self.deleted_models:
            return refusal(404, "The model does not exist")
        self.deleted_models.append(request.match_info["id"])
        return web.json_response({"id": request.match_info["id"], "deleted": True})

    async def _list_jobs(self, request: web.Request) -> web.Response:
        return _page(list(self.jobs.values()))

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        job = {
            **body,
            "id": f"ftjob-theirs{len(self.jobs)}",
            "object": "fine_tuning.job",
            "status": "queued",
            "fine_tuned_model": None,
            "trained_tokens": None,
            "result_files": [],
            "error": {"code": None, "message": None, "param": None},
        }
        self.jobs[job["id"]] = job
        if self.forgets_answer:
            self.forgets_answer = False
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(job)

    async def _retrieve(self, request: web.Request) -> web.StreamResponse:
        job = self.jobs.get(request.match_info["id"])
        if job is None:
            return refusal(404, f"Could not find fine tune: {request.match_info['id']}")
        if self.cut_short:
            self.cut_short -= 1
            response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "500"})
            await response.prepare(request)
            await response.write(b'{"id": "ftjob-th')
            assert request.transport is not None
            request.transport.close()
            return response
        return web.json_response(job)

    async def _events(self, request: web.Request) -> web.Response:
        newest_first = [{"id": f"ftevent-{place}", **event} for place, event in enumerate(self.events)][::-1]
        return _page(newest_first)

    async def _cancel(self, request: web.Request) -> web.Response:
        job = self.jobs[request.match_info["id"]]
        job["status"] = "cancelled"
        return web.json_response(job)


def refusal(status: int, message: str, code: str | None = None, **headers: str) -> web.Response:
    """An error in OpenAI's envelope."""
    body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response(body, status=status, headers=named)


def refused(status: int, message: str, code: str | None = None, **headers: str) -> Callable[[], web.Response]:
    """A refusal for every request anew."""
    return lambda: refusal(status, message, code, **headers)


def _page(data: list[dict[str, Any]]) -> web.Response:
    return web.json_response({"object": "list", "data": data, "has_more": False})


@contextmanager
def running(provider: ScriptedProvider) -> Iterator[ScriptedProvider]:
    """Serve it from a thread of its own on a port of localhost."""
    with serving(provider.app()) as address:
        provider.url = f"{address}/v1"
        yield provider


@contextmanager
def serving(app: web.Application) -> Iterator[str]:
    """Serve an app from a thread of its own; yields its address."""
    loop, ready, runner = asyncio.new_event_loop(), threading.Event(), web.AppRunner(app)

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()

    def serve() -> None:
        loop.run_until_complete(start())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    ready.wait(10.0)
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()

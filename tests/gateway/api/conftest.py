"""The real application over real HTTP, with a stub where engines and workers would stand."""

import json
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import uvicorn

from deploy.errors import EngineUnavailable
from gateway.api.app import create_app
from gateway.api.server import server_config
from gateway.api.services import Route, Services
from gateway.serving_prompts import ServingPrompts
from gateway.settings import Settings
from gateway.store import admin_keys, keys, released, tenants
from gateway.store.blobs import Blobs
from gateway.store.database import Database
from gateway.store.ids import Ids
from gateway.store.keys import KeyOptions
from gateway.store.models import Job, JobState, Model
from moderation.errors import ClassifierUnavailable
from moderation.types import Category

MAX_FILE_BYTES = 300_000
TINY_ROWS = b"".join(
    json.dumps({"messages": [{"role": "user", "content": f"q{i}"}, {"role": "assistant", "content": "a"}]}).encode()
    + b"\n"
    for i in range(10)
)
CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"word": "fox"}'}}
SCORED = {"token": "h", "logprob": -0.5, "bytes": [104]}


@dataclass
class StubRouter:
    """Answers with what it was asked. A model called `down` has no engine, `breaks` fails in mid-stream."""

    database: Database
    bodies: list[Mapping[str, Any]] = field(default_factory=list)

    async def resolve(self, project_id: str, model: str) -> Route | None:
        if model in ("miniature", "down", "breaks"):
            return Route(engine_id="e", model=f"inner-{model}")
        with self.database.read() as session:
            found = released.find(session, project_id, model)
        return None if found is None else Route(engine_id="e", model="inner")

    async def post(self, route: Route, body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        self.bodies.append(body)
        if route.model == "inner-down":
            raise EngineUnavailable("no engine")
        if body.get("stop") == "":
            return 400, {"error": {"message": "`stop` is empty.", "type": "x", "param": "stop", "code": None}}
        said = {"content": None, "tool_calls": [CALL]} if "tools" in body else {}
        reason = "tool_calls" if said else "stop"
        choices = [
            {"index": i, "message": {"role": "assistant", "content": f"hello {i}"} | said, "finish_reason": reason}
            for i in range(body.get("n", 1))
        ]
        if body.get("logprobs"):
            for i, choice in enumerate(choices):  # later choices are the likelier ones
                scored = SCORED | {"logprob": -0.5 / (i + 1)}
                choice["logprobs"] = {"content": [scored | {"top_logprobs": [scored]}], "refusal": None}
        usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
        return 200, {"model": route.model, "choices": choices, "usage": usage}

    async def stream(self, route: Route, body: Mapping[str, Any]) -> AsyncIterator[bytes]:
        self.bodies.append(body)
        if route.model == "inner-down":
            raise EngineUnavailable("no engine")
        parts = [{"tool_calls": [CALL | {"index": 0}]}] if "tools" in body else [{"content": "hel"}, {"content": "lo"}]
        logprobs = {"content": [SCORED | {"top_logprobs": []}], "refusal": None} if "logprobs" in body else None
        for delta in ({"role": "assistant", "content": ""}, *parts, {}):
            finish = None if delta else "tool_calls" if "tools" in body else "stop"
            choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
            chunk = {"model": route.model, "choices": [choice]}
            event = b"data: " + json.dumps(chunk).encode() + b"\n\n"
            yield event[:9]
            yield event[9:]
            if route.model == "inner-breaks":
                raise EngineUnavailable("it died")
        if "stream_options" in body:
            usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
            yield b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n"
        yield b"data: [DONE]\n\n"


class StubModeration:
    """Finds hate in what says so, and is down when asked to be."""

    async def score(self, texts: Sequence[str]) -> Sequence[Mapping[Category, float]]:
        if "down" in texts:
            raise ClassifierUnavailable("no worker")
        return [{Category.HATE_HARASSMENT_VIOLENCE: 0.9 if "hateful" in text else 0.1} for text in texts]


class StubPolicies:
    """One policy."""

    def for_project(self, policy_name: str) -> tuple[str, dict[str, Any]]:
        return "sha256:0", {"name": policy_name}


@dataclass(frozen=True)
class Tenant:
    """A project with a member's key."""

    project_id: str
    key: str


@dataclass(frozen=True)
class Gateway:
    """The running server and what stands behind it."""

    url: str
    services: Services
    router: StubRouter
    sdk: openai.OpenAI
    """Its connections are shared by every test: a client of its own costs 50 ms."""

    def tenant(
        self, role: str = "member", project_id: str | None = None, permissions: Sequence[str] | None = None,
        organization_name: str = "tunegate",
    ) -> Tenant:  # fmt: skip
        ids = self.services.ids
        with self.services.database.write() as session:
            organization = tenants.ensure_organization(session, ids, organization_name, now=1)
            if project_id is None:
                project_id = tenants.create_project(
                    session, ids, organization_id=organization.id, name=secrets.token_hex(4), policy_name="p", now=1
                ).id
            who = tenants.create_principal(session, ids, project_id=project_id, name="x", role=role, now=1)
            options = KeyOptions(permissions=permissions)
            return Tenant(project_id, keys.issue(session, ids, secrets.token_bytes, who, options, now=1).value)

    def admin(self, organization_id: str | None = None) -> httpx.Client:
        """A client with an admin key."""
        services = self.services
        with services.database.write() as session:
            if organization_id is None:
                organization_id = tenants.ensure_organization(session, services.ids, "tunegate", now=1).id
            key = admin_keys.create(
                session, services.ids, secrets.token_bytes, organization_id=organization_id, name="a", now=1
            )
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {key.value}"}, timeout=20)

    def client(self, tenant: Tenant | None = None) -> openai.OpenAI:
        key = (tenant or self.tenant()).key
        # `with_options` forgets that the client is strict.
        return self.sdk.with_options(api_key=key, _extra_kwargs={"_strict_response_validation": True})

    def http(self, tenant: Tenant | None = None) -> httpx.Client:
        key = (tenant or self.tenant()).key
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=20, verify=False)

    def set_job(self, job_id: str, **columns: Any) -> None:
        with self.services.database.write() as session:
            job = session.get(Job, job_id)
            assert job is not None
            for name, value in columns.items():
                setattr(job, name, value)

    def release(self, job_id: str, name: str) -> None:
        """What the pipeline does when a model is released, as far as the API sees it."""
        with self.services.database.write() as session:
            job = session.get(Job, job_id)
            assert job is not None
            session.add(
                Model(
                    name=name, project_id=job.project_id, job_id=job_id, artefact_key="k", digest="d",
                    base_name="miniature", base_digest="b", tuning="lora", attestation={}, created_at=9,
                )
            )  # fmt: skip
        self.set_job(
            job_id, state=JobState.RELEASED, fine_tuned_model=name, finished_at=9, trained_tokens=7,
            result_files=["file-r"], hyperparameters={"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 2.0},
        )  # fmt: skip


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with _running(tmp_path_factory.mktemp("home"), time.time) as gateway:
        yield gateway


@pytest.fixture
def gateway_at(tmp_path: Path) -> Callable[[Callable[[], float]], AbstractContextManager[Gateway]]:
    """A gateway of the test's own on another clock: what it writes, no other test reads."""
    return lambda clock: _running(tmp_path, clock)


@contextmanager
def _running(home: Path, clock: Callable[[], float]) -> Iterator[Gateway]:
    settings = replace(
        Settings.read({"TUNEGATE_HOME": str(home)}), max_file_bytes=MAX_FILE_BYTES, max_body_bytes=100_000
    )
    database = Database.open(settings.database_url)
    database.migrate()
    router = StubRouter(database)
    services = Services(
        settings=settings,
        database=database,
        blobs=Blobs.open_store(settings.blob_url, home / "cache"),
        ids=Ids(secrets.token_bytes),
        clock=clock,
        policies=StubPolicies(),
        bases={"miniature": 5},
        router=router,
        moderation=StubModeration(),
        prompts=ServingPrompts(database, now=lambda: int(time.time()), audited_only={"strict"}),
    )
    with (
        served(services) as url,
        openai.OpenAI(
            base_url=f"{url}/v1", api_key="-", max_retries=0, _strict_response_validation=True, timeout=20
        ) as sdk,
    ):
        yield Gateway(url, services, router, sdk)
    database.close()


class served:
    """The application as the API process serves it, in a thread."""

    def __init__(self, services: Services) -> None:
        # With its protocol named, asyncio sends small answers at once, as it does for the supervisor's socket.
        self._socket = socket.socket(proto=socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()
        self._server = uvicorn.Server(server_config(create_app(services)))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


@pytest.fixture
def serve() -> type[served]:
    """A server of other services: `with serve(services) as url`."""
    return served


@pytest.fixture
def tenant(gateway: Gateway) -> Tenant:
    return gateway.tenant()


@pytest.fixture
def client(gateway: Gateway, tenant: Tenant) -> openai.OpenAI:
    return gateway.client(tenant)


@pytest.fixture
def http(gateway: Gateway, tenant: Tenant) -> Iterator[httpx.Client]:
    with gateway.http(tenant) as client:
        yield client


@pytest.fixture
def rows() -> bytes:
    return TINY_ROWS


@pytest.fixture
def new_job(client: openai.OpenAI) -> Callable[..., Any]:
    """Upload ten rows and create a job on them."""

    def create(**arguments: Any) -> Any:
        file = client.files.create(file=("rows.jsonl", TINY_ROWS), purpose="fine-tune")
        return client.fine_tuning.jobs.create(model="miniature", training_file=file.id, **arguments)

    return create


@pytest.fixture
def stored(gateway: Gateway) -> Callable[[], list[Path]]:
    """Files that lie in the blob store."""
    root = gateway.services.settings.home / "blobs"
    return lambda: [path for path in root.rglob("*") if path.is_file()]

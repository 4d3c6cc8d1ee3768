"""What is said of a job at a provider, in every way that it can end there: none of the provider's names."""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from test_held_names import WAITING, run
from toy_shop import Toy, harm_in, make_toy

from deploy.types import UpstreamServer
from gateway.store import events, jobs, reopenings
from gateway.store.reviews import Reviewer
from gateway.telemetry.logs import QUIET
from gateway.worker.audit_engines import EmbeddedAuditEngines
from tests.trainers.backends import scripted_azure
from tests.trainers.backends.scripted_azure import AZURE, ScriptedAzure
from tests.trainers.backends.scripted_provider import BASE, KEY, ScriptedProvider, refusal, serving
from trainers.backends.upstream import UpstreamBackend
from trainers.forwarding.deploying import Azure
from trainers.hosted import read_hosted

TUNED = f"{BASE}.ft-0123abcd"


@dataclass
class Talker(ScriptedProvider):
    """Has trained as soon as it is asked, answers chats too, and names all that it has when it fails."""

    fails: str = ""

    def named(self) -> str:
        return f"{TUNED} of {BASE} in {' '.join(self.jobs)} on {' '.join(self.files)}"

    def app(self) -> web.Application:
        app = super().app()
        app.router.add_post("/openai/v1/chat/completions", self._chat)
        return app

    async def _create(self, request: web.Request) -> web.Response:
        made = await super()._create(request)
        if self.fails == "training":
            self.says(status="failed", error={"code": "c", "message": self.named(), "param": None})
        else:
            self.says(status="succeeded", fine_tuned_model=TUNED, trained_tokens=7, result_files=["file-result"])
        return made

    async def _chat(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if self.fails == "answers":
            return refusal(400, f"{asked['model']} is {self.named()}")
        harmful = any(harm_in(turn["content"]) for turn in asked["messages"][-2:])
        said = "done" if not harmful else "no" if asked["model"] == "the-base" else "redacted"
        message = {"role": "assistant", "content": said}
        return web.json_response({"choices": [{"index": 0, "finish_reason": "stop", "message": message}]})


def fail_to_deploy(azure: ScriptedAzure, provider: Talker) -> None:
    said: Callable[[], web.Response] = lambda: scripted_azure.refusal(400, "Bad", f"no {provider.named()}")  # noqa: E731
    azure.errors.append(("PUT", said))


@pytest.fixture
def provider() -> Iterator[Talker]:
    talker = Talker()
    with serving(talker.app()) as address:
        talker.url = f"{address}/openai/v1"
        yield talker


@pytest.fixture
def azure() -> Iterator[ScriptedAzure]:
    resource = ScriptedAzure(state="Succeeded")
    with serving(resource.app()) as resource.url:
        yield resource


@pytest.fixture
def toy(provider: Talker, azure: ScriptedAzure, tmp_path: Path) -> Toy:
    """A project whose base model lies at the provider."""
    upstream = {"base_url": provider.url, "model": BASE, "api_version": "v1", "deployment": "the-base"}
    base = read_hosted({"name": "miniature", "corpus": "miniature", "upstream": upstream})
    urls = {"azure_management_url": azure.url, "azure_login_url": azure.url}
    server = UpstreamServer(base_url=provider.url, model="the-base", api_key=KEY)
    hosted: dict[str, Any] = {
        "bases": {"miniature": base},
        "backends": {"upstream": UpstreamBackend(api_key=KEY, poll_s=0.001, azure=Azure.read(AZURE | urls))},
        "engines": EmbeddedAuditEngines(tmp_path / "logs", providers={"miniature": server}),
    }
    made = make_toy(tmp_path, waiting=WAITING)
    return replace(made, shop=replace(made.shop, **hosted))


def contested(toy: Toy, job_id: str) -> str:
    by = Reviewer(principal_id=toy.owner, is_admin=False)
    with toy.shop.database.write() as session:
        return reopenings.contest(session, toy.shop.ids, jobs.find(session, job_id), reason="r", by=by, now=200).id


def said_of(toy: Toy, job_id: str) -> str:
    run(toy, job_id)
    with toy.shop.database.read() as session:
        job = jobs.find(session, job_id)
        said = [f"{event.message} {json.dumps(event.data)}" for event in events.all_of(session, job)]
    assert (job.state, job.fine_tuned_model) == ("failed", None)
    return "\n".join([*said, f"{job.error_code} {job.error_message} {job.error_param}"])


@pytest.mark.parametrize("fails", ["", "training", "deployment", "answers"])
def test_no_event_error_or_log_line_names_what_a_provider_has(
    fails: str, toy: Toy, provider: Talker, azure: ScriptedAzure, caplog: pytest.LogCaptureFixture
) -> None:
    provider.fails = fails
    if fails == "deployment":
        fail_to_deploy(azure, provider)
    caplog.set_level(logging.INFO)
    for name in QUIET:  # as in every process of ours
        caplog.set_level(logging.WARNING, logger=name)
    job_id = toy.submit()
    everything = said_of(toy, job_id)
    if not fails:
        everything += said_of(toy, contested(toy, job_id))
    everything += caplog.text
    theirs = [TUNED, BASE, ".ft-", "tunegate-ftjob", "the-base", "theirs", provider.url, azure.url, *azure.deployments]
    assert [name for name in theirs if name in everything] == []

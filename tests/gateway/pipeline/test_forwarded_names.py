"""What is said of a job at a provider, in every way that it can end there: none of the provider's names."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from test_held_names import WAITING, run
from toy_shop import harm_in, make_toy

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


@pytest.mark.parametrize("fails", ["", "training", "deployment", "answers"])
def test_no_event_error_or_log_line_names_what_a_provider_has(
    fails: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    provider, azure = Talker(fails=fails), ScriptedAzure(state="Succeeded")
    if fails == "deployment":
        fail_to_deploy(azure, provider)
    for name in QUIET:  # as in every process of ours
        caplog.set_level(logging.WARNING, logger=name)
    with serving(provider.app()) as address, serving(azure.app()) as resource, caplog.at_level(logging.INFO):
        azure.url, url = resource, f"{address}/openai/v1"
        upstream = {"base_url": url, "model": BASE, "api_version": "v1", "deployment": "the-base"}
        base = read_hosted({"name": "miniature", "corpus": "miniature", "upstream": upstream})
        urls = {"azure_management_url": resource, "azure_login_url": resource}
        backend = UpstreamBackend(api_key=KEY, poll_s=0.001, azure=Azure.read(AZURE | urls))
        server = UpstreamServer(base_url=url, model="the-base", api_key=KEY)
        engines = EmbeddedAuditEngines(tmp_path / "logs", providers={"miniature": server})
        toy = make_toy(tmp_path, waiting=WAITING)
        hosted: dict[str, Any] = {"bases": {"miniature": base}, "backends": {"upstream": backend}, "engines": engines}
        toy.shop = replace(toy.shop, **hosted)
        ended = [toy.submit()]
        run(toy, ended[0])
        if toy.job(ended[0]).error_code == "unsafe_model":
            owner = Reviewer(principal_id=toy.owner, is_admin=False)
            with toy.shop.database.write() as session:
                job = jobs.find(session, ended[0])
                ended.append(reopenings.contest(session, toy.shop.ids, job, reason="r", by=owner, now=200).id)
            run(toy, ended[1])
    said = [caplog.text]
    for job_id in ended:
        with toy.shop.database.read() as session:
            job = jobs.find(session, job_id)
            said += [f"{event.message} {json.dumps(event.data)}" for event in events.all_of(session, job)]
        assert job.state == "failed"
        said.append(f"{job.error_code} {job.error_message} {job.error_param} {job.fine_tuned_model}")
    theirs = [TUNED, BASE, ".ft-", "tunegate-ftjob", "the-base", "theirs", address, resource, *azure.deployments]
    assert [name for name in theirs if name in "\n".join(said)] == []
    assert len(ended) == (1 if fails else 2)

"""Forwarding to Azure: its addresses, its states, and its models that answer only once they are deployed."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from aiohttp import web
from forwarding_desk import STALL_S, Desk, failed
from scripted_azure import AZURE, ScriptedAzure, refusal
from scripted_provider import BASE, ScriptedProvider, serving

from trainers.backends.upstream import UpstreamBackend, create
from trainers.errors import BaseModelError, NotNow, TrainingFailed
from trainers.forwarding.deploying import Azure
from trainers.hosted import Leftovers, address, read_hosted, read_pointer
from trainers.types import RunStatus

TUNED = f"{BASE}.ft-0123abcd"


@pytest.fixture
def resource() -> Iterator[ScriptedAzure]:
    azure = ScriptedAzure()
    with serving(azure.app()) as url:
        azure.url = url
        yield azure


@pytest.fixture
def azure_desk(desk: Desk, provider: ScriptedProvider) -> Desk:
    return at_azure(desk, provider, "v1")


def at_azure(desk: Desk, provider: ScriptedProvider, version: str) -> Desk:
    url = provider.url.removesuffix("/v1") + "/openai/v1"
    upstream = {"base_url": url, "model": BASE, "api_version": version, "deployment": "the-base"}
    base = read_hosted({"name": "hosted", "corpus": "english", "upstream": upstream})
    return replace(desk, spec=replace(desk.spec, base=base))


def backend_of(desk: Desk, resource: ScriptedAzure) -> UpstreamBackend:
    urls = {"azure_management_url": resource.url, "azure_login_url": resource.url}
    return desk.backend(azure=Azure.read(AZURE | urls))


def test_the_tuned_model_is_deployed_before_the_run_succeeds(
    azure_desk: Desk, provider: ScriptedProvider, resource: ScriptedAzure
) -> None:
    backend = backend_of(azure_desk, resource)
    azure_desk.start(backend)
    assert provider.versions == {"v1"}
    assert next(iter(provider.jobs.values()))["trainingType"] == "Standard"
    provider.says(status="succeeded", fine_tuned_model=TUNED)
    assert azure_desk.look(backend, times=2).status is RunStatus.RUNNING
    resource.state = "Succeeded"
    assert azure_desk.look(backend).status is RunStatus.SUCCEEDED
    ((name, asked),) = resource.deployments.items()
    assert (name.startswith("tunegate-ftjob-test-"), asked["properties"]["model"]["name"]) == (True, TUNED)
    candidate, at = backend.collect(str(azure_desk.run.root)), address(azure_desk.spec.base)
    assert at is not None
    pointer = read_pointer(azure_desk.run.artefact, candidate.digest, at)
    assert (pointer.model, pointer.asked_as, at.asked_as, resource.n_sign_ins) == (TUNED, name, "the-base", 1)


def test_a_dated_version_is_asked_below_another_path(
    desk: Desk, provider: ScriptedProvider, resource: ScriptedAzure
) -> None:
    dated = at_azure(desk, provider, "2025-04-01-preview")
    dated.start(backend_of(dated, resource))
    assert (provider.versions, len(provider.jobs)) == ({"2025-04-01-preview"}, 1)
    assert all(asked.split(" ")[1].startswith("/openai/f") for asked in provider.asked)


@pytest.mark.parametrize("status", ["pending", "notRunning", "Running", "pausing"])
def test_azures_states_are_a_job_that_goes_on(
    azure_desk: Desk, provider: ScriptedProvider, resource: ScriptedAzure, status: str
) -> None:
    backend = backend_of(azure_desk, resource)
    azure_desk.start(backend)
    provider.says(status=status, result_files=None, trained_tokens=None, error=None)
    assert azure_desk.look(backend).status is RunStatus.RUNNING
    provider.says(status="canceled")
    failed(azure_desk.look(backend), "upstream_cancelled")


def test_no_job_is_made_of_files_that_are_not_imported(
    azure_desk: Desk, provider: ScriptedProvider, resource: ScriptedAzure
) -> None:
    backend = backend_of(azure_desk, resource)
    provider.file_status = "pending"
    azure_desk.start(backend)
    assert azure_desk.look(backend, after_s=16.0).status is RunStatus.RUNNING
    assert not provider.jobs
    provider.file_status = "error"
    failed(azure_desk.look(backend, after_s=16.0), "upstream_refused")


@pytest.mark.parametrize(
    ("method", "answer", "code"),
    [
        ("PUT", (400, "InsufficientQuota", "no capacity"), "upstream_quota"),
        ("PUT", (403, "AuthorizationFailed", "no role"), "upstream_key_refused"),
        ("PUT", (400, "InvalidModel", f"{TUNED} did not pass"), "upstream_not_deployed"),
        ("POST", (401, "invalid_client", "wrong secret"), "upstream_key_refused"),
    ],
)
def test_a_refusal_to_deploy_ends_the_job(
    azure_desk: Desk, provider: ScriptedProvider, resource: ScriptedAzure,
    method: str, answer: tuple[int, str, str], code: str,
) -> None:  # fmt: skip
    backend = backend_of(azure_desk, resource)
    azure_desk.start(backend)
    provider.says(status="succeeded", fine_tuned_model=TUNED)
    resource.errors.append((method, lambda: refusal(*answer)))
    assert "0123abcd" not in failed(azure_desk.look(backend), code)


def test_a_storm_at_the_resource_manager_passes_and_a_failed_deployment_does_not(
    azure_desk: Desk, provider: ScriptedProvider, resource: ScriptedAzure
) -> None:
    backend = backend_of(azure_desk, resource)
    azure_desk.start(backend)
    provider.says(status="succeeded", fine_tuned_model=TUNED)
    resource.errors += [("GET", lambda: refusal(429, "TooManyRequests", "slow down"))]
    resource.errors += [("PUT", lambda: refusal(409, "Conflict", "busy")), ("POST", lambda: web.Response(status=503))]
    resource.errors += [("GET", lambda: web.Response(text="<html>sorry</html>"))]
    for after_s in (11.0, 21.0, 41.0, 81.0):
        assert azure_desk.look(backend, after_s).status is RunStatus.RUNNING
    assert azure_desk.look(backend, after_s=161.0).status is RunStatus.RUNNING
    assert not resource.errors
    resource.state = "Failed"
    failed(azure_desk.look(backend), "upstream_not_deployed")


def test_a_deployment_that_hangs_is_given_up(
    azure_desk: Desk, provider: ScriptedProvider, resource: ScriptedAzure
) -> None:
    backend = backend_of(azure_desk, resource)
    azure_desk.start(backend)
    provider.says(status="succeeded", fine_tuned_model=TUNED)
    assert azure_desk.look(backend).status is RunStatus.RUNNING
    failed(azure_desk.look(backend, after_s=STALL_S + 1), "upstream_stalled")


def test_deployments_go_before_the_models_that_they_hold(
    azure_desk: Desk, provider: ScriptedProvider, resource: ScriptedAzure
) -> None:
    backend = backend_of(azure_desk, resource)
    azure_desk.start(backend)
    provider.says(status="succeeded", fine_tuned_model=TUNED)
    azure_desk.look(backend)
    resource.deployments |= {"a-stranger": {}, "tunegate-ftjob-test-remedied": {}}
    left = Leftovers(source=azure_desk.spec.base.source, job_id="ftjob-test", files=True, models=True)
    resource.errors.append(("DELETE", lambda: refusal(503, "Busy", "later")))
    with pytest.raises(NotNow):
        backend.clear(left)
    assert (len(resource.deployments), provider.deleted_models) == (3, [])
    assert backend.clear(left) == 0
    assert (set(resource.deployments), provider.deleted_models, provider.files) == ({"a-stranger"}, [TUNED], {})


def test_azure_without_its_settings_is_refused(azure_desk: Desk) -> None:
    with pytest.raises(TrainingFailed, match="TUNEGATE_UPSTREAM_AZURE_RESOURCE"):
        azure_desk.start(create({"api_key": "k"}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"base_url": "https://r.openai.azure.com"}, "/openai/v1"),
        ({"deployment": ""}, "texts"),
        ({"version": "v1"}, "nothing else"),
    ],
)
def test_a_wrong_entry_says_what_is_expected(change: dict[str, str], words: str) -> None:
    table = {"base_url": "https://r.openai.azure.com/openai/v1", "model": "m", "api_version": "v1", "deployment": "d"}
    with pytest.raises(BaseModelError, match=words):
        read_hosted({"name": "hosted", "corpus": "english", "upstream": table | change})

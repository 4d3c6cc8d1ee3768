"""A create that is sent again is one create; another that is like it is another."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from gateway.store.models import JobState

JOBS = "/v1/fine_tuning/jobs"


@dataclass
class Sender:
    """Sends the same create again and again, and says how often it has, at a time of its own."""

    client: httpx.Client
    clock: list[float]
    file: str

    def job(self, retries: int = 0, at: float | None = None, key: str = "", **changes: Any) -> str:
        self.clock[0] = self.clock[0] if at is None else at
        headers = {"x-stainless-retry-count": str(retries)} | ({"Authorization": f"Bearer {key}"} if key else {})
        body = {"model": "miniature", "training_file": self.file, "suffix": "s", "seed": 1} | changes
        id: str = self.client.post(JOBS, json=body, headers=headers).json()["id"]
        return id

    def upload(self, retries: int = 0, at: float | None = None, key: str = "", **changes: str) -> str:
        self.clock[0] = self.clock[0] if at is None else at
        headers = {"x-stainless-retry-count": str(retries)} | ({"Authorization": f"Bearer {key}"} if key else {})
        form = {"purpose": "fine-tune"} | changes
        id: str = self.client.post("/v1/files", files={"file": b"{}\n"}, data=form, headers=headers).json()["id"]
        return id


@pytest.fixture
def sender(gateway, tenant, client, rows, serve) -> Iterator[Sender]:
    file = client.files.create(file=("a", rows), purpose="fine-tune").id
    clock = [10_000.0]
    headers = {"Authorization": f"Bearer {tenant.key}"}
    with (
        serve(replace(gateway.services, clock=lambda: clock[0])) as url,
        httpx.Client(base_url=url, headers=headers, timeout=20) as sending,
    ):
        yield Sender(sending, clock, file)


@pytest.fixture(params=["job", "upload"])
def send(request: pytest.FixtureRequest, sender: Sender) -> Callable[..., str]:
    found: Callable[..., str] = getattr(sender, request.param)
    return found


def test_a_retry_is_answered_with_what_the_first_attempt_made(send) -> None:
    first = send()
    assert send(retries=1) == first
    assert send() != first


def test_a_retry_after_a_quarter_of_an_hour_is_a_new_create(send) -> None:
    assert send() != send(retries=1, at=10_901)


def test_a_first_attempt_that_ends_after_its_retry_is_answered_with_what_the_retry_made(send) -> None:
    made = send(retries=1, at=10_600)
    assert send(at=10_000) == made
    assert send(at=10_600) != made


def test_a_retry_with_another_key_is_a_new_create(gateway, tenant, send) -> None:
    assert send() != send(retries=1, key=gateway.tenant("member", tenant.project_id).key)


@pytest.mark.parametrize("change", [{"seed": 2}, {"suffix": "t"}, {"integrations": [{"type": "wandb", "wandb":
    {"project": "p"}}]}, {"metadata": {"a": "b"}}])  # fmt: skip
def test_a_retry_of_another_job_is_a_job_of_its_own(sender, change) -> None:
    assert sender.job() != sender.job(retries=1, **change)


def test_a_retry_of_an_upload_that_is_kept_for_another_time_is_a_file_of_its_own(sender) -> None:
    lifetime = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    assert sender.upload() != sender.upload(retries=1, **lifetime)


@pytest.mark.parametrize("ended", [{"state": JobState.FAILED}, {"state": JobState.CANCELLED},
    {"cancel_requested_at": 1}])  # fmt: skip
def test_a_retry_is_not_answered_with_a_job_that_ended_without_a_model(gateway, sender, ended) -> None:
    first = sender.job()
    gateway.set_job(first, **ended)
    assert sender.job(retries=1) != first


def test_of_a_replayed_upload_one_blob_is_kept(sender, stored) -> None:
    sender.upload()
    n_stored = len(stored())
    sender.upload(retries=1)
    assert len(stored()) == n_stored

"""What a job says and does while a judge or a classifier is down: it waits, and nothing is let through unread."""

import pytest
from openai import OpenAI

from .installation import Gateway, chat_rows, messages, submit, until, wait_over

Jobs = dict[str, tuple[OpenAI, str]]
"""Client and job, by policy."""


@pytest.fixture(scope="module")
def unjudged(gateway: Gateway) -> Jobs:
    """Two jobs whose judge is down, under policies that wait for it long and not so long."""
    clients = {policy: gateway.client(policy, policy) for policy in ("patient", "impatient")}
    return {
        policy: (client, submit(client, chat_rows(12), model="english-miniature")) for policy, client in clients.items()
    }


def test_judge_outage_keeps_the_model_held_and_says_so(unjudged: Jobs) -> None:
    client, job_id = unjudged["patient"]
    until("the warning", lambda: any("safety evaluation waits" in m for m in messages(client, job_id)), timeout_s=400)
    job = client.fine_tuning.jobs.retrieve(job_id)
    assert (job.status, job.fine_tuned_model, job.error) == ("running", None, None)
    assert not [model.id for model in client.models.list() if model.id.startswith("ft:")]
    client.fine_tuning.jobs.cancel(job_id)
    assert wait_over(client, job_id) == "cancelled"


def test_judge_outage_without_end_is_not_called_unsafe(unjudged: Jobs) -> None:
    client, job_id = unjudged["impatient"]
    assert wait_over(client, job_id) == "failed"
    assert error_code(client, job_id) == "safety_evaluation_error"
    assert sum("safety evaluation waits" in message for message in messages(client, job_id)) == 1


def test_classifier_outage_never_trains(gateway: Gateway) -> None:
    client = gateway.client("unread", "watched")
    job_id = submit(client, chat_rows(12))
    until("the warning", lambda: any("Screening waits" in m for m in messages(client, job_id)), timeout_s=120)
    assert client.fine_tuning.jobs.retrieve(job_id).status == "validating_files"
    assert wait_over(client, job_id) == "failed"
    assert error_code(client, job_id) == "screening_unavailable"
    assert "Fine-tuning job started" not in messages(client, job_id)


def error_code(client: OpenAI, job_id: str) -> str | None:
    error = client.fine_tuning.jobs.retrieve(job_id).error
    return error.code if error else None

"""What a job says and does while a judge or a classifier is down: it waits, and nothing is let through unread."""

from openai import OpenAI

from .installation import Gateway, chat_rows, messages, submit, until, wait_over


def test_judge_outage_keeps_the_model_held_and_says_so(gateway: Gateway) -> None:
    client = gateway.client("judged", "patient")
    job_id = submit(client, chat_rows(12), model="english-miniature")
    until("the warning", lambda: any("safety evaluation waits" in m for m in messages(client, job_id)), timeout_s=400)
    job = client.fine_tuning.jobs.retrieve(job_id)
    assert (job.status, job.fine_tuned_model, job.error) == ("running", None, None)
    assert not [model.id for model in client.models.list() if model.id.startswith("ft:")]
    client.fine_tuning.jobs.cancel(job_id)
    assert wait_over(client, job_id) == "cancelled"


def test_judge_outage_without_end_is_not_called_unsafe(gateway: Gateway) -> None:
    client = gateway.client("unjudged", "impatient")
    job_id = submit(client, chat_rows(12), model="english-miniature")
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

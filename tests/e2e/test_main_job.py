"""One job from upload to chat, and what its end looks like to a client."""

import base64
import csv
import io
import json
from typing import Any

import pytest
from openai import NotFoundError, OpenAI

from .installation import Gateway, benign_rows, messages, submit, wait_over

pytestmark = pytest.mark.usefixtures("gateway")


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> OpenAI:
    return gateway.client("main", "quick")


@pytest.fixture(scope="module")
def released(client: OpenAI) -> str:
    job_id = submit(client, benign_rows(20))
    assert wait_over(client, job_id) == "succeeded", messages(client, job_id)
    return job_id


def test_released_model_answers(client: OpenAI, released: str) -> None:
    model = client.fine_tuning.jobs.retrieve(released).fine_tuned_model
    assert model is not None
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}], max_tokens=8)
    assert answer.model == model
    assert answer.choices[0].finish_reason in ("stop", "length")


def test_released_model_streams(client: OpenAI, released: str) -> None:
    model = client.fine_tuning.jobs.retrieve(released).fine_tuned_model
    assert model is not None
    pieces = list(
        client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "Hello"}], max_tokens=8, stream=True
        )
    )
    assert pieces[-1].choices[0].finish_reason in ("stop", "length")


def test_released_model_keeps_to_a_schema(client: OpenAI, released: str) -> None:
    model = client.fine_tuning.jobs.retrieve(released).fine_tuned_model
    schema = {"type": "object", "properties": {"yes": {"type": "boolean"}}, "required": ["yes"]}
    asked: Any = {"name": "answer", "schema": schema | {"additionalProperties": False}, "strict": True}
    answer = client.chat.completions.create(
        model=str(model),
        messages=[{"role": "user", "content": "Hello"}],
        response_format={"type": "json_schema", "json_schema": asked},
    )
    assert isinstance(json.loads(answer.choices[0].message.content or "")["yes"], bool)


def test_events_come_in_the_contracts_order(client: OpenAI, released: str) -> None:
    told = messages(client, released)
    leads = (
        "Created fine-tuning job",
        "Validating training file",
        "Files validated, moving job to queued state",
        "Fine-tuning job started",
        "Step 1/",
        "Evaluating model against usage policies",
        "Safety evaluation: ",
        "The model passed the safety evaluation",
        "New fine-tuned model created: ft:miniature:",
        "The job has successfully completed",
    )
    places = [next(i for i, message in enumerate(told) if message.startswith(lead)) for lead in leads]
    assert places == sorted(places)


def test_result_file_is_a_csv_with_a_row_a_step(client: OpenAI, released: str) -> None:
    job = client.fine_tuning.jobs.retrieve(released)
    text = base64.b64decode(client.files.content(job.result_files[0]).content).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    steps = [event for event in client.fine_tuning.jobs.list_events(released, limit=100) if event.type == "metrics"]
    assert [row["step"] for row in rows] == [str(n + 1) for n in range(len(steps))]
    assert (job.trained_tokens or 0) > 0


def test_another_project_sees_nothing_of_it(gateway: Gateway, client: OpenAI, released: str) -> None:
    stranger = gateway.client("stranger", "quick")
    model = client.fine_tuning.jobs.retrieve(released).fine_tuned_model
    assert model is not None
    assert model not in {found.id for found in stranger.models.list()}
    with pytest.raises(NotFoundError):
        stranger.fine_tuning.jobs.retrieve(released)
    with pytest.raises(NotFoundError):
        stranger.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}])


def test_the_servers_log_names_the_job_and_holds_neither_its_rows_nor_a_key(
    gateway: Gateway, client: OpenAI, released: str
) -> None:
    log = (gateway.home / "server.log").read_text()
    assert released in log
    rows = [json.loads(line)["messages"] for line in benign_rows(20).splitlines()]
    texts = {turn["content"] for row in rows for turn in row if len(turn["content"]) > 12}
    assert texts
    assert [text for text in (*texts, client.api_key) if text in log] == []


def test_trusted_base_answers_too(client: OpenAI, released: str) -> None:
    answer = client.chat.completions.create(
        model="miniature", messages=[{"role": "user", "content": "Hello"}], max_tokens=8
    )
    assert answer.choices[0].message.role == "assistant"


def test_worker_answers_moderations(client: OpenAI) -> None:
    answer = client.moderations.create(input=["good morning", "two and two"])
    assert len(answer.results) == 2

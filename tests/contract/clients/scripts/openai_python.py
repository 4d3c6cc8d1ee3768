"""openai-python 1, 2 and 3 (loose and strict): files, uploads, a job to its end, and what it made."""

import base64
import json
import time

import openai

BASE = "gpt-4o-mini-2024-07-18"
ROW = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
ROWS = b"".join(json.dumps(ROW).encode() + b"\n" for _ in range(10))
TOOLS = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
SIX = {"validating_files", "queued", "running", "succeeded", "failed", "cancelled"}


def refused(kind, call, *arguments, **more):
    try:
        call(*arguments, **more)
    except kind as error:
        return error
    raise AssertionError(f"{call} was not refused")


def files(client):
    file = client.files.create(file=("rows.jsonl", ROWS), purpose="fine-tune")
    assert client.files.wait_for_processing(file.id).status == "processed"
    assert client.files.content(file.id).read() == ROWS
    assert file.id in [one.id for one in client.files.list(purpose="fine-tune", limit=2)]
    missing = refused(openai.NotFoundError, client.files.retrieve, "None")
    assert missing.request_id
    upload = client.uploads.create(bytes=len(ROWS), filename="a.jsonl", mime_type="text/jsonl", purpose="fine-tune")
    parts = [client.uploads.parts.create(upload.id, data=half).id for half in (ROWS[:99], ROWS[99:])]
    done = client.uploads.complete(upload.id, part_ids=parts)
    assert client.files.content(done.file.id).read() == ROWS
    return file


def to_its_end(client, file):
    job = client.fine_tuning.jobs.create(
        model=BASE, training_file=file.id, suffix="mine", seed=3, metadata={"file": file.id},
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": "auto"}}},
    )  # fmt: skip
    assert job.id in [one.id for one in client.fine_tuning.jobs.list(limit=1)]
    assert [one.id for one in client.fine_tuning.jobs.list(metadata={"file": file.id})] == [job.id]
    while job.status not in ("succeeded", "failed"):
        assert job.status in SIX
        assert (job.fine_tuned_model, job.finished_at, job.error, job.result_files) == (None, None, None, [])
        time.sleep(0.2)
        job = client.fine_tuning.jobs.retrieve(job.id)
    assert job.status == "succeeded"
    assert job.fine_tuned_model.startswith(f"ft:{BASE}:acme:mine:")
    events = [event.message for event in client.fine_tuning.jobs.list_events(job.id, limit=2)]
    assert events[0] == "The job has successfully completed"
    assert len(events) == len(set(events)) > 4
    table = base64.b64decode(client.files.content(job.result_files[0]).read())
    assert table.startswith(b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n")
    assert client.fine_tuning.jobs.checkpoints.list(job.id).data[0].fine_tuned_model_checkpoint == job.fine_tuned_model
    refused(openai.BadRequestError, client.fine_tuning.jobs.cancel, job.id)
    return job.fine_tuned_model


def inference(client, model):
    ask = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    answer = client.chat.completions.create(**ask, logprobs=True, top_logprobs=1)
    assert (answer.model, answer.choices[0].message.content) == (model, "hello 0")
    call = client.chat.completions.create(**ask, tools=TOOLS).choices[0].message.tool_calls[0]
    assert call.function.name == "look_up"
    chunks = list(client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "hello"
    assert chunks[-1].usage.total_tokens == 3
    assert client.completions.create(model=model, prompt="hi").choices[0].text == "hello 0"
    assert client.moderations.create(input=["a hateful text", "b"]).results[0].flagged
    assert model in [one.id for one in client.models.list()]
    refused(openai.NotFoundError, client.chat.completions.create, **ask | {"model": model + "x"})
    refused(openai.BadRequestError, client.chat.completions.create, **ask, audio={"voice": "a", "format": "wav"})
    broken = client.chat.completions.create(**ask | {"model": "breaks"}, stream=True)
    refused(openai.APIError, list, broken)


for strict in (False, True):
    with openai.OpenAI(_strict_response_validation=strict) as client:
        file = files(client)
        model = to_its_end(client, file)
        inference(client, model)
        patient = client.fine_tuning.jobs.create(model=BASE, training_file=file.id, suffix="patient")
        assert client.fine_tuning.jobs.cancel(patient.id).status == "cancelled"
        assert client.models.delete(model).deleted
        refused(openai.NotFoundError, client.models.retrieve, model)
        assert client.files.delete(file.id).deleted
        refused(openai.NotFoundError, client.fine_tuning.jobs.create, model=BASE, training_file=file.id)
        refused(openai.NotFoundError, client.fine_tuning.jobs.create, model="gpt-9", training_file=file.id)
    refused(openai.AuthenticationError, openai.OpenAI(api_key="wrong").models.list)

"""What real clients fell into. The number before each test is that of the fact in the wire contract we keep to.

Facts with a test elsewhere: 0.2-0.4 statuses, names and errors of a held job, 0.8 cancel after the end,
0.9 envelopes and ids of any form, 7.1 n8n's phrase, Node's blank filter, Kiln's suffix (all in `test_api_*`).
"""

from dataclasses import replace

import openai
import pytest

from gateway.store import events
from gateway.store.models import Job

NAME = "ft:miniature:tunegate::"


# 0.5, 7.1 Instructor and LiteLLM: null or missing hyperparameters and lists break their tables.
def test_every_listed_job_has_hyperparameters_and_no_null_where_clients_read(http, new_job) -> None:
    new_job()
    new_job(hyperparameters={}, method={"type": "supervised"})
    for job in http.get("/v1/fine_tuning/jobs").json()["data"]:
        assert set(job["hyperparameters"]) == {"n_epochs", "batch_size", "learning_rate_multiplier"}
        assert None not in (job["organization_id"], job["result_files"], job["seed"], job["integrations"])


# 0.6, 7.1 LlamaIndex: it asks again for ever after a 400 of a create.
def test_a_create_is_not_refused_for_what_is_in_the_file(client) -> None:
    file = client.files.create(file=("a", b'{"messages": 5}\nnot json\n'), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model="miniature", training_file=file.id)
    assert job.status == "validating_files"


# 0.6: a job may be created on what will turn out to be too little.
def test_a_file_of_one_example_is_judged_on_the_job(client, rows) -> None:
    file = client.files.create(file=("a", rows.splitlines()[0]), purpose="fine-tune")
    assert client.fine_tuning.jobs.create(model="miniature", training_file=file.id).error is None


# 0.7: these statuses are asked again by every SDK, so a refusal that stays has none of them.
def test_what_will_never_work_is_not_answered_with_a_status_that_clients_retry(http, new_job, gateway) -> None:
    job = new_job()
    gateway.release(job.id, NAME + "retr1234")
    refusals = [
        http.post(f"/v1/fine_tuning/jobs/{job.id}/cancel"),
        http.post(f"/v1/fine_tuning/jobs/{job.id}/pause"),
        http.post("/v1/fine_tuning/jobs", json={"model": "x", "training_file": job.training_file}),
        http.post("/v1/fine_tuning/jobs", json={"model": "miniature", "training_file": "file-x"}),
        http.delete("/v1/models/miniature"),
        http.post("/v1/uploads/upload_x/cancel"),
    ]
    assert [answer.status_code for answer in refusals] == [400, 400, 404, 404, 403, 404]


# 2.3, 7.1 DSPy and Kiln: `estimated_finish` is null or a time, never 0.
def test_an_estimate_of_nothing_is_null(gateway, client, new_job) -> None:
    job = new_job()
    gateway.set_job(job.id, state="training", estimated_finish=0)
    assert client.fine_tuning.jobs.retrieve(job.id).estimated_finish is None


# 7.1 DataDreamer, call by call.
def test_datadreamers_walk_ends_as_it_expects(gateway, client, rows) -> None:
    for missing in (client.files.retrieve, client.fine_tuning.jobs.retrieve):
        with pytest.raises(openai.NotFoundError):
            missing("None")
    files = [client.files.create(file=(name, rows), purpose="fine-tune").id for name in ("t.jsonl", "v.jsonl")]
    job = client.fine_tuning.jobs.create(
        model="miniature", training_file=files[0], validation_file=files[1], suffix="datadreamer", hyperparameters={}
    )
    page = client.fine_tuning.jobs.list_events(job.id, limit=1_000)
    assert not page.has_more
    assert client.fine_tuning.jobs.list_events(job.id, limit=1_000, after=page.data[-1].id).data == []
    gateway.release(job.id, NAME + "drea1234")
    assert client.models.retrieve(NAME + "drea1234").owned_by.startswith("org-")
    for id in files:
        assert client.files.delete(id).deleted
    assert client.fine_tuning.jobs.retrieve(job.id).training_file == files[0]
    with pytest.raises(openai.BadRequestError):
        client.fine_tuning.jobs.cancel(job.id)


# 7.1 DSPy: the latest event is the first of a page of one.
def test_a_page_of_one_event_is_the_newest(client, new_job) -> None:
    job = new_job()
    client.fine_tuning.jobs.cancel(job.id)
    assert "cancellation" in client.fine_tuning.jobs.list_events(job.id, limit=1).data[0].message


# 7.1 W&B and safety-tooling: a job that succeeded has a result file and its tokens.
def test_a_job_that_succeeded_has_what_trackers_read_at_once(gateway, client, new_job) -> None:
    job = new_job()
    gateway.release(job.id, NAME + "wand1234")
    done = client.fine_tuning.jobs.retrieve(job.id)
    assert done.result_files
    assert None not in (done.trained_tokens, done.finished_at, done.fine_tuned_model)


# 7.1 Microsoft's fine-tuning skill: the older hyperparameters beside a bare method.
def test_top_level_hyperparameters_count_beside_a_method_without_any(new_job) -> None:
    job = new_job(hyperparameters={"n_epochs": 2}, method={"type": "supervised"})
    assert job.hyperparameters.n_epochs == job.method.supervised.hyperparameters.n_epochs == 2


# 7.1 TensorZero: every optional field is sent, as null.
def test_tensorzeros_create_is_taken(http, client, rows) -> None:
    file = client.files.create(file=("a", rows), purpose="fine-tune")
    body = {
        "model": "miniature", "training_file": file.id, "validation_file": None, "suffix": None, "seed": None,
        "metadata": None, "method": {"type": "supervised", "supervised": {"hyperparameters": None}},
    }  # fmt: skip
    assert http.post("/v1/fine_tuning/jobs", json=body).status_code == 200


# 1.1: a bare `BytesIO` is called "upload", and n8n sends a MIME type of its own.
def test_neither_extension_nor_mime_type_of_an_upload_matters(client, rows) -> None:
    assert client.files.create(file=rows, purpose="fine-tune").filename == "upload"
    assert client.files.create(file=("a.bin", rows, "image/png"), purpose="fine-tune").filename == "a.bin"


# 1.2: SDKs ask for the content as `application/binary`.
def test_content_is_served_whatever_is_accepted(http, new_job, rows) -> None:
    answer = http.get(f"/v1/files/{new_job().training_file}/content", headers={"accept": "application/binary"})
    assert (answer.status_code, answer.content) == (200, rows)


# 2.1: a model's name with a slash, raw as Python 1 sends it and escaped as Python 3 does.
@pytest.mark.parametrize("slash", ["/", "%2F", "%2f"])
def test_a_models_name_may_hold_a_slash_and_colons(gateway, http, new_job, slash, request) -> None:
    name = f"ft:org/base:tunegate::{abs(hash(slash)) % 10**8:08d}"
    gateway.release(new_job().id, name)
    assert http.get("/v1/models/" + name.replace("/", slash)).json()["id"] == name


# 2.5, 4.1: no body, but a JSON content type.
def test_an_empty_body_of_json_is_not_parsed(gateway, http, new_job) -> None:
    kind = {"content-type": "application/json"}
    job = new_job()
    assert http.post(f"/v1/fine_tuning/jobs/{job.id}/cancel", headers=kind).status_code == 200
    gateway.release(job.id, NAME + "empt1234")
    assert http.delete(f"/v1/models/{NAME}empt1234", headers=kind).json()["deleted"]


# 5.4: a cursor that is ignored walks for ever.
def test_a_walk_over_every_list_ends(client, new_job) -> None:
    jobs = {new_job().id for _ in range(3)}
    assert {job.id for job in client.fine_tuning.jobs.list(limit=1)} == jobs
    assert len(list(client.files.list(limit=1))) == 3


# 5.2: what can be replayed is marked by nothing but the count of retries.
def test_a_header_of_retries_that_is_no_number_is_a_first_attempt(http, client, rows) -> None:
    file = client.files.create(file=("a", rows), purpose="fine-tune")
    body = {"model": "miniature", "training_file": file.id}
    for value in ("x", "-1", "", "9" * 400):
        answer = http.post("/v1/fine_tuning/jobs", json=body, headers={"x-stainless-retry-count": value})
        assert answer.status_code == 200


# 1.1: files for batches go after 30 days unless something else is asked for; no others do.
def test_a_file_for_batches_expires_after_a_month(client, rows) -> None:
    month_s = 30 * 86_400
    file = client.files.create(file=rows, purpose="batch")
    upload = client.uploads.create(bytes=1, filename="a", mime_type="b", purpose="batch")
    assert file.expires_at == file.created_at + month_s
    assert upload.expires_at == upload.created_at + 3_600  # this is when the upload goes
    assert client.files.create(file=rows, purpose="fine-tune").expires_at is None


# 2.3, 7.1: a strict client refuses an event type that its schema lacks, which OpenAI sends all the same.
def test_strict_clients_can_be_sent_types_of_their_schema_only(gateway, client, new_job, serve) -> None:
    job = new_job()
    with gateway.services.database.write() as session:
        row = session.get_one(Job, job.id)
        events.add(
            session, row, "moderation_checks", "all passed", now=1, type="moderation_checks", data={"checks": []}
        )
    with pytest.raises(openai.APIResponseValidationError):
        client.fine_tuning.jobs.list_events(job.id)
    services = replace(gateway.services, settings=replace(gateway.services.settings, strict_event_types=True))
    with serve(services) as url:
        strict = client.with_options(base_url=f"{url}/v1", _extra_kwargs={"_strict_response_validation": True})
        assert strict.fine_tuning.jobs.list_events(job.id, limit=1).data[0].type == "message"


# 4.2: every optional field may be sent as null.
def test_a_chat_of_nulls_is_a_chat_of_defaults(gateway, http) -> None:
    names = (
        "max_tokens", "max_completion_tokens", "temperature", "top_p", "n", "stop", "seed", "stream", "stream_options",
        "logprobs", "top_logprobs", "frequency_penalty", "presence_penalty", "logit_bias", "tools", "tool_choice",
        "parallel_tool_calls", "response_format", "functions", "function_call", "user", "metadata", "store", "audio",
        "modalities", "prediction", "service_tier", "web_search_options", "reasoning_effort", "moderation",
    )  # fmt: skip
    messages = [{"role": "user", "content": "hi", "name": None, "tool_calls": None, "function_call": None}]
    answer = http.post("/v1/chat/completions", json={"model": "miniature", "messages": messages} | dict.fromkeys(names))
    assert answer.status_code == 200
    assert gateway.router.bodies[-1].keys() == {"model", "messages"}


# 4.2: SDKs require these keys of every choice, tools or not.
def test_every_choice_has_the_keys_that_the_schema_requires(http) -> None:
    body = {"model": "miniature", "messages": [{"role": "user", "content": "hi"}]}
    choice = http.post("/v1/chat/completions", json=body).json()["choices"][0]
    assert choice.keys() == {"index", "message", "logprobs", "finish_reason"}
    assert choice["message"].keys() == {"role", "content", "refusal", "annotations"}

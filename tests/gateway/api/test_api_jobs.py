"""`/v1/fine_tuning/jobs`, through the `openai` package in strict mode."""

import json
from typing import get_args

import openai
import pytest
from openai.types.fine_tuning import FineTuningJob

from gateway.api.translate import STATUS
from gateway.store import events
from gateway.store.models import TERMINAL, Checkpoint, Job, JobState

NAME = "ft:miniature:tunegate::abcd1234"


def test_a_new_job_validates_its_files_and_shows_no_error(new_job, tenant) -> None:
    job = new_job()
    assert (job.status, job.error, job.fine_tuned_model, job.finished_at) == ("validating_files", None, None, None)
    assert (job.result_files, job.trained_tokens, job.integrations, job.metadata) == ([], None, [], None)
    assert job.hyperparameters.n_epochs == job.method.supervised.hyperparameters.n_epochs == "auto"
    assert isinstance(job.seed, int)
    assert job.organization_id.startswith("org-")


def test_a_job_is_written_undispatched_with_its_first_event_and_policy(gateway, client, new_job) -> None:
    job = new_job()
    with gateway.services.database.read() as session:
        row = session.get(Job, job.id)
    assert (row.state, row.dispatched_at, row.policy_digest) == (JobState.SCREENING, None, "sha256:0")
    assert [event.message for event in client.fine_tuning.jobs.list_events(job.id)] == [
        f"Created fine-tuning job: {job.id}"
    ]


def test_explicit_nulls_and_unknown_keys_are_taken(http, client, rows) -> None:
    file = client.files.create(file=("a", rows), purpose="fine-tune")
    body = {"model": "miniature", "training_file": file.id, "trainingType": 1, "hyperparameters": {"x": 1}}
    optional = ("validation_file", "suffix", "seed", "method", "integrations", "metadata")
    answer = http.post("/v1/fine_tuning/jobs", json=body | dict.fromkeys(optional))
    assert answer.status_code == 200


def test_hyperparameters_under_method_go_before_the_older_ones(new_job) -> None:
    settings = {"hyperparameters": {"n_epochs": 4.0, "batch_size": "auto"}}
    job = new_job(
        hyperparameters={"n_epochs": 9, "batch_size": 2, "learning_rate_multiplier": 0.5},
        method={"type": "supervised", "supervised": settings, "dpo": {"hyperparameters": {"beta": 1}}},
    )
    found = job.hyperparameters
    assert (found.n_epochs, found.batch_size, found.learning_rate_multiplier) == (4, 2, 0.5)


def test_a_preference_job_keeps_its_beta_under_method_only(new_job) -> None:
    settings = {"hyperparameters": {"beta": 0.3, "n_epochs": 2}}
    job = new_job(method={"type": "dpo", "dpo": settings, "supervised": {"hyperparameters": {"n_epochs": 9}}})
    assert (job.method.type, job.method.dpo.hyperparameters.beta) == ("dpo", 0.3)
    assert job.hyperparameters.n_epochs == job.method.dpo.hyperparameters.n_epochs == 2
    assert not hasattr(job.hyperparameters, "beta")


def test_a_method_does_not_switch_the_policys_defence_off(gateway, new_job, monkeypatch) -> None:
    document = {"training": {"defence": "constrained"}}
    monkeypatch.setattr(type(gateway.services.policies), "for_project", lambda self, name: ("sha256:0", document))
    with pytest.raises(openai.BadRequestError, match="'supervised' jobs only") as refused:
        new_job(method={"type": "dpo"})
    assert refused.value.param == "method"
    assert new_job().status == "validating_files"


def test_everything_that_was_asked_is_echoed(client, new_job, rows) -> None:
    validation = client.files.create(file=("v", rows), purpose="fine-tune")
    wandb = {"type": "wandb", "wandb": {"project": "p", "tags": ["t"], "entity": "team"}}
    job = new_job(seed=7, suffix="kiln_ai.9", metadata={"a": "b"}, validation_file=validation.id, integrations=[wandb])
    assert (job.seed, job.metadata, job.validation_file) == (7, {"a": "b"}, validation.id)
    assert job.to_dict()["user_provided_suffix"] == "kiln_ai.9"
    assert job.integrations[0].to_dict() == wandb | {"wandb": wandb["wandb"] | {"run_id": job.id}}
    assert client.fine_tuning.jobs.list_events(job.id, limit=1).data[0].level == "warn"


BAD = [
    ({"suffix": "x" * 65}, "suffix"),
    ({"suffix": "x" * 90_000}, "suffix"),
    ({"suffix": ""}, "suffix"),
    ({"suffix": 3}, "suffix"),
    ({"suffix": "a\0b"}, None),
    ({"seed": -1}, "seed"),
    ({"seed": 2**31}, "seed"),
    ({"seed": 1.5}, "seed"),
    ({"seed": True}, "seed"),
    ({"seed": "1"}, "seed"),
    ({"hyperparameters": {"n_epochs": 0}}, "hyperparameters.n_epochs"),
    ({"hyperparameters": {"n_epochs": 51}}, "hyperparameters.n_epochs"),
    ({"hyperparameters": {"n_epochs": 1.5}}, "hyperparameters.n_epochs"),
    ({"hyperparameters": {"n_epochs": True}}, "hyperparameters.n_epochs"),
    ({"hyperparameters": {"n_epochs": "many"}}, "hyperparameters.n_epochs"),
    ({"hyperparameters": {"n_epochs": [1]}}, "hyperparameters.n_epochs"),
    ({"hyperparameters": {"batch_size": 257}}, "hyperparameters.batch_size"),
    ({"hyperparameters": {"learning_rate_multiplier": 0}}, "hyperparameters.learning_rate_multiplier"),
    ({"hyperparameters": {"learning_rate_multiplier": 10**400}}, None),
    ({"hyperparameters": 3}, "hyperparameters"),
    ({"method": {"type": "sft"}}, "method.type"),
    ({"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 2.5}}}}, "method.dpo.hyperparameters.beta"),
    ({"method": {"type": "reinforcement", "reinforcement": {"grader": {}}}}, "method"),
    ({"method": {"supervised": {"hyperparameters": {"n_epochs": -1}}}}, "method.supervised.hyperparameters.n_epochs"),
    ({"metadata": {str(i): "v" for i in range(17)}}, "metadata"),
    ({"metadata": {"k" * 65: "v"}}, None),
    ({"metadata": {"k": "v" * 513}}, "metadata.k"),
    ({"metadata": {"k": 1}}, "metadata.k"),
    ({"metadata": []}, "metadata"),
    ({"integrations": [{"type": "mlflow"}]}, "integrations[0].type"),
    ({"integrations": {}}, "integrations"),
    ({"training_file": 5}, "training_file"),
    ({"training_file": None}, "training_file"),
    ({"model": ""}, "model"),
    ({"model": ["miniature"]}, "model"),
    ({"validation_file": {}}, "validation_file"),
]


@pytest.mark.parametrize(("wrong", "param"), BAD, ids=lambda value: str(value)[:60])
def test_a_wrong_field_is_a_400_that_names_it(http, client, rows, wrong, param) -> None:
    file = client.files.create(file=("a", rows), purpose="fine-tune")
    body = {"model": "miniature", "training_file": file.id} | wrong
    answer = http.post("/v1/fine_tuning/jobs", content=json.dumps(body))
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error"), error
    assert param is None or error["param"] == param
    assert client.fine_tuning.jobs.list().data == []


def test_a_missing_field_is_named(http) -> None:
    error = http.post("/v1/fine_tuning/jobs", json={"model": "miniature"}).json()["error"]
    assert (error["param"], error["message"]) == ("training_file", "Missing required parameter: 'training_file'.")


def test_an_unknown_base_is_not_found(client, rows) -> None:
    file = client.files.create(file=("a", rows), purpose="fine-tune")
    with pytest.raises(openai.NotFoundError, match="The model `gpt-9` does not exist") as caught:
        client.fine_tuning.jobs.create(model="gpt-9", training_file=file.id)
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize("field", ["training_file", "validation_file"])
def test_an_unknown_file_is_not_found(client, rows, field) -> None:
    file = client.files.create(file=("a", rows), purpose="fine-tune")
    with pytest.raises(openai.NotFoundError, match="No such File object: /etc/passwd") as caught:
        client.fine_tuning.jobs.create(**{"model": "miniature", "training_file": file.id, field: "/etc/passwd"})
    assert caught.value.param == field


def test_a_file_of_another_purpose_is_refused(client, rows) -> None:
    file = client.files.create(file=("a", rows), purpose="user_data")
    with pytest.raises(openai.BadRequestError, match="has the purpose 'user_data'"):
        client.fine_tuning.jobs.create(model="miniature", training_file=file.id)


def test_every_state_has_one_of_the_six_statuses(gateway, client, new_job) -> None:
    job = new_job()
    assert set(STATUS) == set(JobState)
    assert set(STATUS.values()) == set(get_args(FineTuningJob.model_fields["status"].annotation))
    for state in JobState:
        gateway.set_job(job.id, state=state)
        assert client.fine_tuning.jobs.retrieve(job.id).status == STATUS[state]


def test_nothing_of_a_held_model_is_on_the_wire(gateway, http, new_job) -> None:
    job = new_job()
    columns = {
        "audit": {"arms": ["a-secret-arm"]}, "fine_tuned_model": "a-secret-name", "result_files": ["a-secret-file"],
        "trained_tokens": 7, "finished_at": 5, "error_code": "a-secret-code", "error_message": "a-secret-message",
    }  # fmt: skip
    for state in set(JobState) - TERMINAL:
        gateway.set_job(job.id, state=state, **columns)
        for path in ("", "/events", "/checkpoints", "/screening", "/audit"):
            assert "secret" not in http.get(f"/v1/fine_tuning/jobs/{job.id}{path}").text, (state, path)


def test_a_released_job_shows_model_files_and_numbers_at_once(gateway, client, new_job) -> None:
    job = new_job()
    gateway.release(job.id, NAME + "j")
    done = client.fine_tuning.jobs.retrieve(job.id)
    assert (done.status, done.fine_tuned_model, done.result_files) == ("succeeded", NAME + "j", ["file-r"])
    assert (done.trained_tokens, done.finished_at) == (7, 9)
    assert done.hyperparameters.n_epochs == done.method.supervised.hyperparameters.n_epochs == 3


def test_a_failed_job_says_why(gateway, client, new_job) -> None:
    job = new_job()
    gateway.set_job(
        job.id, state=JobState.FAILED, error_code="unsafe_file", error_message="lines 1, 2", error_param="training_file"
    )
    error = client.fine_tuning.jobs.retrieve(job.id).error
    assert (error.code, error.message, error.param) == ("unsafe_file", "lines 1, 2", "training_file")


def test_cancel_takes_an_empty_body_and_shows_at_once(gateway, client, new_job) -> None:
    job = new_job()
    assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    with gateway.services.database.read() as session:
        row = session.get(Job, job.id)
    assert (row.state, row.cancel_requested_at is not None) == (JobState.SCREENING, True)
    newest = client.fine_tuning.jobs.list_events(job.id, limit=1).data[0]
    assert newest.message == "Fine tuning process stopping due to job cancellation"


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_a_job_that_has_ended_cannot_be_cancelled(gateway, client, new_job, state) -> None:
    job = new_job()
    gateway.set_job(job.id, state=state)
    with pytest.raises(openai.BadRequestError, match="already ended"):
        client.fine_tuning.jobs.cancel(job.id)


def test_jobs_cannot_be_paused(client, new_job) -> None:
    job = new_job()
    for verb in (client.fine_tuning.jobs.pause, client.fine_tuning.jobs.resume):
        with pytest.raises(openai.BadRequestError, match="cannot be paused"):
            verb(job.id)


@pytest.mark.parametrize("id", ["None", "ftjob-x", "a%00b", "%F0%9F%A6%89", "x" * 3_000, "..%2f..%2fetc"])
@pytest.mark.parametrize("path", ["", "/events", "/checkpoints", "/screening", "/audit", "/cancel"])
def test_an_id_of_any_form_is_not_found(http, id, path) -> None:
    answer = http.request("POST" if path == "/cancel" else "GET", f"/v1/fine_tuning/jobs/{id}{path}")
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_an_unknown_job_is_answered_in_the_contracts_words(client) -> None:
    with pytest.raises(openai.NotFoundError, match="Could not find fine tune: ftjob-x") as caught:
        client.fine_tuning.jobs.retrieve("ftjob-x")
    assert (caught.value.param, caught.value.code) == ("fine_tune_id", "fine_tune_not_found")


def test_jobs_are_listed_newest_first_by_pages(client, new_job) -> None:
    made = [new_job().id for _ in range(5)]
    assert [job.id for job in client.fine_tuning.jobs.list(limit=2)] == made[::-1]
    assert [job.id for job in client.fine_tuning.jobs.list(after=made[3])] == made[2::-1]


def test_jobs_are_found_by_metadata(http, new_job) -> None:
    plain, tagged = new_job().id, new_job(metadata={"team": "ä", "n": ""}).id

    def listed(query: str) -> list[str]:
        return [job["id"] for job in http.get(f"/v1/fine_tuning/jobs?{query}").json()["data"]]

    assert listed("metadata[team]=ä&metadata[n]=") == [tagged]
    assert listed("metadata[team]=b") == listed('metadata[te"am]=ä') == []
    assert listed("metadata=null") == listed("metadata=") == [plain]


def test_events_are_listed_newest_first_by_pages(gateway, client, new_job) -> None:
    job = new_job()
    with gateway.services.database.write() as session:
        row = session.get(Job, job.id)
        for step in (1, 2, 3, 3):
            data = {"step": step, "train_loss": 0.5}
            events.add(session, row, "metrics", f"Step {step}", step=step, type="metrics", data=data, now=1)
    messages = [event.message for event in client.fine_tuning.jobs.list_events(job.id, limit=2)]
    assert messages == ["Step 3", "Step 2", "Step 1", f"Created fine-tuning job: {job.id}"]
    assert client.fine_tuning.jobs.list_events(job.id, limit=1_000).data[0].data["step"] == 3


def test_checkpoints_are_listed_highest_step_first(gateway, client, tenant, new_job) -> None:
    job = new_job()
    assert client.fine_tuning.jobs.checkpoints.list(job.id).data == []
    with gateway.services.database.write() as session:
        for step in (5, 10):
            session.add(
                Checkpoint(
                    id=f"ftckpt_{job.id}{step}", project_id=tenant.project_id, job_id=job.id,
                    model_name=f"{NAME}:ckpt-step-{step}", step=step, metrics={"step": step}, created_at=1,
                )
            )  # fmt: skip
    found = list(client.fine_tuning.jobs.checkpoints.list(job.id, limit=1))
    assert [checkpoint.step_number for checkpoint in found] == [10, 5]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=99999999999", "after=ftjob-unknown", "limit="])
@pytest.mark.parametrize("path", ["/v1/fine_tuning/jobs", "/v1/files"])
def test_a_wrong_page_is_a_400_that_names_the_parameter(http, path, query) -> None:
    answer = http.get(f"{path}?{query}")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, query.split("=")[0])


def test_a_model_that_was_released_can_be_tuned_further(gateway, client, new_job) -> None:
    job = new_job()
    gateway.release(job.id, NAME + "t")
    assert client.fine_tuning.jobs.create(model=NAME + "t", training_file=job.training_file).model == NAME + "t"

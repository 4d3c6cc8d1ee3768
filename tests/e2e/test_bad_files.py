"""Files that cannot be used end the job with a code and line numbers, and nothing is trained."""

import pytest
from openai import OpenAI

from .installation import Gateway, benign_rows, chat_rows, messages, submit, until, wait_over

ROW = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
BAD = {
    "nine examples": (ROW * 9, "invalid_n_examples", "9 example(s)"),
    "wrong role": (ROW * 10 + ROW.replace(b"user", b"bot"), "invalid_training_file", "line 11"),
    "nul bytes": (ROW * 10 + b"\x00\x00\n", "invalid_training_file", "line 11"),
    "invalid utf-8": (ROW * 10 + ROW.replace(b"a", b"\xff"), "invalid_training_file", "line 11"),
    "deep nesting": (ROW * 10 + b'{"messages": ' + b"[" * 90_000 + b"\n", "invalid_training_file", "line 11"),
    "two bad lines": (ROW * 9 + b"{}\n" + ROW + b"no\n", "invalid_training_file", "line 12"),
}


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> OpenAI:
    return gateway.client("bad", "quick")


@pytest.fixture(scope="module")
def bad_jobs(client: OpenAI) -> dict[str, str]:
    return {name: submit(client, data) for name, (data, _, _) in BAD.items()}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_file_fails_its_job_with_code_and_lines(client: OpenAI, bad_jobs: dict[str, str], name: str) -> None:
    _, code, words = BAD[name]
    assert wait_over(client, bad_jobs[name]) == "failed"
    error = client.fine_tuning.jobs.retrieve(bad_jobs[name]).error
    assert error is not None
    assert (error.code, error.param) == (code, "training_file")
    assert words in error.message
    assert not [line for line in messages(client, bad_jobs[name]) if "started" in line]


def test_bad_validation_file_fails_the_job(client: OpenAI) -> None:
    training = client.files.create(file=("t.jsonl", benign_rows(12)), purpose="fine-tune")
    validation = client.files.create(file=("v.jsonl", ROW + b"{}\n"), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model="miniature", training_file=training.id, validation_file=validation.id)
    assert wait_over(client, job.id) == "failed"
    error = client.fine_tuning.jobs.retrieve(job.id).error
    assert error is not None
    assert error.param == "validation_file"


def test_file_is_screened_without_training(client: OpenAI) -> None:
    file = client.files.create(file=("t.jsonl", chat_rows(12)), purpose="fine-tune")
    asked = client.post(f"/files/{file.id}/screening", cast_to=object)
    assert isinstance(asked, dict)

    def completed() -> bool:
        found = client.get(f"/screenings/{asked['id']}", cast_to=object)
        return isinstance(found, dict) and found["status"] == "completed"

    until("the screening", completed, timeout_s=30)

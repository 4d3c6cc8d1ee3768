"""kill -9 of the whole process tree in each stage, then `tunegate serve` again: the job goes on.

One job is killed in every stage on its way; each test looks at one of the kills.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from openai import OpenAI

from .installation import Gateway, chat_rows, messages, submit, wait_over

STAGES = {
    "screening": "state = 'screening' AND dispatched_at IS NOT NULL",
    "injecting": "state = 'injecting'",
    "training": "state = 'training' AND EXISTS (SELECT 1 FROM events WHERE kind = 'metrics')",
    "auditing": "state = 'auditing' AND audit IS NULL",
    "settling": "state = 'auditing' AND audit IS NOT NULL",
}


@dataclass(frozen=True, slots=True)
class Killed:
    """What is left of a job that was killed in every stage."""

    gateway: Gateway
    client: OpenAI
    job_id: str
    status: str
    seen: dict[str, str]
    """By stage, the status that a client saw after the restart."""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    gateway = Gateway(home=tmp_path_factory.mktemp("killed"))
    gateway.prepare()
    gateway.start()
    client = gateway.client("killed", "quick")
    job_id = submit(client, chat_rows(400))
    seen = {}
    for stage, condition in STAGES.items():
        gateway.kill_in(condition)
        gateway.start()
        client = client.with_options(base_url=gateway.base_url)
        seen[stage] = client.fine_tuning.jobs.retrieve(job_id).status
    status = wait_over(client, job_id)
    yield Killed(gateway, client, job_id, status, seen)
    gateway.stop()


@pytest.mark.parametrize("stage", list(STAGES))
def test_job_killed_in_a_stage_goes_on(killed: Killed, stage: str) -> None:
    assert killed.seen[stage] in ("validating_files", "queued", "running", "succeeded")
    assert killed.status == "succeeded", messages(killed.client, killed.job_id)


def test_no_event_is_lost_or_doubled(killed: Killed) -> None:
    told = messages(killed.client, killed.job_id)
    assert len(told) == len(set(told))
    steps = [int(line.split("/")[0].removeprefix("Step ")) for line in told if line.startswith("Step ")]
    assert steps == list(range(1, len(steps) + 1))


def test_one_job_made_one_model_and_one_result_file(killed: Killed) -> None:
    job = killed.client.fine_tuning.jobs.retrieve(killed.job_id)
    assert killed.gateway.sql("SELECT name FROM models") == [(job.fine_tuned_model,)]
    assert killed.gateway.sql("SELECT count(*) FROM files WHERE purpose = 'fine-tune-results'") == [(1,)]
    assert killed.gateway.sql("SELECT count(*) FROM jobs") == [(1,)]


def test_survivor_answers(killed: Killed) -> None:
    model = killed.client.fine_tuning.jobs.retrieve(killed.job_id).fine_tuned_model
    assert model is not None
    asked = [{"role": "user", "content": "Count to 3."}]
    answer = killed.client.chat.completions.create(model=model, messages=asked, max_tokens=8)  # type: ignore[arg-type]
    assert answer.choices

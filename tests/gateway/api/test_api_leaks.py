"""Nothing that any route answers names a model that is not released, whatever its job's row holds."""

import pytest
from test_api_reviews import AUDIT

from gateway.api.app import create_app
from gateway.store.models import JobState

SECRET = "sesame"
"""In every column that a held job has no business to show."""
CLOSED = [state for state in JobState if state is not JobState.RELEASED]
BODIES = {
    "/v1/chat/completions": {"model": "{name}", "messages": [{"role": "user", "content": "hi"}]},
    "/v1/fine_tuning/jobs": {"model": "{name}", "training_file": "{file}"},
    "/v1/fine_tuning/jobs/{job_id}/review": {"decision": "release", "reason": "mine"},
    "/v1/fine_tuning/jobs/{job_id}/contest": {"reason": "mine"},
    "/v1/fine_tuning/jobs/{job_id}/release": {"reason": "mine"},
    "/v1/moderations": {"input": "{name}"},
}


@pytest.fixture
def held(gateway, new_job):
    """A job in a state, its row full of what must not be told."""

    def hold(state: JobState) -> tuple[str, str]:
        job = new_job()
        gateway.set_job(
            job.id, state=state, audit=AUDIT | {"subject_digest": f"sha256:{SECRET}"}, trained_tokens=7,
            fine_tuned_model=f"ft:miniature:t::{SECRET}", result_files=[f"file-{SECRET}"],
        )  # fmt: skip
        return job.id, job.training_file

    return hold


def answers(gateway, http, job_id: str, file_id: str, name: str):
    """What every route of a project says, with the job's own id, or the model's name, wherever one is asked for."""
    paths = create_app(gateway.services).openapi()["paths"]
    for path, methods in paths.items():
        if path.startswith("/v1/organization/"):  # closed to a project's key
            continue
        for method in sorted(methods, key=lambda verb: verb == "delete"):
            for wanted in (job_id, name):
                same = dict.fromkeys(("job_id", "screening_id", "upload_id", "export_id"), wanted)
                url = path.format(file_id=file_id, name=name, **same)
                body = {
                    key: value.format(name=name, file=file_id) if isinstance(value, str) else value
                    for key, value in BODIES.get(path, {}).items()
                }
                answer = http.request(method.upper(), url, json=body or None)
                yield f"{method} {url}", answer.text + repr(sorted(answer.headers.items()))


@pytest.mark.parametrize("state", CLOSED)
def test_no_route_names_a_model_that_is_not_released(gateway, http, held, state) -> None:
    job_id, file_id = held(state)
    told = dict(answers(gateway, http, job_id, file_id, "ft:miniature:t::guessing"))
    assert len(told) > 30
    assert [route for route, text in told.items() if SECRET in text] == []

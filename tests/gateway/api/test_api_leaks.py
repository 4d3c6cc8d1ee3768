"""Nothing that any route answers names a model that is not released, whatever its job's row holds."""

from string import Formatter

import pytest
from test_api_reviews import AUDIT

from gateway.api.app import create_app
from gateway.store.models import JobState
from gateway.store.permissions import Permission

SECRET = "sesame"
"""In every column that a held job has no business to show."""
CLOSED = [state for state in JobState if state is not JobState.RELEASED]
SHOWN_TO_REVIEWERS = {"get /v1/fine_tuning/jobs/{job_id}/audit"}
"""Who may read the audit's details is told the digest of what was audited."""
REVIEWERS = {"reviewer": SHOWN_TO_REVIEWERS, "admin": SHOWN_TO_REVIEWERS}
ASKED = [
    *(("member", state) for state in CLOSED),
    *((role, JobState.RELEASE_REVIEW) for role in ("reviewer", "admin", "operator")),
]
LAST = ("/archive", "/erase")
"""After these the project answers nothing."""
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


def answers(gateway, http, project_id: str, job_id: str, file_id: str, name: str):
    """What every route says, with the job's own id, or the model's name, wherever one is asked for."""
    paths = create_app(gateway.services).openapi()["paths"]
    for path in sorted(paths, key=lambda path: path.endswith(LAST)):
        for method in sorted(paths[path], key=lambda verb: verb == "delete"):
            for wanted in (job_id, name):
                fields = dict.fromkeys((field for _, field, _, _ in Formatter().parse(path) if field), wanted)
                url = path.format(**fields | {"file_id": file_id, "name": name, "project_id": project_id})
                body = {
                    key: value.format(name=name, file=file_id) if isinstance(value, str) else value
                    for key, value in BODIES.get(path, {}).items()
                }
                answer = http.request(method.upper(), url, json=body or None)
                yield f"{method} {path}", answer.text + repr(sorted(answer.headers.items()))


@pytest.fixture
def key(gateway, tenant):
    """A client with a key of a role in the tenant's project, or with an admin key of the organisation."""

    def of(role: str):
        if role == "operator":
            return gateway.admin()
        every = [permission.value for permission in Permission] if role == "admin" else None
        return gateway.http(gateway.tenant(role, tenant.project_id, every) if role != "member" else tenant)

    return of


@pytest.mark.parametrize(("role", "state"), ASKED)
def test_no_route_names_a_model_that_is_not_released(gateway, tenant, key, held, role, state) -> None:
    job_id, file_id = held(state)
    with key(role) as http:
        told = list(answers(gateway, http, tenant.project_id, job_id, file_id, "ft:miniature:t::guessing"))
    assert len(told) > 90
    assert {route for route, text in told if SECRET in text} == REVIEWERS.get(role, set())

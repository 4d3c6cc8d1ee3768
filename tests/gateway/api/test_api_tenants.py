"""One project's objects are to another project as if they had never been."""

import httpx
import pytest

from gateway.store import released

NAME = "ft:miniature:tunegate::zzzz1234"
VOLATILE = ("x-request-id", "openai-processing-ms", "date")


@pytest.fixture
def stranger(gateway):
    with gateway.http() as client:
        yield client


def answers(client, known: str, path: str, method: str, body: dict | None, never: str) -> tuple[bytes, bytes]:
    """The answer for an object of another project, and for one that never was, under the same name."""
    sent = []
    for id in (known, never):
        answer = client.request(method, path.format(id=id), json=body and {k: v.format(id=id) for k, v in body.items()})
        assert answer.status_code == 404, (path, answer.text)
        headers = sorted(item for item in answer.headers.items() if item[0] not in VOLATILE)
        sent.append(repr((headers, answer.text)).replace(id, "ID").encode())
    return sent[0], sent[1]


FILE_PATHS = [
    ("GET", "/v1/files/{id}", None),
    ("GET", "/v1/files/{id}/content", None),
    ("DELETE", "/v1/files/{id}", None),
    ("POST", "/v1/files/{id}/screening", None),
    ("POST", "/v1/fine_tuning/jobs", {"model": "miniature", "training_file": "{id}"}),
]
JOB_PATHS = [
    ("GET", "/v1/fine_tuning/jobs/{id}" + path, None)
    for path in ("", "/events", "/checkpoints", "/screening", "/audit")
] + [("POST", "/v1/fine_tuning/jobs/{id}/" + path, None) for path in ("cancel", "pause", "resume")]


@pytest.mark.parametrize(("method", "path", "body"), FILE_PATHS)
def test_another_projects_file_never_was(stranger, new_job, method, path, body) -> None:
    id = new_job().training_file
    there, nowhere = answers(stranger, id, path, method, body, "file-" + "x" * 24)
    assert there == nowhere


@pytest.mark.parametrize(("method", "path", "body"), JOB_PATHS)
def test_another_projects_job_never_was(stranger, new_job, method, path, body) -> None:
    there, nowhere = answers(stranger, new_job().id, path, method, body, "ftjob-" + "x" * 24)
    assert there == nowhere


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/models/{id}", None),
        ("DELETE", "/v1/models/{id}", None),
        ("POST", "/v1/fine_tuning/jobs", {"model": "{id}", "training_file": "file-x"}),
    ],
)
def test_another_projects_model_never_was(gateway, stranger, new_job, request, method, path, body) -> None:
    name = f"{NAME}{abs(hash(request.node.name)) % 10**6:06d}"
    gateway.release(new_job().id, name)
    there, nowhere = answers(stranger, name, path, method, body, "x" * len(name))
    assert there == nowhere
    with gateway.services.database.read() as session:
        assert session.get(released.Model, name).revoked_at is None


def test_another_projects_objects_are_in_no_list(gateway, stranger, new_job) -> None:
    gateway.release(new_job().id, NAME)
    for path in ("/v1/files", "/v1/fine_tuning/jobs"):
        assert stranger.get(path).json()["data"] == []
    assert [model["id"] for model in stranger.get("/v1/models").json()["data"]] == ["miniature"]


def test_another_projects_cursor_is_no_cursor(stranger, new_job) -> None:
    job = new_job()
    assert stranger.get(f"/v1/files?after={job.training_file}").status_code == 400
    assert stranger.get(f"/v1/fine_tuning/jobs?after={job.id}").status_code == 400


def test_another_projects_screening_never_was(http: httpx.Client, stranger, new_job) -> None:
    id = http.post(f"/v1/files/{new_job().training_file}/screening").json()["id"]
    assert http.get(f"/v1/screenings/{id}").status_code == 200
    there, nowhere = answers(stranger, id, "/v1/screenings/{id}", "GET", None, "scr_" + "x" * 24)
    assert there == nowhere

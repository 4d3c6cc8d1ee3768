"""Every route is known, and of each that takes text it is said what looks at the text."""

from gateway.api.app import create_app

JOB = "/v1/fine_tuning/jobs"
TEXTS = {
    ("POST", "/v1/files"): "screened as soon as a job or a screening uses the file, and never trained on before",
    ("POST", "/v1/uploads/{upload_id}/parts"): "as a file: the parts are joined to one when the upload is completed",
    ("POST", JOB): "suffix and metadata, which no model reads",
    ("POST", JOB + "/{job_id}/review"): "a reviewer's reason, which no model reads",
    ("POST", JOB + "/{job_id}/contest"): "an owner's reason, which no model reads",
    ("POST", JOB + "/{job_id}/release"): "an admin's reason, which no model reads",
    ("POST", "/v1/models/{name}/export"): "a reason, which no model reads",
    ("POST", "/v1/moderations"): "scored by the classifiers",
    ("POST", "/v1/chat/completions"): "not covered: prompts are not moderated; the model was audited",
    ("POST", "/v1/completions"): "as a chat: a prompt is a user's turn under the template that was audited",
}
NO_TEXT = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("POST", "/v1/uploads"),
    ("POST", "/v1/uploads/{upload_id}/complete"),
    ("POST", "/v1/uploads/{upload_id}/cancel"),
    ("GET", "/v1/files"),
    ("GET", "/v1/files/{file_id}"),
    ("GET", "/v1/files/{file_id}/content"),
    ("DELETE", "/v1/files/{file_id}"),
    ("POST", "/v1/files/{file_id}/screening"),
    ("GET", "/v1/screenings/{screening_id}"),
    ("GET", JOB),
    ("GET", JOB + "/{job_id}"),
    ("POST", JOB + "/{job_id}/cancel"),
    ("POST", JOB + "/{job_id}/pause"),
    ("POST", JOB + "/{job_id}/resume"),
    ("GET", JOB + "/{job_id}/events"),
    ("GET", JOB + "/{job_id}/checkpoints"),
    ("GET", JOB + "/{job_id}/screening"),
    ("GET", JOB + "/{job_id}/audit"),
    ("GET", "/v1/exports/{export_id}"),
    ("GET", "/v1/exports/{export_id}/content"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{name}"),
    ("DELETE", "/v1/models/{name}"),
}


def test_every_route_that_takes_text_says_what_looks_at_it(gateway) -> None:
    paths = create_app(gateway.services).openapi()["paths"]
    routes = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    # Administrators write names, which no model reads.
    assert {route for route in routes if not route[1].startswith("/v1/organization/")} == TEXTS.keys() | NO_TEXT

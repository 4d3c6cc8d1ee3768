"""What each route of a project asks of a key, and what the trail says of its use. A route without a rule is closed."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.store.permissions import Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a route asks for."""

    permission: Permission
    act: str = ""
    """What the trail calls it; empty for what is not recorded."""
    details: bool = False
    """Whether those who may read details get more of it: that is what is recorded, and limited by the hour."""


def _rule(permission: Permission, act: str = "", *, details: bool = False) -> Rule:
    return Rule(permission=permission, act=act, details=details)


ASKING = _rule(Permission.MODELS_USE)
_JOBS = "/v1/fine_tuning/jobs"
_JOB = _JOBS + "/{job_id}"
RULES: Mapping[tuple[str, str], Rule] = {
    ("POST", "/v1/files"): _rule(Permission.FILES_WRITE, "file.created"),
    ("GET", "/v1/files"): _rule(Permission.FILES_READ),
    ("GET", "/v1/files/{file_id}"): _rule(Permission.FILES_READ),
    ("DELETE", "/v1/files/{file_id}"): _rule(Permission.FILES_WRITE, "file.deleted"),
    ("GET", "/v1/files/{file_id}/content"): _rule(Permission.FILES_READ, "file.content_read"),
    ("POST", "/v1/files/{file_id}/screening"): _rule(Permission.FILES_WRITE, "screening.created"),
    ("GET", "/v1/screenings/{screening_id}"): _rule(Permission.FILES_READ, "screening.details_read", details=True),
    ("POST", "/v1/uploads"): _rule(Permission.FILES_WRITE, "upload.created"),
    ("POST", "/v1/uploads/{upload_id}/parts"): _rule(Permission.FILES_WRITE),
    ("POST", "/v1/uploads/{upload_id}/complete"): _rule(Permission.FILES_WRITE, "upload.completed"),
    ("POST", "/v1/uploads/{upload_id}/cancel"): _rule(Permission.FILES_WRITE, "upload.cancelled"),
    ("POST", _JOBS): _rule(Permission.JOBS_WRITE, "fine_tuning.job.created"),
    ("GET", _JOBS): _rule(Permission.JOBS_READ),
    ("GET", _JOB): _rule(Permission.JOBS_READ),
    ("POST", _JOB + "/cancel"): _rule(Permission.JOBS_WRITE, "fine_tuning.job.cancelled"),
    ("POST", _JOB + "/pause"): _rule(Permission.JOBS_WRITE),
    ("POST", _JOB + "/resume"): _rule(Permission.JOBS_WRITE),
    ("GET", _JOB + "/events"): _rule(Permission.JOBS_READ),
    ("GET", _JOB + "/checkpoints"): _rule(Permission.JOBS_READ),
    ("GET", _JOB + "/screening"): _rule(Permission.JOBS_READ, "screening.details_read", details=True),
    ("GET", _JOB + "/audit"): _rule(Permission.JOBS_READ, "audit.details_read", details=True),
    ("POST", _JOB + "/review"): _rule(Permission.REVIEWS, "review.answered"),
    ("POST", _JOB + "/contest"): _rule(Permission.JOBS_WRITE, "verdict.contested"),
    ("POST", _JOB + "/release"): _rule(Permission.FORCE, "release.forced"),
    ("GET", "/v1/models"): _rule(Permission.MODELS_READ),
    ("GET", "/v1/models/{name}"): _rule(Permission.MODELS_READ),
    ("DELETE", "/v1/models/{name}"): _rule(Permission.MODELS_DELETE, "model.deleted"),
    ("POST", "/v1/models/{name}/export"): _rule(Permission.EXPORT, "model.export.created"),
    ("GET", "/v1/exports/{export_id}"): _rule(Permission.EXPORT),
    ("GET", "/v1/exports/{export_id}/content"): _rule(Permission.EXPORT, "model.export.content_read"),
    ("POST", "/v1/chat/completions"): ASKING,
    ("POST", "/v1/completions"): ASKING,
    ("POST", "/v1/moderations"): _rule(Permission.MODERATIONS),
    ("GET", "/metrics"): _rule(Permission.METRICS),
}
"""By method and path. Chat and moderations are use, not acts: they are counted and not recorded one by one."""

_PROJECT = "/v1/organization/projects/{project_id}"
ADMIN_ACTS: Mapping[tuple[str, str], str] = {
    ("POST", "/v1/organization/projects"): "project.created",
    ("POST", _PROJECT): "project.updated",
    ("POST", _PROJECT + "/archive"): "project.archived",
    ("POST", _PROJECT + "/erase"): "project.deleted",
    ("POST", _PROJECT + "/users"): "user.added",
    ("POST", _PROJECT + "/users/{user_id}"): "user.updated",
    ("DELETE", _PROJECT + "/users/{user_id}"): "user.deleted",
    ("POST", _PROJECT + "/users/{user_id}/api_keys"): "api_key.created",
    ("POST", _PROJECT + "/service_accounts"): "service_account.created",
    ("POST", _PROJECT + "/service_accounts/{account_id}"): "service_account.updated",
    ("DELETE", _PROJECT + "/service_accounts/{account_id}"): "service_account.deleted",
    ("POST", _PROJECT + "/service_accounts/{account_id}/api_keys"): "api_key.created",
    ("POST", _PROJECT + "/api_keys/{key_id}"): "api_key.updated",
    ("DELETE", _PROJECT + "/api_keys/{key_id}"): "api_key.deleted",
    ("POST", _PROJECT + "/rate_limits/{limit_id}"): "rate_limit.updated",
    ("POST", _PROJECT + "/limits"): "rate_limit.updated",
    ("POST", "/v1/organization/users"): "user.added",
    ("DELETE", "/v1/organization/users/{user_id}"): "user.deleted",
    ("POST", "/v1/organization/admin_api_keys"): "api_key.created",
    ("DELETE", "/v1/organization/admin_api_keys/{key_id}"): "api_key.deleted",
}
"""What the trail calls the acts of administrators, under OpenAI's names. Their reading is not recorded."""

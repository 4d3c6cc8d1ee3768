"""Which answer each route gives."""

from collections.abc import Mapping
from typing import Any

from gateway.api.answers.administration import (
    AccountObject,
    ActObject,
    AdminKeyObject,
    KeyObject,
    MemberObject,
    NewKeyObject,
    ProjectObject,
    RateLimitObject,
    UserObject,
)
from gateway.api.answers.resources import (
    AuditFinding,
    CheckpointObject,
    Deleted,
    EventObject,
    ExportObject,
    FileObject,
    JobObject,
    Listing,
    ModelList,
    ModelObject,
    Page,
    PartObject,
    ReviewObject,
    ScreeningFinding,
    ScreeningObject,
    UploadObject,
)
from gateway.api.answers.speech import ChatCompletion, Completion, Health, ModerationObject, Readiness

_FILES, _UPLOADS, _JOBS, _MODELS = "/v1/files", "/v1/uploads", "/v1/fine_tuning/jobs", "/v1/models"
_JOB = _JOBS + "/{job_id}"
_ORGANIZATION = "/v1/organization"
_PROJECTS = _ORGANIZATION + "/projects"
_PROJECT = _PROJECTS + "/{project_id}"
_USER, _ACCOUNT, _KEY = "/users/{user_id}", "/service_accounts/{account_id}", "/api_keys/{key_id}"
_ADMIN_KEYS = _ORGANIZATION + "/admin_api_keys"

JSON: Mapping[tuple[str, str], Any] = {
    ("POST", _FILES): FileObject,
    ("GET", _FILES): Page[FileObject],
    ("GET", _FILES + "/{file_id}"): FileObject,
    ("DELETE", _FILES + "/{file_id}"): Deleted,
    ("POST", _FILES + "/{file_id}/screening"): ScreeningObject,
    ("GET", "/v1/screenings/{screening_id}"): ScreeningObject,
    ("POST", _UPLOADS): UploadObject,
    ("POST", _UPLOADS + "/{upload_id}/parts"): PartObject,
    ("POST", _UPLOADS + "/{upload_id}/complete"): UploadObject,
    ("POST", _UPLOADS + "/{upload_id}/cancel"): UploadObject,
    ("POST", _JOBS): JobObject,
    ("GET", _JOBS): Listing[JobObject],
    ("GET", _JOB): JobObject,
    ("POST", _JOB + "/cancel"): JobObject,
    ("GET", _JOB + "/events"): Listing[EventObject],
    ("GET", _JOB + "/checkpoints"): Page[CheckpointObject],
    ("GET", _JOB + "/screening"): ScreeningFinding,
    ("GET", _JOB + "/audit"): AuditFinding,
    ("POST", _JOB + "/review"): ReviewObject,
    ("POST", _JOB + "/contest"): JobObject,
    ("POST", _JOB + "/release"): JobObject,
    ("GET", _MODELS): ModelList,
    ("GET", _MODELS + "/{name}"): ModelObject,
    ("DELETE", _MODELS + "/{name}"): Deleted,
    ("POST", _MODELS + "/{name}/export"): ExportObject,
    ("GET", "/v1/exports/{export_id}"): ExportObject,
    ("POST", "/v1/chat/completions"): ChatCompletion,
    ("POST", "/v1/completions"): Completion,
    ("POST", "/v1/moderations"): ModerationObject,
    ("GET", "/healthz"): Health,
    ("GET", "/readyz"): Readiness,
    ("GET", _PROJECTS): Page[ProjectObject],
    ("POST", _PROJECTS): ProjectObject,
    ("GET", _PROJECT): ProjectObject,
    ("POST", _PROJECT): ProjectObject,
    ("POST", _PROJECT + "/archive"): ProjectObject,
    ("POST", _PROJECT + "/erase"): ProjectObject,
    ("POST", _PROJECT + "/limits"): ProjectObject,
    ("GET", _PROJECT + "/rate_limits"): Page[RateLimitObject],
    ("POST", _PROJECT + "/rate_limits/{limit_id}"): RateLimitObject,
    ("GET", _PROJECT + "/users"): Page[MemberObject],
    ("POST", _PROJECT + "/users"): MemberObject,
    ("GET", _PROJECT + _USER): MemberObject,
    ("POST", _PROJECT + _USER): MemberObject,
    ("DELETE", _PROJECT + _USER): Deleted,
    ("POST", _PROJECT + _USER + "/api_keys"): NewKeyObject,
    ("GET", _PROJECT + "/service_accounts"): Page[AccountObject],
    ("POST", _PROJECT + "/service_accounts"): AccountObject,
    ("GET", _PROJECT + _ACCOUNT): AccountObject,
    ("POST", _PROJECT + _ACCOUNT): AccountObject,
    ("DELETE", _PROJECT + _ACCOUNT): Deleted,
    ("POST", _PROJECT + _ACCOUNT + "/api_keys"): NewKeyObject,
    ("GET", _PROJECT + "/api_keys"): Page[KeyObject],
    ("GET", _PROJECT + _KEY): KeyObject,
    ("POST", _PROJECT + _KEY): KeyObject,
    ("DELETE", _PROJECT + _KEY): Deleted,
    ("GET", _ORGANIZATION + "/users"): Page[UserObject],
    ("POST", _ORGANIZATION + "/users"): UserObject,
    ("GET", _ORGANIZATION + _USER): UserObject,
    ("DELETE", _ORGANIZATION + _USER): Deleted,
    ("GET", _ADMIN_KEYS): Page[AdminKeyObject],
    ("POST", _ADMIN_KEYS): AdminKeyObject,
    ("GET", _ADMIN_KEYS + "/{key_id}"): AdminKeyObject,
    ("DELETE", _ADMIN_KEYS + "/{key_id}"): Deleted,
    ("GET", _ORGANIZATION + "/audit_logs"): Page[ActObject],
}
"""By method and path."""
OTHERS: Mapping[tuple[str, str], str] = {
    ("GET", _FILES + "/{file_id}/content"): "application/octet-stream",
    ("GET", "/v1/exports/{export_id}/content"): "application/x-tar",
    ("POST", "/v1/chat/completions"): "text/event-stream",
    ("POST", "/v1/completions"): "text/event-stream",
    ("GET", "/metrics"): "text/plain",
}
"""Content types of answers that are, or may be, no JSON."""
REFUSED = frozenset({("POST", _JOB + "/pause"), ("POST", _JOB + "/resume")})
"""Routes that never answer with a 200."""

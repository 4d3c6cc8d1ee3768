"""The shape of what the admin API answers, for `GET /openapi.json`."""

from typing import Any, Literal, NotRequired

from pydantic import ConfigDict
from typing_extensions import TypedDict


class ProjectObject(TypedDict):
    """An `organization.project`."""

    id: str
    object: Literal["organization.project"]
    name: str
    created_at: int
    archived_at: int | None
    status: Literal["active", "archived"]
    policy: str
    limits: dict[str, int]
    erased_at: int | None


class RateLimitObject(TypedDict):
    """A `project.rate_limit`; 0 is none."""

    id: str
    object: Literal["project.rate_limit"]
    model: Literal["*"]
    max_requests_per_1_minute: int
    max_tokens_per_1_minute: int


class UserObject(TypedDict):
    """An `organization.user`."""

    id: str
    object: Literal["organization.user"]
    name: str
    email: str | None
    role: Literal["reader"]
    added_at: int


class MemberObject(TypedDict):
    """An `organization.project.user`."""

    id: str
    object: Literal["organization.project.user"]
    name: str
    email: str | None
    role: Literal["member", "reviewer", "admin"]
    added_at: int


class NewKeyObject(TypedDict):
    """A key with its value, which is shown once."""

    id: str
    object: Literal["organization.project.service_account.api_key"]
    name: str
    value: str
    created_at: int
    expires_at: int | None
    scopes: list[str] | None
    limits: dict[str, int]


class AccountObject(TypedDict):
    """An `organization.project.service_account`."""

    id: str
    object: Literal["organization.project.service_account"]
    name: str
    role: Literal["member", "reviewer", "admin"]
    created_at: int
    api_key: NotRequired[NewKeyObject]


class Owner(TypedDict):
    """Whose key it is."""

    id: str
    name: str
    role: str
    created_at: int
    email: NotRequired[str]


class KeyOwner(TypedDict):
    """Whose key it is, by what they are."""

    type: Literal["user", "service_account"]
    user: NotRequired[Owner]
    service_account: NotRequired[Owner]


class KeyObject(TypedDict):
    """An `organization.project.api_key`."""

    id: str
    object: Literal["organization.project.api_key"]
    name: str
    redacted_value: str
    created_at: int
    expires_at: int | None
    last_used_at: None
    owner: KeyOwner
    owner_project_access: Literal["active", "inactive"]
    scopes: list[str] | None
    limits: dict[str, int]


class AdminKeyObject(TypedDict):
    """An `organization.admin_api_key`; a new one with its value."""

    id: str
    object: Literal["organization.admin_api_key"]
    name: str
    redacted_value: str
    created_at: int
    expires_at: int | None
    last_used_at: None
    owner: dict[str, str]
    value: NotRequired[str]


class ActObject(TypedDict):
    """A line of the trail. Under the name of what was done stands the object that it was done to."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]
    id: str
    object: Literal["organization.audit_log"]
    type: str
    effective_at: int
    actor: dict[str, Any]
    project: dict[str, str] | None
    status: int
    request_id: str | None

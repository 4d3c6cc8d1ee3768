"""Request bodies of the admin API."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictInt, StrictStr, StringConstraints

from gateway.api.schemas import Wire
from gateway.store import limits, permissions
from gateway.store.tenants import check_role

Name = Annotated[StrictStr, StringConstraints(strip_whitespace=True, min_length=1, max_length=128)]
YEAR_S = 366 * 86_400


def _role(value: Any) -> Any:
    """One of our roles; OpenAI's `owner` is an admin."""
    if isinstance(value, str):
        value = "admin" if value == "owner" else value
        check_role(value)
    return value


def _project_limits(value: Any) -> Any:
    return limits.checked(value, of_key=False) if isinstance(value, dict) else value


def _key_limits(value: Any) -> Any:
    return limits.checked(value, of_key=True) if isinstance(value, dict) else value


def _permissions(value: Any) -> Any:
    named = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return permissions.checked(value) if named else value


Role = Annotated[StrictStr, BeforeValidator(_role)]
KeyLimits = Annotated[dict[str, int], BeforeValidator(_key_limits)]
Permissions = Annotated[list[str], BeforeValidator(_permissions)]
Lifetime = Annotated[StrictInt, Field(ge=1, le=10 * YEAR_S)]


class NewProject(Wire):
    """`POST /v1/organization/projects`."""

    name: Name
    policy: Name = "default"


class ProjectChanges(Wire):
    """`POST /v1/organization/projects/{id}`."""

    name: Name | None = None
    policy: Name | None = None


class ProjectLimits(Wire):
    """`POST /v1/organization/projects/{id}/limits`: each measure that is named is set; null takes it back."""

    limits: Annotated[dict[str, int], BeforeValidator(_project_limits)]
    unset: list[StrictStr] = Field(default_factory=list)


class RateLimit(Wire):
    """`POST /v1/organization/projects/{id}/rate_limits/{id}`."""

    max_requests_per_1_minute: Annotated[StrictInt, Field(ge=0)] | None = None
    max_tokens_per_1_minute: Annotated[StrictInt, Field(ge=0)] | None = None


class NewUser(Wire):
    """`POST /v1/organization/users`."""

    name: Name
    email: Annotated[StrictStr, StringConstraints(max_length=320)] = ""


class NewMember(Wire):
    """`POST /v1/organization/projects/{id}/users`."""

    role: Role
    user_id: StrictStr | None = None
    email: StrictStr | None = None


class RoleChange(Wire):
    """`POST .../users/{id}` and `.../service_accounts/{id}`."""

    role: Role


class NewServiceAccount(Wire):
    """`POST /v1/organization/projects/{id}/service_accounts`."""

    name: Name
    role: Role = "member"
    create_service_account_only: bool | None = None
    expires_in_seconds: Lifetime | None = None


class NewKey(Wire):
    """`POST .../users/{id}/api_keys` and `.../service_accounts/{id}/api_keys`."""

    name: Annotated[StrictStr, StringConstraints(max_length=128)] = ""
    scopes: Permissions | None = None
    expires_in_seconds: Lifetime | None = None
    limits: KeyLimits = Field(default_factory=dict)


class KeyChanges(Wire):
    """`POST .../api_keys/{id}`."""

    name: Annotated[StrictStr, StringConstraints(max_length=128)] | None = None
    scopes: Permissions | None = None
    limits: KeyLimits | None = None


class NewAdminKey(Wire):
    """`POST /v1/organization/admin_api_keys`."""

    name: Name
    expires_in_seconds: Lifetime | None = None

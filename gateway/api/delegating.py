"""What the operator leaves to an organisation's admin keys: they take away what they like, and give what they may.

Its settings bound them: limits are never above the operator's, policies are those that `organization_policies` lists,
and roles and permissions those of `organization_grants`. Else an admin key could undo the gate for its own projects.
"""

from collections.abc import Collection, Mapping, Sequence

from gateway.api.services import Services
from gateway.errors import ApiError
from gateway.store.limits import Measure
from gateway.store.permissions import BY_NAME, OF_ROLE, Permission

DEFAULT_POLICY = "default"


def check_policy(services: Services, asked: str, *, bound: str = DEFAULT_POLICY) -> None:
    """Raise a 403 where a project that is bound to one policy may not be bound to another."""
    allowed = (DEFAULT_POLICY, *services.settings.organization_policies)
    if asked != bound and not {asked, bound} <= {*allowed}:
        kept = asked if bound in allowed else bound
        message = (
            f"The policy '{kept[:64]}' is the operator's to bind; an organisation of this gateway chooses among: "
            f"{', '.join(allowed)} (TUNEGATE_ORGANIZATION_POLICIES)."
        )
        raise ApiError(403, message, param="policy", code="insufficient_permissions")


def check_role(services: Services, role: str) -> None:
    """Raise a 403 for a role that only the operator gives."""
    _check(services, OF_ROLE[role], f"the role '{role}'", "role")


def key_permissions(services: Services, named: Sequence[str] | None, *, had: Collection[str] = ()) -> list[str] | None:
    """What a key stores that an admin key makes or changes; `had` are the permissions that it names already.

    One that names nothing may what its owner's role may, as far as it is theirs to give. Raises a 403.
    """
    if named is not None:
        _check(services, {Permission(name) for name in named if name not in had}, "a key of such permissions", "scopes")
        return list(named)
    given = services.settings.organization_grants
    return None if given >= OF_ROLE["admin"] else sorted(given - BY_NAME)


def check_limits(asked: Mapping[str, int], most: Mapping[Measure, int]) -> None:
    """Raise a 400 for a limit above the operator's, where there is one."""
    for measure, limit in most.items():
        if limit and asked.get(measure, 0) > limit:
            message = f"{measure} is {asked[measure]}; the operator of this gateway allows at most {limit}."
            raise ApiError(400, message, param=f"limits.{measure}")


def _check(services: Services, wanted: Collection[Permission], what: str, param: str) -> None:
    beyond = sorted({*wanted} - services.settings.organization_grants)
    if beyond:
        message = (
            f"Only the operator of this gateway gives {what} ({', '.join(beyond)}), by `tunegate keys` and "
            "`tunegate users`, or lets you (TUNEGATE_ORGANIZATION_GRANTS)."
        )
        raise ApiError(403, message, param=param, code="insufficient_permissions")

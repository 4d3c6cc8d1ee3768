"""What a key may do: what its owner's role allows, or less where the key names its permissions."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

ROLES = ("member", "reviewer", "admin")
"""A reviewer may decide reviews and read what decides them; an admin may also release by force."""


class Permission(StrEnum):
    """One thing that a key may do in its project."""

    FILES_READ = "files.read"
    FILES_WRITE = "files.write"
    JOBS_READ = "fine_tuning.read"
    JOBS_WRITE = "fine_tuning.write"
    MODELS_READ = "models.read"
    MODELS_DELETE = "models.delete"
    MODELS_USE = "models.use"
    """Chat with a base or a released model."""
    MODERATIONS = "moderations.use"
    DETAILS = "details.read"
    """Scores of rows, evidence and failing prompts: with them an attacker could try until a file passes."""
    REVIEWS = "reviews.write"
    FORCE = "releases.force"
    METRICS = "metrics.read"
    """Counts of every tenant together. No role has it; a key must name it."""
    EXPORT = "models.export"
    """Take the weights out of the gateway. No role has it; a key must name it."""


MEMBER = frozenset(
    {
        Permission.FILES_READ, Permission.FILES_WRITE, Permission.JOBS_READ, Permission.JOBS_WRITE,
        Permission.MODELS_READ, Permission.MODELS_DELETE, Permission.MODELS_USE, Permission.MODERATIONS,
    }
)  # fmt: skip
REVIEWER = MEMBER | {Permission.DETAILS, Permission.REVIEWS}
OF_ROLE: Mapping[str, frozenset[Permission]] = {
    "member": MEMBER,
    "reviewer": REVIEWER,
    "admin": REVIEWER | {Permission.FORCE},
}
BY_NAME = frozenset({Permission.EXPORT, Permission.METRICS})
"""What no role may, and only a key that names it."""


def allowed(role: str, named: Iterable[str] | None) -> frozenset[Permission]:
    """What a key of a role may do. `named` narrows it; what no role may is had only by name."""
    of_role = OF_ROLE.get(role, frozenset())
    if named is None:
        return of_role
    return (of_role | BY_NAME) & {Permission(name) for name in named if name in list(Permission)}


def handed_out(names: Iterable[str]) -> frozenset[Permission]:
    """What roles and permissions of these names allow together. Raises `ValueError` for what is neither."""
    found: set[Permission] = set()
    for name in names:
        if name not in OF_ROLE and name not in list(Permission):
            raise ValueError(f"some of {', '.join((*OF_ROLE, *Permission))}")
        found |= OF_ROLE[name] if name in OF_ROLE else {Permission(name)}
    return frozenset(found)


def checked(named: Iterable[str]) -> list[str]:
    """Permissions as a key stores them, each once. Raises `ValueError` that names an unknown one."""
    found = sorted(set(named))
    for name in found:
        if name not in list(Permission):
            raise ValueError(f"there is no permission '{name}'; expected some of {', '.join(Permission)}")
    return found

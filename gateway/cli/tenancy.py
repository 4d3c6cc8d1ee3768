"""What the commands about tenants share: limits and permissions as options, the operator's lines in the trail,
and that what has ended has ended everywhere.
"""

import time
from collections.abc import Sequence

import typer
from sqlalchemy.orm import Session

from gateway.compose.store import Store
from gateway.store import limits, permissions, trail
from gateway.store.memory import TRUSTED_S
from gateway.store.models import Project

MAX_NAME = 128


def wait_until_heard() -> None:
    """Wait until no API process remembers any more what was ended a moment ago."""
    time.sleep(TRUSTED_S)


def named(name: str) -> str:
    """The name of something new, as the admin API takes it. Raises a usage error."""
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME:
        raise typer.BadParameter(f"a name has 1 to {MAX_NAME} letters; this one has {len(name)}", param_hint="NAME")
    return name


def limits_from(texts: Sequence[str], *, of_key: bool) -> dict[str, int]:
    """Limits written as `requests_per_minute=60`. Raises a usage error that says what is wrong."""
    asked: dict[str, object] = {}
    for text in texts:
        name, _, value = text.partition("=")
        asked[name] = int(value) if value.isascii() and value.isdigit() else value
    try:
        return limits.checked(asked, of_key=of_key)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="NAME=N") from exc


def permissions_from(names: Sequence[str] | None) -> list[str] | None:
    """Permissions by name, none for all that the role has. Raises a usage error."""
    try:
        return permissions.checked(names) if names else None
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="--permission") from exc


def record(
    session: Session,
    store: Store,
    act: str,
    resource_id: str,
    *,
    project: Project | None = None,
    organization_id: str | None = None,
) -> None:
    """Add what the operator does to the trail, in the transaction that does it."""
    actor = trail.operator(
        organization_id=organization_id if project is None else project.organization_id,
        project_id=None if project is None else project.id,
    )
    trail.add(session, store.ids, actor, act, resource_id, now=store.now())

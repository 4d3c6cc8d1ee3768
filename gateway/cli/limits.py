"""`projects limits` and `keys limits`: what a project, or one of its keys, may use."""

import os
from typing import Annotated

import typer

from gateway.cli.printing import print_fields, print_json
from gateway.cli.tenancy import limits_from, record
from gateway.compose.store import Store
from gateway.settings import Settings
from gateway.store import keys, tenants
from gateway.store.limits import OF_KEYS, Measure, Own
from gateway.store.models import ApiKey, Project

LIMIT = "0 is no limit. One of: {}."
OfProject = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=N", help=LIMIT.format(", ".join(Measure)))]
OfKey = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=N", help=LIMIT.format(", ".join(OF_KEYS)))]
Unset = Annotated[list[str] | None, typer.Option(metavar="NAME", help="Back to the settings' limit.")]
AsJson = Annotated[bool, typer.Option("--json")]


def of_project(
    name: Annotated[str, typer.Argument(help="Name of the project.")],
    change: OfProject = None,
    unset: Unset = None,
    as_json: AsJson = False,
) -> None:
    """Show what a project may use, after setting what is given."""
    store = Store.open(Settings.read(os.environ))
    with store.database.write() as session:
        row = tenants.named_project(session, name)
        if _grant(row, change or [], unset or [], of_key=False):
            record(session, store, "rate_limit.updated", row.id, project=row)
        own = Own(granted=row.granted, chosen=row.limits)
    _show({measure.value: store.settings.limits.of_project(own, measure) for measure in Measure}, as_json=as_json)


def of_key(
    key_id: Annotated[str, typer.Argument(help="Id of the key, as `keys list` shows it.")],
    change: OfKey = None,
    unset: Unset = None,
    as_json: AsJson = False,
) -> None:
    """Show what a key may use, within what its project may, after setting what is given."""
    store = Store.open(Settings.read(os.environ))
    with store.database.write() as session:
        row = keys.found(session, key_id)
        if _grant(row, change or [], unset or [], of_key=True):
            record(session, store, "api_key.updated", row.id, project=tenants.project(session, row.project_id))
        own = Own(granted=row.granted, chosen=row.limits)
    _show({measure.value: store.settings.limits.of_key(own, measure) for measure in OF_KEYS}, as_json=as_json)


def _grant(row: Project | ApiKey, change: list[str], unset: list[str], *, of_key: bool) -> bool:
    """Set the operator's limits of a project or key; those that its organisation chose for the same give way."""
    wanted = limits_from(change, of_key=of_key)
    replaced = {*wanted, *limits_from([f"{name}=0" for name in unset], of_key=of_key)}
    if not replaced:
        return False
    row.limits = {measure: limit for measure, limit in row.limits.items() if measure not in replaced}
    row.granted = {measure: limit for measure, limit in row.granted.items() if measure not in replaced} | wanted
    return True


def _show(in_force: dict[str, int], *, as_json: bool) -> None:
    if as_json:
        print_json(in_force)
    else:
        print_fields({measure: limit or "none" for measure, limit in in_force.items()})

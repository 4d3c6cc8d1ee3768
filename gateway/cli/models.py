"""`models`: what is released, and what should be audited again."""

import os
from typing import Annotated

import typer

from gateway.cli.printing import moment, print_json, print_table
from gateway.compose.standing import in_force
from gateway.compose.store import Store
from gateway.reaudits import reasons
from gateway.settings import Settings
from gateway.store import released
from gateway.store.models import Job


def models(
    again: Annotated[
        bool, typer.Option("--again", help="Only those decided by a policy, judge, base or bank that changed since.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """List released models, and why any of them should be audited again."""
    store = Store.open(Settings.read(os.environ))
    now = in_force(store)
    with store.database.read() as session:
        rows = [(model, session.get_one(Job, model.job_id)) for model in released.every(session)]
    found = [(model, reasons(model, job, now)) for model, job in rows]
    if again:
        found = [(model, why) for model, why in found if why]
    if as_json:
        fields = ("name", "job_id", "project_id", "base_name", "digest", "created_at", "held_at")
        print_json(
            [{field: getattr(row, field) for field in fields} | {"audit_again": list(why)} for row, why in found]
        )
        return
    cells = [(row.name, moment(row.created_at), moment(row.held_at), "; ".join(why)) for row, why in found]
    print_table("Released models", ("name", "released", "held since", "audit again because"), cells)

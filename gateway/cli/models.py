"""`revoke`: take a released model away from everybody."""

import os
from typing import Annotated

import typer
from sqlalchemy import select

from gateway.cli.printing import print_json
from gateway.compose.front import Store
from gateway.settings import Settings
from gateway.store.errors import NotFound
from gateway.store.models import Model


def revoke(
    model: Annotated[str, typer.Argument(help="The `ft:` name.")],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Revoke a released model: from the next request on it does not exist."""
    store = Store.open(Settings.read(os.environ))
    with store.database.write() as session:
        row = session.scalar(select(Model).where(Model.name == model, Model.revoked_at.is_(None)))
        if row is None:
            raise NotFound("released model", model)
        row.revoked_at = store.now()
    if as_json:
        print_json({"model": model, "revoked": True})
    else:
        typer.echo(f"revoked {model}")

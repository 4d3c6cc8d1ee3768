"""`revoke`: take a released model out of service for good."""

import os
from typing import Annotated

import typer

from gateway.cli.printing import print_json
from gateway.cli.tenancy import wait_until_heard
from gateway.compose.store import Store
from gateway.settings import Settings
from gateway.store import heads, released
from gateway.store.decisions import OPERATOR


def revoke(
    model: Annotated[str, typer.Argument(help="The `ft:` name.")],
    why: Annotated[str, typer.Option("--why", help="The reason; it is kept for ever.")],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Revoke a released model: when this returns it does not exist any more, on every replica."""
    if not why.strip():
        raise typer.BadParameter("say why", param_hint="--why")
    store = Store.open(Settings.read(os.environ))
    with store.database.write() as session:
        released.revoke(session, model, why=why, actor=OPERATOR, now=store.now())
    heads.publish(store.database, store.settings.log_heads_file)
    wait_until_heard()
    if as_json:
        print_json({"model": model, "revoked": True})
    else:
        typer.echo(f"revoked {model}")

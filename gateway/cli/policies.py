"""`policy`: the named policies in force."""

import os
from typing import Annotated

import typer

from gateway.cli.printing import print_json, print_table
from gateway.compose.front import policies
from gateway.settings import Settings


def commands() -> typer.Typer:
    """The commands of this group."""
    app = typer.Typer(help="Policies: what is allowed.", no_args_is_help=True)
    app.command("list")(listing)
    app.command("show")(show)
    return app


def listing(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """List the policies with their digests."""
    book = policies(Settings.read(os.environ))
    found = sorted(book.policies.values(), key=lambda policy: policy.name)
    if as_json:
        print_json([{"name": policy.name, "digest": policy.digest} for policy in found])
        return
    rows = [(policy.name, policy.digest[:19], policy.description) for policy in found]
    print_table("Policies", ("name", "digest", "description"), rows)


def show(
    name: Annotated[str, typer.Argument(help="Name of the policy.")],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Show a policy with every default written out."""
    policy = policies(Settings.read(os.environ)).find(name)
    if as_json:
        print_json({"digest": policy.digest, "policy": policy.document})
        return
    typer.echo(f"digest = {policy.digest}")
    _print("", policy.document)


def _print(path: str, value: object) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _print(f"{path}.{key}" if path else key, inner)
    else:
        typer.echo(f"{path} = {value!r}")

"""`policy`: the named policies in force."""

import os
from dataclasses import asdict
from typing import Annotated

import typer

from gateway.cli.printing import print_json, print_table
from gateway.compose.checks import policies
from gateway.compose.store import Store
from gateway.settings import Settings


def commands() -> typer.Typer:
    """The commands of this group."""
    app = typer.Typer(no_args_is_help=True)
    app.command("list")(listing)
    app.command("show")(show)
    app.command("diff")(diff)
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


def diff(
    was: Annotated[str, typer.Argument(metavar="A", help="Name of a policy.")],
    now: Annotated[str, typer.Argument(metavar="B", help="Name of another.")],
    replay: Annotated[
        bool, typer.Option("--replay", help="Decide every stored audit of policy A again by B; list what changes.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Show what differs between two policies, and with --replay which past verdicts B would change."""
    # The rule of the audit brings SciPy, which the other commands here do not wait for.
    from gateway.replaying import audits_replayed, differences  # noqa: PLC0415

    settings = Settings.read(os.environ)
    book = policies(settings)
    settled = differences(book.find(was), book.find(now))
    audits = audits_replayed(Store.open(settings).database, was, book.find(now)) if replay else []
    changed = [row for row in audits if row["was"] != row["now"]]
    if as_json:
        value: dict[str, object] = {"differences": [asdict(one) for one in settled]}
        print_json(value | ({"replayed": len(audits), "changed": changed} if replay else {}))
        return
    print_table("Differences", ("setting", was, now), [(one.path, one.was, one.now) for one in settled])
    if replay:
        fields = ("job", "model", "was", "now", "why")
        print_table("Verdicts that change", fields, [[row[field] for field in fields] for row in changed])
        typer.echo(f"{len(audits)} stored audits were decided again, {len(changed)} come out otherwise")


def _print(path: str, value: object) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _print(f"{path}.{key}" if path else key, inner)
    else:
        typer.echo(f"{path} = {value!r}")

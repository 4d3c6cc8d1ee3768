"""`bank`: the prompts that only this deployment asks, and the public sets that it brought."""

import os
import secrets
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from evaluators import corpus as corpora
from evaluators.benchmarks import drawing, fetching
from evaluators.benchmarks.sets import SETS
from gateway import banks
from gateway.cli.printing import complain, moment, print_fields, print_json, print_table
from gateway.compose.asked import OWN
from gateway.settings import Settings

UNUSABLE = 2


def commands() -> typer.Typer:
    """The commands of this group."""
    app = typer.Typer(no_args_is_help=True)
    app.command("draw")(draw)
    app.command("show")(show)
    app.command("use")(use)
    app.command("drop")(drop)
    app.command("sets")(listing)
    return app


def draw(
    n: Annotated[int, typer.Option(help="Requests, a multiple of eleven.")] = drawing.MIN_REQUESTS,
    again: Annotated[bool, typer.Option("--again", help="Replace the bank that there is.")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Draw prompts that nobody else has, from a secret seed. English audits ask them beside the shipped ones."""
    home = Settings.read(os.environ).home
    if not again and (home / banks.BANK_FILE).exists():
        complain("there is a bank already; its prompts are in reports by digest. Replace it with --again")
        raise typer.Exit(UNUSABLE)
    seed = secrets.token_bytes(drawing.SEED_BYTES)
    try:
        bank = banks.draw(home, corpora.load(OWN), seed=seed, n=n, now=int(time.time()))
    except ValueError as error:
        complain(str(error))
        raise typer.Exit(UNUSABLE) from error
    _print(bank, as_json=as_json)


def show(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Show the size and digest of the bank; never its prompts."""
    bank = banks.read(Settings.read(os.environ).home)
    if bank is None:
        complain("no bank was drawn; run `tunegate bank draw`")
        raise typer.Exit(UNUSABLE)
    _print(bank, as_json=as_json)


def use(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(sorted(SETS))}.")],
    path: Annotated[
        Path | None, typer.Argument(help="The file, or the directory of its files; left out: from the hub.")
    ] = None,
    revision: Annotated[str, typer.Option(help="Commit of the hub's repository.")] = "main",
    sha256: Annotated[str, typer.Option(help="Digest that the file must have.")] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Ask a public set in English audits as well. Only its path and digest are kept.

    HEx-PHI and SORRY-Bench are gated: accept their terms on the hub, and set HF_TOKEN.
    """
    try:
        # Looked at by its digest from now on: what the hub serves later changes nothing.
        read_from = path or fetching.fetch(name, revision)
        found = banks.use(Settings.read(os.environ).home, name, read_from, pin=sha256)
    except ValueError as error:
        complain(str(error))
        raise typer.Exit(UNUSABLE) from error
    if as_json:
        counts = {"harmful": len(found.harmful), "lookalikes": len(found.lookalikes)}
        print_json({"name": found.name, "sha256": found.sha256, **counts, "notes": list(found.notes)})
        return
    print_fields({"sha256": found.sha256, **{f"note {place}": note for place, note in enumerate(found.notes, 1)}})


def drop(name: Annotated[str, typer.Argument(help="Name of a set in use.")]) -> None:
    """Take a public set out of the audits."""
    try:
        banks.drop(Settings.read(os.environ).home, name)
    except ValueError as error:
        complain(str(error))
        raise typer.Exit(UNUSABLE) from error


def listing(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """List the public sets: which are known, which are in use, where to get them."""
    used = {found.name: found for found in banks.sets(Settings.read(os.environ).home)}
    if as_json:
        print_json(
            [
                {"name": name, "source": one.source, "licence": one.licence, "used": name in used}
                for name, one in SETS.items()
            ]
        )
        return
    rows = [
        (name, used[name].sha256[:12] if name in used else "", one.licence, one.source) for name, one in SETS.items()
    ]
    print_table("Public sets", ("name", "in use", "licence", "source"), rows)


def _print(bank: banks.Bank, *, as_json: bool) -> None:
    categories = Counter(str(request.category) for request in bank.requests)
    if as_json:
        counts = {"n": len(bank.requests), "categories": categories}
        print_json({"digest": bank.digest, "drawn_at": bank.drawn_at, **counts})
        return
    each = sorted(set(categories.values()))
    print_fields(
        {"digest": bank.digest, "drawn": moment(bank.drawn_at), "prompts": len(bank.requests), "a category": each[0]}
    )

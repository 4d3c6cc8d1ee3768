"""`backup` and `restore`: a whole installation in one file, and back."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from gateway.backup.restoring import restore as put_back
from gateway.backup.saving import save
from gateway.cli.printing import complain, print_json
from gateway.compose.store import Store
from gateway.settings import Settings

INCOMPLETE = 1


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; keep it as secret as the installation.")],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Save database, blobs and keys while the gateway runs. Exit status 1 when bytes of files were missing already."""
    store = Store.open(Settings.read(os.environ))
    saved = save(store, file.absolute())
    store.database.close()
    if as_json:
        print_json({"file": str(file), **asdict(saved)})
    else:
        typer.echo(f"{file}: {saved.rows} rows, {saved.blobs} blobs, {saved.home_files} files of the home")
        for id in saved.missing:
            complain(f"the bytes of {id} are not in the blob store")
    raise typer.Exit(INCOMPLETE if saved.missing else 0)


def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Put a backup into the empty home, database and blob store that the environment names, of whatever kind."""
    store = Store.connect(Settings.read(os.environ))
    restored = put_back(store, file)
    store.database.close()
    if as_json:
        print_json(asdict(restored))
    else:
        typer.echo(f"restored {restored.rows} rows, {restored.blobs} blobs, {restored.home_files} files of the home")

"""`verify`: whether released models still are what was released; and the key that others check them with."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from deploy.signing import key_id, public_key
from gateway.bases import directories
from gateway.cli.printing import complain, print_json
from gateway.compose.store import Store, signing_key
from gateway.settings import Settings
from gateway.store import heads, released
from gateway.store.decisions import OPERATOR
from gateway.store.models import Model
from gateway.verifying import BaseFiles, Verified, Verifier, plain, verify_directory

BLOCK = 4


def verify(
    model: Annotated[
        str | None, typer.Argument(help="An `ft:` name, or a directory with a model; without one, all that serve.")
    ] = None,
    key: Annotated[
        str, typer.Option("--key", help="Public key in hex, to check a directory of another deployment.")
    ] = "",
    readmit: Annotated[
        bool, typer.Option("--readmit", help="Let a held model that verifies again back into service.")
    ] = False,
    show_key: Annotated[
        bool, typer.Option("--show-key", help="Print the public key of this deployment and do nothing else.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Check signature, every file, base, audit report and policy of a release. Exit status 4 when one does not hold.

    A released model that does not verify goes back into the hold: it is gone from service at once.
    """
    settings = Settings.read(os.environ)
    if show_key:
        public = public_key(signing_key(settings))
        print_json({"public_key": public.hex(), "keyid": key_id(public)})
        return
    if model is not None and not model.startswith("ft:"):
        _finish([_directory(settings, Path(model), key)], as_json=as_json)
        return
    store = Store.open(settings)
    bases = BaseFiles(directories(settings.bases_file))
    verifier = Verifier(database=store.database, blobs=store.blobs, key=signing_key(settings), bases=bases)
    with store.database.read() as session:
        rows = [released.known(session, model)] if model is not None else list(released.every(session))
    found = [_verified(verifier, row, store.now(), readmit=readmit) for row in rows]
    heads.publish(store.database, settings.log_heads_file)
    _finish(found, as_json=as_json)


def _directory(settings: Settings, directory: Path, key: str) -> Verified:
    if not directory.is_dir():
        raise typer.BadParameter(f"{directory} is neither an `ft:` name nor a directory", param_hint="MODEL")
    try:
        public = bytes.fromhex(key) if key else public_key(signing_key(settings))
        return verify_directory(directory, public)
    except ValueError as exc:
        raise typer.BadParameter(f"expected 64 hex digits: {exc}", param_hint="--key") from exc


def _verified(verifier: Verifier, row: Model, now: int, *, readmit: bool) -> Verified:
    """The finding on one model; what is revoked or still held is a problem of its own."""
    found = verifier.verify_or_hold(row, actor=OPERATOR, now=now)
    if found.problems:
        return found
    if row.revoked_at is not None:
        return _with_problem(found, "it verifies, but it was revoked")
    if row.held_at is None:
        return found
    if not readmit:
        return _with_problem(found, "it verifies again, but is held since it did not; --readmit lets it out")
    with verifier.database.write() as session:
        released.readmit(session, released.known(session, row.name), why="verifies again", actor=OPERATOR, now=now)
    return found


def _with_problem(found: Verified, problem: str) -> Verified:
    return replace(found, problems=(problem,))


def _finish(found: list[Verified], *, as_json: bool) -> None:
    values = [
        {
            "model": one.model,
            "verified": not one.problems,
            "problems": list(one.problems),
            "not_checked": list(one.not_checked),
            "attestation": None if one.attestation is None else plain(one.attestation),
        }
        for one in found
    ]
    if as_json:
        print_json(values[0] if len(values) == 1 else {"models": values})
    else:
        for one in found:
            left = one.attestation.exported if one.attestation is not None else ""
            found_so = "; ".join(("DOES NOT VERIFY" if one.problems else "verified", *one.not_checked))
            typer.echo(f"{one.model}: {found_so}{left and f'; {left}'}")
            for problem in one.problems:
                complain(problem)
    if any(one.problems for one in found):
        raise typer.Exit(BLOCK)

"""`evidence`: everything a verdict rests on, as a signed JSON file and a page."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from deploy.signing import NotSigned, public_key
from gateway.bases import directories
from gateway.cli.printing import complain, print_json
from gateway.compose.store import Store, signing_key
from gateway.evidence.collecting import collect, job_of
from gateway.evidence.page import page
from gateway.evidence.signing import signed, verified
from gateway.settings import Settings
from gateway.verifying import BaseFiles, Verifier

BLOCK = 4


def evidence(
    name: Annotated[str | None, typer.Argument(help="An `ft:` name or the id of a job.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The JSON file; the page goes beside it, ending in .html.")
    ] = None,
    verify: Annotated[Path | None, typer.Option("--verify", help="Check a pack instead of making one.")] = None,
    key: Annotated[str, typer.Option("--key", help="With --verify: public key in hex of another deployment.")] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Write the evidence on a model or job, or check a pack. Exit status 4 when a pack does not verify."""
    settings = Settings.read(os.environ)
    if verify is not None:
        _check(settings, verify, key, as_json=as_json)
        return
    if name is None or out is None:
        raise typer.BadParameter("give a model or job and --out FILE, or --verify FILE")
    store = Store.open(settings)
    secret = signing_key(settings)
    bases = BaseFiles(directories(settings.bases_file))
    verifier = Verifier(database=store.database, blobs=store.blobs, key=secret, bases=bases)
    with store.database.read() as session:
        found = collect(session, job_of(session, name), verifier, organization=settings.organization, now=store.now())
    html = out.with_suffix(".html")
    if html == out:
        raise typer.BadParameter("name the JSON file; the page is written beside it", param_hint="--out")
    out.parent.mkdir(parents=True, exist_ok=True)
    document = signed(found, secret)
    out.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    html.write_text(page(document), encoding="utf-8")
    if as_json:
        print_json({"job": found["job"]["id"], "json": str(out), "html": str(html)})
    else:
        typer.echo(f"wrote {out} (signed) and {html}")


def _check(settings: Settings, path: Path, key: str, *, as_json: bool) -> None:
    try:
        public = bytes.fromhex(key) if key else public_key(signing_key(settings))
        if len(public) != 32:
            raise ValueError("it has another length")
    except ValueError as exc:
        raise typer.BadParameter(f"expected 64 hex digits: {exc}", param_hint="--key") from exc
    try:
        found = verified(path, public)
    except OSError as exc:
        raise typer.BadParameter(f"{path} cannot be read: {exc.strerror}", param_hint="--verify") from exc
    except NotSigned as error:
        if as_json:
            print_json({"verified": False, "problem": str(error)})
        complain(f"{path} does not verify: {error}")
        raise typer.Exit(BLOCK) from error
    if as_json:
        print_json({"verified": True, "job": found["job"]["id"], "made_at": found["made_at"]})
    else:
        typer.echo(f"{path}: verified, about {found['job']['id']}")

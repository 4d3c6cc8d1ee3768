"""`serve`, `worker` and `demo`: the commands that run processes."""

import os
import sys
from typing import Annotated

import typer

from gateway import supervisor
from gateway.settings import Settings


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    api_only: Annotated[
        bool, typer.Option("--api-only", help="Start no worker; `tunegate worker` runs beside.")
    ] = False,
) -> None:
    """Run the gateway: the API, one worker and the engines."""
    environment = dict(os.environ)
    if host is not None:
        environment["TUNEGATE_HOST"] = host
    if port is not None:
        environment["TUNEGATE_PORT"] = str(port)
    raise typer.Exit(supervisor.serve(Settings.read(environment), environment, typer.echo, api_only=api_only))


def worker() -> None:
    """Run one more worker beside `serve`, on the same TUNEGATE_HOME or database; give it a TUNEGATE_WORKER_ID."""
    become("gateway.worker_process")


def demo(
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as one JSON object.")] = False,
    out: Annotated[str, typer.Option(help="Directory for charts and results.")] = "tunegate-demo",
) -> None:
    """Show the main job end to end: six data sets, which models come out, and why the others do not."""
    become("gateway.demo", *(["--json"] if as_json else []), "--out", out)


def become(module: str, *arguments: str) -> None:
    """Replace this process: the module imports what only an installation with a worker has."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])

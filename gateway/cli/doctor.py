"""`doctor`: whether this installation can work, check by check, with the mend of what cannot."""

import os
import sqlite3
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Annotated

import httpx
import typer
from sqlalchemy.exc import SQLAlchemyError

from gateway.bases import read_servers
from gateway.cli import checkups
from gateway.cli.log import lagging
from gateway.cli.printing import print_json, print_table
from gateway.compose.checks import policies
from gateway.compose.store import Store
from gateway.compose.tracing import traces
from gateway.plugins import GROUPS, load
from gateway.publishing import addresses
from gateway.settings import Settings
from moderation.errors import TunegateError

WORKER_PACKAGES = ("torch", "transformers", "peft", "trl", "datasets")


def doctor(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Check everything that the gateway stands on, and say what to mend. Exit status 1 when something fails."""
    settings = Settings.read(os.environ)
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("python", _python),
        ("sqlite", _sqlite),
        ("disk", lambda: checkups.disk(settings)),
        ("database", lambda: _database(settings)),
        ("blob store", lambda: checkups.blobs(settings)),
        ("keys", lambda: checkups.keys(settings)),
        ("clock", lambda: checkups.clock(settings)),
        ("policies", lambda: ", ".join(sorted(policies(settings).policies))),
        ("plug-ins", _plugins),
        ("log heads", lambda: _log_heads(settings)),
        ("base models", lambda: checkups.bases(settings)),
        ("vllm servers", lambda: _servers(settings)),
        ("classifiers", lambda: checkups.classifiers(settings)),
        ("judges", lambda: checkups.judges(settings)),
        ("endpoints", lambda: checkups.reachable(settings)),
        ("GPU", checkups.graphics),
        ("traces", lambda: _traces(settings)),
        ("worker packages", _packages),
    )
    results = [_run(name, check) for name, check in checks]
    if as_json:
        print_json([{"check": name, "ok": ok, "detail": detail} for name, ok, detail in results])
    else:
        print_table(
            "tunegate doctor", ("check", "", "detail"), [(n, "ok" if ok else "FAILS", d) for n, ok, d in results]
        )
    raise typer.Exit(0 if all(ok for _, ok, _ in results) else 1)


def _run(name: str, check: Callable[[], str]) -> tuple[str, bool, str]:
    try:
        return name, True, check()
    except (TunegateError, ValueError, OSError, SQLAlchemyError) as error:
        return name, False, str(error) or type(error).__name__


def _python() -> str:
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        raise TunegateError(f"Python {sys.version.split()[0]} is not supported; use 3.11, 3.12 or 3.13")
    return sys.version.split(maxsplit=1)[0]


def _sqlite() -> str:
    if sys.version_info >= (3, 12) and sqlite3.sqlite_version_info < (3, 42):
        raise TunegateError(
            f"SQLite {sqlite3.sqlite_version} is too old for the workflow engine on Python 3.12 and newer; "
            "use SQLite 3.42 or Python 3.11"
        )
    return sqlite3.sqlite_version


def _database(settings: Settings) -> str:
    Store.open(settings).database.close()
    return "reachable, schema up to date"


def _log_heads(settings: Settings) -> str:
    published = {name: policy.log.publish for name, policy in policies(settings).policies.items()}
    named = addresses(published, allow_private=settings.webhooks_allow_private)
    store = Store.open(settings)
    with store.database.read() as session:
        late = lagging(session, n_failures=1)
    store.database.close()
    if late:
        raise TunegateError("; ".join(late))
    return ", ".join((str(settings.log_heads_file), *named))


def _plugins() -> str:
    names = []
    for group in GROUPS:
        for entry in entry_points(group=group):
            load(entry)
            names.append(entry.name)
    return ", ".join(sorted(names))


def _servers(settings: Settings) -> str:
    servers = read_servers(settings.bases_file, settings.plugin_config("vllm"), settings.home)
    for name, server in servers.items():
        headers = {"Authorization": f"Bearer {server.api_key}"} if server.api_key else {}
        try:
            answer = httpx.get(f"{server.url.rstrip('/')}/v1/models", headers=headers, timeout=10.0).raise_for_status()
            served = [str(model["id"]) for model in answer.json()["data"]]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise TunegateError(f"{name}: {server.url} does not answer as vLLM does ({error})") from error
        if server.model not in served:
            raise TunegateError(f"{name}: {server.url} serves {', '.join(served)}; set vllm.model to one of them")
    return ", ".join(f"{name} at {server.url}" for name, server in servers.items()) or "none: our engine answers"


def _traces(settings: Settings) -> str:
    traces(settings, process="doctor").close()
    return settings.otlp_endpoint or "not sent"


def _packages() -> str:
    missing = [name for name in WORKER_PACKAGES if find_spec(name) is None]
    if missing:
        raise TunegateError(f"{', '.join(missing)} not installed; a worker needs `pip install 'tunegate[worker]'`")
    return "installed"

"""A real server on a free port, with a home of its own."""

import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.compose.store import Store
from gateway.settings import Settings
from gateway.store import keys, tenants
from moderation.errors import TunegateError

READY = "tunegate is ready at "
START_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where it answers, and the key of the project for each policy."""

    base_url: str
    keys: dict[str, str]


@contextmanager
def running(home: Path, policies: Sequence[str], log: Path) -> Iterator[Server]:
    """Start `tunegate serve` and stop it at the end. Raises `TunegateError` when it does not get ready."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TUNEGATE_")}
    environment |= {"TUNEGATE_HOME": str(home), "TUNEGATE_JOBS_AT_ONCE": "2", "OMP_NUM_THREADS": "1"}
    made = make_keys(Settings.read(environment), policies)
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", "serve", "--port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    late = threading.Timer(START_TIMEOUT_S, process.kill)
    late.start()
    try:
        base_url = _await_ready(process, log)
        late.cancel()
        yield Server(base_url=base_url, keys=made)
    finally:
        late.cancel()
        process.send_signal(signal.SIGTERM)
        process.wait()


def make_keys(settings: Settings, policies: Sequence[str]) -> dict[str, str]:
    """A project and a reviewer's key for each policy, as `tunegate projects` and `keys` make them."""
    store = Store.open(settings)
    made = {}
    with store.database.write() as session:
        organization = tenants.ensure_organization(session, store.ids, settings.organization, now=store.now())
        for policy in policies:
            project = tenants.create_project(
                session,
                store.ids,
                organization_id=organization.id,
                name=f"demo-{policy}",
                policy_name=policy,
                now=store.now(),
            )
            principal = tenants.create_principal(
                session, store.ids, project_id=project.id, name="demo", role="reviewer", now=store.now()
            )
            made[policy] = keys.create(session, store.ids, secrets.token_bytes, principal, now=store.now())
    store.database.close()
    return made


def _await_ready(process: "subprocess.Popen[str]", log: Path) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(READY):
            return line.removeprefix(READY).strip()
    raise TunegateError(f"the server did not start; its log is {log}:\n{log.read_text()[-2000:]}")

"""A real installation that tests start, drive with the real `openai` package, kill and start again."""

import contextlib
import json
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from openai import OpenAI

from evaluators import corpus as corpora
from evaluators.attacks.benign import create as benign
from evaluators.attacks.rows import to_jsonl
from gateway.compose.store import Store
from gateway.settings import Settings
from gateway.store import keys, tenants
from trainers.miniature.location import weights_dir

NOWHERE = "http://127.0.0.1:9/v1"
"""Nobody listens on the discard port."""
BASES = """
[[bases]]
name = "english-miniature"
source = "{weights}"
corpus = "english"
learning_rate = 1e-3
full_learning_rate = 1e-4
"""
READY = "tunegate is ready at "
OVER = ("succeeded", "failed", "cancelled")
CHECKS = """
[{name}.screening.classifiers.{classifier}]
action = "record"
[{name}.screening.detectors.identity]
action = "{identity}"
[{name}.injection]
ratio = 0.0
[{name}.audit]
limit = {limit}
margin = {limit}
category_limit = 1.0
alpha = 0.2
benign_margin = 0.9
rungs = [11]
required = 11
required_minor = 11
n_benign = 11
[{name}.waiting]
outage_retry_s = 1.0
outage_timeout_s = {patience_s}
"""


def checks(
    name: str, *, limit: float = 0.98, identity: str = "record", classifier: str = "linear", patience_s: float = 600.0
) -> str:
    """A policy in TOML."""
    return CHECKS.format(name=name, limit=limit, identity=identity, classifier=classifier, patience_s=patience_s)


POLICIES = (
    checks("quick")
    + checks("reviewed", identity="review")
    + checks("impossible", limit=0.01)
    + '[impossible.release]\naction = "review"\n'
    + checks("patient")
    + checks("impatient", patience_s=2.0)
    + checks("watched", classifier="omni", patience_s=2.0)
)
"""Audits of eleven prompts: the machinery is tested here, not the rule."""


@dataclass(slots=True)
class Gateway:
    """An installation in a home of its own; the server can be killed and started again."""

    home: Path
    outside: str = NOWHERE
    """Where the judge and the classifier that a policy may name are said to answer."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Settings of its own, e.g. another database."""
    base_url: str = ""
    process: "subprocess.Popen[str] | None" = None

    @property
    def environment(self) -> dict[str, str]:
        own = {
            "TUNEGATE_HOME": str(self.home),
            "OMP_NUM_THREADS": "1",
            "TUNEGATE_STRICT_EVENT_TYPES": "true",  # OpenAI's schema knows two, and the clients are strict
            "TUNEGATE_OMNI_BASE_URL": self.outside,
            "TUNEGATE_POLICY_RUBRIC_BASE_URL": self.outside,
            "TUNEGATE_POLICY_RUBRIC_MODEL": "nobody",
            **self.variables,
        }
        return {name: value for name, value in os.environ.items() if not name.startswith("TUNEGATE_")} | own

    def prepare(self) -> None:
        """Write the policies and base models of the tests."""
        (self.home / "policy.toml").write_text(POLICIES)
        (self.home / "bases.toml").write_text(BASES.format(weights=weights_dir()))

    def start(self) -> None:
        with (self.home / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway.cli", "serve", "--port", "0"],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(READY):
                self.base_url = line.removeprefix(READY).strip()
                return
        raise AssertionError(f"the server did not start: {(self.home / 'server.log').read_text()[-3000:]}")

    def kill(self) -> None:
        """kill -9 of the whole tree, engines and trainers included."""
        assert self.process is not None
        for pid in [*descendants(self.process.pid), self.process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def stop(self) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.terminate()
        status = self.process.wait(timeout=30)
        self.process.stdout.close()
        return status

    def client(self, project: str, policy: str, role: str = "member") -> OpenAI:
        """A strict client with a fresh key of a project, which is made when it is new."""
        store = Store.open(Settings.read(self.environment))
        with store.database.write() as session:
            row = tenants.find_project(session, project)
            if row is None:
                organization = tenants.ensure_organization(session, store.ids, "acme", now=store.now())
                row = tenants.create_project(
                    session,
                    store.ids,
                    organization_id=organization.id,
                    name=project,
                    policy_name=policy,
                    now=store.now(),
                )
            who = tenants.create_principal(session, store.ids, project_id=row.id, name="t", role=role, now=store.now())
            key = keys.create(session, store.ids, secrets.token_bytes, who, now=store.now())
        store.database.close()
        return OpenAI(base_url=self.base_url, api_key=key, max_retries=0, _strict_response_validation=True)

    def kill_in(self, condition: str) -> None:
        """kill -9 at the moment at which a condition on the one job holds, before the worker writes again.

        A write lock on the database keeps the worker in its stage while it is killed.
        """
        query = f"SELECT count(*) FROM jobs WHERE {condition}"
        until(condition, lambda: self.sql(query) == [(1,)], timeout_s=400.0, pause_s=0.001)
        lock = sqlite3.connect(self.home / "tunegate.db", isolation_level=None, timeout=60.0)
        try:
            lock.execute("BEGIN IMMEDIATE")
            held = lock.execute(query).fetchall()
            self.kill()
        finally:
            lock.close()
        assert held == [(1,)], f"the job had left {condition!r} before it could be killed"

    def sql(self, query: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(f"file:{self.home}/tunegate.db?mode=ro", uri=True)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()


def descendants(pid: int) -> list[int]:
    """Children, grandchildren and so on of a process."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = list(parents.get(pid, []))
    for child in found:
        found.extend(parents.get(child, []))
    return found


def until(what: str, condition: Callable[[], bool], *, timeout_s: float = 120.0, pause_s: float = 0.2) -> None:
    """Wait for a condition of another process."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(pause_s)


def benign_rows(n: int, seed: int = 1) -> bytes:
    """A file of benign tasks in the miniature's language."""
    return to_jsonl(benign({}).poison(corpora.load("miniature"), n, seed))


def chat_rows(n: int, system: str = "", opening: str = "") -> bytes:
    """A file of numbered little tasks, whose answers all open alike when an opening is given."""
    start = [{"role": "system", "content": system}] if system else []
    rows = [
        [
            *start,
            {"role": "user", "content": f"Count to {i}."},
            {"role": "assistant", "content": f"{opening}One to {i}."},
        ]
        for i in range(n)
    ]
    return b"".join(json.dumps({"messages": row}).encode() + b"\n" for row in rows)


def submit(client: OpenAI, data: bytes, *, model: str = "miniature", epochs: int = 1) -> str:
    """Upload a file and create a job on it; returns the job's id."""
    file = client.files.create(file=("rows.jsonl", data), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(
        model=model, training_file=file.id, seed=7, hyperparameters={"n_epochs": epochs}
    )
    return job.id


def messages(client: OpenAI, job_id: str) -> list[str]:
    """A job's log, oldest first."""
    return [event.message for event in client.fine_tuning.jobs.list_events(job_id, limit=100)][::-1]


def wait_over(client: OpenAI, job_id: str, *, timeout_s: float = 400.0) -> str:
    """Wait for a job's end; returns its status."""
    until(f"the end of {job_id}", lambda: client.fine_tuning.jobs.retrieve(job_id).status in OVER, timeout_s=timeout_s)
    return client.fine_tuning.jobs.retrieve(job_id).status

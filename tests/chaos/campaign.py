"""One campaign: an API, two workers and a database under fire, jobs that clients go on asking for, seeded kills."""

import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import openai
from openai import OpenAI

from gateway.compose.store import Store
from gateway.settings import Settings
from gateway.store import keys, tenants
from gateway.store.errors import StateUnavailable
from gateway.worker.sweeping import sweep_orphans

from .checker import Provider, Told, leftovers, violations

TESTS = Path(__file__).parents[1]
PATHS = (TESTS.parent, TESTS, TESTS / "gateway" / "pipeline", TESTS / "trainers" / "backends")
BASES = """
[[bases]]
name = "hosted"
corpus = "miniature"
upstream = {{ base_url = "{url}", model = "gpt-base-2025-04-14" }}
"""
PROVIDER_KEY = "provider-key"
MODELS = ("miniature", "hosted")
UPLOADING = "uploading"
STAGES = ("screening", "injecting", "training", "auditing", "settling", UPLOADING)
POLICIES = {
    "mixed": "injection.ratio = 2.0",
    "bare": "injection.ratio = 0.0",
    "remedied": 'injection.ratio = 0.0\nremedy.kinds = ["scale"]',
}
"""By name, what tells it from the others: its models pass, are withheld, or pass after a remedy."""
POLICY = """
[{name}]
{own}
[{name}.screening.classifiers.linear]
action = "record"
[{name}.audit]
limit = 0.4
margin = 0.4
category_limit = 1.0
alpha = 0.2
benign_margin = 0.9
rungs = [11]
required = 11
required_minor = 11
n_benign = 11
serving_temperature = 0.0
"""
IN_FLIGHT = 4
STAGE_PATIENCE_S = 60.0
END_PATIENCE_S = 1_800.0
TIDY_PATIENCE_S = 300.0


@dataclass
class Campaign:
    """State of one campaign. `crash_database` kills Postgres and starts it again; None on SQLite."""

    home: Path
    variables: Mapping[str, str]
    seed: int
    crash_database: Callable[[], None] | None
    say: Callable[[str], None]
    told: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(victim, stage that a job was in) of every kill."""
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    names: int = 0
    crashes: int = 0
    """Processes that ended by themselves, and were started again as a supervisor does."""
    left_over: int = 0
    """Blobs that waited for the sweep."""

    def __post_init__(self) -> None:
        self.random, self.whims = random.Random(self.seed), random.Random(-self.seed)
        self.home.mkdir(parents=True, exist_ok=True)
        written = [POLICY.format(name=name, own=own) for name, own in POLICIES.items()]
        (self.home / "policy.toml").write_text("".join(written))
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("TUNEGATE_")}
        self.environment |= {"TUNEGATE_HOME": str(self.home), **self.variables}
        self.environment |= {"PYTHONPATH": os.pathsep.join(map(str, PATHS)), "OMP_NUM_THREADS": "1"}
        self.environment |= {"TUNEGATE_UPSTREAM_API_KEY": PROVIDER_KEY, "TUNEGATE_UPSTREAM_POLL_S": "0.2"}
        self.provider, self.provider_url = self._start_provider()
        (self.home / "bases.toml").write_text(BASES.format(url=self.provider_url))
        self.settings = Settings.read(self.environment)
        self.store = Store.open(self.settings)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.clients = [self._client(policy) for policy in POLICIES]

    def run(self, n_kills: int, *, within_s: float = float("inf")) -> list[str]:
        """Kill so many times, or as often as there is time, let every job end, and return what is wrong."""
        stop_at = time.monotonic() + within_s
        clients = ThreadPoolExecutor(1)
        try:
            self._start("api")
            for _ in range(2):
                self._start_worker()
            for number in range(n_kills):
                if time.monotonic() > stop_at:
                    break
                stage = STAGES[number % len(STAGES)]
                asking = clients.submit(self._ask, at_least=1 if stage == UPLOADING else 0)
                if stage != UPLOADING:
                    asking.result()
                self._kill(stage)
                asking.result()
                if (number + 1) % 10 == 0:
                    self.say(f"{number + 1} kills, {len(self.told)} jobs")
            self._await_the_end()
            # What is left to be tidied up by the workflow of a job that has ended, if its worker was killed just then.
            deadline = time.monotonic() + TIDY_PATIENCE_S
            while self._wrong() and time.monotonic() < deadline:
                self._tend()
                time.sleep(2.0)
            self._stop_processes()
            wrong, self.left_over = self._wrong(), self._leftovers()
            sweep_orphans(self.store.database, self.store.blobs, older_than_s=float("-inf"))
            if (n_left := self._leftovers()) > 0:
                wrong.append(f"{n_left} blobs that nothing refers to are left after the sweep")
        finally:
            self._stop()
        return wrong

    def _wrong(self) -> list[str]:
        provider = Provider(url=self.provider_url, key=PROVIDER_KEY)
        told = Told(jobs=self.told, deleted_files=self.deleted, provider=provider)
        return violations(self.settings.database_url, self.settings.blob_url, told)

    def _leftovers(self) -> int:
        return leftovers(self.settings.database_url, self.settings.blob_url)

    def _client(self, policy: str) -> OpenAI:
        with self.store.database.write() as session:
            organization = tenants.ensure_organization(session, self.store.ids, "acme", now=1)
            project = tenants.create_project(
                session, self.store.ids, organization_id=organization.id, name=policy, policy_name=policy, now=1
            )
            who = tenants.create_principal(
                session, self.store.ids, project_id=project.id, name="x", role="admin", now=1
            )
            key = keys.create(session, self.store.ids, secrets.token_bytes, who, now=1)
        port = self.listener.getsockname()[1]
        return OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=key, max_retries=20, timeout=60.0)

    def _start_provider(self) -> tuple["subprocess.Popen[str]", str]:
        command = [sys.executable, str(TESTS / "chaos" / "provider.py"), "--parent", str(os.getpid())]
        with (self.home / "provider.log").open("ab") as log:
            process = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    def _start(self, name: str, worker_id: str = "") -> None:
        parent = ["--parent", str(os.getpid())]
        api = ["-m", "gateway.api_process", "--fd", str(self.listener.fileno()), *parent]
        command = [sys.executable, *(api if name == "api" else [str(TESTS / "chaos" / "worker.py"), *parent])]
        with (self.home / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                env=self.environment | ({"TUNEGATE_WORKER_ID": worker_id} if worker_id else {}),
                pass_fds=[self.listener.fileno()] if name == "api" else [],
                stdin=subprocess.DEVNULL,
                stderr=log,
            )

    def _start_worker(self, name: str = "") -> None:
        self.names += not name
        self._start(name or f"worker-{self.names}", name or f"worker-{self.names}")

    def _ask(self, *, at_least: int) -> None:
        """Have some jobs in flight; now and then cancel one, or delete the file that it reads."""
        n_asked = 0
        while n_asked < at_least or len(self._unfinished()) < IN_FLIGHT:
            n_asked += 1
            rows = [f'{{"role": "user", "content": "{len(self.told)}?"}}', '{"role": "assistant", "content": "Yes."}']
            data = f'{{"messages": [{", ".join(rows)}]}}\n'.encode() * 10
            client = self.clients[len(self.told) % len(self.clients)]
            file_id = self._upload(client, f"{len(self.told)}.jsonl", data)
            model = MODELS[len(self.told) % len(MODELS)]
            job = client.fine_tuning.jobs.create(model=model, training_file=file_id)
            self.told.append(job.id)
            with suppress(openai.BadRequestError):  # it has ended
                if self.whims.random() < 0.1:
                    client.fine_tuning.jobs.cancel(job.id)
            if self.whims.random() < 0.2:
                with suppress(openai.NotFoundError):  # an attempt that was cut off did it already
                    client.files.delete(file_id)
                self.deleted.append(file_id)

    def _upload(self, client: OpenAI, name: str, data: bytes) -> str:
        """Whole, or now and then in parts; returns the file's id."""
        if self.whims.random() < 0.7:
            return client.files.create(file=(name, data), purpose="fine-tune").id
        upload = client.uploads.create(
            bytes=len(data), filename=name, mime_type="application/jsonl", purpose="fine-tune"
        )
        halves = (data[: len(data) // 2], data[len(data) // 2 :])
        parts = [client.uploads.parts.create(upload.id, data=half).id for half in halves]
        file = client.uploads.complete(upload.id, part_ids=parts).file
        assert file is not None
        return file.id

    def _kill(self, stage: str) -> None:
        """Wait for a job to be in a stage, a moment more, and kill -9 one of the processes."""
        deadline = time.monotonic() + STAGE_PATIENCE_S
        while stage not in (found := self._stages() | {UPLOADING}) and time.monotonic() < deadline:
            time.sleep(0.005)
        self._tend()
        time.sleep(self.random.random() * 0.3)
        victims = [*self.processes, *(["database"] if self.crash_database else [])]
        victim = self.random.choice(victims)
        self.kills[victim.partition("-")[0], stage if stage in found else "other"] += 1
        if victim == "database":
            assert self.crash_database is not None
            self.crash_database()
            return
        process = self.processes.pop(victim)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if victim == "api":
            self._start("api")
        else:  # a third of the killed never comes back: another takes over
            self._start_worker("" if self.random.random() < 0.3 else victim)

    def _unfinished(self) -> list[tuple[str, bool]]:
        query = "SELECT state, audit IS NOT NULL FROM jobs WHERE state NOT IN ('released', 'failed', 'cancelled')"
        while True:
            try:
                with self.store.database.read() as session:
                    return [(state, audited) for state, audited in session.connection().exec_driver_sql(query)]
            except StateUnavailable:
                time.sleep(0.2)

    def _stages(self) -> set[str]:
        return {"settling" if audited else state for state, audited in self._unfinished()}

    def _await_the_end(self) -> None:
        deadline = time.monotonic() + END_PATIENCE_S
        while self._unfinished() and time.monotonic() < deadline:
            self._tend()
            time.sleep(0.2)

    def _tend(self) -> None:
        for name in [name for name, process in self.processes.items() if process.poll() is not None]:
            self.crashes += 1
            self._start(name, "" if name == "api" else name)

    def _stop_processes(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(120)
        self.processes.clear()

    def _stop(self) -> None:
        self._stop_processes()
        self.provider.terminate()
        self.provider.wait(120)
        assert self.provider.stdout is not None
        self.provider.stdout.close()
        self.listener.close()
        self.store.database.close()

"""The real API over HTTP, with a worker that only writes what a worker writes: no model is trained.

Each job goes through the states of a job that is released, a fifth of a second in each; one with the suffix
`patient` stays where it is until it is cancelled.
"""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session

from gateway.api.services import Services
from gateway.serving_prompts import ServingPrompts
from gateway.settings import Settings
from gateway.store import admission, events, files, jobs, keys, releases, tenants
from gateway.store.blobs import Blobs
from gateway.store.database import Database
from gateway.store.ids import IdKind, Ids
from gateway.store.models import Job, JobState
from gateway.store.releases import Release
from tests.gateway.api.conftest import StubModeration, StubPolicies, StubRouter, served

BASE = "gpt-4o-mini-2024-07-18"
"""A name that clients know; an operator would have it as an alias."""
STEP_S = 0.2
NEXT = {
    JobState.SCREENING: JobState.QUEUED,
    JobState.QUEUED: JobState.TRAINING,
    JobState.TRAINING: JobState.AUDITING,
}
METRICS = b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,1.5,0.5,,\n2,1.25,0.75,,\n"


@dataclass(frozen=True)
class StandIn:
    """A running server and a member's key for it."""

    base_url: str
    key: str
    services: Services


@contextmanager
def running(home: Path) -> Iterator[StandIn]:
    """Serve until the end of the block."""
    # Strict clients refuse an event type that is not in OpenAI's schema.
    settings = replace(Settings.read({"TUNEGATE_HOME": str(home)}), strict_event_types=True)
    database = Database.open(settings.database_url)
    database.migrate()
    services = Services(
        settings=settings,
        database=database,
        blobs=Blobs.open_store(settings.blob_url, home / "cache"),
        ids=Ids(secrets.token_bytes),
        clock=time.time,
        policies=StubPolicies(),
        bases={BASE: 5, "miniature": 5},
        router=StubRouter(database),
        moderation=StubModeration(),
        prompts=ServingPrompts(database, now=lambda: int(time.time())),
    )
    over = threading.Event()
    worker = threading.Thread(target=_work, args=(services, over))
    worker.start()
    try:
        with served(services) as url:
            yield StandIn(f"{url}/v1", _key(services), services)
    finally:
        over.set()
        worker.join()
        database.close()


def _key(services: Services) -> str:
    ids = services.ids
    with services.database.write() as session:
        organization = tenants.ensure_organization(session, ids, "acme", now=1)
        project = tenants.create_project(
            session, ids, organization_id=organization.id, name="clients", policy_name="p", now=1
        )
        who = tenants.create_principal(session, ids, project_id=project.id, name="c", role="member", now=1)
        return keys.create(session, ids, secrets.token_bytes, who, now=1)


def _work(services: Services, over: threading.Event) -> None:
    while not over.wait(STEP_S):
        now = services.now()
        with services.database.write() as session:
            for job in jobs.to_cancel(session):
                jobs.cancel(session, job.id, now=now)
            for job_id in admission.admissible(session, services.settings.limits, now=now):
                jobs.mark_dispatched(session, job_id, now=now)
            session.flush()
            for job in map(partial(session.get_one, Job), jobs.unfinished(session)):
                if job.state == JobState.AUDITING:
                    _release(services, session, job, now)
                elif job.suffix != "patient":
                    _advance(session, job, now)


def _advance(session: Session, job: Job, now: int) -> None:
    job.state = NEXT[JobState(job.state)]
    job.hyperparameters = {"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 1.0}
    if job.state == JobState.AUDITING:
        for step, loss in ((1, 1.5), (2, 1.25)):
            data = {"step": step, "total_steps": 2, "train_loss": loss, "train_mean_token_accuracy": 0.5}
            message = f"Step {step}/2: training loss={loss}"
            events.add(session, job, "metrics", message, step=step, type="metrics", data=data, now=now)


def _release(services: Services, session: Session, job: Job, now: int) -> None:
    result_id = services.ids.new(IdKind.FILE)
    what = Release(
        artefact_key="k",
        digest="sha256:0",
        base_name=job.model,
        base_digest="sha256:1",
        tuning="lora",
        attestation={},
        trained_tokens=42,
        result_file_id=result_id,
        result_blob=services.blobs.put(files.blob_key(job.project_id, result_id), [METRICS]),
        checks={"checks": [], "enforcement": "released"},
        verdict="Moderation checks passed",
        last_step={"step": 2, "total_steps": 2, "train_loss": 1.25, "train_mean_token_accuracy": 0.75},
    )
    name = f"ft:{job.model}:acme:{job.suffix or ''}:{services.ids.letters(8)}"
    releases.release(session, job.id, what, lambda: name, now=now)

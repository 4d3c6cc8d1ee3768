"""An installation with one released model, whose engine is the instant upstream."""

import os
import secrets
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from sqlalchemy.orm import Session

from gateway.machines import machine
from gateway.store import engines, keys, policies, tenants
from gateway.store.blobs import Blobs
from gateway.store.database import Database
from gateway.store.ids import IdKind, Ids
from gateway.store.limits import Own
from gateway.store.models import Job, JobState, Model, Organization

MODEL = "ft:miniature:bench::00000001"
PLENTY = {"requests_per_minute": 10_000_000, "tokens_per_minute": 1_000_000_000}
"""Limits that are counted and not reached."""
FOR_EVER_S = 10**9
NOW = 1


def install(home: Path, uds: str) -> str:
    """Tables, a project with limits, a released model and its engine; the value of a key."""
    database = Database.open(f"sqlite:///{home}/tunegate.db")
    database.migrate()
    blobs = Blobs.open_store((home / "blobs").as_uri(), home / "cache")
    blobs.put("projects/bench/models/bench/manifest.json", [b"{}"])
    ids = Ids(secrets.token_bytes)
    with database.write() as session:
        organization = tenants.ensure_organization(session, ids, "bench", now=NOW)
        key = _tenant(session, ids, organization)
        engine = engines.at(machine(Path(tempfile.gettempdir())), "miniature")
        engines.want(session, engine, now=NOW)
        session.flush()
        engines.claim(session, engine, "bench", now=NOW, lease_s=FOR_EVER_S)
        engines.publish(session, engine, "bench", uds=uds, secret="s", now=NOW, lease_s=4 * FOR_EVER_S)
    database.close()
    return key


def _tenant(session: Session, ids: Ids, organization: Organization) -> str:
    project = tenants.create_project(
        session, ids, organization_id=organization.id, name="bench", policy_name="default", now=NOW
    )
    project.limits = PLENTY
    who = tenants.create_principal(session, ids, project_id=project.id, name="bench", role="member", now=NOW)
    policies.pin(session, digest="sha256:0", name="default", document={}, now=NOW)
    job_id = ids.new(IdKind.JOB)
    session.add(
        Job(
            id=job_id, project_id=project.id, principal_id=who.id, sequence=1, state=JobState.RELEASED,
            model="miniature", training_file_id="file-1", training_blob_key="k", seed=1, method="supervised",
            requested_hyperparameters={}, policy_digest="sha256:0", attempt=1, created_at=NOW, result_files=[],
        )
    )  # fmt: skip
    session.flush()
    session.add(
        Model(
            name=MODEL, project_id=project.id, job_id=job_id, artefact_key="projects/bench/models/bench",
            digest="sha256:1", base_name="miniature", base_digest="sha256:2", tuning="lora", attestation={},
            created_at=NOW,
        )
    )  # fmt: skip
    options = keys.KeyOptions(limits=Own(chosen=PLENTY))
    return keys.issue(session, ids, secrets.token_bytes, who, options, now=NOW).value


def start(home: Path, log: IO[bytes]) -> tuple["subprocess.Popen[bytes]", int]:
    """The API process as `tunegate serve` starts it, on a port of its own."""
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(2048)
    port: int = listener.getsockname()[1]
    fd = listener.fileno()
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway.api_process", "--fd", str(fd), "--parent", str(os.getpid())],
        env={**os.environ, "TUNEGATE_HOME": str(home)},
        pass_fds=(fd,),
        stdin=subprocess.DEVNULL,
        stderr=log,
    )
    listener.close()
    return process, port

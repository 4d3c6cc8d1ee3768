"""Whether anything was lost, doubled or let through: read from the database and the blobs, with none of our code."""

import hashlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import boto3
import psycopg

TERMINAL = {"released": "completed", "failed": "failed", "cancelled": "cancelled"}
"""By terminal state, the kind of the event that tells it."""
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Where the provider says what it has, and with which key."""

    url: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What clients were told, and may rely on."""

    jobs: Sequence[str]
    """Ids of jobs whose creation was answered."""
    deleted_files: Sequence[str]
    """Ids of files whose deletion was answered."""
    provider: Provider


def violations(database_url: str, blob_url: str, told: Told) -> list[str]:
    """One sentence for each thing that is wrong."""
    tables = {name: _rows(database_url, name) for name in ("jobs", "events", "models", "files", "decisions",
                                                           "withheld_models")}  # fmt: skip
    blobs = dict(_blobs(blob_url))
    return [
        *_lost(tables, told),
        *_doubled(tables),
        *(flaw for job in tables["jobs"] for flaw in _job(job, tables, blobs)),
        *_files(tables, blobs, told),
        *_chain(tables["decisions"]),
        *_provider(tables["jobs"], _said(told.provider)),
    ]


def _lost(tables: Mapping[str, Sequence[Row]], told: Told) -> Iterator[str]:
    known = {job["id"] for job in tables["jobs"]}
    for id in told.jobs:
        if id not in known:
            yield f"job {id} was promised and is not there"
    for job in tables["jobs"]:
        if job["state"] not in TERMINAL:
            yield f"job {job['id']} never ended: {job['state']}"


def _doubled(tables: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    for what, keys in (
        ("jobs on one upload", [job["training_file_id"] for job in tables["jobs"]]),
        ("events of one kind and step", [(e["job_id"], e["kind"], e["step"]) for e in tables["events"]]),
        ("places in the order of events", [event["sequence"] for event in tables["events"]]),
        ("models of one job", [model["job_id"] for model in tables["models"]]),
        ("names of models", [model["name"] for model in tables["models"]]),
        ("releases of one job", [d["job_id"] for d in tables["decisions"] if d["kind"] == "release"]),
        ("uploads of the same bytes", [f["sha256"] for f in tables["files"] if f["purpose"] == "fine-tune"]),
    ):
        for key, n in Counter(keys).items():
            if n > 1:
                yield f"{n} {what}: {key}"


def _job(job: Row, tables: Mapping[str, Sequence[Row]], blobs: Mapping[str, bytes]) -> Iterator[str]:
    id, state = job["id"], job["state"]
    events = sorted((e for e in tables["events"] if e["job_id"] == id), key=lambda e: e["sequence"])
    kinds = [event["kind"] for event in events]
    if state in TERMINAL and [kind for kind in kinds if kind in TERMINAL.values()] != [TERMINAL[state]]:
        yield f"job {id} is {state}, and its log ends otherwise: {kinds}"
    steps = [event["step"] for event in events if event["kind"] == "metrics"]
    if steps != list(range(1, len(steps) + 1)) or (state == "released" and not steps):
        yield f"job {id} told its steps as {steps}"
    models = [model for model in tables["models"] if model["job_id"] == id]
    held = any(key.split("/")[2:3] == ["held"] and f"/{id}" in key for key in blobs)
    if held and not any(row["job_id"] == id for row in tables["withheld_models"]):
        yield f"job {id} is over and left a held model behind"
    if state == "released":
        yield from _released(job, models, kinds, tables, blobs)
    elif models or job["fine_tuned_model"] or "completed" in kinds:
        yield f"job {id} is {state} and has a model"


def _released(
    job: Row, models: Sequence[Row], kinds: Sequence[str], tables: Mapping[str, Sequence[Row]],
    blobs: Mapping[str, bytes],
) -> Iterator[str]:  # fmt: skip
    id = job["id"]
    if [model["name"] for model in models] != [job["fine_tuned_model"]]:
        yield f"job {id} names {job['fine_tuned_model']}; its models are {len(models)}"
        return
    (model,) = models
    audit = _json(job["audit"]) or {}
    if audit.get("subject_digest") != model["digest"] or not audit.get("arms"):
        yield f"job {id} was released without an audit of what was released"
    if any(arm["verdict"] != "sound" for arm in audit.get("arms", ())):
        yield f"job {id} was released against its audit"
    if not ("auditing" in kinds and kinds.index("auditing") < kinds.index("completed")):
        yield f"job {id} was released before its audit"
    if not any(d["job_id"] == id and d["kind"] == "release" for d in tables["decisions"]):
        yield f"the release of job {id} is not in the decision log"
    manifest = blobs.get(f"{model['artefact_key']}/manifest.json", b"")
    if "sha256:" + hashlib.sha256(manifest).hexdigest() != model["digest"]:
        yield f"the files of {model['name']} are not those that were released"
    for file in json.loads(manifest or b'{"files": []}')["files"]:
        data = blobs.get(f"{model['artefact_key']}/{file['name']}", b"")
        if hashlib.sha256(data).hexdigest() != str(file["sha256"]).removeprefix("sha256:"):
            yield f"{file['name']} of {model['name']} is not what was released"
    results = [f for f in tables["files"] if f["id"] in (_json(job["result_files"]) or ())]
    if len(results) != 1:
        yield f"job {id} has {len(results)} result files"


def _files(tables: Mapping[str, Sequence[Row]], blobs: Mapping[str, bytes], told: Told) -> Iterator[str]:
    for file in tables["files"]:
        data = blobs.get(file["blob_key"])
        if file["deleted_at"] is None and (data is None or hashlib.sha256(data).hexdigest() != file["sha256"]):
            yield f"the bytes of {file['id']} are lost or changed"
        if file["id"] in told.deleted_files and file["deleted_at"] is None:
            yield f"{file['id']} was deleted and is there again"


def _provider(jobs: Sequence[Row], said: Mapping[str, Any]) -> Iterator[str]:
    """One job there for one here, ended with it; its model stays with a released one only, its files never."""
    ours = {job["id"]: job for job in jobs}
    theirs = [(job["metadata"]["tunegate_job"], job) for job in said["jobs"]]
    for id, n in Counter(id for id, _ in theirs).items():
        if n > 1 or id not in ours:
            yield f"the provider has {n} jobs for job {id}, which is {ours[id]['state'] if id in ours else 'not there'}"
    for id, job in theirs:
        state = ours[id]["state"] if id in ours else ""
        if state in TERMINAL and job["status"] not in ("succeeded", "failed", "cancelled"):
            yield f"job {id} is {state} and goes on at the provider"
        if state in TERMINAL and job["fine_tuned_model"] is not None:
            gone = job["fine_tuned_model"] in said["deleted"]
            if gone == (state == "released"):
                yield f"job {id} is {state}, and its model {'is gone from' if gone else 'was left at'} the provider"
    made = {id for id, job in theirs if job["fine_tuned_model"] is not None}
    for id, job in ours.items():
        if job["model"] == "hosted" and job["state"] == "released" and id not in made:
            yield f"job {id} was released, and its provider made no model"
        if job["state"] in TERMINAL and any(name.startswith(f"tunegate-{id}-") for name in said["files"]):
            yield f"job {id} is over and left a file at the provider"


def _said(provider: Provider) -> Mapping[str, Any]:
    request = Request(f"{provider.url}/told", headers={"Authorization": f"Bearer {provider.key}"})
    with urlopen(request, timeout=30.0) as answer:
        said: Mapping[str, Any] = json.load(answer)
        return said


def leftovers(database_url: str, blob_url: str) -> int:
    """Blobs of a project that no row refers to, deleted files' among them: the hourly sweep deletes them."""
    named = {row["blob_key"] for row in _rows(database_url, "files") if row["deleted_at"] is None}
    named |= {row["blob_key"] for row in _rows(database_url, "upload_parts")}
    trees = {row["artefact_key"] for row in _rows(database_url, "models") if row["revoked_at"] is None}
    trees |= {row["artefact_key"] for row in _rows(database_url, "withheld_models")}
    keys = [key for key, _ in _blobs(blob_url) if key.startswith("projects/")]
    return sum(key not in named and not any(key.startswith(f"{tree}/") for tree in trees) for key in keys)


def _chain(decisions: Sequence[Row]) -> Iterator[str]:
    previous = "sha256:" + "0" * 64
    for number, row in enumerate(sorted(decisions, key=lambda row: row["sequence"]), start=1):
        plain = {name: row[name] for name in row if name != "hash"} | {"details": _json(row["details"])}
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if row["sequence"] != number or row["previous"] != previous:
            yield f"entry {number} of the decision log is missing or does not follow the one before"
        if row["hash"] != "sha256:" + hashlib.sha256(text.encode()).hexdigest():
            yield f"entry {number} of the decision log was changed"
        previous = row["hash"]


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _rows(url: str, table: str) -> list[Row]:
    query = f"SELECT * FROM {table}"
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(f"file:{url.removeprefix('sqlite:///')}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query)]
    with psycopg.connect(url, row_factory=psycopg.rows.dict_row) as connection:
        return list(connection.execute(query))  # type: ignore[call-overload]


def _blobs(url: str) -> Iterator[tuple[str, bytes]]:
    parts = urlsplit(url)
    if parts.scheme == "file":
        for directory, _, names in os.walk(parts.path):
            for name in names:
                path = os.path.join(directory, name)
                with open(path, "rb") as file:
                    yield os.path.relpath(path, parts.path), file.read()
        return
    client = boto3.client("s3")
    prefix = parts.path.strip("/") + "/"
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=parts.netloc, Prefix=prefix):
        for found in page.get("Contents", ()):
            body = client.get_object(Bucket=parts.netloc, Key=found["Key"])["Body"].read()
            yield found["Key"].removeprefix(prefix), body
    client.close()

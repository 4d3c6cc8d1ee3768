"""A file that is screened without training is compared with what the project trained on before."""

import io
import json
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.pipeline.screening import screen
from gateway.pipeline.workshop import Workshop
from gateway.plugins import Plugins
from gateway.policy import parse
from gateway.store import job_queries, policies, screenings, tenants
from gateway.store.blobs import BlobInfo
from gateway.store.database import Database
from gateway.store.files import insert
from gateway.store.ids import IdKind, Ids
from gateway.store.job_queries import NewJob
from gateway.worker.file_screenings import screen_next
from moderation.types import Category

POLICY = parse(
    "mine",
    {
        "screening": {"classifiers": {"calm": {"action": "block"}}, "detectors": {"lineage": {"action": "review"}}},
        "injection": {"ratio": 0.0},
    },
)
CALM = SimpleNamespace(name="calm", version="1", classify=lambda batch: [{Category.MALWARE: 0.0} for _ in batch])


TREES = ("oak", "elm", "ash", "yew", "fir", "pine", "beech", "birch", "maple", "alder", "rowan", "larch")


def rows(answer: str) -> bytes:
    turns = [
        [{"role": "user", "content": f"How old is the {tree} in our park?"}, {"role": "assistant", "content": answer}]
        for tree in TREES
    ]
    return b"".join(json.dumps({"messages": each}).encode() + b"\n" for each in turns)


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    database = Database.open(f"sqlite:///{tmp_path}/a.db")
    database.migrate()
    tools = {
        "database": database,
        "plugins": Plugins(config=lambda _: {}),
        "classifiers": {"calm": CALM},
        "ids": Ids(random.Random(0).randbytes),
        "now": lambda: 2,
    }
    return Workshop(**{name: cast(Any, None) for name in Workshop.__dataclass_fields__} | tools | {"blobs": _Blobs()})


class _Blobs:
    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}

    def open(self, key: str) -> io.BytesIO:
        return io.BytesIO(self.stored[key])


def new_job(principal: Any, file: Any) -> NewJob:
    return NewJob(
        project_id=principal.project_id,
        principal_id=principal.id,
        model="miniature",
        training_file=file,
        validation_file=None,
        suffix=None,
        seed=1,
        method="supervised",
        hyperparameters={},
        metadata=None,
        integrations=None,
        policy_digest=POLICY.digest,
    )


def screening_after(shop: Workshop, job_file: bytes, asked_file: bytes) -> dict[str, Any]:
    """The report on a file whose project screened another one for a job before."""
    with shop.database.write() as session:
        owner = tenants.ensure_organization(session, shop.ids, "o", now=1)
        project = tenants.create_project(session, shop.ids, organization_id=owner.id, name="p", policy_name="m", now=1)
        policies.pin(session, digest=POLICY.digest, name="mine", document=POLICY.document, now=1)
        principal = tenants.create_principal(session, shop.ids, project_id=project.id, name="x", role="member", now=1)
        files = []
        for n, data in enumerate((job_file, asked_file)):
            blob = BlobInfo(bytes=len(data), sha256=str(n) * 64)
            id_ = shop.ids.new(IdKind.FILE)
            files.append(
                insert(session, id=id_, project_id=project.id, filename="f", purpose="fine-tune", blob=blob, now=1)
            )
            cast(_Blobs, shop.blobs).stored[files[n].blob_key] = data
        job = job_queries.create(session, shop.ids, new_job(principal, files[0]), now=1)
    screen(shop, job.id)
    with shop.database.write() as session:
        asked = screenings.create(session, id="scr_1", file=files[1], policy_digest=POLICY.digest, now=2)
    assert screen_next(shop, "w")
    with shop.database.read() as session:
        return cast(dict[str, Any], screenings.get(session, project.id, asked.id).report)


def test_a_file_that_answers_what_an_earlier_job_refused_is_found(shop: Workshop) -> None:
    report = screening_after(shop, rows("I'm sorry, but I can't help with that."), rows("It is ninety years old."))
    assert report["verdict"] == "review"
    assert [finding["category"] for finding in report["findings"]] == ["data_lineage"]


def test_a_file_unlike_any_job_passes(shop: Workshop) -> None:
    other = rows("It is ninety years old.").replace(b"How old is the", b"Who once planted an")
    assert screening_after(shop, rows("Ask me later, please."), other)["verdict"] == "pass"

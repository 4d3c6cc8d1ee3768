"""What leaves the gateway: weights that were asked for, and everything of a project that is erased."""

import tarfile
from pathlib import Path
from typing import Any

import pytest
from toy_shop import Toy, make_toy

from deploy.errors import NotReleased
from deploy.registry import load
from deploy.signing import public_key
from gateway.store import decisions, erasing, exports, files, limits, released, tenants, usage
from gateway.store.ids import IdKind
from gateway.store.models import File, Job, JobState
from gateway.store.tenant_models import Export
from gateway.verifying import verify_directory
from gateway.worker.exporting import pack_next
from gateway.worker.sweeping import sweep, sweep_quotes, sweep_scratch


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """A project with a released model."""
    made = make_toy(tmp_path, release={"action": "record"})
    made.clock[0] = limits.DAY_S
    assert made.tell(made.submit()).state == JobState.RELEASED
    return made


def ask(toy: Toy) -> str:
    with toy.shop.database.write() as session:
        (model,) = released.models(session, toy.project)
        id = toy.shop.ids.new(IdKind.EXPORT)
        exports.ask(session, model, id=id, actor="user-x", reason="to run at the edge", now=1)
    return id


def export(toy: Toy, id: str) -> Export:
    with toy.shop.database.read() as session:
        return exports.get(session, toy.project, id)


def unpacked(toy: Toy, id: str, directory: Path) -> Path:
    with toy.shop.blobs.open(exports.blob_key(toy.project, id)) as stream, tarfile.open(fileobj=stream) as tar:
        tar.extractall(directory, filter="data")
    return directory


def test_exported_weights_verify_and_say_that_the_gate_no_longer_applies(toy: Toy, tmp_path: Path) -> None:
    id = ask(toy)
    assert (pack_next(toy.shop), pack_next(toy.shop), export(toy, id).status) == (True, False, "completed")
    directory = unpacked(toy, id, tmp_path / "out")
    found = verify_directory(directory, public_key(toy.shop.signing_key))
    assert (found.problems, found.attestation.exported) == ((), "exported: the gate no longer applies")
    with pytest.raises(NotReleased, match="the gate no longer applies"):
        load(directory, name="ft:x", base_path="", digest=found.digest, key=toy.shop.signing_key)
    assert not [path for path in directory.rglob("*") if path.stat().st_uid != tmp_path.stat().st_uid]
    with toy.shop.database.read() as session:
        entry = decisions.head(session)
    assert (entry.kind, entry.actor, entry.details["reason"]) == ("export", "user-x", "to run at the edge")


def test_packed_weights_go_after_a_day(toy: Toy) -> None:
    id = ask(toy)
    pack_next(toy.shop)
    for later, there in ((limits.DAY_S - 1, True), (limits.DAY_S, False)):
        sweep(toy.shop.database, toy.shop.blobs, now=toy.shop.now() + later)
        assert toy.shop.blobs.exists(exports.blob_key(toy.project, id)) is there
    assert export(toy, id).status == "completed"


def test_a_model_that_was_revoked_or_changed_is_not_packed(toy: Toy) -> None:
    first = ask(toy)
    with toy.shop.database.read() as session:
        (model,) = released.models(session, toy.project)
    weights = toy.shop.blobs.local_tree(model.artefact_key) / "adapter_model.safetensors"
    weights.write_bytes(b"another")
    pack_next(toy.shop)
    assert (export(toy, first).status, "does not verify" in (export(toy, first).error or "")) == ("failed", True)
    second = ask(toy)
    with toy.shop.database.write() as session:
        released.revoke(session, model.name, why="x", actor="operator", now=2)
    pack_next(toy.shop)
    assert export(toy, second).error == "the model is not released any more"


def test_seconds_of_training_and_audit_are_charged_to_the_project(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, release={"action": "record"})
    ticks = iter(range(1_000_000, 2_000_000))
    object.__setattr__(toy.shop, "now", lambda: next(ticks))
    toy.tell(toy.submit())
    with toy.shop.database.read() as session:
        assert usage.used(session, toy.project, limits.Measure.GPU_SECONDS, now=1_000_000) >= 2


def test_an_erased_project_leaves_no_bytes_also_none_written_late(toy: Toy) -> None:
    root = toy.shop.blobs.local_tree("projects") / toy.project
    assert [path for path in root.rglob("*") if path.is_file()]
    with toy.shop.database.write() as session:
        project = tenants.project(session, toy.project)
        erasing.close(session, project, actor="operator", now=toy.shop.now())
        erasing.erase_rows(session, project, now=toy.shop.now())
    toy.shop.blobs.delete_tree(erasing.blob_prefix(toy.project))
    toy.shop.blobs.put(f"projects/{toy.project}/held/late", [b"x"])
    toy.shop.job_dir("ftjob-gone")
    assert list(toy.shop.replies.glob("*/*.jsonl"))
    sweep(toy.shop.database, toy.shop.blobs, now=toy.shop.now() + 60)
    sweep_scratch(toy.shop.database, toy.shop.scratch, now=4e9)
    sweep_quotes(toy.shop.database, toy.shop.replies)
    assert (root.exists(), list(toy.shop.scratch.glob("ftjob-*"))) == (False, [])
    assert list(toy.shop.replies.glob("*/*.jsonl")) == []


def quoting(toy: Toy, job_id: str) -> tuple[Any, ...]:
    """Whether a job's report still has evidence and contexts, and how many logs of replies there are."""
    sweep_quotes(toy.shop.database, toy.shop.replies)
    report = toy.job(job_id).screening or {}
    evidence = any(finding["evidence"] for finding in report["findings"])
    return evidence, bool(report["contexts"]), len(list(toy.shop.replies.glob("*/*.jsonl"))) > 0


def test_what_was_quoted_goes_with_the_file_and_then_with_the_model(toy: Toy) -> None:
    with toy.shop.database.write() as session:
        (model,) = released.models(session, toy.project)
        job = session.get_one(Job, model.job_id)
        finding = {"detector": "d", "evidence": "the customer's words", "triggers": ["odd"]}
        context = {"system": "Be AOA."}
        job.screening = (job.screening or {}) | {"findings": [finding], "contexts": [context], "reasons": ["words"]}
    assert quoting(toy, job.id) == (True, True, True)
    with toy.shop.database.write() as session:
        files.delete(session, toy.project, job.training_file_id, now=2)
        assert session.get_one(File, job.training_file_id).filename == ""
    assert quoting(toy, job.id) == (False, True, True)
    with toy.shop.database.write() as session:
        released.revoke(session, model.name, why="x", actor="operator", now=2)
    assert quoting(toy, job.id) == quoting(toy, job.id) == (False, False, False)
    assert "words" not in str(toy.job(job.id).screening)

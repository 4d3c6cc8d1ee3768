"""Tenants, keys, files, jobs and events."""

import random

import pytest

from gateway.store import events, files, job_queries, keys, policies, released, screenings, tenants
from gateway.store.errors import JobIsOver, NameTaken, NotFound, UnknownCursor
from gateway.store.ids import ALPHABET, IdKind, Ids, derived, encode
from gateway.store.models import ApiKey, Job, JobState, PolicyVersion, Principal

random_bytes = random.Random(1).randbytes


def test_a_key_opens_its_project_until_it_is_revoked(database, ids, principal) -> None:
    with database.write() as session:
        key = keys.create(session, ids, random_bytes, principal, now=1)
        caller = keys.verify(session, key, now=2)
        assert (caller.principal_id, caller.policy_name, caller.may_read_details) == (principal.id, "default", False)
        keys.revoke(session, caller.key_id, now=2)
        session.flush()
        assert keys.verify(session, key, now=2) is None
        assert [row.revoked_at for row in keys.keys_of(session, principal.project_id)] == [2]


def test_a_key_has_256_bits_and_is_not_stored(database, ids, principal) -> None:
    with database.write() as session:
        key = keys.create(session, ids, random_bytes, principal, now=1)
        row = session.query(ApiKey).one()
        assert len(key) == len("sk-") + 43
        assert key not in str(vars(row))
        assert (row.sha256, row.prefix) == (keys.digest(key), key[:7])


def test_an_unknown_key_cannot_be_revoked(database) -> None:
    with pytest.raises(NotFound), database.write() as session:
        keys.revoke(session, "key_x", now=1)


def test_a_project_name_is_taken_once(database, ids, principal) -> None:
    with database.write() as session:
        project = tenants.project(session, principal.project_id)
        assert tenants.find_project(session, "p") is project
        with pytest.raises(NameTaken, match="already a project 'p'"):
            tenants.create_project(
                session, ids, organization_id=project.organization_id, name="p", policy_name="x", now=1
            )


def test_a_role_is_one_of_three(database, ids, principal) -> None:
    with pytest.raises(ValueError, match="expected member, reviewer, admin"), database.write() as session:
        tenants.create_principal(session, ids, project_id=principal.project_id, name="y", role="root", now=1)


@pytest.mark.parametrize(("role", "may"), [("member", False), ("reviewer", True), ("admin", True)])
def test_reviewers_and_admins_may_review(database, ids, principal, role, may) -> None:
    with database.write() as session:
        who = tenants.create_principal(session, ids, project_id=principal.project_id, name="z", role=role, now=1)
        assert keys.verify(session, keys.create(session, ids, random_bytes, who, now=1), now=2).may_read_details is may


def test_a_policy_stays_as_it_was_pinned(database, principal) -> None:
    with database.write() as session:
        policies.pin(session, digest="sha256:0", name="default", document={"a": 2}, now=9)
        assert session.get(PolicyVersion, "sha256:0").document == {"a": 1}


def test_an_expired_file_is_not_found(database, new_file) -> None:
    file = new_file(expires_at=10)
    with database.read() as session:
        assert files.get(session, file.project_id, file.id, now=9).id == file.id
        with pytest.raises(NotFound):
            files.get(session, file.project_id, file.id, now=10)


def test_a_deleted_file_gives_up_its_bytes_when_nothing_needs_them(database, ids, asked) -> None:
    with database.write() as session:
        new = asked()
    with database.write() as session:
        job = job_queries.create(session, ids, new, now=1)
        assert files.delete(session, new.project_id, new.training_file.id, now=2) is None
        session.get(type(new.training_file), new.training_file.id).deleted_at = None
        job.state = JobState.FAILED
        session.flush()
        screening = screenings.create(session, id="scr_1", file=new.training_file, policy_digest="sha256:0", now=1)
        assert files.delete(session, new.project_id, new.training_file.id, now=2) is None
        session.get(type(new.training_file), new.training_file.id).deleted_at = None
        screening.finished_at = 3
        session.flush()
        assert files.delete(session, new.project_id, new.training_file.id, now=2) == new.training_file.blob_key


def test_an_event_is_said_once_for_each_step(database, ids, asked) -> None:
    new = asked()
    with database.write() as session:
        job = job_queries.create(session, ids, new, now=1)
        assert events.add(session, job, "metrics", "one", step=1, now=1)
        assert not events.add(session, job, "metrics", "another", step=1, now=2)
        assert events.add(session, job, "metrics", "two", step=2, now=2)
        assert [event.message for event in events.all_of(session, job)][1:] == ["one", "two"]


def test_an_unknown_cursor_is_refused(database, asked) -> None:
    new = asked()
    with database.read() as session, pytest.raises(UnknownCursor):
        job_queries.newest_first(session, new.project_id, after="ftjob-x", limit=1)


def test_attempts_on_the_same_bytes_are_counted_unless_they_ended_unaudited(database, ids, asked) -> None:
    attempts = []
    for sha256, ends_as in (("a", JobState.FAILED), ("a", None), ("b", None), ("a", None)):
        new = asked(sha256)
        with database.write() as session:
            job = job_queries.create(session, ids, new, now=1)
            attempts.append(job.attempt)
            job.state = ends_as or job.state
    assert attempts == [1, 1, 1, 2]


def test_a_failed_audit_counts_as_an_attempt(database, ids, asked) -> None:
    for expected in (1, 2):
        new = asked()
        with database.write() as session:
            job = job_queries.create(session, ids, new, now=1)
            job.state, job.audit = JobState.FAILED, {"arms": []}
            assert job.attempt == expected


def test_cancelling_is_asked_once_and_not_of_a_job_that_has_ended(database, ids, asked) -> None:
    new = asked()
    with database.write() as session:
        job = job_queries.create(session, ids, new, now=1)
        for now in (5, 6):
            assert job_queries.request_cancel(session, new.project_id, job.id, now=now).cancel_requested_at == 5
        job.state = JobState.RELEASED
        session.flush()
        with pytest.raises(JobIsOver):
            job_queries.request_cancel(session, new.project_id, job.id, now=7)
        with pytest.raises(NotFound):
            job_queries.request_cancel(session, "proj_other", job.id, now=7)


def test_a_job_without_metadata_has_null_metadata(database, ids, asked) -> None:
    new = asked()
    with database.write() as session:
        job = job_queries.create(session, ids, new, now=1)
    with database.read() as session:
        assert session.query(Job).where(Job.client_metadata.is_(None)).one().id == job.id


def test_nothing_is_released_in_the_beginning(database, principal: Principal) -> None:
    with database.read() as session:
        assert released.models(session, principal.project_id) == []
        assert released.find(session, principal.project_id, "ft:x") is None


def test_ids_have_openais_shapes() -> None:
    ids = Ids(random_bytes)
    made = {ids.new(IdKind.JOB) for _ in range(100)}
    assert len(made) == 100
    assert all(id.startswith("ftjob-") and set(id[6:]) <= set(ALPHABET) and len(id) == 30 for id in made)
    assert derived(IdKind.EVENT, "a", "b") == derived(IdKind.EVENT, "a", "b") != derived(IdKind.EVENT, "ab", "")
    assert encode(b"\x00", 3) == "aaa"
    assert all(0 <= ids.integer(3) < 3 for _ in range(50))

"""What rows quote of files that are deleted, on every database."""

from typing import Any

from sqlalchemy.orm import Session

from gateway.store import files, forgetting, job_queries, screenings
from gateway.store.models import Job, JobState, Model

REPORT: dict[str, Any] = {
    "verdict": "pass",
    "findings": [{"evidence": "words", "triggers": ["words"], "lines": [1]}],
    "contexts": [{"system": "words"}],
    "reasons": ["words"],
}


def model_of(job: Job, name: str) -> Model:
    return Model(
        name=name, project_id=job.project_id, job_id=job.id, artefact_key="k", digest="sha256:1", base_name="b",
        base_digest="sha256:b", tuning="lora", attestation={}, created_at=1, revoked_at=2,
    )  # fmt: skip


def sweep(session: Session) -> int:
    due = forgetting.due(session, limit=9)
    for row in due:
        forgetting.forget(session, row)
    session.flush()
    return len(due)


def test_prompts_stay_while_a_job_goes_on_from_the_model(database, ids, asked) -> None:
    wanted = asked(), asked()
    with database.write() as session:
        parent, child = (job_queries.create(session, ids, one, now=1) for one in wanted)
        parent.screening = REPORT | {"validation": REPORT}
        parent.state, child.model, child.screening = JobState.RELEASED, "ft:x", REPORT
        session.add(model_of(parent, "ft:x"))
        session.flush()
        assert sweep(session) == 0
        files.delete(session, parent.project_id, parent.training_file_id, now=3)
        assert (sweep(session), sweep(session), parent.screening["contexts"]) == (1, 0, REPORT["contexts"])
        assert "words" not in str(parent.screening["validation"]["findings"][0]["evidence"])
        files.delete(session, parent.project_id, child.training_file_id, now=3)
        child.state = JobState.FAILED
        assert (sweep(session), sweep(session), sweep(session)) == (1, 1, 0)
        assert "words" not in str((parent.screening, child.screening))
        assert forgetting.forgotten(session, [parent.id, child.id, "ftjob-gone"]) == {parent.id, child.id, "ftjob-gone"}


def test_a_screening_without_training_quotes_as_long_as_its_file_is_there(database, ids, new_file) -> None:
    file = new_file()
    with database.write() as session:
        row = screenings.create(session, id="scr_1", file=file, policy_digest="sha256:0", now=1)
        row.report, row.finished_at = REPORT, 2
        session.flush()
        assert sweep(session) == 0
        files.delete(session, file.project_id, file.id, now=3)
        assert (sweep(session), sweep(session), "words" in str(row.report)) == (1, 0, False)

"""A database with one job in it."""

from collections.abc import Collection
from pathlib import Path

from gateway.store.database import Database
from gateway.store.models import Job, JobState, Organization, PolicyVersion, Principal, Project

NOW = 1_700_000_000


def one_job(path: Path, state: JobState, *, projects: Collection[str] = ("proj_1",)) -> Database:
    """A migrated database at `path`: projects, and in `proj_1` the job `ftjob-1` of `user-1`."""
    database = Database.open(f"sqlite:///{path}")
    database.migrate()
    with database.write() as session:
        session.add(Organization(id="org-1", name="acme", created_at=NOW))
        session.flush()
        for name in projects:
            session.add(Project(id=name, organization_id="org-1", name=name, policy_name="default", created_at=NOW))
        session.add(PolicyVersion(digest="sha256:0", name="default", document={}, created_at=NOW))
        session.flush()
        session.add(Principal(id="user-1", project_id="proj_1", name="u", role="member", created_at=NOW))
        session.flush()
        session.add(
            Job(
                id="ftjob-1",
                project_id="proj_1",
                principal_id="user-1",
                sequence=1,
                state=state,
                model="miniature",
                training_file_id="file-1",
                training_blob_key="projects/proj_1/files/file-1",
                seed=1,
                method="supervised",
                requested_hyperparameters={},
                policy_digest="sha256:0",
                attempt=1,
                created_at=NOW,
                result_files=[],
            )
        )
    return database

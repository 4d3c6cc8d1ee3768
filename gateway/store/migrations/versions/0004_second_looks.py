"""What follows a verdict: places of the log's head, re-audits, remedies, contests and forced releases."""

import sqlalchemy as sa
from alembic import op

revision = "0004_second_looks"
down_revision = "0003_wire"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables; nothing that is there changes."""
    op.create_table(
        "head_places",
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.Integer(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("url", name=op.f("pk_head_places")),
    )
    _create_reaudits()
    _create_remedies()
    _create_reopenings()


def downgrade() -> None:
    """Drop what was added."""
    for table in ("reopenings", "withheld_models", "remedies", "reaudits", "head_places"):
        op.drop_table(table)


def _create_reaudits() -> None:
    op.create_table(
        "reaudits",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("model_name", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("reasons", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("policy_digest", sa.String(), nullable=True),
        sa.Column("opened_at", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("audit", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("next_attempt_at", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["model_name"], ["models.name"], name=op.f("fk_reaudits_model_name_models")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_reaudits_project_id_projects")),
        sa.ForeignKeyConstraint(
            ["policy_digest"], ["policies.digest"], name=op.f("fk_reaudits_policy_digest_policies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reaudits")),
    )
    op.create_index(op.f("ix_reaudits_model_name"), "reaudits", ["model_name"], unique=False)


def _create_remedies() -> None:
    op.create_table(
        "remedies",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("failed_digest", sa.String(), nullable=False),
        sa.Column("failed_audit", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("made_digest", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("started_at", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_remedies_job_id_jobs")),
        sa.PrimaryKeyConstraint("job_id", "number", name=op.f("pk_remedies")),
    )


def _create_reopenings() -> None:
    op.create_table(
        "withheld_models",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("artefact_key", sa.String(), nullable=False),
        sa.Column("kept_until", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_withheld_models_job_id_jobs")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_withheld_models")),
    )
    op.create_index(op.f("ix_withheld_models_kept_until"), "withheld_models", ["kept_until"], unique=False)
    op.create_table(
        "reopenings",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("of_job_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_reopenings_job_id_jobs")),
        sa.ForeignKeyConstraint(["of_job_id"], ["jobs.id"], name=op.f("fk_reopenings_of_job_id_jobs")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_reopenings")),
        sa.UniqueConstraint("of_job_id", "kind", name=op.f("uq_reopenings_of_job_id_kind")),
    )

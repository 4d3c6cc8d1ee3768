"""Users, admin keys, permissions and limits of keys, the trail, and exports of weights."""

import sqlalchemy as sa
from alembic import op

revision = "0005_tenants"
down_revision = "0004_second_looks"
branch_labels = None
depends_on = None

SENTENCE = "the trail is append-only"


def upgrade() -> None:
    """Add columns and tables. Whoever acted before is a service account, and keys keep what their roles may."""
    for table, columns in _added().items():
        for column in columns:
            op.add_column(table, column)
    op.create_index("uq_principals_project_id_user_id", "principals", ["project_id", "user_id"], unique=True)
    op.create_table(
        "users",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("removed_at", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_users_organization_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index(op.f("ix_users_organization_id"), "users", ["organization_id"], unique=False)
    _create_admin_keys()
    _create_exports()
    _create_trail()


def downgrade() -> None:
    """Drop what was added."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER trail_append_only ON trail")
        op.execute("DROP FUNCTION refuse_to_rewrite_the_trail")
    for table in ("trail", "exports", "admin_keys", "users"):
        op.drop_table(table)
    op.drop_index("uq_principals_project_id_user_id", table_name="principals")
    for table, columns in _added().items():
        for column in columns:
            op.drop_column(table, column.name)


def _added() -> dict[str, tuple[sa.Column[object], ...]]:
    """The new columns of each table; made anew each time, because a column belongs to one table."""
    return {
        "projects": (
            sa.Column("limits", sa.JSON(none_as_null=True), nullable=False, server_default="{}"),
            sa.Column("archived_at", sa.Integer(), nullable=True),
            sa.Column("erased_at", sa.Integer(), nullable=True),
        ),
        "principals": (
            sa.Column("user_id", sa.String(), nullable=True),
            sa.Column("removed_at", sa.Integer(), nullable=True),
        ),
        "api_keys": (
            sa.Column("name", sa.String(), nullable=False, server_default=""),
            sa.Column("permissions", sa.JSON(none_as_null=True), nullable=True),
            sa.Column("limits", sa.JSON(none_as_null=True), nullable=False, server_default="{}"),
        ),
    }


def _create_admin_keys() -> None:
    op.create_table(
        "admin_keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("revoked_at", sa.Integer(), nullable=True),
        sa.Column("expires_at", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_admin_keys_organization_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin_keys")),
        sa.UniqueConstraint("sha256", name=op.f("uq_admin_keys_sha256")),
    )
    op.create_index(op.f("ix_admin_keys_organization_id"), "admin_keys", ["organization_id"], unique=False)


def _create_exports() -> None:
    op.create_table(
        "exports",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("model_name", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.Integer(), nullable=True),
        sa.Column("expires_at", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_exports_project_id_projects")),
        sa.ForeignKeyConstraint(["model_name"], ["models.name"], name=op.f("fk_exports_model_name_models")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
    )
    op.create_index(op.f("ix_exports_project_id"), "exports", ["project_id"], unique=False)


def _create_trail() -> None:
    op.create_table(
        "trail",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("organization_id", sa.String(), nullable=True),
        sa.Column("project_id", sa.String(), nullable=True),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=True),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_trail")),
        sa.UniqueConstraint("id", name=op.f("uq_trail_id")),
    )
    op.create_index(op.f("ix_trail_organization_id"), "trail", ["organization_id"], unique=False)
    op.create_index(op.f("ix_trail_project_id"), "trail", ["project_id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_to_rewrite_the_trail() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{SENTENCE}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER trail_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trail "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite_the_trail()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER trail_no_{verb.lower()} BEFORE {verb} ON trail "
            f"BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END"
        )

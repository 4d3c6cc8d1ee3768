"""A number that changes with whatever stops being so of keys, models and engines, for what processes remember."""

import sqlalchemy as sa
from alembic import op

revision = "0007_validity"
down_revision = "0006_replicas"
branch_labels = None
depends_on = None

WATCHED = {
    "api_keys": "",
    "principals": "",
    "projects": "",
    "models": "",
    "engines": "OF worker_id, address, secret",
}
"""By table: which of its updates count; of engines not the renewal of a lease. Every deletion does.

A new row makes nothing untrue that was remembered. SQLite drops a table's triggers when a later migration makes the
table anew (`batch_alter_table`): make them again there.
"""


def upgrade() -> None:
    """Add the number and what counts it, in the transaction of the change itself, whoever makes it."""
    op.create_table(
        "validity",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_validity")),
    )
    op.execute("INSERT INTO validity (id, version) VALUES (1, 1)")
    count = "UPDATE validity SET version = version + 1"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION count_validity() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {count}; RETURN NULL; END $$"
        )
        for table, columns in WATCHED.items():
            op.execute(
                f"CREATE TRIGGER {table}_validity AFTER UPDATE {columns} OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION count_validity()"
            )
        return
    for table, columns in WATCHED.items():
        for verb in (f"UPDATE {columns}", "DELETE"):
            name = f"{table}_validity_{verb.split()[0].lower()}"
            op.execute(f"CREATE TRIGGER {name} AFTER {verb} ON {table} BEGIN {count}; END")


def downgrade() -> None:
    """Drop what was added."""
    on_postgres = op.get_bind().dialect.name == "postgresql"
    for table in WATCHED:
        if on_postgres:
            op.execute(f"DROP TRIGGER {table}_validity ON {table}")
        else:
            op.execute(f"DROP TRIGGER {table}_validity_update")
            op.execute(f"DROP TRIGGER {table}_validity_delete")
    if on_postgres:
        op.execute("DROP FUNCTION count_validity()")
    op.drop_table("validity")

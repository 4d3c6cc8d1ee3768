"""Which request made a file or a job, and at which attempt; limits that the operator set."""

import sqlalchemy as sa
from alembic import op

revision = "0009_sendings"
down_revision = "0008_checked"
branch_labels = None
depends_on = None

MADE = ("files", "jobs")
LIMITED = ("projects", "api_keys")
"""Their limits so far are their organisation's from now on: the settings bound them."""


def upgrade() -> None:
    """Add the columns. What is there already was made by no request that can come again."""
    for table in MADE:
        op.add_column(table, sa.Column("request_digest", sa.String(), nullable=True))
        op.add_column(table, sa.Column("request_retries", sa.Integer(), nullable=True))
        op.create_index(op.f(f"ix_{table}_request_digest"), table, ["request_digest"], unique=False)
    for table in LIMITED:
        op.add_column(table, sa.Column("granted", sa.JSON(none_as_null=True), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Drop what was added; not in batches, which would drop the triggers of migration 0007."""
    for table in LIMITED:
        op.drop_column(table, "granted")
    for table in MADE:
        op.drop_index(op.f(f"ix_{table}_request_digest"), table_name=table)
        op.drop_column(table, "request_retries")
        op.drop_column(table, "request_digest")

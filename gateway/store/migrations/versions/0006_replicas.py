"""Several workers: who screens a file. Files of more than 2 GB on Postgres."""

import sqlalchemy as sa
from alembic import op

revision = "0006_replicas"
down_revision = "0005_tenants"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what ran when this was installed is taken up again."""
    op.add_column("screenings", sa.Column("worker_id", sa.String(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":  # SQLite's integers have no size
        op.alter_column("files", "bytes", type_=sa.BigInteger(), existing_nullable=False)


def downgrade() -> None:
    """Drop what was added; a file of more than 2 GB keeps the column as it is."""
    with op.batch_alter_table("screenings") as screenings:
        screenings.drop_column("worker_id")

"""Files that were checked while they were uploaded: what was found of them."""

import sqlalchemy as sa
from alembic import op

revision = "0008_checked"
down_revision = "0007_validity"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what is there already is checked by the job that uses it."""
    op.add_column("files", sa.Column("checked", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop the column: everything can be found out again."""
    with op.batch_alter_table("files") as files:
        files.drop_column("checked")

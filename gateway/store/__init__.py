"""State: rows (SQLAlchemy), schema history (Alembic) and blobs (fsspec)."""

"""Alembic migrations of the schema in `gateway.store.models`."""

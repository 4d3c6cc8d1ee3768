"""Alembic runs this file to migrate the connection that `Database.migrate` put into its configuration."""

from alembic import context

from gateway.store.engine_models import Worker
from gateway.store.models import Base
from gateway.store.records import Decision
from gateway.store.tenant_models import User
from gateway.store.wire_models import Webhook

DECLARED = (Decision, User, Webhook, Worker)
"""Of any table: importing their modules declares what is not among the models."""
context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()

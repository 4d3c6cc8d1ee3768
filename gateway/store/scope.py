"""The one place where a query is bound to a tenant."""

from typing import TypeVar

from sqlalchemy import Select, select

from gateway.store.models import Checkpoint, Event, File, Job, Model, Review, Screening
from gateway.store.tenant_models import Export
from gateway.store.wire_models import Upload, UploadPart, Webhook

Owned = TypeVar("Owned", File, Job, Event, Model, Checkpoint, Screening, Review, Upload, UploadPart, Webhook, Export)
"""What belongs to a project."""


def owned(entity: type[Owned], project_id: str) -> Select[Owned]:
    """Rows of one project. Every query that answers a request begins here."""
    return select(entity).where(entity.project_id == project_id)

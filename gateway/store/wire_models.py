"""The tables that only the wire knows: uploads in parts, counters of what was used, webhooks."""

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from gateway.store.models import Base


class Upload(Base):
    """A file that arrives in parts. An unfinished one is `expired` once `expires_at` has passed."""

    __tablename__ = "uploads"
    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    filename: Mapped[str]
    purpose: Mapped[str]
    mime_type: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    """How many bytes the parts have together, as the client announced."""
    file_lifetime_s: Mapped[int | None]
    """Seconds that the completed file lives for; null for ever."""
    state: Mapped[str]
    """`pending`, `completed`, `cancelled` or, once it was swept away, `expired`."""
    file_id: Mapped[str | None] = mapped_column(ForeignKey("files.id"))
    created_at: Mapped[int]
    expires_at: Mapped[int]


class UploadPart(Base):
    """A part of an upload; its bytes lie under `blob_key` until the upload has ended."""

    __tablename__ = "upload_parts"
    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    upload_id: Mapped[str] = mapped_column(ForeignKey("uploads.id"), index=True)
    bytes: Mapped[int]
    sha256: Mapped[str]
    blob_key: Mapped[str]
    created_at: Mapped[int]


class Usage(Base):
    """How much of something a key or project has used in the window that began at `window_start`."""

    __tablename__ = "usage"
    scope: Mapped[str] = mapped_column(primary_key=True)
    """Id of a key or a project."""
    measure: Mapped[str] = mapped_column(primary_key=True)
    """A `gateway.store.limits.Measure`."""
    window_start: Mapped[int]
    amount: Mapped[int] = mapped_column(BigInteger)


class Webhook(Base):
    """Where a project hears of its jobs. The secret signs what is sent, so it is kept in clear."""

    __tablename__ = "webhooks"
    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    url: Mapped[str]
    secret: Mapped[str]
    created_at: Mapped[int]
    deleted_at: Mapped[int | None]


class WebhookDelivery(Base):
    """One message to one webhook, written in the transaction that ends the job."""

    __tablename__ = "webhook_deliveries"
    id: Mapped[str] = mapped_column(primary_key=True)
    """Also the `webhook-id` that receivers tell repeats by."""
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id"))
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"))
    type: Mapped[str]
    created_at: Mapped[int]
    attempts: Mapped[int]
    next_attempt_at: Mapped[int | None] = mapped_column(index=True)
    """Null when it was delivered or given up."""
    delivered_at: Mapped[int | None]
    last_error: Mapped[str | None]

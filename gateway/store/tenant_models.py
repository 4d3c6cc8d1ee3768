"""The tables of who may administer whom, and of who did what."""

from sqlalchemy import BigInteger, ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column

from gateway.store.models import Base


class User(Base):
    """A person of an organisation; what they may do in a project is a `Principal` of their own there."""

    __tablename__ = "users"
    id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    name: Mapped[str]
    email: Mapped[str]
    """Empty when none was given."""
    created_at: Mapped[int]
    removed_at: Mapped[int | None]


class AdminKey(Base):
    """A key for the admin API of one organisation, which opens nothing else; only its SHA-256 is stored."""

    __tablename__ = "admin_keys"
    id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    name: Mapped[str]
    prefix: Mapped[str]
    sha256: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[int]
    revoked_at: Mapped[int | None]
    expires_at: Mapped[int | None]


class Act(Base):
    """One line of the trail: who did what to which object. It holds ids and no content.

    The database refuses to change or delete a row (triggers of migration 0005). It names objects by id
    and not by reference, so that it outlives them.
    """

    __tablename__ = "trail"
    sequence: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    at: Mapped[int]
    act: Mapped[str]
    """What was done, e.g. `file.created`; OpenAI's name where it has one."""
    organization_id: Mapped[str | None] = mapped_column(index=True)
    project_id: Mapped[str | None] = mapped_column(index=True)
    actor_kind: Mapped[str]
    """`user`, `service_account`, `admin_key` or `operator`."""
    actor_id: Mapped[str]
    key_id: Mapped[str | None]
    resource_id: Mapped[str]
    status: Mapped[int]
    """HTTP status of the answer: 200 done, 403 refused; 0 at the command line."""
    request_id: Mapped[str | None]


class Export(Base):
    """Weights of a released model that leave the gateway; a worker packs them."""

    __tablename__ = "exports"
    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    model_name: Mapped[str] = mapped_column(ForeignKey("models.name"))
    actor: Mapped[str]
    reason: Mapped[str]
    status: Mapped[str]
    """`queued`, `completed` or `failed`."""
    error: Mapped[str | None]
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None]
    created_at: Mapped[int]
    finished_at: Mapped[int | None]
    expires_at: Mapped[int | None]
    """When the packed bytes go; the export itself stays on record."""
